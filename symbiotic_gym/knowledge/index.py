"""What a key of the knowledge base is searched by: BM25 over texts that grow all the time (Lucene's variant, k1 1.5, b 0.75).

Word counts are kept and weighed when a query comes, so that a text is findable at once and no score depends on when which text
came: a run that was interrupted finds what it would have found. Libraries such as bm25s compute the weights beforehand. Theirs
is the faster query, but every added episode costs an index made anew, seconds at 20,000 steps (`benchmarks/knowledge.py`
measures both). The scores are the same, which a test shows.

A page is a long query, and its commonest words are on every page. They are read last, and once `READ` texts have been read for
a query no further word is: what a search takes is bounded, and what is left out tells the texts apart least.

Source: S. Robertson and H. Zaragoza, "The probabilistic relevance framework: BM25 and beyond" (2009).
"""

import re
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["READ", "Bm25Index", "Index", "words_of"]

READ = 500_000
"""Postings (a word in a text) read for one query, beyond which common words are left out."""

_WORD = re.compile(r"\w+")


class Index(Protocol):
    """Texts that can be searched, in the order they were added."""

    nothing: float
    """The score of a text that has nothing in common with the query; only higher ones are found."""

    @property
    def size(self) -> int:
        """How many texts there are."""
        ...

    def add(self, texts: Sequence[str]) -> None:
        """Take in more texts."""
        ...

    def scores(self, query: str) -> NDArray[np.float64]:
        """The score of every text, in order; shape (size,)."""
        ...


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower())


class Bm25Index:
    """An `Index` by the words that texts share."""

    nothing = 0.0

    def __init__(self) -> None:
        self._postings: dict[str, tuple[array[int], array[int]]] = {}  # per word: texts it is in, how often (at most 65,535)
        self._lengths: array[int] = array("i")

    @property
    def size(self) -> int:
        return len(self._lengths)

    def add(self, texts: Sequence[str]) -> None:
        """Take in more texts."""
        for text in texts:
            words, number = words_of(text), len(self._lengths)
            for word, count in Counter(words).items():
                posting = self._postings.get(word)
                if posting is None:
                    posting = self._postings[word] = (array("i"), array("H"))
                posting[0].append(number)
                posting[1].append(min(count, 65_535))
            self._lengths.append(len(words))

    def scores(self, query: str) -> NDArray[np.float64]:
        """The score of every text, in order; 0 where no word of the query occurs."""
        if not self.size:
            return np.zeros(0)
        lengths = np.array(self._lengths, dtype=np.float64)
        norm = 1.5 * (0.25 + 0.75 * lengths / max(1e-9, lengths.mean()))
        read = self._rarest(set(words_of(query)) & self._postings.keys())
        if not read:
            return np.zeros(self.size)
        # views of growing arrays, which cannot grow while there are views: copied into one before anything is added again
        texts = np.concatenate([np.frombuffer(texts, dtype=np.int32) for texts, _ in read])
        counts = np.concatenate([np.frombuffer(counts, dtype=np.uint16) for _, counts in read]).astype(np.float64)
        sizes = np.array([len(texts) for texts, _ in read])
        rarity = np.log1p((self.size - sizes + 0.5) / (sizes + 0.5))
        weights = np.repeat(rarity, sizes) * counts / (counts + norm[texts])
        return np.bincount(texts, weights, minlength=self.size).astype(np.float64, copy=False)

    def _rarest(self, words: set[str]) -> list[tuple["array[int]", "array[int]"]]:
        """The postings to read for these words, rarest first; in a fixed order, because sums of floats depend on it."""
        chosen, left = [], READ
        for _, word in sorted((len(self._postings[word][0]), word) for word in words):
            posting = self._postings[word]
            left -= len(posting[0])
            if left < 0:
                break
            chosen.append(posting)
        return chosen
