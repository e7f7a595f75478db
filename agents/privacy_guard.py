"""The last look at every request: what goes to the endpoint, byte for byte, searched for what must not.

The guard hangs in the API client, behind everything that builds prompts, and sees the finished request: address, headers, body
with messages, tools, pictures, ids. A hit means that the call is not made. It knows the vaults of all episodes that are being
played, not only of the one that asks: what is private in one is private in all of them, but for what was merely typed here.
"""

import hashlib
import json
import re
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from symbiotic_gym.agents.privacy_search import small_letters
from symbiotic_gym.agents.privacy_secrets import matches_of_all
from symbiotic_gym.agents.privacy_vault import TYPED, Vault
from symbiotic_gym.errors import ConfigError, PrivacyError, explain

__all__ = ["EgressGuard", "guard_of", "has_guard"]

_OWN_KEY = frozenset({"authorization", "api-key", "x-api-key"})
"""Headers that hold the user's key for this endpoint, which belongs there."""

_LONGEST_TEXT = 200_000
_PICTURE = re.compile(
    r"(?i:data:\s*image/[^,\s]{0,200},(?=\S))"
    r"|(?<![\w+/-])(?:[\w+/-]{1000}|(?:[\w+/-]{60,76}\s+){12}"
    r"|(?:iVBORw0KGgo|/9j/|R0lGOD|UklGR|SUkq|TU0AK|PHN2Zy|JVBERi0|AAAA[A-Za-z0-9+/]{0,2}GZ0eX)[\w+/=-]{24})",
    re.A,
)
"""A picture as an address, as the base64 of a common format's first bytes, or what is long enough to be one."""

_LONG_WORD = 24
"""Characters that every picture but an address has without a space."""


class _InThread(threading.local):
    """What a guard knows of the thread that asks."""

    sha256 = ""
    texts: list[str] | None = None
    """Collects what passes, while somebody listens."""
    vault: Vault | None = None
    """Of the episode that listens."""


class EgressGuard:
    """Looks at requests; `OpenAIModel(..., guard=guard)` asks it before each.

    Attributes:
        requests: how many it has looked at.
        stopped: how many of them it has stopped.
        last_sha256: of the last body it let pass in the thread that asks.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.stopped = 0
        self._here = _InThread()
        self._vaults: weakref.WeakSet[Vault] = weakref.WeakSet()
        self._lock = threading.Lock()

    @property
    def last_sha256(self) -> str:
        return self._here.sha256

    def protect(self, vault: Vault) -> None:
        """Search requests for the values of this vault from now on, for as long as it exists."""
        with self._lock:
            self._vaults.add(vault)

    @contextmanager
    def listening(self, vault: Vault) -> Iterator[list[str]]:
        """Collect the texts of all requests that pass in this thread, on behalf of the episode of this vault."""
        passed: list[str] = []
        before = self._here.texts, self._here.vault
        self._here.texts, self._here.vault = passed, vault
        try:
            yield passed
        finally:
            self._here.texts, self._here.vault = before

    def check(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Look at a request that is about to be sent.

        Raises:
            PrivacyError: it holds a private value; it must not be sent. The message names kinds and places, never values.
        """
        with self._lock:
            self.requests += 1
        strings: list[str] = []
        try:
            own = [url, *(value for name, value in headers.items() if name.lower() not in _OWN_KEY)]
            strings = [*own, *_texts(body)]
            found = self._found(strings, len(own))
        except Exception as error:  # what could not be looked at is not sent
            found = f"it could not be looked at ({type(error).__name__})"
        if found:
            with self._lock:
                self.stopped += 1
            raise PrivacyError(
                explain(
                    f"a request to the large model was not sent: {found}",
                    "requests without private values",
                    "what has left this machine cannot be called back",
                    "nothing: the step is decided by the local model",
                )
            )
        self._here.sha256 = hashlib.sha256(body).hexdigest()
        if self._here.texts is not None:
            self._here.texts += strings

    def check_text(self, text: str) -> None:
        """The same for a text, for agents that reach their model by other ways than `OpenAIModel`.

        Raises:
            PrivacyError: it holds a private value.
        """
        self.check("", {}, json.dumps({"text": text}).encode())

    def _found(self, strings: Sequence[str], own: int) -> str:
        """What must not leave in the texts of a request, of which so many are its address and headers."""
        if any(len(string) > _LONGEST_TEXT for string in strings):
            return "it holds a text too long to be looked at"
        if any(_is_picture(string) or ("%" in string and _is_picture(unquote(string))) for string in strings):
            return "it holds a picture, or what could be one"
        with self._lock:
            vaults = list(self._vaults)
        asking = self._here.vault
        for vault in vaults:
            for hits in vault.find_all(strings):
                for hit in hits:
                    if hit.known.kind != TYPED or asking is None or vault is asking:
                        return f"it holds a value of kind {hit.known.kind}"
        for _, match in matches_of_all([line for string in strings[own:] for line in string.split("\n")]):
            return f"it holds what looks like a value of kind {match.kind} ({match.rule})"
        return ""


def _is_picture(text: str) -> bool:
    """Whether a text may hold a picture; one without long words, as most are, needs no closer look."""
    longest = max(map(len, text.split()), default=0)
    return (longest >= _LONG_WORD or "data:" in small_letters(text)) and _PICTURE.search(text) is not None


def _texts(body: bytes) -> list[str]:
    text = body.decode("utf-8")  # bytes that are no text raise here
    try:
        return list(_strings(json.loads(text)))
    except ValueError:
        return [text]


def _strings(value: Any) -> Iterator[str]:
    """All texts in plain JSON data, keys and numbers included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def has_guard(agent: Any, guard: EgressGuard) -> bool:
    """Whether the client of an agent's model asks this guard."""
    return getattr(getattr(agent, "model", None), "guard", None) is guard


def guard_of(agent: Any, *, needed: bool) -> EgressGuard:
    """The guard in an agent's API client; a new one for agents whose model is no such client.

    Args:
        agent: any agent.
        needed: whether an API client without one is an error.

    Raises:
        ConfigError: it is an API client, and has no guard.
    """
    model = getattr(agent, "model", None)
    guard = getattr(model, "guard", None)
    if isinstance(guard, EgressGuard):
        return guard
    if needed and hasattr(model, "guard"):
        raise ConfigError(
            explain(
                f"the model {getattr(model, 'name', '')} has no guard, and the mode is a guarded one",
                "OpenAIModel(..., guard=EgressGuard())",
                "requests would leave without being looked at",
                "give the model a guard, or choose another mode",
            )
        )
    return EgressGuard()
