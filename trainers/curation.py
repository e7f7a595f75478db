"""Which episodes to learn from: filters as plain functions of a list, and a pipeline that counts what each of them drops.

Each filter keeps the order of what it keeps, and gives the same for the same episodes whatever order they were played in.
"""

from collections.abc import Callable, Sequence
from functools import partial

from symbiotic_gym.actions import parse
from symbiotic_gym.errors import ActionError, ConfigError, explain
from symbiotic_gym.trainers.matching import closest
from symbiotic_gym.types import Trajectory

__all__ = ["Filter", "at_most_per_task", "at_most_steps", "curate", "deduplicate", "filters", "successes", "without_refusals"]

Filter = Callable[[Sequence[Trajectory]], list[Trajectory]]


def successes(trajectories: Sequence[Trajectory]) -> list[Trajectory]:
    """Those that reached their goal."""
    return [t for t in trajectories if t.success]


def without_refusals(trajectories: Sequence[Trajectory]) -> list[Trajectory]:
    """Those of which the environment refused no action."""
    return [t for t in trajectories if not any(step.error for step in t.steps)]


def at_most_steps(trajectories: Sequence[Trajectory], *, most: int) -> list[Trajectory]:
    """Those of no more than `most` steps."""
    return [t for t in trajectories if len(t.steps) <= most]


def deduplicate(trajectories: Sequence[Trajectory]) -> list[Trajectory]:
    """Of those that do the same on the same pages for the same goal, the first."""
    return list({_deeds(t): t for t in reversed(trajectories)}.values())[::-1]


def at_most_per_task(trajectories: Sequence[Trajectory], *, most: int) -> list[Trajectory]:
    """Of each task no more than `most`: the shortest, then those of the lowest seeds."""
    ranked = sorted(range(len(trajectories)), key=lambda i: (len(trajectories[i].steps), trajectories[i].seed, i))
    left: dict[str, int] = {}
    kept = set()
    for index in ranked:
        task = trajectories[index].task
        left[task] = left.get(task, most) - 1
        if left[task] >= 0:
            kept.add(index)
    return [t for i, t in enumerate(trajectories) if i in kept]


def filters(
    *,
    success: bool = False,
    no_refusals: bool = False,
    max_steps: int | None = None,
    dedup: bool = False,
    like: Sequence[Trajectory] | None = None,
    keep: int | None = None,
    max_per_task: int | None = None,
) -> list[tuple[str, Filter]]:
    """The filters that are wanted, by name, in the order that lets each see what the ones before it have kept.

    Args:
        success: only what reached its goal.
        no_refusals: only what had no action refused.
        max_steps: only what has so few steps.
        dedup: each doing once.
        like: reference episodes; with `keep`, the ones that are closest to their statistics (`matching.closest`).
        keep: how many of those.
        max_per_task: no more of one task.

    Raises:
        ConfigError: a number is below 1, or `like` and `keep` are not given together.
    """
    for name, number in (("max_steps", max_steps), ("keep", keep), ("max_per_task", max_per_task)):
        if number is not None and number < 1:
            raise _unusable(f"{name} = {number}", "1 or more, or nothing for no such filter")
    if (like is None) != (keep is None):
        raise _unusable("keep without like" if like is None else "like without keep", "both of them, or none")
    wanted: list[tuple[str, Filter]] = []
    if success:
        wanted.append(("success", successes))
    if no_refusals:
        wanted.append(("no refusals", without_refusals))
    if max_steps is not None:
        wanted.append((f"at most {max_steps} steps", partial(at_most_steps, most=max_steps)))
    if dedup:
        wanted.append(("dedup", deduplicate))
    if like is not None and keep is not None:
        wanted.append((f"the {keep} most like the reference", partial(closest, reference=like, keep=keep)))
    if max_per_task is not None:
        wanted.append((f"at most {max_per_task} a task", partial(at_most_per_task, most=max_per_task)))
    return wanted


def curate(
    trajectories: Sequence[Trajectory], wanted: Sequence[tuple[str, Filter]]
) -> tuple[list[Trajectory], list[tuple[str, int]]]:
    """Apply filters one after the other.

    Returns:
        What is kept, and for each filter how many it dropped.
    """
    kept, dropped = list(trajectories), []
    for name, filtered in wanted:
        before = len(kept)
        kept = filtered(kept)
        dropped.append((name, before - len(kept)))
    return kept, dropped


def _unusable(given: str, expected: str) -> ConfigError:
    return ConfigError(
        explain(given, expected, "the set would not be what the filters' names say", "correct it, or leave the option out")
    )


def _deeds(trajectory: Trajectory) -> tuple[object, ...]:
    deeds = tuple((step.observation.get("page", ""), _normal(step.decision.action)) for step in trajectory.steps)
    return trajectory.task, trajectory.goal, trajectory.outcome.status, deeds


def _normal(action: str) -> str:
    try:
        return str(parse(action))
    except ActionError:
        return action
