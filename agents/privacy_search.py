"""Many texts at once: which hold the marks without which a rule cannot hold, and what each of their characters counts as."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from re import Pattern

import numpy as np
from numpy.typing import NDArray

__all__ = ["CodeTable", "Lines", "codes_of", "small_letters"]


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


def small_letters(text: str) -> str:
    """The text as `re.I` sees it: what it takes for the same letter is the same here."""
    return text.replace("İ", "i").replace("ı", "i").casefold()


def _places(text: str, mark: str) -> Iterator[int]:
    at = text.find(mark)
    while at >= 0:
        yield at
        at = text.find(mark, at + 1)
