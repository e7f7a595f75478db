"""Texts and pictures of any size through Gymnasium's shared memory, so that `AsyncVectorEnv` works with its default arguments.

Gymnasium shares arrays of a fixed size and looks at them once, so what it gets here is a view: n slots, each a length and that
many bytes. Pages are short as a rule and huge now and then; a value longer than its slot goes through a file beside the memory.
"""

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from ctypes import c_uint8
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["SharedValues", "Slots"]

SLOT_BYTES = 1 << 17
_HEAD = 8
"""Bytes of a slot's length."""


class Slots:
    """`n` byte strings that several processes see. Made by the one that owns it, passed to the others.

    Args:
        n: how many.
        ctx: the `multiprocessing` module or context that makes the processes.
    """

    def __init__(self, n: int, ctx: ModuleType) -> None:
        self.n = n
        self._memory = ctx.RawArray(c_uint8, n * (_HEAD + SLOT_BYTES))
        self._folder = tempfile.mkdtemp(prefix="symbiotic-gym-")
        # a forked process has a copy of this object, whose end is not the end of the folder
        weakref.finalize(self, _remove, self._folder, os.getpid())

    def write(self, index: int, data: bytes) -> None:
        """Replace one value."""
        if len(data) > SLOT_BYTES:
            path = Path(self._folder, f"{index}.new")
            path.write_bytes(data)
            path.replace(Path(self._folder, str(index)))
            body = b""
        else:
            body = data
        start = index * (_HEAD + SLOT_BYTES)
        memoryview(self._memory).cast("B")[start : start + _HEAD + len(body)] = len(data).to_bytes(_HEAD, "little") + body

    def read(self, index: int) -> bytes:
        """One value; empty before the first `write`."""
        start = index * (_HEAD + SLOT_BYTES)
        view = memoryview(self._memory).cast("B")
        length = int.from_bytes(view[start : start + _HEAD], "little")
        if length > SLOT_BYTES:
            return Path(self._folder, str(index)).read_bytes()
        return bytes(view[start + _HEAD : start + _HEAD + length])


class SharedValues(Sequence[Any]):
    """What the slots hold now, decoded; a copy is a plain tuple that stays as it is."""

    def __init__(self, slots: Slots, decode: Callable[[bytes], Any]) -> None:
        self._slots, self._decode = slots, decode

    def __len__(self) -> int:
        return self._slots.n

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self)[index]
        return self._decode(self._slots.read(range(len(self))[index]))

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __deepcopy__(self, memo: dict[int, Any]) -> tuple[Any, ...]:
        return tuple(self)


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
