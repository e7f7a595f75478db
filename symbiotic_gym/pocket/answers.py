"""Typed answers, compared by meaning: `$12.50` is `12.5 dollars`, `March 3rd` is `2026-03-03`, and order may not matter.

An answer is right when what it states of the asked kind is exactly what was asked for. A text that names several amounts,
or the right name among its rivals, states more than that and is wrong: listing everything must not pay.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

__all__ = ["Amount", "Answer", "Day", "Duration", "Items", "Name", "Number", "Text", "YesNo", "normal", "rivals"]


class Answer(Protocol):
    """What an answer has to state."""

    def accepts(self, said: str) -> bool:
        """Whether the text states it, and nothing else of its kind."""
        ...

    def say(self) -> str:
        """The answer as a person would type it."""
        ...


def normal(text: str) -> str:
    """A text for comparing: NFKC, no case, every run of white space and punctuation one space."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("'s ", " ").replace("'", "")
    return " ".join(re.sub(r"[^\w%+&#]+", " ", folded).split())


_FIGURE = r"[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\w)"
_NUMBER = rf"(?<![\w.,]){_FIGURE}"
_COUNTED = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty
"""
_WORDS = {word: number for number, word in enumerate(_COUNTED.split())} | {"none": 0, "no": 0, "once": 1, "twice": 2}


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "").replace("−", "-"))


@dataclass(frozen=True)
class Amount:
    """A sum of money, in cents. `$7`, `7.00`, `7 dollars`, `USD 7` are the same."""

    cents: int

    def accepts(self, said: str) -> bool:
        marked = re.findall(rf"(?:\$|usd)\s*({_FIGURE})|({_NUMBER})\s*(?:usd\b|dollars?\b|bucks\b)", said, re.I)
        found = {_decimal(one or other) for one, other in marked} or {_decimal(number) for number in re.findall(_NUMBER, said)}
        return found == {Decimal(self.cents) / 100}

    def say(self) -> str:
        return f"${self.cents // 100:,}.{self.cents % 100:02}"


@dataclass(frozen=True)
class Number:
    """A count or measure; digits or, up to twenty, words."""

    value: Decimal | int

    def accepts(self, said: str) -> bool:
        digits = {_decimal(number) for number in re.findall(_NUMBER, said.replace("%", " "))}
        words = {Decimal(_WORDS[word]) for word in re.findall(r"[a-z]+", said.lower()) if word in _WORDS}
        return (digits or words) == {Decimal(self.value)}

    def say(self) -> str:
        return f"{self.value}"


_CALENDAR = "january february march april may june july august september october november december"
_MONTHS = _CALENDAR.split()
_MONTH = "(?P<month>" + "|".join(f"{name}|{name[:3]}" for name in _MONTHS) + r"|sept)\.?"
_DAYS = (
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
    _MONTH + r"\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?(?:\s*,?\s*(?P<year>\d{4}))?",
    r"(?P<day>\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?" + _MONTH + r"(?:\s*,?\s*(?P<year>\d{4}))?",
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})",
)


@dataclass(frozen=True)
class Day:
    """A date. Without a year, the right day and month are enough."""

    value: date

    def accepts(self, said: str) -> bool:
        found = set()
        rest = said.lower()
        for pattern in _DAYS:
            for match in re.finditer(rf"(?<![\w]){pattern}(?!\w)", rest):
                month = match["month"]
                number = int(month) if month.isdecimal() else [name[:3] for name in _MONTHS].index(month[:3]) + 1
                found.add((int(match["year"] or self.value.year), number, int(match["day"])))
            rest = re.sub(rf"(?<![\w]){pattern}(?!\w)", " ", rest)
        return found == {(self.value.year, self.value.month, self.value.day)}

    def say(self) -> str:
        return f"{self.value:%B} {self.value.day}, {self.value.year}"


@dataclass(frozen=True)
class Duration:
    """A time span in minutes: `1 h 20 min`, `80 minutes`, `1:20`."""

    minutes: int

    def accepts(self, said: str) -> bool:
        text = said.lower()
        found = set()
        both = r"(\d+)\s*(?:h|hrs?|hours?)\b(?:\s*(?:and|,)?\s*(\d+)\s*(?:m|mins?|minutes?)\b)?"
        for hours, minutes in re.findall(both, text):
            found.add(60 * int(hours) + int(minutes or 0))
        text = re.sub(both, " ", text)
        found |= {int(minutes) for minutes in re.findall(r"(\d+)\s*(?:m|mins?|minutes?)\b", text)}
        found |= {60 * int(hours) + int(minutes) for hours, minutes in re.findall(r"\b(\d{1,2}):(\d\d)\b", text)}
        if not found:
            found = {int(number) for number in re.findall(r"\b\d+\b", text)}
        return found == {self.minutes}

    def say(self) -> str:
        hours, minutes = divmod(self.minutes, 60)
        return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _named(said: str, right: Sequence[str], wrong: Sequence[str]) -> list[str] | None:
    """Which of the right names a text names, in its order; None when it names a wrong one.

    Longer names are looked for first and taken out, so that "Oak Lamp" is not found inside "Oak Lamp XL".
    """
    left = f" {normal(said)} "
    good = {normal(name) for name in right}
    places: dict[str, int] = {}
    for name in sorted(good | {normal(name) for name in wrong}, key=lambda name: (-len(name), name)):
        place = left.find(f" {name} ")
        if place >= 0 and name not in good:
            return None
        if place >= 0:
            places[name] = place
            left = left.replace(f" {name} ", " " + "." * len(name) + " ")
    return sorted(places, key=lambda name: places[name])


@dataclass(frozen=True)
class Name:
    """One name out of many.

    Args:
        value: the right one.
        rivals: the others it could be mistaken for; an answer that names one of them too is wrong.
        also: other spellings of the right one that are as good.
    """

    value: str
    rivals: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def accepts(self, said: str) -> bool:
        named = _named(said, (self.value, *self.also), self.rivals)
        return bool(named)

    def say(self) -> str:
        return self.value


@dataclass(frozen=True)
class Text:
    """A text to be given as it stands, such as a code or an address; a sentence around it does no harm."""

    value: str

    def accepts(self, said: str) -> bool:
        return f" {normal(self.value)} " in f" {normal(said)} "

    def say(self) -> str:
        return self.value


@dataclass(frozen=True)
class Items:
    """Several names, all of them and none of the rivals.

    Args:
        values: the right ones.
        rivals: the ones that must not be named.
        ordered: whether they have to come in this order.
    """

    values: tuple[str, ...]
    rivals: tuple[str, ...] = ()
    ordered: bool = False

    def accepts(self, said: str) -> bool:
        found = _named(said, self.values, self.rivals) or []
        wanted = [normal(value) for value in self.values]
        return found == wanted if self.ordered else sorted(found) == sorted(wanted)

    def say(self) -> str:
        return ", ".join(self.values)


@dataclass(frozen=True)
class YesNo:
    """Yes or no, as the first word that says so."""

    value: bool

    def accepts(self, said: str) -> bool:
        words = [word for word in normal(said).split() if word in ("yes", "no", "not", "true", "false")]
        if not words or {"yes", "no"} <= set(words):
            return False
        return (words[0] in ("yes", "true")) == self.value

    def say(self) -> str:
        return "Yes" if self.value else "No"


def rivals(names: Sequence[str], *right: str) -> tuple[str, ...]:
    """All names but the right ones."""
    return tuple(name for name in names if name not in right)
