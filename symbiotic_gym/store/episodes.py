"""`episodes.jsonl`: one attempt at an episode a line, appended and flushed to disk the moment it ends.

A line that was cut off by a crash is the only damage a kill can do; it is dropped on the next opening, since its episode will
be played again. Any other line that does not read is reported, never skipped. Only where each line stands is kept in memory: a
log may be larger than that.

An episode is (task, seed). Its attempts are counted from 0; all but the last came out invalid, and the last is what counts.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from symbiotic_gym.errors import ConfigError, StoreError, explain
from symbiotic_gym.store.lines import seal, unseal
from symbiotic_gym.types import Trajectory, from_json, to_json

__all__ = ["EpisodeLog", "Place", "Problem", "read_place", "scan"]


@dataclass(frozen=True)
class Place:
    """Where a line stands, and what one looks it up by."""

    start: int
    size: int
    task: str
    seed: int
    attempt: int
    scored: bool


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was written."""

    file: Path
    what: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {self.what}"


def scan(path: Path) -> tuple[list[Place], list[Problem], int]:
    """Read a log through.

    Returns:
        Where its whole episodes stand; what is wrong with the other lines; and the bytes of whole lines, which is less than the
        file's size when its last line was cut off.
    """
    if problem := _no_file(path):
        return [], [Problem(path, problem)], 0
    places: list[Place] = []
    problems: list[Problem] = []
    known: dict[tuple[str, int, int], int] = {}
    end = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break  # what a process that died left half-written
            try:
                trajectory = from_json(Trajectory, unseal(line))
                key = (trajectory.task, trajectory.seed, trajectory.attempt)
                if key in known:
                    raise ValueError(f"it is the same attempt at the same episode as line {known[key]}")
                known[key] = number
                places.append(Place(end, len(line), *key, scored=trajectory.outcome.scored))
            except (ValueError, ConfigError) as error:
                problems.append(Problem(path, str(error).splitlines()[0], number))
            end += len(line)
    return places, problems, end


def read_place(path: Path, place: Place) -> Trajectory:
    """The trajectory that stands there."""
    with path.open("rb") as file:
        file.seek(place.start)
        return from_json(Trajectory, unseal(file.read(place.size)))


class EpisodeLog:
    """The episodes of one phase of a run, by (task, seed).

    Args:
        path: the JSONL file; created when the first episode is added.

    Raises:
        StoreError: a line other than the last is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[tuple[str, int], list[Place]] = {}
        self._size = 0
        if path.exists() or path.is_symlink():
            self._load()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __getitem__(self, key: tuple[str, int]) -> Trajectory:
        """The last attempt at an episode."""
        return read_place(self.path, self._places[key][-1])

    def __iter__(self) -> Iterator[Trajectory]:
        """The last attempt at each episode, by task and seed: an order that does not depend on who was faster."""
        return (self[key] for key in sorted(self._places))

    @property
    def trajectories(self) -> list[Trajectory]:
        """The last attempt at each episode, by task and seed."""
        return list(self)

    def attempts(self, task: str, seed: int) -> int:
        """The number of the next attempt at an episode."""
        places = self._places.get((task, seed))
        return places[-1].attempt + 1 if places else 0

    def finished(self, task: str, seed: int, retries: int) -> bool:
        """Whether an episode has a scored end, or has used up its tries."""
        places = self._places.get((task, seed))
        return places is not None and (places[-1].scored or places[-1].attempt >= retries)

    def spoiled(self) -> list[Trajectory]:
        """The attempts that came out invalid and were followed by another."""
        return [read_place(self.path, place) for places in self._places.values() for place in places[:-1]]

    def add(self, trajectory: Trajectory) -> None:
        """Append an attempt and flush it to disk. One that is there already, or one before it, is kept as it was.

        Raises:
            ConfigError: a policy put something into its decisions that has no JSON form.
        """
        if trajectory.attempt < self.attempts(trajectory.task, trajectory.seed):
            return
        line = _line(trajectory)
        new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab", buffering=0) as file:  # a buffer would try once more to write the rest when it is closed
            try:
                _write(file, line)
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), self._size)  # a full disk must not leave half a line for the next to follow
                raise
        if new:
            _flush_folder(self.path.parent)
        self._note(
            Place(
                self._size,
                len(line),
                trajectory.task,
                trajectory.seed,
                trajectory.attempt,
                trajectory.outcome.scored,
            )
        )
        self._size += len(line)

    def _note(self, place: Place) -> None:
        places = self._places.setdefault((place.task, place.seed), [])
        places.append(place)
        places.sort(key=lambda place: place.attempt)

    def _load(self) -> None:
        places, problems, end = scan(self.path)
        if problems:
            raise StoreError(
                explain(
                    f"{problems[0]}" + (f" ({len(problems) - 1} more)" if len(problems) > 1 else ""),
                    "one attempt at an episode as JSON on every line, with its checksum",
                    "going on would silently drop an episode from every table",
                    "`symbiotic-gym runs repair` keeps what is whole and has the rest played again; or start a new run folder",
                )
            )
        for place in places:
            self._note(place)
        self._size = end
        if end < self.path.stat().st_size:
            with self.path.open("r+b") as file:
                file.truncate(end)


def _no_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"it cannot be opened: {error.strerror}"
    return "" if stat.S_ISREG(mode) else "it is not a file"


def _write(file: FileIO, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[file.write(rest) :]


def _flush_folder(folder: Path) -> None:
    """Have the folder's own entry for a new file on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(trajectory: Trajectory) -> bytes:
    try:
        return seal(to_json(trajectory))
    except (ValueError, TypeError) as error:  # pydantic's serialization error is a ValueError
        raise ConfigError(
            explain(
                f"an episode of {trajectory.agent!r} on {trajectory.task} cannot be written down: {str(error).splitlines()[0]}",
                "text, numbers, lists and dicts in Decision.extra, and pages of ordinary size",
                "an episode that is not on record is lost",
                "convert the value in the policy, for instance an array by .tolist()",
            )
        ) from error
