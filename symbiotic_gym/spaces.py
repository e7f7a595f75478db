"""A space for any text. Gymnasium's `Text` only holds the characters it was given, and web pages hold all of them."""

from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

__all__ = ["Unicode"]


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
