"""Which entries are held back, for all of them at once: `Exclusion.hides` over columns of numbers instead of 100,000 calls.

Entries are grouped by task and template, of which there are few. Each group is judged once, and what is left to compare are
seeds and states.
"""

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.knowledge.entries import Entry
from symbiotic_gym.knowledge.excerpts import state_key
from symbiotic_gym.knowledge.exclusion import Exclusion
from symbiotic_gym.suites.kinship import same_questions

__all__ = ["Columns"]


class Columns:
    """What leak control has to know of the entries, in their order."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], int] = {}
        self._first: list[Entry] = []
        """One entry of each group."""
        self._group: array[int] = array("i")
        self._seed: array[int] = array("q")
        self._state: array[int] = array("q")
        self._failed: array[int] = array("b")

    def add(self, entries: Sequence[Entry]) -> None:
        """Take in more entries."""
        for entry in entries:
            number = self._groups.setdefault((entry.task, entry.template), len(self._groups))
            if number == len(self._first):
                self._first.append(entry)
            self._group.append(number)
            self._seed.append(entry.seed)
            self._state.append(state_key(entry.goal, entry.page))
            self._failed.append(not entry.success)

    def hidden(self, exclude: Exclusion, goal: str, page: str) -> NDArray[np.bool_]:
        """Which entries `exclude` hides from who plays `goal` on `page`; shape (entries,)."""
        group = np.array(self._group, dtype=np.int32)
        if exclude.level == "none" or not len(group):
            return np.zeros(len(group), dtype=bool)
        kin = np.array([exclude.kin(entry) for entry in self._first])[group]
        if exclude.level == "template":
            return kin
        whole = np.array([self._always(exclude, entry) for entry in self._first])[group]
        own = np.array([entry.task == exclude.task for entry in self._first])[group]
        same_seed = np.array(self._seed) == (exclude.seed if exclude.seed is not None else -1)
        same_state = np.array(self._state) == state_key(goal, page)
        hidden: NDArray[np.bool_] = whole | (own & same_seed) | (kin & same_state)
        return hidden

    def failed(self) -> NDArray[np.bool_]:
        """Which entries are of episodes that did not succeed; shape (entries,)."""
        return np.array(self._failed, dtype=bool)

    @staticmethod
    def _always(exclude: Exclusion, entry: Entry) -> bool:
        """Whether an entry's whole group is hidden at level `instance`: where no seed makes a difference."""
        if entry.task != exclude.task and not same_questions(entry.task):
            return False
        seeds = (0, 1) if exclude.seed is None else (exclude.seed + 1, exclude.seed + 2)
        return all(exclude.same_instance(entry.task, entry.template, seed) for seed in seeds)
