"""One look at many texts finds what a look at each of them does."""

import random
import re

import numpy as np
import pytest

from symbiotic_gym.agents.privacy_encodings import View, squeeze
from symbiotic_gym.agents.privacy_search import CodeTable, Lines, codes_of, small_letters
from symbiotic_gym.agents.privacy_secrets import matches, matches_of_all


def test_lines_say_which_texts_hold_a_mark() -> None:
    rng = random.Random(1)
    texts = ["".join(rng.choice("ab\n 1") for _ in range(rng.randrange(6))) for _ in range(300)]
    lines = Lines(texts)

    assert lines.holding(("ab", "1")) == {i for i, text in enumerate(texts) if "ab" in text or "1" in text}
    assert lines.matching(re.compile("a[^\n]1")) == {i for i, text in enumerate(texts) if re.search("a[^\n]1", text)}
    assert Lines([]).holding(("a",)) == set()


def test_all_matches_are_those_of_each_text() -> None:
    texts = ["nothing", "PIN is 4417", "a\nmail me@a.org\n", "pİn: 8812x", "", "call 555-123-4567", "x\n4111 1111 1111 1111"]

    assert list(matches_of_all(texts)) == [(i, match) for i, text in enumerate(texts) for match in matches(text)]
    assert {i for i, _ in matches_of_all(texts)} == {1, 2, 3, 5, 6}


@pytest.mark.parametrize("letter", "İıſK")
def test_small_letters_are_what_patterns_take_for_the_same(letter: str) -> None:
    same = small_letters(letter)

    assert same.isascii()
    assert re.fullmatch(same, letter, re.I)


def test_a_long_text_is_squeezed_as_a_short_one_is() -> None:
    rng = random.Random(2)
    for pool in ("abc XYZ 019 .,-", "éàÜ ﬁß①ＡＢ\u200b", "\ud800a\ue000日本 ሴ"):
        long = "".join(rng.choice(pool) for _ in range(1000))
        parts = [long[i : i + 100] for i in range(0, 1000, 100)]

        assert squeeze(long) == "".join(map(squeeze, parts))
        places = View(long).squeezed_places()
        assert len(places) == len(squeeze(long))
        assert all(char in squeeze(long[place]) for char, place in zip(squeeze(long), places, strict=True))


def test_a_code_table_asks_once_for_each_character() -> None:
    asked: list[str] = []

    def number_of(char: str) -> int:
        asked.append(char)
        return ord(char) % 7

    table = CodeTable(number_of)

    assert np.array_equal(table(codes_of("abba😀")), [ord(char) % 7 for char in "abba😀"])
    assert table(codes_of("")).size == 0
    table(codes_of("a😀b"))
    assert sorted(asked) == ["a", "b", "😀"]
