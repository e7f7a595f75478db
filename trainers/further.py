"""Further tasks beside the action and its reason, whose answers a recording holds: nobody is asked for anything.

A step's targets share its prompt (`packing.py`), so each costs little more than its own tokens. They teach what a page is for
an agent: what matters on it, what an action changes, how far the goal is. All are off unless `DistillerConfig.lambda_further`
gives one a weight.

- `summary`: what was done so far, from the reasons of the steps before (the history summary of AgentSymbiotic's student,
  arXiv 2502.07942).
- `highlight`: the elements of this page that this step and the later ones act on (the observation highlight of AgentOccam,
  arXiv 2410.13825).
- `next_state`: what the page shows after the action that it did not show before.
- `value`: how many steps are left, this one included: minus the value of the state where every step costs 1.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from itertools import accumulate

from symbiotic_gym.actions import elements, parse
from symbiotic_gym.errors import ActionError
from symbiotic_gym.policies import NOT_KEPT
from symbiotic_gym.types import Step, Trajectory

__all__ = ["FURTHER", "further_targets", "shown_elements"]

FURTHER: Mapping[str, str] = {
    "summary": "Summarize what was done.",
    "highlight": "List the elements that matter.",
    "next_state": "After {action}, predict what is new on the page.",
    "value": "Predict how many steps are left.",
}
"""Each task's instruction, the last sentence of its prompt."""

_REMEMBERED = 3
_SUMMARY_CHARS = 300
_NEW_CHARS = 300
_ID = re.compile(r"^\s*(?:\[\w+\] )?")


def further_targets(trajectory: Trajectory, place: int, tasks: Collection[str] = FURTHER) -> dict[str, str]:
    """What the further tasks' answers are at a step; a task that has none there is left out.

    Args:
        trajectory: the whole episode. `value` is given for successes alone: of a failed episode nobody knows it.
        place: the step, counted from 0.
        tasks: which are wanted, names of `FURTHER`.
    """
    found = {task: _ANSWERS[task](trajectory, place) for task in FURTHER if task in tasks}
    return {task: answer for task, answer in found.items() if answer}


def shown_elements(answer: str, prompt: str) -> str:
    """The lines of a `highlight` answer whose elements a prompt shows: of a page that was cut, nobody can name the rest."""
    return "\n".join(line for line in answer.split("\n") if line.rpartition(" ")[2] in prompt)


def _summary(trajectory: Trajectory, place: int) -> str:
    done = [" ".join(step.decision.reason.split()) for step in trajectory.steps[:place] if not step.error]
    kept: list[str] = []
    for reason in reversed(done[-_REMEMBERED:]):
        if kept and sum(map(len, kept)) + len(reason) > _SUMMARY_CHARS:
            break
        kept.insert(0, reason)
    return " ".join(filter(None, kept))


def _highlight(trajectory: Trajectory, place: int) -> str:
    """As the prompt shows elements, their ids behind their names; a later page's element counts where it was there already."""
    first, *later = trajectory.steps[place:]
    here = elements(_page(first.observation))
    wanted = {bid: here[bid] for bid in _acted_on(first) if bid in here}
    for step in later:
        acted = [bid for bid in _acted_on(step) if bid in here and bid not in wanted]
        there = elements(_page(step.observation)) if acted else {}
        for bid in acted:
            if bid in there and (here[bid].role, here[bid].name) == (there[bid].role, there[bid].name):
                wanted[bid] = here[bid]
    return "\n".join(f"{e.role} {json.dumps(e.name, ensure_ascii=False)} [{e.bid}]" for e in wanted.values())


def _acted_on(step: Step) -> tuple[str, ...]:
    try:
        return () if step.error else parse(step.decision.action).bids
    except ActionError:
        return ()


def _next_state(trajectory: Trajectory, place: int) -> str:
    """The lines of the next page that were not on this one, without ids, which nobody can foresee."""
    steps = trajectory.steps
    after = _page(steps[place + 1].observation if place + 1 < len(steps) else trajectory.final)
    if after in ("", NOT_KEPT):
        return ""
    known = {_ID.sub("", line) for line in _page(steps[place].observation).split("\n")}
    new = [line for line in dict.fromkeys(_ID.sub("", line) for line in after.split("\n")) if line and line not in known]
    kept = [line for end, line in zip(accumulate(len(line) + 2 for line in new), new, strict=True) if end <= _NEW_CHARS]
    return "; ".join(kept or [line[:_NEW_CHARS] for line in new[:1]]) or "nothing"


def _value(trajectory: Trajectory, place: int) -> str:
    return str(len(trajectory.steps) - place) if trajectory.success else ""


def _page(observation: Mapping[str, str]) -> str:
    return str(observation.get("page", ""))


_ANSWERS: Mapping[str, Callable[[Trajectory, int], str]] = {
    "summary": _summary,
    "highlight": _highlight,
    "next_state": _next_state,
    "value": _value,
}
