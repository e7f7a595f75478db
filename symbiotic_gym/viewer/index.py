"""What is known of a log of episodes without keeping it in memory: one small row an episode, and where its line stands.

A log is read once from its beginning and from then on only where it grew, so a run can be watched while it goes on. A line is
parsed once for its row and again when somebody looks at its episode; nothing else is kept. Damage is put on record beside the
rows: the viewer is where one looks when something went wrong, so it has to open what does not read.
"""

import json
import math
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any

from symbiotic_gym.store.lines import body_of
from symbiotic_gym.store.tally import Counted
from symbiotic_gym.types import Usage

__all__ = ["Damage", "LogIndex", "Row", "episode_of", "map_of", "number", "text_of"]

STATUSES = ("success", "failure", "truncated", "invalid")
_GOAL_CHARS = 300
_MOST = 1e15


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Counted):
    """One episode, in what lists, grids and tables say of it."""

    number: int
    """Its place in the log, from 0; damaged lines count too, so that a number stays what it is."""
    offset: int
    length: int
    seed: int
    goal: str
    reward: float


@dataclass(frozen=True, slots=True)
class Damage:
    """A line that holds no episode."""

    number: int
    problem: str


class LogIndex:
    """The rows of one log file.

    Args:
        path: a file with one episode as JSON a line; it may not exist yet.

    Attributes:
        rows: of the episodes read so far, in the order they ended.
        damages: the lines that hold none.
        read: bytes read so far.
        size: bytes of the file when it was last looked at.
        behind: whether there was no time to read all of it.
        changed: when the file was last written, in seconds since the epoch; 0.0: never.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._restart()

    def _restart(self) -> None:
        self.rows: list[Row] = []
        self.damages: list[Damage] = []
        self.read = self.size = 0
        self.changed = 0.0
        self.behind = False
        self._lines = 0
        self._last: dict[tuple[str, int], Row] = {}
        self._file: tuple[int, int] | None = None

    def refresh(self, budget_s: float = math.inf) -> bool:
        """Read what was appended since, for so many seconds at most, and say whether that was all.

        A file that was replaced or cut shorter is read anew.
        """
        with self._lock:
            try:
                file = self.path.open("rb")
            except OSError:  # not written yet, or taken away
                if self._file is not None:
                    self._restart()
                return True
            with file:
                status = os.fstat(file.fileno())
                if self._file != (status.st_dev, status.st_ino) or status.st_size < self.read:
                    self._restart()
                    self._file = (status.st_dev, status.st_ino)
                self.size, self.changed = status.st_size, status.st_mtime
                file.seek(self.read)
                end = time.monotonic() + budget_s
                self.behind = False
                for line in file:
                    if not line.endswith(b"\n"):
                        break  # a line being written just now, or torn by a crash, is no episode yet
                    if time.monotonic() > end:
                        self.behind = True
                        break
                    self._add(line)
                return not self.behind

    def _add(self, line: bytes) -> None:
        try:
            row = _row(self._lines, self.read, len(line), episode_of(line))
        except ValueError as error:
            self.damages.append(Damage(self._lines, str(error)))
        else:
            self.rows.append(row)
            known = self._last.get((row.task, row.seed))
            if known is None or row.attempt >= known.attempt:
                self._last[row.task, row.seed] = row
        self._lines += 1
        self.read += len(line)

    def counted(self) -> list[Row]:
        """The last attempt at each episode: those before it came out invalid, and were tried again."""
        with self._lock:
            return list(self._last.values())

    def superseded(self, row: Row) -> bool:
        """Whether a later attempt at the same episode is what counts."""
        return self._last.get((row.task, row.seed), row) != row

    def row(self, number: int) -> Row | None:
        """The episode of that number; None where there is none."""
        rows = self.rows
        low, high = 0, len(rows)
        while low < high:  # rows are in the order of their numbers, with holes where lines are damaged
            middle = (low + high) // 2
            if rows[middle].number < number:
                low = middle + 1
            else:
                high = middle
        return rows[low] if low < len(rows) and rows[low].number == number else None

    def line(self, row: Row) -> bytes:
        """An episode's line as it stands in the file.

        Raises:
            OSError: the file is gone.
        """
        return next(self.lines([row]))

    def lines(self, rows: list[Row]) -> Iterator[bytes]:
        """The lines of several episodes, the file being opened once."""
        with self.path.open("rb") as file:
            for row in rows:
                file.seek(row.offset)
                yield file.read(row.length)


def episode_of(line: bytes) -> dict[str, Any]:
    """The episode that a line holds, as plain JSON data.

    Raises:
        ValueError: it holds none.
    """
    from pydantic_core import from_json

    body_of(line.rstrip())  # a line may have no checksum: other programs write such logs, too
    try:
        data = from_json(line)
    except ValueError:
        try:
            data = json.loads(line)  # takes what the faster one refuses: halves of a character, deeper nesting
        except ValueError as error:
            raise ValueError(f"no JSON: {error}") from None
        except RecursionError:
            raise ValueError("no JSON of an episode: nested too deeply") from None
    if not isinstance(data, dict):
        raise ValueError("no JSON object")
    for key, kind in (("task", str), ("seed", int), ("steps", list), ("outcome", dict)):
        if not isinstance(data.get(key), kind):
            raise ValueError(f"no episode: {key} is {'not there' if key not in data else 'of another type'}")
    return data


def number(value: Any) -> float:
    """A number that can be a count, a duration or a price, so that sums of them stay finite; 0 for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and -_MOST < value < _MOST:
        return float(value)
    return 0.0


def text_of(value: Any) -> str:
    """A text; what is none becomes the empty one."""
    return value if isinstance(value, str) else ""


def map_of(value: Any) -> Mapping[str, Any]:
    """An object; what is none becomes the empty one."""
    return value if isinstance(value, dict) else {}


def _row(place: int, offset: int, length: int, data: Mapping[str, Any]) -> Row:
    steps = [map_of(step) for step in data["steps"]]
    decisions = [map_of(step.get("decision")) for step in steps]
    usages = [map_of(decision.get("usage")) for decision in decisions]
    verdicts = [d["acceptance"] for d in decisions if isinstance(d.get("acceptance"), dict)]
    status = text_of(data["outcome"].get("status"))
    if status not in STATUSES:
        raise ValueError(f"no episode: its outcome is none of {', '.join(STATUSES)}")
    return Row(
        number=place,
        offset=offset,
        length=length,
        task=intern(data["task"]),
        seed=data["seed"],
        attempt=int(number(data.get("attempt"))),
        agent=intern(text_of(data.get("agent"))),
        goal=text_of(data.get("goal"))[:_GOAL_CHARS],
        status=intern(status),
        kind=intern(text_of(data["outcome"].get("kind"))),
        steps=len(steps),
        refused=sum(bool(step.get("error")) for step in steps),
        proposals=len(verdicts),
        accepted=sum(verdict.get("accepted") is True for verdict in verdicts),
        usage=Usage(
            requests=int(_sum(usages, "requests")),
            prompt_tokens=int(_sum(usages, "prompt_tokens")),
            completion_tokens=int(_sum(usages, "completion_tokens")),
            seconds=_sum(usages, "seconds"),
            cost_usd=_sum(usages, "cost_usd"),
        ),
        act_s=_sum(steps, "act_s"),
        step_s=_sum(steps, "step_s"),
        reward=_sum(steps, "reward"),
        sources=tuple(dict.fromkeys(intern(text_of(d.get("source"))) for d in decisions if d.get("source"))),
    )


def _sum(maps: Sequence[Mapping[str, Any]], key: str) -> float:
    return sum(number(one.get(key)) for one in maps)
