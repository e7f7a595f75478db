"""What a trajectory teaches: one example per step, rendered exactly as the small agent would have been asked.

Kept are the steps of successful episodes whose action ran without an error and was no mistake that the teacher made on purpose.
A step after a corrected mistake is kept: it shows the mistake in its history and error line, and what is right then.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from symbiotic_gym.actions import parse
from symbiotic_gym.agents.small import INSTRUCTIONS, PAGE_BUDGET, extend_history, prompt_asking
from symbiotic_gym.errors import ActionError
from symbiotic_gym.protocols import Message
from symbiotic_gym.trainers.further import FURTHER, further_targets
from symbiotic_gym.types import Decision, Trajectory

__all__ = ["Example", "all_examples", "examples_from", "held_back"]

_SHOWN = ("page", "tabs", "last_action_error")


@dataclass(frozen=True, kw_only=True)
class Example:
    """One step to learn from. Goes through JSON with `symbiotic_gym.types.to_json` and `from_json`."""

    task: str
    goal: str
    observation: Mapping[str, str]
    """The texts that `prompt_asking` reads."""
    history: tuple[str, ...]
    action: str
    """The target of the action task, in normal form."""
    reason: str = ""
    """The target of the reason task; empty: there is none."""
    weight: float = 1.0
    """How much all its targets count beside those of other examples, 0 or more."""
    further: Mapping[str, str] = field(default_factory=dict)
    """The targets of further tasks (`further.FURTHER`), by task."""

    @property
    def targets(self) -> dict[str, str]:
        """What is answered to each task's prompt, by task; those that are empty left out."""
        every = {**self.further, "action": self.action, "reason": self.reason}
        return {task: text for task, text in every.items() if text}

    def messages(self, task: str, *, page_budget: int = PAGE_BUDGET) -> list[Message]:
        """The prompt for a task's target: of the action and the reason, the small agent's own."""
        instruction = INSTRUCTIONS[task] if task in INSTRUCTIONS else FURTHER[task].format(action=self.action)
        return prompt_asking(instruction, self.goal, self.observation, self.history, page_budget=page_budget)


def examples_from(
    trajectories: Iterable[Trajectory], *, cap_per_task: int | None = None, further: Collection[str] = ()
) -> list[Example]:
    """The examples of all successful trajectories, in order, each (prompt, action) once, with a reason if any had one.

    Args:
        trajectories: of any agent; those that did not succeed are passed over. All actions that speculative synthesis ran were
            verified by its teacher, so its trajectories are like any other here.
        cap_per_task: at most so many examples of one task, the first ones; None: all.
        further: the further tasks whose targets are wanted too, names of `further.FURTHER`.
    """
    found: dict[tuple[str, str], Example] = {}
    count: Counter[str] = Counter()
    for trajectory in trajectories:
        if not trajectory.success:
            continue
        for _, example in all_examples(trajectory, further=further):
            key = (example.messages("action")[0]["content"], example.action)
            if key in found:
                found[key] = found[key] if found[key].reason else example
            elif cap_per_task is None or count[example.task] < cap_per_task:
                found[key] = example
                count[example.task] += 1
    return list(found.values())


def all_examples(trajectory: Trajectory, *, further: Collection[str] = ()) -> list[tuple[int, Example]]:
    """The steps of one episode that can be learnt from, however it ended, each with its place, counted from 0."""
    return list(_steps(trajectory, further))


def _steps(trajectory: Trajectory, further: Collection[str]) -> Iterable[tuple[int, Example]]:
    history: tuple[str, ...] = ()
    for place, step in enumerate(trajectory.steps):
        history = extend_history(history, step.observation)
        if step.error or _on_purpose(step.decision.extra) or held_back(step.decision):
            continue
        try:
            action = str(parse(step.decision.action))
        except ActionError:  # the environment would have refused it; a record that says otherwise is not to be learnt from
            continue
        shown = {key: step.observation[key] for key in _SHOWN if key in step.observation}
        reason = " ".join(step.decision.reason.split())
        more = further_targets(trajectory, place, further)
        example = Example(
            task=trajectory.task,
            goal=trajectory.goal,
            observation=shown,
            history=history,
            action=action,
            reason=reason,
            further=more,
        )
        yield place, example


def held_back(decision: Decision) -> bool:
    """Whether a hybrid agent's rules kept an action from being run; what stands in its place is nobody's choice."""
    told = decision.extra.get("privacy")
    return isinstance(told, Mapping) and bool(told.get("not run"))


def _on_purpose(extra: Mapping[str, Any]) -> bool:
    """Whether `ScriptedAgent(mistakes=...)`, alone or as the teacher of speculative synthesis, meant the action to be wrong."""
    return bool(extra.get("mistake") or extra.get("teacher", {}).get("mistake"))
