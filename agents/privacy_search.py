"""Many texts at once: which hold the marks without which a rule cannot hold, and what each of their characters counts as."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from re import Pattern
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["CodeTable", "Lines", "Remembered", "codes_of", "small_letters"]

_T = TypeVar("_T")


def codes_of(text: str) -> NDArray[np.uint32]:
    """The code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


class CodeTable:
    """A number for each code point, computed when it is first asked for.

    Args:
        number_of: the number of a character, at least 0.
    """

    def __init__(self, number_of: Callable[[str], int]) -> None:
        self._number_of = number_of
        self._numbers = np.zeros(0x110000, np.uint32)  # 0: not known yet, else one more than the number

    def __call__(self, codes_T: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """The numbers of all code points."""
        found = self._numbers.take(codes_T)
        if not found.all():
            for code in set(codes_T[found == 0].tolist()):
                self._numbers[code] = self._number_of(chr(code)) + 1
            found = self._numbers.take(codes_T)
        found -= np.uint32(1)
        return found


class Lines:
    """Texts side by side, searched as one: a look at each of them costs more than a look at all.

    Args:
        texts: they may hold line breaks of their own.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._joined = "\n".join(texts)
        self._starts = [0, *accumulate(len(text) + 1 for text in texts)]

    def holding(self, marks: Iterable[str]) -> set[int]:
        """Which texts hold any of the marks (no mark holds a line break), by place in `texts`."""
        return {self._which(at) for mark in marks for at in _places(self._joined, mark)}

    def matching(self, pattern: Pattern[str]) -> set[int]:
        """Which texts a pattern that takes no line break is found in."""
        return {self._which(match.start()) for match in pattern.finditer(self._joined)}

    def _which(self, at: int) -> int:
        return bisect_right(self._starts, at) - 1


class Remembered(Generic[_T]):
    """What is said of texts, computed of all new ones at once: most of a page is as it was a step before.

    Args:
        of: one answer for each text.
        most: texts to remember; with more, all are forgotten.
    """

    def __init__(self, of: Callable[[Sequence[str]], Iterable[_T]], most: int = 20_000) -> None:
        self._of, self._most = of, most
        self._known: dict[str, _T] = {}

    def __call__(self, texts: Sequence[str]) -> list[_T]:
        """The answers, in order."""
        known = self._known  # another thread may put a new one in its place
        fresh = [text for text in dict.fromkeys(texts) if text not in known]
        if fresh and len(known) + len(fresh) > self._most:
            known, fresh = {}, list(dict.fromkeys(texts))
        if fresh:
            known.update(zip(fresh, self._of(fresh), strict=True))
            self._known = known
        return [known[text] for text in texts]


def small_letters(text: str) -> str:
    """The text as `re.I` sees it: what it takes for the same letter is the same here."""
    return text.replace("İ", "i").replace("ı", "i").casefold()


def _places(text: str, mark: str) -> Iterator[int]:
    at = text.find(mark)
    while at >= 0:
        yield at
        at = text.find(mark, at + 1)
