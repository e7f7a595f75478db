"""A run folder that explains itself (config, versions, commit, machine), has one owner at a time, and no half files."""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import BaseFileLock, FileLock, Timeout

from symbiotic_gym.errors import StoreError, explain

__all__ = ["RunFolder", "describe_machine", "describe_run", "locked", "read_json", "versions", "write_json"]

_PACKAGES = (
    *("symbiotic-gym", "gymnasium", "browsergym-core", "browsergym-miniwob", "miniwob", "playwright"),
    *("numpy", "torch", "transformers", "trl", "peft", "openai", "bm25s"),
)


def write_json(path: Path, data: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(data, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        StoreError: it is not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise StoreError(
            explain(
                f"{path} does not read: {error}",
                "a JSON file as this project writes it",
                "without it the run cannot be continued as it was begun",
                "restore the file, or start again in a new folder with --out",
            )
        ) from error


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of every package that can change a result."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):  # an optional one that is not installed took no part
            found[package] = metadata.version(package)
    return found


_BEFORE_A_RUN = frozenset({"lock", "owner", "run.json.partial"})
"""What a process that was killed between taking the lock and writing `run.json` leaves behind."""


class RunFolder:
    """A folder that one process at a time works in. Use as a context manager: entering takes the lock.

    Args:
        path: the folder; it may not exist yet, or be one that a run with the same config left behind.
        config: JSON values; a folder that was begun with another config is refused.
        need_bytes: free disk space the run wants.

    Raises:
        StoreError: in use, begun differently, not a run folder, or no space; said before anything is written.
    """

    def __init__(self, path: Path, config: Mapping[str, Any], *, need_bytes: int = 0) -> None:
        self.path = path
        self.config = json.loads(json.dumps(dict(config)))  # as it will be read back: a tuple is a list then
        self._lock = FileLock(path / "lock")
        self._check(need_bytes)

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True, exist_ok=True)
        _acquire(self._lock, self.path)
        try:
            self._check_contents()  # again: another process may have begun a run here before the lock was taken
            if not self.resumed:
                write_json(self.path / "run.json", describe_run(self.config))
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.release()

    @property
    def resumed(self) -> bool:
        return (self.path / "run.json").exists()

    def _check(self, need_bytes: int) -> None:
        existing = next(place for place in (self.path.resolve(), *self.path.resolve().parents) if place.exists())
        if not existing.is_dir():
            raise _unusable(f"{existing} is a file", "a folder to write the run into", "name another folder with --out")
        self._check_contents()
        if not os.access(existing, os.W_OK):
            raise _unusable(
                f"{existing} cannot be written to",
                "a folder this user may write to",
                "change its owner or permissions, or name another folder with --out",
            )
        free = shutil.disk_usage(existing).free
        if free < need_bytes and not (self.path / "report.html").exists():
            raise _unusable(
                f"{existing} has {free / 1e9:.1f} GB free",
                f"at least {need_bytes / 1e9:.1f} GB for checkpoints and episodes",
                "free some space, or name a folder on another disk with --out",
            )

    def _check_contents(self) -> None:
        if self.resumed:
            begun = read_json(self.path / "run.json")
            begun = begun.get("config") if isinstance(begun, dict) else None
            if not isinstance(begun, dict):
                raise self._refuse(f"{self.path / 'run.json'} holds no config", "the file as this project writes it")
            differing = sorted(key for key in begun.keys() | self.config.keys() if begun.get(key) != self.config.get(key))
            if differing:
                shown = "; ".join(f"{key}: {begun.get(key)!r} there, {self.config.get(key)!r} here" for key in differing)
                raise self._refuse(f"{self.path} was begun with another config ({shown})", "the config it was begun with")
        elif self.path.is_dir() and any(file.name not in _BEFORE_A_RUN for file in self.path.iterdir()):
            raise self._refuse(
                f"{self.path} is not empty and has no run.json", "an empty folder, a new one, or a run to continue"
            )

    def _refuse(self, given: str, expected: str) -> StoreError:
        return StoreError(
            explain(
                given,
                expected,
                "two kinds of results in one folder would make a table that belongs to neither",
                "name another folder with --out, or go on with the config that the folder's run.json holds",
            )
        )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the one process that works in a folder while the block runs.

    Raises:
        StoreError: another does.
    """
    lock = FileLock(path / "lock")
    _acquire(lock, path)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: BaseFileLock, path: Path) -> None:
    owner = path / "owner"
    try:
        lock.acquire(timeout=0)  # the system lets go of it when the process ends, however it ends
    except Timeout:
        who = owner.read_text("utf-8").strip() if owner.exists() else "another process"
        raise _unusable(
            f"{path} is in use by {who}",
            "one process at a time",
            "wait for it to end, or end it and run the same command again; or name another folder with --out",
        ) from None
    except OSError as error:
        raise _unusable(f"{path} cannot be locked: {error}", "a folder this user may write to", "name another folder") from None
    owner.write_text(f"pid {os.getpid()} on {socket.gethostname()}\n", "utf-8")


def _unusable(given: str, expected: str, do: str) -> StoreError:
    return StoreError(explain(given, expected, "the run's results would be lost, or mixed with another's", do))


def describe_run(config: Mapping[str, Any]) -> dict[str, Any]:
    """What `run.json` holds: enough to say later how each number came about."""
    return {
        "config": dict(config),
        "command": " ".join(sys.argv),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "git": _git_state(),
        "machine": describe_machine(),
    }


def describe_machine() -> dict[str, Any]:
    """The machine, in what matters for speed; no host name."""
    return {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _git_state() -> dict[str, Any]:
    """Commit of the checkout this package runs from; empty when it is installed without one."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(here), *arguments], capture_output=True, text=True, check=True).stdout.strip()

    try:
        # a site-packages folder inside somebody else's checkout has a commit too, but not ours
        if not git("ls-files", "--error-unmatch", str(Path(__file__).name)):
            return {}
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.CalledProcessError):
        return {}
