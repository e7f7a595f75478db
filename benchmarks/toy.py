"""An environment without a browser, and its agent: for measuring and breaking the engine and the store, not any task.

Everything but the clock is a function of task, seed and the actions: a page shows two numbers, the right action names the
greater. The agent is wrong now and then, so that episodes end in all ways. Steps and decisions take as long as is asked for.
"""

import os
import random
import time
from typing import Any

import numpy as np

from symbiotic_gym.errors import BrowserError
from symbiotic_gym.types import Decision, Observation

__all__ = ["TASKS", "ToyAgent", "ToyEnv"]

TASKS = ("toy.short", "toy.middle", "toy.long")
_STEPS = {"toy.short": 2, "toy.middle": 4, "toy.long": 7}


class ToyEnv:
    """Stands in for `WebEnv`.

    Args:
        task: one of `TASKS`; `reset` names others.
        step_s: seconds a step takes.
        faults: share of the episodes, in [0, 1], that a fault spoils; which ones is chance.
        pictures: whether observations have a screenshot.
    """

    def __init__(self, task: str, *, step_s: float = 0.0, faults: float = 0.0, pictures: bool = False) -> None:
        self.task = task
        self._step_s = step_s
        self._faults = faults
        self._pictures = pictures
        self._chance = random.Random(os.urandom(8))

    def reset(self, *, seed: int, options: dict[str, str]) -> tuple[Observation, dict[str, Any]]:
        """Begin an instance.

        Raises:
            BrowserError: this is one of the episodes to spoil, at its start.
        """
        self.task, self._right, self._number = options["task"], 0, 0
        self._random = random.Random(f"{self.task} {seed}")
        spoiled = self._chance.random() < self._faults
        self._fails_at = self._chance.randrange(_STEPS[self.task] + 1) if spoiled else -1
        if self._fails_at == 0:
            raise BrowserError("an injected fault: the browser did not start")
        time.sleep(self._step_s)
        return self._look("", ""), {}

    def step(self, action: str) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Name the greater number."""
        time.sleep(self._step_s)
        self._number += 1
        if self._number == self._fails_at:
            told = {"outcome": "invalid(browser)", "error": "an injected fault: the browser died", "error_kind": "browser"}
            return self._look(action, "it died"), 0.0, False, True, told
        right = action == f'click("{max(self._shown)}")'
        self._right += right
        over = self._number == _STEPS[self.task]
        won = over and self._right == self._number
        info = {"outcome": "success" if won else "failure"} if over else {}
        return self._look(action, "" if right else "that is the smaller one"), float(won), over, False, info

    def conclude(self) -> tuple[float, dict[str, Any]]:
        """End it here."""
        return 0.0, {"outcome": "truncated"}

    def close(self) -> None:
        """Nothing to end."""

    def _look(self, action: str, error: str) -> Observation:
        self._shown = self._random.sample(range(1000), 2)
        page = "\n".join(f'[{number}] button "{number}"' for number in self._shown)
        seen: Observation = {"goal": "Name the greater number.", "page": page, "url": "http://toy.test/", "title": self.task}
        if self._pictures:
            seen["screenshot"] = np.full((8, 8, 3), self._shown[0] % 256, np.uint8)
        return {**seen, "tabs": "", "last_action": action, "last_action_error": error}


class ToyAgent:
    """Names the greater number, and one time in twelve the smaller.

    Args:
        think_s: seconds of a decision: from the first to the second, drawn by the episode's seed.
    """

    name = "toy"

    def __init__(self, think_s: tuple[float, float] = (0.0, 0.0)) -> None:
        self._think_s = think_s
        self.reset("")

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Begin the decisions of `seed`."""
        self._random = random.Random(seed)

    def act(self, observation: Observation) -> Decision:
        """Think, then name one."""
        time.sleep(self._random.uniform(*self._think_s))
        numbers = [int(line[1 : line.index("]")]) for line in observation["page"].splitlines()]
        wrong = self._random.random() < 1 / 12
        return Decision(action=f'click("{(min if wrong else max)(numbers)}")', reason="It is the greater.", source=self.name)
