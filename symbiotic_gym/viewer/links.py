"""Addresses of the viewer's pages: those of the server, where an address states everything, and those of exported files.

No address ever comes out of a trajectory; a page a trajectory was on is named as text.
"""

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import quote, urlencode

from symbiotic_gym.viewer.filters import Filter

__all__ = ["FileLinks", "Links", "ServerLinks"]


class Links(Protocol):
    """Where each page is."""

    live: bool
    """Whether the pages are made when they are asked for."""

    def static(self, name: str) -> str:
        """A style sheet or script."""

    def overview(self) -> str:
        """All runs side by side."""

    def grid(self, logs: Sequence[str], task_from: int = 0, seed_from: int = 0) -> str:
        """Tasks by seeds of some logs."""

    def episodes(self, log: str, wanted: Filter = Filter(), page: int = 1) -> str:  # noqa: B008 - frozen
        """The list of a log's episodes."""

    def episode(self, log: str, number: int, wanted: Filter = Filter(), chunk: int = 1, step: int = 0) -> str:  # noqa: B008
        """One episode."""

    def data(self, log: str, number: int) -> str:
        """An episode's JSON."""

    def page_text(self, log: str, number: int, step: int) -> str:
        """The whole page text at a step."""

    def blob(self, log: str, name: str) -> str:
        """A screenshot."""


def _query(values: dict[str, str]) -> str:
    return f"?{urlencode(values)}" if values else ""


class ServerLinks:
    """Addresses of the running server."""

    live = True

    def static(self, name: str) -> str:
        return f"/static/{quote(name)}"

    def overview(self) -> str:
        return "/"

    def grid(self, logs: Sequence[str], task_from: int = 0, seed_from: int = 0) -> str:
        where = [("log", log) for log in logs]
        where += [("tasks", str(task_from))] * bool(task_from) + [("seeds", str(seed_from))] * bool(seed_from)
        return f"/grid?{urlencode(where)}"

    def episodes(self, log: str, wanted: Filter = Filter(), page: int = 1) -> str:  # noqa: B008
        return f"/logs/{quote(log)}{_query(wanted.query | ({'page': str(page)} if page > 1 else {}))}"

    def episode(self, log: str, number: int, wanted: Filter = Filter(), chunk: int = 1, step: int = 0) -> str:  # noqa: B008
        part = {"part": str(chunk)} if chunk > 1 else {}
        return f"/logs/{quote(log)}/episodes/{number}{_query(wanted.query | part)}" + (f"#step-{step}" if step else "")

    def data(self, log: str, number: int) -> str:
        return f"/logs/{quote(log)}/episodes/{number}/episode.json"

    def page_text(self, log: str, number: int, step: int) -> str:
        return f"/logs/{quote(log)}/episodes/{number}/steps/{step}/page.txt"

    def blob(self, log: str, name: str) -> str:
        return f"/logs/{quote(log)}/blobs/{quote(name)}"


class FileLinks:
    """Addresses of files, relative to the one they stand in, so that a folder can be moved and opened from a disk.

    Args:
        depth: how many folders below the export's own the file with the links is.
    """

    live = False

    def __init__(self, depth: int) -> None:
        self._up = "../" * depth

    def static(self, name: str) -> str:
        return f"{self._up}static/{quote(name)}"

    def overview(self) -> str:
        return f"{self._up}index.html"

    def grid(self, logs: Sequence[str], task_from: int = 0, seed_from: int = 0) -> str:
        where = f"{quote(logs[0])}/" if len(logs) == 1 else ""
        part = f"-{task_from}-{seed_from}" if task_from or seed_from else ""
        return f"{self._up}{where}grid{part}.html"

    def episodes(self, log: str, wanted: Filter = Filter(), page: int = 1) -> str:  # noqa: B008
        return f"{self._up}{quote(log)}/index.html{_query(wanted.query)}"

    def episode(self, log: str, number: int, wanted: Filter = Filter(), chunk: int = 1, step: int = 0) -> str:  # noqa: B008
        part = f"-{chunk}" if chunk > 1 else ""
        return f"{self._up}{quote(log)}/{number:06}{part}.html" + (f"#step-{step}" if step else "")

    def data(self, log: str, number: int) -> str:
        return f"{self._up}{quote(log)}/{number:06}.json"

    def page_text(self, log: str, number: int, step: int) -> str:
        return f"{self._up}{quote(log)}/{number:06}.step-{step}.txt"

    def blob(self, log: str, name: str) -> str:
        return f"{self._up}{quote(log)}/blobs/{quote(name)}"
