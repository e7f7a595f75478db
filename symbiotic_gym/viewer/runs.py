"""Which logs of episodes a person means by the folders they name, and a short name for each that can stand in an address."""

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from symbiotic_gym.errors import StoreError, explain
from symbiotic_gym.store.runs import about_run, log_files
from symbiotic_gym.viewer.index import LogIndex

__all__ = ["Log", "Runs"]

_BLOB = re.compile(r"[0-9a-f]{64}\.(webp|png)")


@dataclass(frozen=True)
class Log:
    """One log of episodes: a phase of a run, or a run that has only one.

    Attributes:
        id: its name in addresses: letters, digits, `-`, `_` and `.`.
        run: the name of the run it belongs to.
        phase: which of the run's logs it is; empty where there is only one.
        folder: the run folder, where its blobs and its knowledge are.
        index: its episodes.
    """

    id: str
    run: str
    phase: str
    folder: Path
    index: LogIndex = field(compare=False)

    @property
    def title(self) -> str:
        return f"{self.run} / {self.phase}" if self.phase else self.run

    def blob(self, name: str) -> Path | None:
        """The file of a blob; None where there is none, or it is no picture."""
        if not _BLOB.fullmatch(name):
            return None
        for path in (self.folder / "blobs" / name, self.folder / "blobs" / name[:2] / name):
            if path.is_file() and path.resolve().is_relative_to(self.folder.resolve()):
                return path
        return None


class Runs:
    """The logs below some paths, looked for again on every `refresh`: a run begins new ones, and a folder gets new runs.

    Args:
        paths: run folders, folders of run folders, or single logs.

    Raises:
        StoreError: one of them is nothing of that kind.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._folders: list[tuple[str, Path]] = []
        self._logs: dict[Path, Log] = {}
        self._lock = threading.Lock()
        self._paths = list(paths)
        for path in paths:
            self._take(_run_folders(path) or _nothing_in(path))
        self.refresh(0.0)

    @property
    def logs(self) -> list[Log]:
        """All logs, run by run, phase by phase."""
        with self._lock:
            return list(self._logs.values())

    def log(self, key: str) -> Log | None:
        """The log of that id."""
        return next((log for log in self.logs if log.id == key), None)

    def about(self) -> list[tuple[str, dict[str, Any]]]:
        """What each run says of itself in `run.json`, by its name; nothing where it does not read."""
        with self._lock:
            folders = list(self._folders)
        return [(name, about_run(folder)) for name, folder in folders]

    def refresh(self, budget_s: float = float("inf")) -> bool:
        """Look for new logs and read what was appended to the known ones, and say whether all of it was read in time."""
        end = time.monotonic() + budget_s
        with self._lock:
            for path in self._paths:
                self._take(_run_folders(path))
            found = {path: (name, folder) for name, folder in self._folders for path in _log_files(folder)}
            if list(found) != list(self._logs):
                self._logs = {path: self._logs.get(path) or self._log(path, *where) for path, where in found.items()}
            logs = list(self._logs.values())
        whole = [log.index.refresh(max(end - time.monotonic(), 0.0)) for log in logs]
        return all(whole)

    def version(self) -> str:
        """A text that changes whenever there is more to see."""
        return "-".join(f"{log.index.read}" for log in self.logs)

    def _take(self, folders: Sequence[Path]) -> None:
        known = {folder for _, folder in self._folders}
        for folder in folders:
            if folder not in known:
                self._folders.append((self._name(folder), folder))

    def _log(self, path: Path, run: str, folder: Path) -> Log:
        phase = path.stem if path.parent.name == "episodes" else ""
        home = folder if folder.is_dir() else folder.parent
        taken = {log.id for log in self._logs.values()}
        return Log(_unused(_slug(f"{run}.{phase}" if phase else run), taken), run, phase, home, LogIndex(path))

    def _name(self, folder: Path) -> str:
        path = folder.resolve()
        return _unused(path.name if folder.is_dir() else path.stem, {name for name, _ in self._folders})


def _slug(name: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip(".") or "run"
    return f"run-{slug}" if slug.endswith(".html") or slug == "static" else slug  # an export has files of these names


def _unused(name: str, taken: set[str]) -> str:
    found, count = name, 1
    while found in taken:
        count += 1
        found = f"{name}-{count}"
    return found


def _run_folders(path: Path) -> list[Path]:
    if path.is_file() and path.suffix == ".jsonl":
        return [path]
    if path.is_dir():
        return [path] if _is_run(path) else sorted(child for child in path.iterdir() if child.is_dir() and _is_run(child))
    return []


def _nothing_in(path: Path) -> NoReturn:
    raise StoreError(
        explain(
            f"{path} {'holds no run' if path.exists() else 'does not exist'}",
            "a run folder (with run.json or episodes.jsonl), a folder of such folders, or a file of episodes (.jsonl)",
            "there would be nothing to see",
            "name the folder that --out named; `ls` it to see whether run.json is there",
        )
    )


def _is_run(folder: Path) -> bool:
    return (folder / "run.json").exists() or bool(_log_files(folder))


def _log_files(folder: Path) -> list[Path]:
    return [log for log in log_files(folder) if log.is_file()] if folder.is_dir() else [folder]
