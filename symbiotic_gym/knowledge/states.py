"""What is known of states from how episodes that came through them ended: values that no judge gave.

The value of a state (a goal, and a page without its ids) is the share of successes among the episodes that saw it, drawn
towards one half where few did: `1/2 + (p - 1/2) * min(1, log(n + 1) / log(5))` for n episodes of which the share p succeeded.
With four and more it is p itself. Source: the state scores of AgentSymbiotic's tree search (arXiv 2502.07942, its public code).

The same table says where a policy needs no examples: in states that it has been through and succeeds from.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from symbiotic_gym.knowledge.entries import Entry, Retrieved, Searchable
from symbiotic_gym.knowledge.excerpts import state_key
from symbiotic_gym.knowledge.exclusion import Exclusion
from symbiotic_gym.types import Trajectory

__all__ = ["Gated", "StateValues", "Value", "state_key"]


@dataclass(frozen=True)
class Value:
    """How good it is to be in a state."""

    success_rate: float
    """In [0, 1], among the episodes that saw the state; 0.5 where none did."""
    episodes: int

    @property
    def value(self) -> float:
        """In [0, 1], 0.5 where nothing is known."""
        return 0.5 + (self.success_rate - 0.5) * min(1.0, math.log(self.episodes + 1) / math.log(5))


class StateValues:
    """Success by state, over the episodes it was told of."""

    def __init__(self) -> None:
        self._seen: dict[int, list[int]] = {}  # successes, episodes

    def add(self, trajectory: Trajectory) -> None:
        """Count an episode: once for every state it came through, its last included. An invalid one says nothing."""
        if not trajectory.outcome.scored:
            return
        pages = [step.observation.get("page", "") for step in trajectory.steps] + [trajectory.final.get("page", "")]
        self._count({state_key(trajectory.goal, page) for page in pages if page}, trajectory.success)

    def add_entries(self, entries: Iterable[Entry], *, source: str | None = None) -> None:
        """Count the episodes of a knowledge base that keeps failures; of one source only, where it is named."""
        states: dict[tuple[str, bool], set[int]] = {}
        for entry in entries:
            if source in (None, entry.source):
                states.setdefault((entry.trajectory, entry.success), set()).add(state_key(entry.goal, entry.page))
        for (_, success), seen in states.items():
            self._count(seen, success)

    def __getitem__(self, state: tuple[str, str]) -> Value:
        """What is known of a (goal, page)."""
        won, n = self._seen.get(state_key(*state), (0, 0))
        return Value(won / n if n else 0.5, n)

    def _count(self, states: set[int], success: bool) -> None:
        for state in states:
            seen = self._seen.setdefault(state, [0, 0])
            seen[0] += success
            seen[1] += 1


class Gated:
    """A `Searchable` that finds nothing where the policy is sure of itself: in states it succeeds from anyway.

    Args:
        inner: where to look else.
        values: what the policy's own episodes say of states. A page it never met is one it is not sure of.
        sure: the value of a state from which on nothing is retrieved, in (0.5, 1].
    """

    def __init__(self, inner: Searchable, values: StateValues, *, sure: float = 0.9) -> None:
        self._inner, self._values, self._sure = inner, values, sure

    def search(
        self, goal: str, page: str, *, exclude: Exclusion, k_goal: int = 1, k_page: int = 2, budget_chars: int = 3000
    ) -> list[Retrieved]:
        """As `KnowledgeBase.search`."""
        if self._values[goal, page].value >= self._sure:
            return []
        return self._inner.search(goal, page, exclude=exclude, k_goal=k_goal, k_page=k_page, budget_chars=budget_chars)
