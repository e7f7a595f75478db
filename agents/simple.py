"""Agents without a model: the one that does nothing, the one that does anything, the one that repeats an episode.

The null agent must score 0 on every task that is worth its name; the random one is the baseline; replay checks that a recorded
success can be had again.
"""

import random
import re

from symbiotic_gym.actions import VERBS, Element, elements, format_action, parse
from symbiotic_gym.errors import ActionError
from symbiotic_gym.types import Decision, Observation, Step, Trajectory

__all__ = ["NullAgent", "RandomAgent", "ReplayAgent"]

_TYPED = frozenset({"textbox", "searchbox", "spinbutton"})
_CHOICES = frozenset({"option", "menuitem"})


class NullAgent:
    """Always waits. Whatever it solves measures nothing."""

    name = "null"

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Nothing to forget."""

    def act(self, observation: Observation) -> Decision:
        """Wait for a moment."""
        return Decision(action="noop()", source=self.name)


class RandomAgent:
    """A random well-formed action on a random element of the page; texts are words of the goal.

    Args:
        seed: of the episodes that are reset without one.
    """

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.reset("")

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Start the sequence of `seed`: the same seed and the same pages give the same actions."""
        self._random = random.Random(self._seed if seed is None else seed)
        self._words = re.findall(r"\w+", goal) or ["text"]

    def act(self, observation: Observation) -> Decision:
        """Draw an element, then what its role allows."""
        on_page = list(elements(observation["page"]).values())
        if not on_page:
            return Decision(action=format_action("scroll", delta_x=0.0, delta_y=200.0), source=self.name)
        return Decision(action=self._on(self._random.choice(on_page), on_page), source=self.name)

    def _on(self, element: Element, on_page: list[Element]) -> str:
        if element.role in _TYPED:
            return format_action("fill", bid=element.bid, value=self._random.choice(self._words))
        choices = [other.name for other in on_page if other.role in _CHOICES and other.name]
        if element.role == "combobox" and choices:
            return format_action("select_option", bid=element.bid, options=(self._random.choice(choices),))
        return format_action("click", bid=element.bid)


class ReplayAgent:
    """Repeats the actions of a recorded episode, then waits.

    Ids are translated: when the recorded action named the second link "Next", the second link "Next" of the page at hand is
    used, whatever its id is now. An element that is not there any more keeps its recorded id.
    """

    def __init__(self, trajectory: Trajectory) -> None:
        self.name = f"replay({trajectory.agent})"
        self._steps = trajectory.steps
        self._next = 0

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Start over with the first step."""
        self._next = 0

    def act(self, observation: Observation) -> Decision:
        """The next recorded action."""
        if self._next >= len(self._steps):
            return Decision(action="noop()", source=self.name)
        step = self._steps[self._next]
        self._next += 1
        return Decision(action=_translate(step, observation["page"]), reason=step.decision.reason, source=self.name)


def _translate(step: Step, page: str) -> str:
    try:
        action = parse(step.decision.action)
    except ActionError:
        return step.decision.action
    then = elements(step.observation.get("page", ""))
    now = {(e.role, e.name, e.rank): e.bid for e in elements(page).values()}
    arguments = dict(action.arguments)
    for parameter in VERBS[action.verb].parameters:
        old = then.get(str(arguments[parameter.name])) if parameter.kind == "bid" else None
        if old is not None:
            arguments[parameter.name] = now.get((old.role, old.name, old.rank), old.bid)
    return format_action(action.verb, **arguments)
