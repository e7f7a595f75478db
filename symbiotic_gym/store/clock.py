"""Seconds by phase, kept over interruptions: what a killed process had worked is counted, what it slept is not."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from symbiotic_gym.errors import StoreError, explain
from symbiotic_gym.store.folder import read_json, write_json

__all__ = ["PhaseClock"]


class PhaseClock:
    """Adds up wall-clock seconds by phase in a JSON file.

    Args:
        path: the file; read first when it exists.

    Raises:
        StoreError: it holds something else.
    """

    SAVE_EVERY_S = 2.0

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = _read(path) if path.exists() else {}
        self._phase = ""
        self._since = 0.0
        self._saved = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time inside the block to `name`."""
        self._phase, self._since = name, time.monotonic()
        try:
            yield
        finally:
            self._save()
            self._phase = ""

    def tick(self) -> None:
        """Say that work goes on; the file is brought up to date every few seconds, so that a kill loses no more than that."""
        if time.monotonic() - self._saved > self.SAVE_EVERY_S:
            self._save()

    def _save(self) -> None:
        if not self._phase:
            return
        now = time.monotonic()
        self.seconds[self._phase] = round(self.seconds.get(self._phase, 0.0) + now - self._since, 3)
        self._since = self._saved = now
        write_json(self.path, self.seconds)


def _read(path: Path) -> dict[str, float]:
    found = read_json(path)
    if isinstance(found, dict) and all(type(seconds) in (int, float) for seconds in found.values()):
        return found
    raise StoreError(
        explain(
            f"{path} holds no seconds by phase",
            "the file as this project writes it",
            "the time that earlier calls took would be lost",
            f"put it aside, for instance as {path.name}.damaged, and go on without it",
        )
    )
