"""An episode as a judge or a chronicler is told it: the goal, what was done on which element, what came back, the last page.

The policy's own reasons are left out, because a policy that says that it is done persuades. So is how the episode ended. Lines
that would close the transcript's fence cannot: what a page says is content.
"""

from collections.abc import Sequence

from symbiotic_gym.actions import elements, parse
from symbiotic_gym.agents.prompt_files import fenced
from symbiotic_gym.agents.token_budget import cut_page
from symbiotic_gym.errors import ActionError
from symbiotic_gym.types import Step, Trajectory

__all__ = ["PAGE_TOKENS", "describe_steps", "last_page", "transcript"]

PAGE_TOKENS = 1000
"""Of the last page, by default."""

_ERROR_CHARS = 160


def transcript(trajectory: Trajectory, *, page_tokens: int = PAGE_TOKENS, steps: int = 30) -> str:
    """The whole episode.

    Args:
        trajectory: an episode, or the beginning of one.
        page_tokens: what the last page may take.
        steps: how many of the last steps are told; it is said how many are not.
    """
    url = trajectory.final.get("url", "")
    page = cut_page(last_page(trajectory), trajectory.goal, page_tokens)
    told = describe_steps(trajectory.steps[-steps:], start=max(0, len(trajectory.steps) - steps) + 1)
    return (
        f"<episode>\nGoal: {fenced(trajectory.goal)}\nSteps:\n{told or '(none)'}\n"
        f"The page at the end, {fenced(url) or 'without an address'}:\n{fenced(page)}\n"
        "</episode>"
    )


def describe_steps(steps: Sequence[Step], *, start: int = 1) -> str:
    """A numbered line for each step: the action, what its element was, and the error if it was refused."""
    lines = [] if start == 1 else [f"({start - 1} earlier steps)"]
    for number, step in enumerate(steps, start):
        error = " ".join(step.error.split())[:_ERROR_CHARS]
        where = _element(step)
        lines.append(f"{number}. {fenced(step.decision.action)}{where}" + (f" -> refused: {fenced(error)}" if error else ""))
    return "\n".join(lines)


def last_page(trajectory: Trajectory) -> str:
    """The last page that was seen."""
    if trajectory.final.get("page"):
        return trajectory.final["page"]
    return trajectory.steps[-1].observation.get("page", "") if trajectory.steps else ""


def _element(step: Step) -> str:
    try:
        bids = parse(step.decision.action).bids
    except ActionError:
        return ""
    on_page = elements(step.observation.get("page", ""))
    named = [on_page[bid].line for bid in bids if bid in on_page]
    return f"  on {fenced('; '.join(named))}" if named else ""
