"""What was retrieved while tasks were played: of which level the result is, and how near the nearest retrieved entry was.

Read off the recorded episodes, whatever the agent was told to hold back: an agent that was set up wrongly shows here. A
decision's `extra["retrieved"]` has the ids of what it was shown.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

from symbiotic_gym.knowledge.base import KnowledgeBase
from symbiotic_gym.knowledge.entries import Entry
from symbiotic_gym.knowledge.excerpts import without_ids
from symbiotic_gym.knowledge.exclusion import Exclusion
from symbiotic_gym.knowledge.index import words_of
from symbiotic_gym.types import Trajectory

__all__ = ["LeakReport", "Relation", "leaks", "overlap"]

Relation = Literal["same instance", "same template", "other template"]


@dataclass(frozen=True, kw_only=True)
class LeakReport:
    """What the policy was helped by, over all decisions of some episodes."""

    name: str
    """What the result has to be called: `unseen template`, `unseen instance of a known template`, `leaked: same instance`, or
    `nothing retrieved`."""
    decisions: int
    helped: int
    """Decisions that were shown at least one entry."""
    relations: dict[str, int]
    """Shown entries by what they are to the task that was played."""
    unknown: int
    """Shown entries that are not in the base; what they are cannot be told."""
    nearest_goal: float
    """The largest share of words that a shown entry's goal and the played one have in common, in [0, 1]."""
    nearest_page: float
    """The same for pages."""
    median_page: float
    """Over the decisions that were helped: the median of how near the nearest page was, in [0, 1]."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def leaks(trajectories: Iterable[Trajectory], base: KnowledgeBase) -> LeakReport:
    """Look up what every decision was shown.

    Args:
        trajectories: episodes of an agent that retrieves.
        base: where it retrieved from.
    """
    relations: Counter[str] = Counter({"same instance": 0, "same template": 0, "other template": 0})
    decisions = unknown = 0
    goals: list[float] = []
    pages: list[float] = []
    for trajectory in trajectories:
        for step in trajectory.steps:
            decisions += 1
            shown = [base.get(str(id)) for id in step.decision.extra.get("retrieved", ())]
            entries = [entry for entry in shown if entry is not None]
            unknown += len(shown) - len(entries)
            page = step.observation.get("page", "")
            relations.update(_relation(trajectory, entry, page) for entry in entries)
            if entries:
                goals.append(max(overlap(trajectory.goal, entry.goal) for entry in entries))
                pages.append(max(overlap(without_ids(page), without_ids(entry.page)) for entry in entries))
    return LeakReport(
        name=_name(relations, unknown),
        decisions=decisions,
        helped=len(pages),
        relations=dict(relations),
        unknown=unknown,
        nearest_goal=max(goals, default=0.0),
        nearest_page=max(pages, default=0.0),
        median_page=median(pages) if pages else 0.0,
    )


def overlap(a: str, b: str) -> float:
    """The share of all words of two texts that are in both, in [0, 1] (Jaccard)."""
    left, right = set(words_of(a)), set(words_of(b))
    return len(left & right) / len(left | right) if left | right else 0.0


def _relation(trajectory: Trajectory, entry: Entry, page: str) -> Relation:
    if Exclusion(level="instance", task=trajectory.task, seed=trajectory.seed).hides(entry, trajectory.goal, page):
        return "same instance"
    return "same template" if Exclusion(task=trajectory.task).hides(entry) else "other template"


def _name(relations: Counter[str], unknown: int) -> str:
    if relations["same instance"]:
        return "leaked: same instance"
    if unknown:
        return "unknown: entries that are not in the base"
    if relations["same template"]:
        return "unseen instance of a known template"
    return "unseen template" if relations["other template"] else "nothing retrieved"
