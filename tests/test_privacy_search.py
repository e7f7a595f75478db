"""One look at many texts finds what a look at each of them does."""

import random
import re
from collections.abc import Sequence

import numpy as np
import pytest

from symbiotic_gym.agents.privacy_classifier import hashes_of, parts_of
from symbiotic_gym.agents.privacy_encodings import View, squeeze
from symbiotic_gym.agents.privacy_search import CodeTable, Lines, Remembered, codes_of, small_letters
from symbiotic_gym.agents.privacy_secrets import matches, matches_of_all
from symbiotic_gym.agents.privacy_structure import StructureDetector
from symbiotic_gym.agents.privacy_vault import Vault
from symbiotic_gym.nodes import Node, page_nodes


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


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"Lang{street} 12, Ort"
            for street in ("straße", "strasse", "straat", "gatan", "gata", "vägen", "väg", "katu", "polku")
        ),
        *(f"Lang{street} 12, Ort" for street in ("kuja", "tie", "gasse", "veien", "vej")),
        *(
            f"{street} Longa 12"
            for street in ("Rua", "Avenida", "Alameda", "Travessa", "Praça", "Largo", "Via", "Viale", "Piazza")
        ),
        *(f"{street} Longa 12" for street in ("Corso", "Strada", "Calle", "Calea", "Bulevardul", "Rue")),
        *(f"{word} Nora Diallo" for word in ("Hello", "HI", "welcome", "Dear", "signed in aſ")),
        *(f"{word} 1234567" for word in ("Order", "INVOICE no", "booking", "tracking number", "Trackıng")),
        *(f"{word} 4417" for word in ("Code", "pin is", "OTP:", "PİN")),
        *(f"{word} 3.12.1980" for word in ("born", "Date of birth", "BIRTHDAY")),
    ],
)
def test_what_a_text_says_of_itself_is_found_behind_the_marks(text: str) -> None:
    alone = StructureDetector().find([Node(text=text, role="text", part="name")], "http://x.test/")
    among = StructureDetector().find([Node(text=one, role="text", part="name") for one in ("a", text, "b")], "http://x.test/")

    assert [(one.kind, one.start, one.end) for one in among] == [(one.kind, one.start, one.end) for one in alone]
    assert alone, "its rule holds"


def test_the_parts_of_a_text_are_those_between_separators() -> None:
    for separator in (": ", "|", ";", " •", "·", "\n", "\t", "(", ")", ", ", " - ", " – "):
        assert len(parts_of(f"Nora Diallo{separator}Elias Rossi")) >= 3, separator
    assert parts_of("Nora:Elias-Rossi") == [(0, 16)]


def test_half_an_emoji_hides_nobody() -> None:
    whole, half = '[4] textbox "Message" value="see you ok"', '[4] textbox "Message" value="see you \\ud83d"'
    assert page_nodes(half)[1].text == "see you \ufffd"
    assert page_nodes(whole)[1].text == "see you ok"

    vault = Vault(1)
    vault.add("Nora Diallo \ud83d", "name")
    assert vault.redact("for Nora Diallo \ud83d!") != "for Nora Diallo \ud83d!"
    assert np.array_equal(hashes_of(["P\ud83derpetua"])[0], hashes_of(["P?erpetua"])[0])


def test_no_texts_have_no_windows() -> None:
    assert hashes_of([])[0].size == 0


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Create it for Viktor Acosta. It needs a label.", "Viktor Acosta"),
        ("we met J. R. Tolkien there", "J. R. Tolkien"),
        ("we met R.J. Smith there", "R.J. Smith"),
        ("written by Anne-Marie van der Berg.", "Anne-Marie van der Berg"),
    ],
)
def test_a_name_in_a_sentence_ends_where_the_sentence_does(text: str, name: str) -> None:
    start = text.index(name)

    assert (start, start + len(name)) in parts_of(text)
    assert not any(first <= start < start + len(name) < last for first, last in parts_of(text)[1:])


def test_what_is_remembered_is_asked_once_and_forgotten_together() -> None:
    asked: list[list[str]] = []

    def lengths(texts: Sequence[str]) -> list[int]:
        asked.append(list(texts))
        return [len(text) for text in texts]

    of = Remembered(lengths, most=3)

    assert of(["a", "bb", "a"]) == [1, 2, 1]
    assert of(["bb", "ccc"]) == [2, 3]
    assert of(["dddd", "a"]) == [4, 1], "a fourth one: all are forgotten first"
    assert of(["a"]) == [1]
    assert of([]) == []
    assert asked == [["a", "bb"], ["ccc"], ["dddd", "a"]]
