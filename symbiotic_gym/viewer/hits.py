"""What the ids of retrieved steps stand for, looked up in the run's knowledge base without keeping it in memory."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from symbiotic_gym.viewer.index import text_of
from symbiotic_gym.viewer.shown import cut

__all__ = ["Hit", "Knowledge"]


@dataclass(frozen=True)
class Hit:
    """A step of an earlier episode that a policy was shown; only the id is there where the knowledge base does not have it."""

    id: str
    goal: str = ""
    action: str = ""
    reason: str = ""
    model: str = ""
    task: str = ""


class Knowledge:
    """Reads entries of `knowledge.jsonl` by id; where its lines stand is found out once, and again for what was appended.

    Args:
        path: the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._places: dict[str, tuple[int, int]] = {}
        self._read = 0

    def look_up(self, ids: list[str]) -> list[Hit]:
        """The entries of these ids, in their order."""
        if not ids:
            return []
        with self._lock:
            try:
                with self.path.open("rb") as file:
                    self._refresh(file)
                    return [self._hit(key, file) for key in ids]
            except OSError:
                return [Hit(key) for key in ids]

    def _refresh(self, file: BinaryIO) -> None:
        if file.seek(0, 2) < self._read:
            self._places, self._read = {}, 0
        file.seek(self._read)
        for line in file:
            if not line.endswith(b"\n"):
                break
            key = text_of(_entry(line).get("id"))
            if key:
                self._places[key] = (self._read, len(line))
            self._read += len(line)

    def _hit(self, key: str, file: BinaryIO) -> Hit:
        if key not in self._places:
            return Hit(key)
        offset, length = self._places[key]
        file.seek(offset)
        entry = _entry(file.read(length))
        texts = {name: cut(text_of(entry.get(name)), 600) for name in ("goal", "action", "reason", "model", "task")}
        return Hit(key, **texts)


def _entry(line: bytes) -> Mapping[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}
