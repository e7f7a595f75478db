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
from collections.abc import Mapping

from symbiotic_gym.actions import elements, parse
from symbiotic_gym.errors import ActionError
from symbiotic_gym.types import Step, Trajectory

__all__ = ["FURTHER", "further_targets"]

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


def further_targets(trajectory: Trajectory, place: int) -> dict[str, str]:
    """What the further tasks' answers are at a step; a task that has none there is left out.

    Args:
        trajectory: the whole episode. `value` is given for successes alone: of a failed episode nobody knows it.
        place: the step, counted from 0.
    """
    steps = trajectory.steps
    found = {
        "summary": _summary(steps[:place]),
        "highlight": _highlight(steps[place:]),
        "next_state": _new_lines(steps[place], steps[place + 1]) if place + 1 < len(steps) else "",
        "value": str(len(steps) - place) if trajectory.success else "",
    }
    return {task: answer for task, answer in found.items() if answer}


def _summary(done: tuple[Step, ...]) -> str:
    reasons = [" ".join(step.decision.reason.split()) for step in done if not step.error]
    return " ".join(reason for reason in reasons[-_REMEMBERED:] if reason)[:_SUMMARY_CHARS].strip()


def _highlight(to_do: tuple[Step, ...]) -> str:
    """As the prompt shows elements, their ids behind their names; a later page's element counts where it was there already."""
    here = elements(str(to_do[0].observation.get("page", "")))
    wanted: dict[str, str] = {}
    for step in to_do:
        there = elements(str(step.observation.get("page", "")))
        for bid in _acted_on(step):
            if bid in here and bid in there and (here[bid].role, here[bid].name) == (there[bid].role, there[bid].name):
                wanted[bid] = f"{here[bid].role} {json.dumps(here[bid].name, ensure_ascii=False)} [{bid}]"
    return "; ".join(wanted.values())


def _acted_on(step: Step) -> tuple[str, ...]:
    try:
        return () if step.error else parse(step.decision.action).bids
    except ActionError:
        return ()


def _new_lines(before: Step, after: Step) -> str:
    """The lines of the next page that were not on this one, without ids, which nobody can foresee."""
    known = {_ID.sub("", line) for line in str(before.observation.get("page", "")).split("\n")}
    lines = dict.fromkeys(_ID.sub("", line) for line in str(after.observation.get("page", "")).split("\n"))
    text = "; ".join(line for line in lines if line and line not in known)
    return text[:_NEW_CHARS].strip() or "nothing"
