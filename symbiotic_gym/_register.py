"""The one registry is Gymnasium's: every task of every suite gets an id there."""

import gymnasium as gym

from symbiotic_gym.suites import SUITES, load_suite

MAX_EPISODE_STEPS = {"miniwob": 20, "pocket": 30}
"""Steps after which `gym.make` truncates. BrowserGym's MiniWoB benchmark allows 10, fewer than its date picker can need;
pocket's limit is that of BrowserGym's WebArena benchmark."""


def register_environments() -> None:
    """Register `symbiotic/SUITE.TASK-v0` for every task, with string entry points so that specs pickle and turn to JSON."""
    for suite in SUITES:
        for name in load_suite(suite).tasks():
            gym.register(
                id=f"symbiotic/{suite}.{name}-v0",
                entry_point="symbiotic_gym.env:WebEnv",
                kwargs={"task": f"{suite}.{name}"},
                max_episode_steps=MAX_EPISODE_STEPS[suite],
            )
