"""What a run may spend on models, and what it has spent: shared by its threads and processes, and kept over a resume.

A request takes a ticket first, for the most it can cost. It may start while what is spent and what the open tickets could
still cost are below every cap; near a cap requests therefore go one by one, and a cap is overshot by one request at most,
however many workers there are. With a path everything lies in one small JSON file behind a lock, so that whoever opens the
same file, at the same time or the next day, goes on with the same account. The ticket of a process that died is charged in
full: the provider may have.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from filelock import FileLock

from symbiotic_gym.errors import BudgetError, ConfigError, explain
from symbiotic_gym.protocols import Message
from symbiotic_gym.store.folder import read_json, write_json
from symbiotic_gym.types import Usage

__all__ = ["Budget", "Price", "Spending", "most_tokens"]

_POLL_S = 0.02
_UNITS = {"usd": "US dollars", "tokens": "tokens", "requests": "requests", "seconds": "seconds"}


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars per million tokens."""

    prompt: float
    completion: float
    cached: float | None = None
    """For the part of the prompt that the endpoint had in its cache; None: as the rest of the prompt."""

    def __post_init__(self) -> None:
        if min(self.prompt, self.completion, self.cached or 0.0) < 0:
            raise ConfigError(
                explain(
                    f"{self}",
                    "prices of 0 or more",
                    "the cost on record, and the budget with it, would be wrong",
                    "correct the price",
                )
            )

    def usd(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float:
        """The cost of one answer; `cached_tokens` of the prompt were in the endpoint's cache."""
        cached = self.prompt if self.cached is None else self.cached
        fresh = prompt_tokens - cached_tokens
        return (fresh * self.prompt + cached_tokens * cached + completion_tokens * self.completion) / 1e6


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The caps of a run; None: no cap."""

    usd: float | None = None
    tokens: int | None = None
    """Prompt and completion together."""
    requests: int | None = None
    """Tries that failed included."""
    seconds: float | None = None
    """Wall clock while the run is going; the time between an interruption and the resume does not count."""

    def __post_init__(self) -> None:
        if any(getattr(self, cap.name) is not None and not getattr(self, cap.name) > 0 for cap in fields(self)):
            raise ConfigError(
                explain(f"{self}", "caps above 0", "no request could be made at all", "leave out the cap, or raise it")
            )


def most_tokens(prompt: Sequence[Message], max_tokens: int) -> int:
    """An upper bound of what a request takes: a token is at least one byte; the chat's template adds some to every message."""
    return sum(len(message["content"].encode("utf-8", "replace")) + 16 for message in prompt) + max_tokens


class Spending:
    """One account of a run.

    Args:
        budget: the caps; the same in every process.
        path: the account's file, such as `spending.json` in a run folder; None: the account ends with this process.
    """

    def __init__(self, budget: Budget | None = None, path: Path | None = None) -> None:
        self.budget = budget or Budget()
        self.path = path
        self._state: dict[str, Any] = {"spent": dict.fromkeys(_UNITS, 0), "touched": 0.0, "open": {}}
        self._lock = threading.Lock()
        self._file_lock = None if path is None else FileLock(f"{path}.lock")
        self._opened = (time.time(), time.monotonic())

    @property
    def spent(self) -> dict[str, float]:
        """US dollars, tokens, requests and seconds so far, of everybody who uses this account."""
        with self._account() as state:
            return dict(state["spent"])

    def begin(self, *, tokens: int = 0, usd: float = 0.0, lives_s: float = 600.0) -> str:
        """Take the ticket for one request; waits while the requests under way could use the budget up.

        Args:
            tokens: the most it can take.
            usd: the most it can cost.
            lives_s: after so many seconds an open ticket is taken for lost, and charged.

        Returns:
            The ticket, for `settle`.

        Raises:
            BudgetError: a cap is reached.
        """
        most = {"usd": usd, "tokens": tokens, "requests": 1, "seconds": 0.0}
        while True:
            with self._account() as state:
                self._refuse_if_spent(state["spent"])
                pending = list(state["open"].values())
                committed = {name: state["spent"][name] + sum(ticket[name] for ticket in pending) for name in _UNITS}
                if all(cap is None or committed[name] < cap for name, cap in self._caps()):
                    ticket = uuid.uuid4().hex
                    owner = {"host": socket.gethostname(), "pid": os.getpid(), "until": time.time() + lives_s}
                    state["open"][ticket] = most | owner
                    return ticket
            time.sleep(_POLL_S)

    def settle(self, ticket: str, usage: Usage) -> None:
        """Charge what the request of a ticket took in truth; once, however often it is called."""
        with self._account() as state:
            if state["open"].pop(ticket, None) is not None:
                tokens = usage.prompt_tokens + usage.completion_tokens
                _charge(state, {"usd": usage.cost_usd, "tokens": tokens, "requests": usage.requests})

    def _caps(self) -> Iterator[tuple[str, float | None]]:
        return ((name, getattr(self.budget, name)) for name in _UNITS)

    @contextmanager
    def _account(self) -> Iterator[dict[str, Any]]:
        """The state, brought up to date, alone; what the block changes is kept."""
        with self._lock:
            if self.path is None or self._file_lock is None:
                self._refresh(self._state)
                yield self._state
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._file_lock:
                state = read_json(self.path) if self.path.exists() else self._state
                self._refresh(state)
                yield state
                write_json(self.path, state)

    def _refresh(self, state: dict[str, Any]) -> None:
        """Count the time since anybody last looked, as far as this process has lived, and bury lost tickets."""
        now = time.time()
        since = min(now - max(state["touched"], self._opened[0]), time.monotonic() - self._opened[1])
        state["spent"]["seconds"] = round(state["spent"]["seconds"] + max(0.0, since), 3)
        state["touched"] = now
        for name in [name for name, ticket in state["open"].items() if _lost(ticket, now)]:
            _charge(state, state["open"].pop(name))

    def _refuse_if_spent(self, spent: dict[str, float]) -> None:
        for name, cap in self._caps():
            if cap is not None and spent[name] >= cap:
                told = ", ".join(f"{round(spent[unit], 4):g} {words}" for unit, words in _UNITS.items())
                raise BudgetError(
                    explain(
                        f"the budget of {cap:g} {_UNITS[name]} is spent: {told}",
                        "something left to spend",
                        "no decision can be made without the model; a run stops here, and what had ended by then is kept",
                        "raise the cap and run the same command again; it goes on from here"
                        + (f" (the account is {self.path})" if self.path else ""),
                    )
                )


def _charge(state: dict[str, Any], amounts: dict[str, Any]) -> None:
    for name in ("usd", "tokens", "requests"):
        state["spent"][name] += amounts[name]


def _lost(ticket: dict[str, Any], now: float) -> bool:
    if now > ticket["until"]:
        return True
    if ticket["host"] != socket.gethostname():
        return False
    try:
        os.kill(ticket["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
