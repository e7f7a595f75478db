"""Which episodes a person asks for, and finding them page by page: what is not shown is not looked for.

Task, outcome and source are answered by the rows that are in memory. A text is looked for in the file: first as bytes, which is
fast, and in the values of what is left, so that `page` does not find every episode because every one has a key of that name.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from symbiotic_gym.viewer.index import LogIndex, Row, episode_of

__all__ = ["Filter", "matching", "neighbours"]

_CHUNK = 256
"""So many lines are looked through at a time."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What to show; an empty text asks for nothing.

    Attributes:
        task: exactly this task.
        outcome: `success`, `failure`, `truncated`, `invalid`, or `invalid(KIND)`.
        source: at least one step was decided by this model or rule.
        text: these words, in this order, somewhere in the episode; capitals do not matter.
    """

    task: str = ""
    outcome: str = ""
    source: str = ""
    text: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filter":
        """The filter that an address asks for."""
        return cls(**{name: query.get(name, "")[:500] for name in ("task", "outcome", "source", "text")})

    @property
    def query(self) -> dict[str, str]:
        """The part of an address that asks for it."""
        return {name: value for name, value in asdict(self).items() if value}

    def takes(self, row: Row) -> bool:
        """Whether an episode fits as far as its row says."""
        return (
            (not self.task or row.task == self.task)
            and (not self.outcome or self.outcome in (row.outcome, row.status))
            and (not self.source or self.source in row.sources)
        )


def matching(index: LogIndex, wanted: Filter, *, backwards: bool = False, beyond: int | None = None) -> Iterator[Row]:
    """The episodes that fit, found as they are asked for.

    Args:
        index: the log.
        wanted: the filter.
        backwards: the latest first.
        beyond: only those after the episode of this number; before it, when looking backwards.
    """
    rows = index.rows[::-1] if backwards else index.rows[:]
    if beyond is not None:
        rows = [row for row in rows if (row.number < beyond if backwards else row.number > beyond)]
    rows = [row for row in rows if wanted.takes(row)]
    if not wanted.text:
        yield from rows
        return
    words = wanted.text.casefold()
    needle = json.dumps(wanted.text, ensure_ascii=False)[1:-1].lower().encode("utf-8", "replace") if words.isascii() else b""
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        for row, line in zip(part, index.lines(part), strict=True):
            if needle in line.lower() and _holds(line, words):
                yield row


def neighbours(index: LogIndex, wanted: Filter, number: int) -> tuple[Row | None, Row | None]:
    """The episodes before and after this one, among those that fit."""
    before = next(matching(index, wanted, backwards=True, beyond=number), None)
    return before, next(matching(index, wanted, beyond=number), None)


def _holds(line: bytes, words: str) -> bool:
    try:
        waiting: list[Any] = [episode_of(line)]
    except ValueError:  # the file was changed under our hands
        return False
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if words in value.casefold():
                return True
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False
