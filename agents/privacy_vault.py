"""The vault: the private values known in one episode, their placeholders, and the search for them in any text.

It lives in memory, for one episode. A value comes in from the user's list or from a detector, with its kind and the origin it
belongs to. Equal values have one number, so the cloud model sees that two lines speak of the same person; each way of writing
it has a letter, so putting it back gives the very characters that were there. The tag in every placeholder is drawn anew each
episode: a page cannot know it, and whatever on a page looks like a placeholder is itself hidden behind one.
"""

import random
import re
import secrets
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.agents.privacy_encodings import BARRIER, View, decoded_runs, spellings, squeeze, views
from symbiotic_gym.agents.privacy_search import codes_of
from symbiotic_gym.errors import ConfigError, PrivacyError, explain

__all__ = ["TYPED", "UNSPACED", "Hit", "Known", "Vault"]

TYPED = "typed"
"""The kind of what a step that was decided here has typed into a page."""

_SOFT = frozenset({TYPED, "voucher"})
"""Kinds of what is hidden without being known to be more."""
_TAG_LETTERS = "bcdfghjkmnpqrstvwxz"
_STRICT = 8
"""Squeezed values shorter than this must stand alone, or "4417" would be found in every longer number."""

_PRIME = 2654435761
_TABLE = 1 << 16
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\U0010ffff]")
"""Thai, Lao, Burmese, Khmer, and the scripts of East Asia."""


@dataclass
class Known:
    """One private value."""

    value: str
    kind: str
    number: int
    origins: set[str] = field(default_factory=set)
    """Where it came from, and so where it may be typed."""
    declared: bool = False
    """The user named it; else a detector found it."""
    surfaces: list[str] = field(default_factory=list)
    """The ways it was written, in the order they were met."""


@dataclass(frozen=True)
class Hit:
    """A known value in a text."""

    start: int
    end: int
    known: Known


class Vault:
    """Known private values, and placeholders for them.

    Args:
        seed: fixes the placeholders' tag, for runs that must repeat; None draws one.
    """

    def __init__(self, seed: int | None = None) -> None:
        source: random.Random = random.Random(f"placeholders {seed}") if seed is not None else secrets.SystemRandom()
        self.tag = "".join(source.choice(_TAG_LETTERS) for _ in range(4))
        self._known: dict[str, Known] = {}
        self._counts: dict[str, int] = {}
        self._by_placeholder: dict[str, tuple[Known, str]] = {}
        self._index: dict[str, list[tuple[str, Known]]] = {}
        self._grams: dict[int, NDArray[np.bool_]] = {}
        """By length: which hashes the beginnings of values have, so that one look at a table tells where none can begin."""
        self._signs: list[tuple[str, Known]] = []
        """Values that hardly have a letter or digit, as they are written."""
        self._spelled: list[tuple[str, Known]] = []
        """Base64 and hexadecimal of values that no decoded run would show."""
        self._placeholder = re.compile(rf"⟦[^⟦⟧]{{1,60}}⟧|[a-z]+_\d+[a-z]*_{self.tag}")

    def __len__(self) -> int:
        return len(self._known)

    @property
    def values(self) -> tuple[Known, ...]:
        return tuple(self._known.values())

    def add(self, value: str, kind: str, *, origin: str = "", declared: bool = False) -> Known:
        """Know a value; one that is known already gets a further origin.

        Args:
            value: as it is written.
            kind: `name`, `password`, ...: letters and hyphens.
            origin: where it belongs, `http://shop.test`; empty adds none.
            declared: whether the user named it.

        Raises:
            ConfigError: it is too short to be told from any other text.
        """
        value = value.strip()
        key = squeeze(value)
        if len(key) < (3 if key.isascii() else 2):
            key = value  # of signs for the most part: it is looked for as it is
        if len(key) < (3 if key.isascii() else 2):
            raise ConfigError(
                explain(
                    "a private value of less than three characters",
                    "three or more (two where they are not ASCII)",
                    "it would be found in every page and request, and nothing could be sent any more",
                    "leave it out of the list, or give the longer text that it is part of",
                )
            )
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Known(value=value, kind=kind, number=self._next(kind), surfaces=[value])
            if key == value and key != squeeze(value):
                self._signs += [(key, known), (key[::-1], known)]
            else:
                self._enter(key, known)
                self._enter(key[::-1], known)
            self._spelled += [(spelling, known) for spelling in spellings(value)]
        if known.kind in _SOFT and kind not in _SOFT:  # what it is was not known when it was met first
            known.kind, known.number = kind, self._next(kind)
        known.declared |= declared
        if origin:
            known.origins.add(origin)
        return known

    def _next(self, kind: str) -> int:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]

    def _enter(self, key: str, known: Known) -> None:
        size = min(len(key), 4)
        self._index.setdefault(key[:size], []).append((key, known))
        if size not in self._grams:
            self._grams[size] = np.zeros(_TABLE, np.bool_)
        self._grams[size][_hash(key[:size])] = True

    # --- searching ---

    def find(self, text: str) -> list[Hit]:
        """Every known value in a text, in any encoding, in order; where some overlap, the rest of one is a hit of its own."""
        if not self._known:
            return []
        hits: list[Hit] = []
        for view in views(text):
            hits += self._in_view(view)
            hits += self._in_runs(view)
        return _longest(hits)

    def find_all(self, texts: Sequence[str]) -> list[list[Hit]]:
        """`find` for many texts at once, which is faster than one by one."""
        starts, at = [], 0
        for text in texts:
            starts.append(at)
            at += len(text) + 1
        found: list[list[Hit]] = [[] for _ in texts]
        for hit in self.find(BARRIER.join(text.replace(BARRIER, "\u200b") for text in texts)):
            which = bisect_right(starts, hit.start) - 1
            found[which].append(Hit(hit.start - starts[which], hit.end - starts[which], hit.known))
        return found

    def _in_runs(self, view: View, depth: int = 2) -> list[Hit]:
        """The values in what base64 and hexadecimal runs mean, which may itself hold runs."""
        runs = list(decoded_runs(view.text))
        if not runs or not depth:
            return []
        starts = [0, *accumulate(len(meaning) + 1 for _, _, meaning in runs)]
        hits = []
        for inner in views(BARRIER.join(meaning.replace(BARRIER, " ") for _, _, meaning in runs)):
            for hit in (*self._in_view(inner), *self._in_runs(inner, depth - 1)):
                start, end, _ = runs[bisect_right(starts, hit.start) - 1]
                hits.append(Hit(*view.source(start, end), hit.known))
        return hits

    def _in_view(self, view: View) -> list[Hit]:
        squeezed = squeeze(view.text)
        found = [
            (at, key, known)
            for size in self._grams
            for at in self._candidates(squeezed, size)
            for key, known in self._index.get(squeezed[at : at + size], ())
            if squeezed.startswith(key, at)
        ]
        hits = [
            Hit(*view.source(at, at + len(key)), known)
            for key, known in self._signs
            for at in _places(view.text, key)
            if _alone(view.text, at, at + len(key), key)
        ]
        hits += [Hit(*view.source(at, at + len(key)), known) for key, known in self._spelled for at in _places(view.text, key)]
        if not found:
            return hits
        places = view.squeezed_places()
        for at, key, known in found:
            start, end = int(places[at]), int(places[at + len(key) - 1]) + 1
            if len(key) >= _STRICT or _alone(view.text, start, end, key):
                hits.append(Hit(*view.source(start, end), known))
        return hits

    def _candidates(self, squeezed: str, size: int) -> list[int]:
        """Where a text has, to the hash, the first `size` characters of some value."""
        return [int(at) for at in np.flatnonzero(self._grams[size][_hashed(squeezed, size)])]

    # --- placeholders ---

    def placeholder(self, known: Known, surface: str | None = None) -> str:
        """What stands for a value, written as `surface`, by default as it was first met."""
        surface = known.value if surface is None else surface
        if surface not in known.surfaces:
            known.surfaces.append(surface)
        which = known.surfaces.index(surface)
        name = f"{known.kind}_{known.number}{_letters(which)}_{self.tag}"
        self._by_placeholder[name] = (known, surface)
        return f"⟦{name}⟧"

    def redact(self, text: str, hits: Sequence[Hit] | None = None) -> str:
        """The text with a placeholder for every known value, and for whatever only looks like a placeholder.

        Args:
            text: any text.
            hits: what `find` gives for it, when that is known already.
        """
        parts, last = [], 0
        for hit in self.find(text) if hits is None else hits:
            parts += [self._without_spoofs(text[last : hit.start]), self.placeholder(hit.known, text[hit.start : hit.end])]
            last = hit.end
        return "".join([*parts, self._without_spoofs(text[last:])])

    def hide(self, text: str) -> str:
        """`redact` for a text that may hold placeholders of this episode already: these stay what they are."""
        own = [found.span() for found in self._placeholder.finditer(text) if found[0].strip("⟦⟧") in self._by_placeholder]
        parts, last = [], 0
        for hit in self.find(text):
            if not any(hit.start < end and start < hit.end for start, end in own):
                parts += [text[last : hit.start], self.placeholder(hit.known, text[hit.start : hit.end])]
                last = hit.end
        return "".join([*parts, text[last:]])

    def _without_spoofs(self, text: str) -> str:
        if "⟦" not in text and self.tag not in text:
            return text

        def hidden(match: re.Match[str]) -> str:
            return self.placeholder(Known(value=match[0], kind="text", number=self._next("text"), surfaces=[match[0]]))

        return self._placeholder.sub(hidden, text)

    def restore(self, text: str) -> str:
        """The text with every placeholder replaced by what it stands for, in one pass.

        Raises:
            PrivacyError: it holds a placeholder that this episode did not give out.
        """
        return self._placeholder.sub(lambda match: self._meaning(match[0])[1], text)

    def mentioned(self, text: str) -> list[Known]:
        """The values whose placeholders stand in a text.

        Raises:
            PrivacyError: it holds a placeholder that this episode did not give out.
        """
        return [self._meaning(match[0])[0] for match in self._placeholder.finditer(text)]

    def _meaning(self, placeholder: str) -> tuple[Known, str]:
        found = self._by_placeholder.get(placeholder.strip("⟦⟧"))
        if found is None:
            raise PrivacyError(
                explain(
                    "the action holds what is no placeholder of this episode",
                    "one of those that the request showed",
                    "what an invented one stands for nobody can say, and it must not be typed as it is",
                    "the step is decided by the local model instead",
                )
            )
        return found


def _letters(number: int) -> str:
    """'' for the first way of writing a value, then b, c, ..., z, bb, ..."""
    word = ""
    while number:
        number, rest = divmod(number, len(_LETTERS))
        word = _LETTERS[rest] + word
    return word


def _places(text: str, part: str) -> list[int]:
    return [match.start() for match in re.finditer(re.escape(part), text)] if part in text else []


def _one_word(left: str, right: str) -> bool:
    """Whether two neighbours can belong to one word or number; where words are written without spaces, none are taken to."""
    left, right = normalize("NFKC", left)[-1:], normalize("NFKC", right)[:1]
    if left.isdigit() and right.isdigit():
        return True
    return left.isalpha() and right.isalpha() and not UNSPACED.search(left + right)


def _alone(text: str, start: int, end: int, key: str) -> bool:
    """Whether a short value is not merely part of a longer word or number, nor of "92.37" where it is "9237"."""
    if _one_word(text[start - 1 : start], key[0]) or _one_word(key[-1], text[end : end + 1]):
        return False
    inner = re.split(r"\w", text[start:end])[1:-1]
    return not any(inner) or len(set(inner)) == 1 or not key.isdigit()


def _longest(hits: Sequence[Hit]) -> list[Hit]:
    """Of hits that overlap the longest, those merely typed last, and what the others hold beyond; in the order of the text."""
    chosen: list[Hit] = []
    taken = bytearray(max((hit.end for hit in hits), default=0))
    for hit in sorted(hits, key=lambda hit: (hit.known.kind == TYPED, hit.start - hit.end, hit.start)):
        at = taken.find(0, hit.start, hit.end)
        while at >= 0:
            end = taken.find(1, at, hit.end)
            end = hit.end if end < 0 else end
            chosen.append(Hit(at, end, hit.known))
            taken[at:end] = b"\1" * (end - at)
            at = taken.find(0, end, hit.end)
    return sorted(chosen, key=lambda hit: hit.start)


def _hashed(text: str, size: int) -> NDArray[np.uint32]:
    """A hash below `_TABLE` of each window of `size` characters."""
    codes = codes_of(text)
    count = max(len(codes) - size + 1, 0)
    hashed = np.zeros(count, np.uint32)
    for shift in range(size):
        hashed *= np.uint32(_PRIME)
        hashed += codes[shift : shift + count]
    return hashed >> np.uint32(32 - _TABLE.bit_length() + 1)


def _hash(window: str) -> int:
    """The same hash of one window."""
    hashed = 0
    for char in window:
        hashed = (hashed * _PRIME + ord(char)) & 0xFFFFFFFF
    return hashed >> (32 - _TABLE.bit_length() + 1)
