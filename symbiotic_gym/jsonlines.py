"""Append-only files of JSON lines: readable without code, and whole again after being cut off anywhere.

A row is there when `append` has returned, power cuts included. What a process that died left half-written at the end is not
read, and is cut off before the next append.
"""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from symbiotic_gym.errors import ConfigError, StoreError, explain
from symbiotic_gym.types import from_json

__all__ = ["JsonLines"]

T = TypeVar("T")


class JsonLines:
    """An append-only file of JSON objects that survives being cut off anywhere.

    Args:
        path: the file; it need not exist. None: nothing is kept.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.path = None if path is None else Path(path)
        self._lock = threading.Lock()

    def read(self) -> list[dict[str, Any]]:
        """All whole lines, in order; a torn last line is left out.

        Raises:
            StoreError: a line before the last is no JSON object.
        """
        if self.path is None or not self.path.exists():
            return []
        whole, _, _ = self.path.read_bytes().rpartition(b"\n")
        rows: list[dict[str, Any]] = []
        for number, line in enumerate(whole.split(b"\n") if whole else [], start=1):
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise self._damaged(number, "this is no JSON object")
            rows.append(row)
        return rows

    def records(self, kind: type[T]) -> list[T]:
        """All whole lines as values of `kind`, in order.

        Raises:
            StoreError: a whole line is no JSON object, or not one of `kind`; the message has the file and the line.
        """
        found: list[T] = []
        for number, row in enumerate(self.read(), start=1):
            try:
                found.append(from_json(kind, row))
            except ConfigError as error:
                raise self._damaged(number, str(error).splitlines()[0]) from error
        return found

    def _damaged(self, number: int, problem: str) -> StoreError:
        return StoreError(
            explain(
                f"line {number} of {self.path} is damaged: {problem}",
                "one whole record a line; only the last line may be cut off",
                "what cannot be read would silently be missing from what is looked up",
                "restore the file, or delete that line",
            )
        )

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write all rows at once, through to the disk."""
        if self.path is None or not rows:
            return
        data = b"".join(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n" for row in rows)
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                self._mend(file.fileno())
                file.write(data)
                file.flush()
                os.fsync(file.fileno())

    @staticmethod
    def _mend(descriptor: int) -> None:
        """Cut off what stands behind the last line end, looking back as far as needed."""
        end = os.fstat(descriptor).st_size
        keep = end
        while keep > 0:
            start = max(0, keep - 65536)
            found = os.pread(descriptor, keep - start, start).rfind(b"\n")
            if found >= 0:
                keep = start + found + 1
                break
            keep = start
        if keep < end:
            os.ftruncate(descriptor, keep)
