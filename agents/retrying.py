"""When a failed request is tried again, and how long the wait before it is.

Three classes of failure: what passes by itself is tried again; what is wrong with this prompt fails its episode; what is
wrong for everybody (a key, an unknown model, an empty account, an endpoint that stays down) stops the run, to be gone on with
later. A wait that the server asks for is kept to the letter, by all threads of the model; one that is too long to sit out is
an outage.
"""

import math
import random
import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import sleep
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from openai import APIStatusError

__all__ = ["Patience", "asked_wait_s", "failure_class"]

FailureClass = Literal["again", "prompt", "outage"]

_PROMPTS_FAULT = (400, 413, 422)
"""Status codes that another prompt need not meet."""

_PASSING = (408, 409, 425, 429)
"""With everything from 500 on, 529 (overloaded) included: what the same request need not meet the next time."""

_EMPTY_ACCOUNT = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated")
"""Codes under which a 429 does not pass by itself."""

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0


def failure_class(error: Exception) -> FailureClass:
    """What a failure of the openai client means for what comes next.

    A `ValueError` is a body that says it is JSON and is not: a proxy or an overloaded server, which passes.
    """
    import openai

    if isinstance(error, openai.APIStatusError):
        return _status_class(error)
    passes = isinstance(error, openai.APIConnectionError | ValueError)
    return "again" if passes else "outage"


def _status_class(error: "APIStatusError") -> FailureClass:
    status, told = error.status_code, error.response.headers.get("x-should-retry")
    if str(error.code) in _EMPTY_ACCOUNT or str(error.type) in _EMPTY_ACCOUNT:
        return "outage"
    passes = told == "true" if told in ("true", "false") else status in _PASSING or status >= 500
    if passes:
        return "again"
    return "prompt" if status in _PROMPTS_FAULT else "outage"


def asked_wait_s(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds that an answer's headers ask to wait: `retry-after-ms`, else `Retry-After` in seconds or as a date.

    Args:
        headers: of the answer, with case-insensitive names.
        now: seconds since 1970 on this machine; the server's own `Date` is preferred, since clocks differ.

    Returns:
        None when nothing that can be understood is asked for.
    """
    for name, unit_s in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    until = _moment(headers.get("retry-after", ""))
    if until is None:
        return None
    sent = _moment(headers.get("date", ""))
    return max(0.0, until - (now if sent is None else sent))


def _moment(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


class Patience:
    """The waits of one model, shared by its threads.

    Args:
        max_retries: tries after the first.
        longest_wait_s: a longer wait that the server asks for is not sat out.
    """

    def __init__(self, max_retries: int, longest_wait_s: float) -> None:
        self.max_retries = max_retries
        self.longest_wait_s = longest_wait_s
        self._not_before = 0.0
        self._lock = threading.Lock()

    def hold(self) -> None:
        """Wait until the endpoint wants to be asked again."""
        with self._lock:
            wait_s = self._not_before - time.monotonic()
        if wait_s > 0:
            sleep(wait_s)

    def wait(self, error: Exception | None, attempt: int) -> bool:
        """Wait before the next try, if there is to be one.

        Args:
            error: why the try failed; None for an answer that is not in the form of the API.
            attempt: 0 for the first try.

        Returns:
            Whether to try again.
        """
        if attempt >= self.max_retries or (error is not None and failure_class(error) != "again"):
            return False
        asked_s = None if error is None else asked_for(error)
        if asked_s is None:
            sleep(min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S) * random.uniform(0.75, 1.0))
            return True
        if asked_s > self.longest_wait_s:
            return False
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + asked_s)
        return True  # `hold` waits, and so do the other threads


def asked_for(error: Exception) -> float | None:
    """The seconds that a failure's answer asks to wait; None when it has no answer, or asks for nothing."""
    response = getattr(error, "response", None)
    return None if response is None else asked_wait_s(response.headers, time.time())
