"""Measurements that are kept as they come: a benchmark that was cut short goes on from them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from symbiotic_gym.jsonlines import JsonLines

__all__ = ["Samples"]


class Samples:
    """Measured blocks by key, in memory and, when a file is named, on disk.

    Args:
        file: where they are kept, one JSON line each; those there are not measured again. None: nowhere.

    Raises:
        StoreError: a line of the file is damaged.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = JsonLines(file)
        self._blocks: dict[str, Any] = {block["key"]: block["value"] for block in self._file.read()}

    def get(self, key: str, measure: Callable[[], Any]) -> Any:
        """The block of that key, JSON values; measured when it is not there yet."""
        if key not in self._blocks:
            self._blocks[key] = measure()
            self._file.append([{"key": key, "value": self._blocks[key]}])
        return self._blocks[key]
