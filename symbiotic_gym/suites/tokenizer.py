"""Words as WebArena's evaluators split them, with or without the data that nltk downloads for it.

31 of the 812 tasks want a one-digit number to stand in the answer as a word of its own. nltk finds words sentence by sentence,
and sentences by Punkt, an algorithm with parameters learned from English newspapers, which are the download. Without them the
same algorithm runs untrained. What it then lacks are abbreviations and words that start sentences; neither decides whether a
digit before a full stop is a word, and a test holds that all 335 string-matched tasks get equal verdicts.
"""

import os
import threading
from functools import cache
from typing import Any

__all__ = ["trained_sentences", "untrained_sentences", "word_tokenize"]

_FETCH_S = 10.0
"""Seconds that the download of 2 MB may take while an episode waits for its verdict."""


def word_tokenize(text: str) -> list[str]:
    """The words of a text, in order."""
    from nltk.tokenize import NLTKWordTokenizer

    words = NLTKWordTokenizer()
    return [word for sentence in _sentences().tokenize(text) for word in words.tokenize(sentence)]


def trained_sentences() -> Any:
    """The sentence tokenizer of nltk for English.

    Raises:
        LookupError: its data is not on this machine.
    """
    from nltk.tokenize import PunktTokenizer

    return PunktTokenizer("english")


def untrained_sentences() -> Any:
    """The same algorithm with nothing learned."""
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    return PunktSentenceTokenizer()


@cache
def _sentences() -> Any:
    for fetch in (False, True):
        if fetch:
            _fetch()
        try:
            return trained_sentences()
        except LookupError:
            continue
    return untrained_sentences()


def _fetch() -> None:
    """Try to download the data, for a limited time, unless this machine was declared to be offline."""
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("0", ""):
        return
    import nltk

    download = threading.Thread(target=nltk.download, args=("punkt_tab",), kwargs={"quiet": True}, daemon=True)
    download.start()
    download.join(_FETCH_S)
