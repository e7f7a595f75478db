"""Spaces for what a web page is. Gymnasium's `Text` only holds the characters it was given, and web pages hold all of them; its
`Box` has one size, and the viewport's is the task's own.

Both batch to tuples, and both go through the shared memory of `AsyncVectorEnv`.
"""

from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector.utils import create_shared_memory, read_from_shared_memory, write_to_shared_memory
from numpy.typing import NDArray

from symbiotic_gym.shared import SharedValues, Slots

__all__ = ["Picture", "Unicode"]


class Unicode(gym.Space[str]):
    """All strings of at most `max_length` characters.

    Args:
        max_length: in characters.
        examples: what `sample` draws from; short random words when empty.
    """

    def __init__(
        self, max_length: int = 10_000_000, examples: Sequence[str] = (), seed: int | np.random.Generator | None = None
    ) -> None:
        self.max_length = max_length
        self.examples = tuple(examples)
        super().__init__(shape=None, dtype=None, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        return False

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        if mask is not None or probability is not None:
            raise gym.error.Error("a Unicode space has no finite set of values that a mask or probabilities could be over")
        if self.examples:
            return self.examples[int(self.np_random.integers(len(self.examples)))]
        letters = self.np_random.integers(ord("a"), ord("z") + 1, size=int(self.np_random.integers(1, 9)))
        return "".join(chr(letter) for letter in letters)[: self.max_length]

    def contains(self, x: Any) -> bool:
        return isinstance(x, str) and len(x) <= self.max_length

    def to_jsonable(self, sample_n: Iterable[str]) -> list[str]:
        return list(sample_n)

    def from_jsonable(self, sample_n: list[Any]) -> list[str]:
        return list(sample_n)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unicode) and (self.max_length, self.examples) == (other.max_length, other.examples)

    def __hash__(self) -> int:
        return hash((self.max_length, self.examples))

    def __repr__(self) -> str:
        return f"Unicode({self.max_length})"


class Picture(gym.Space[NDArray[np.uint8]]):
    """All RGB pictures, (height, width, 3), of any size."""

    def __init__(self, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(shape=None, dtype=np.uint8, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        return False

    def sample(self, mask: Any = None, probability: Any = None) -> NDArray[np.uint8]:
        if mask is not None or probability is not None:
            raise gym.error.Error("a Picture space has no finite set of values that a mask or probabilities could be over")
        height, width = (int(size) for size in self.np_random.integers(1, 17, size=2))
        return self.np_random.integers(0, 256, size=(height, width, 3), dtype=np.uint8)

    def contains(self, x: Any) -> bool:
        return isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.ndim == 3 and x.shape[2] == 3

    def to_jsonable(self, sample_n: Iterable[NDArray[np.uint8]]) -> list[Any]:
        return [sample.tolist() for sample in sample_n]

    def from_jsonable(self, sample_n: list[Any]) -> list[NDArray[np.uint8]]:
        return [np.array(sample, dtype=np.uint8) for sample in sample_n]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture)

    def __hash__(self) -> int:
        return hash(Picture)

    def __repr__(self) -> str:
        return "Picture()"


@create_shared_memory.register(Unicode)
@create_shared_memory.register(Picture)
def _create(space: gym.Space[Any], n: int = 1, ctx: ModuleType | None = None) -> Slots:
    import multiprocessing

    return Slots(n, ctx or multiprocessing)


@read_from_shared_memory.register(Unicode)
def _read_texts(space: Unicode, shared_memory: Slots, n: int = 1) -> SharedValues:
    return SharedValues(shared_memory, lambda data: data.decode("utf-8", "surrogatepass"))


@read_from_shared_memory.register(Picture)
def _read_pictures(space: Picture, shared_memory: Slots, n: int = 1) -> SharedValues:
    return SharedValues(shared_memory, _unpack)


@write_to_shared_memory.register(Unicode)
def _write_text(space: Unicode, index: int, value: str, shared_memory: Slots) -> None:
    shared_memory.write(index, value.encode("utf-8", "surrogatepass"))


@write_to_shared_memory.register(Picture)
def _write_picture(space: Picture, index: int, value: NDArray[np.uint8], shared_memory: Slots) -> None:
    height, width, _ = value.shape
    shared_memory.write(index, height.to_bytes(4, "little") + width.to_bytes(4, "little") + value.tobytes())


def _unpack(data: bytes) -> NDArray[np.uint8]:
    if not data:  # nothing written yet
        return np.zeros((1, 1, 3), np.uint8)
    height, width = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
    return np.frombuffer(data, np.uint8, offset=8).reshape(height, width, 3).copy()
