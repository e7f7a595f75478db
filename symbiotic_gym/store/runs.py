"""Runs as they lie on disk: which there are, what came of them, and what is wrong with them.

A run is a folder with a `run.json`; its episodes are in `episodes.jsonl`, or one file a phase in `episodes/`. Nothing here
writes, and nothing a damaged folder holds stops it: what does not read is named with its reason, and everything else is loaded.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from symbiotic_gym.errors import StoreError, explain
from symbiotic_gym.store.blobs import blob_problem, is_blob_name
from symbiotic_gym.store.episodes import Place, Problem, read_place, scan
from symbiotic_gym.types import Trajectory

__all__ = ["Run", "about_run", "find_runs", "log_files", "open_run"]


@dataclass
class Run:
    """One run's folder, read.

    Attributes:
        path: the folder.
        about: what `run.json` holds; empty where it does not read.
        logs: each file of episodes -> where its whole attempts stand.
        problems: everything that is not as it was written.
        torn: files whose last line was cut off; opening them to go on mends that.
    """

    path: Path
    about: dict[str, Any] = field(default_factory=dict)
    logs: dict[Path, list[Place]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    torn: list[Path] = field(default_factory=list)

    @property
    def state(self) -> str:
        """`running`, `finished` or `interrupted`."""
        if (self.path / "lock").is_file():
            lock = FileLock(self.path / "lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return "running"
            except OSError:
                return "interrupted"
            lock.release()
        ended = (self.path / "report.html").exists() or bool(self.metrics.get("finished"))
        return "finished" if ended else "interrupted"

    @property
    def metrics(self) -> dict[str, Any]:
        """What `metrics.json` holds; empty without one."""
        try:
            data = json.loads((self.path / "metrics.json").read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return data if isinstance(data, dict) else {}

    def attempts(self) -> Iterator[Trajectory]:
        """Every whole attempt, file by file, by task, seed and attempt."""
        for log, places in self.logs.items():
            for place in sorted(places, key=lambda place: (place.task, place.seed, place.attempt)):
                yield read_place(log, place)

    def episodes(self) -> Iterator[Trajectory]:
        """The last attempt at every episode of every file."""
        for log in self.logs:
            yield from self.episodes_of(log)

    def episodes_of(self, log: Path) -> Iterator[Trajectory]:
        """The last attempt at every episode of one file, by task and seed."""
        last = {(place.task, place.seed): place for place in sorted(self.logs[log], key=lambda place: place.attempt)}
        for key in sorted(last):
            yield read_place(log, last[key])


def find_runs(root: Path) -> list[Path]:
    """The folders of runs at or below `root`, by name."""
    found = []
    for folder, below, files in os.walk(root):
        if "run.json" in files:
            found.append(Path(folder))
            below.clear()
    return sorted(found)


def log_files(folder: Path) -> list[Path]:
    """Whatever stands where a run has its episodes, dead links and pipes too: the one log, then the phases' by name."""
    logs = [folder / "episodes.jsonl", *sorted((folder / "episodes").glob("*.jsonl"))]
    return [log for log in logs if os.path.lexists(log)]


def about_run(folder: Path) -> dict[str, Any]:
    """What a run says of itself in `run.json`; empty where that does not read."""
    return _about(folder / "run.json")[0]


def open_run(path: Path, *, blobs: bool = False) -> Run:
    """Read a run.

    Args:
        path: its folder.
        blobs: also read every picture, and compare it with its name.

    Raises:
        StoreError: there is no such folder, or it is no run's.
    """
    run = Run(path)
    logs = log_files(path)
    if not (logs or os.path.lexists(path / "run.json")):
        raise StoreError(
            explain(
                f"{path} is no run's folder" if path.is_dir() else f"there is no folder {path}",
                "a folder with a run.json or an episodes.jsonl",
                "there is nothing to show",
                "`symbiotic-gym runs list FOLDER` lists the runs below a folder",
            )
        )
    run.about, problem = _about(path / "run.json")
    if problem:
        run.problems.append(Problem(path / "run.json", problem))
    for log in logs:
        places, problems, end = scan(log)
        run.logs[log] = places
        run.problems += problems
        with suppress(OSError):
            if log.is_file() and end < log.stat().st_size:
                run.torn.append(log)
    for name in ("metrics.json", "seconds.json", "summary.json"):
        if os.path.lexists(path / name) and (problem := _about(path / name, need_config=False)[1]):
            run.problems.append(Problem(path / name, problem))
    if blobs:
        run.problems += _blob_problems(run)
    return run


def _about(file: Path, *, need_config: bool = True) -> tuple[dict[str, Any], str]:
    try:
        if not file.is_file():
            return {}, "it is missing" if not os.path.lexists(file) else "it is not a file"
        data = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        return {}, f"it does not read: {error}"
    if not isinstance(data, dict) or (need_config and not isinstance(data.get("config"), dict)):
        return {}, "it holds no config" if need_config else "it holds no object"
    return data, ""


def _blob_problems(run: Run) -> list[Problem]:
    folder = run.path / "blobs"
    named = {name for trajectory in run.attempts() for name in trajectory.screenshots}
    return [
        Problem(folder / name, problem)
        for name in sorted(named)
        if (problem := blob_problem(folder / name) if is_blob_name(name) else "its name leads elsewhere")
    ]
