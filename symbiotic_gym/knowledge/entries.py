"""What the knowledge base keeps of an episode and hands out again."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from typing import Protocol

from symbiotic_gym.knowledge.exclusion import Exclusion
from symbiotic_gym.suites.kinship import template_of
from symbiotic_gym.types import Trajectory

__all__ = ["Entry", "Retrieved", "Searchable", "entries_of", "trajectory_digest"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One step of an episode."""

    id: str
    """`TRAJECTORY:STEP`."""
    trajectory: str
    """A digest of task, seed, goal and all pages and actions: equal for identical episodes."""
    task: str
    seed: int
    template: str
    """What the task is an instance of; see `symbiotic_gym.suites.kinship`."""
    suite: str
    goal: str
    page: str
    action: str
    reason: str
    model: str
    """Who decided the step."""
    source: str
    """Which run or agent the episode came from."""
    iteration: int
    """In which round of the symbiotic loop."""
    success: bool = True
    """Whether the episode reached its goal."""
    summary: str = ""
    """What the episode does, in a language model's words (`agents/backward.py`); searched together with the goal."""


@dataclass(frozen=True, kw_only=True)
class Retrieved:
    """An entry that was found, and the part of its page that fits the budget."""

    entry: Entry
    page: str
    score: float
    """The sum of both keys' scores; comparable within one search only."""


class Searchable(Protocol):
    """Where an agent looks for examples: a knowledge base, or something around one."""

    def search(
        self, goal: str, page: str, *, exclude: Exclusion, k_goal: int = 1, k_page: int = 2, budget_chars: int = 3000
    ) -> list[Retrieved]:
        """The steps most like the one at hand, most similar last; see `KnowledgeBase.search`."""
        ...


def trajectory_digest(trajectory: Trajectory) -> str:
    """16 characters that are equal for identical episodes."""
    steps = [[step.observation.get("page", ""), step.decision.action] for step in trajectory.steps]
    text = dumps([trajectory.task, trajectory.seed, trajectory.goal, steps])
    return sha256(text.encode()).hexdigest()[:16]


def entries_of(
    trajectory: Trajectory, *, iteration: int, source: str = "", template: str = "", suite: str = "", summary: str = ""
) -> Iterator[Entry]:
    """The steps of an episode as entries, those left out whose action the environment refused."""
    digest = trajectory_digest(trajectory)
    for i, step in enumerate(trajectory.steps):
        if not step.error:
            yield Entry(
                id=f"{digest}:{i}",
                trajectory=digest,
                task=trajectory.task,
                seed=trajectory.seed,
                template=template or template_of(trajectory.task),
                suite=suite or trajectory.task.partition(".")[0],
                goal=trajectory.goal,
                page=step.observation.get("page", ""),
                action=step.decision.action,
                reason=step.decision.reason,
                model=step.decision.source or trajectory.agent,
                source=source or trajectory.agent,
                iteration=iteration,
                success=trajectory.success,
                summary=summary,
            )
