"""The one registry is Gymnasium's: every task of every suite gets an id there."""

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from symbiotic_gym.suites import SUITES, VERSION, load_suite

MAX_EPISODE_STEPS: dict[str, int | None] = {
    "miniwob": 20,
    "pocket": 30,
    "webarena": 30,
    "webarena_lite": 30,
    "webarena_verified": 30,
    "openended": None,
    "browsergym": None,
}
"""Steps after which `gym.make` truncates.

MiniWoB: BrowserGym's benchmark allows 10, fewer than its date picker can need. WebArena: 30, as its authors and BrowserGym
run it; Pocket has WebArena's limit.
"""


def register_environments() -> None:
    """Register `symbiotic/SUITE.TASK-v0` for every task, with string entry points so that specs pickle and turn to JSON.

    `gymnasium.register` compares each new id with all others, which for 2,000 ids takes 0.2 s of every import; the registry is
    a dictionary, and is filled as one.
    """
    for suite in SUITES:
        for name in load_suite(suite).tasks():
            _add(f"{suite}.{name}", "symbiotic_gym.env:WebEnv", MAX_EPISODE_STEPS[suite], {"task": f"{suite}.{name}"})
    _add("openended", "symbiotic_gym.suites.openended:make_open_ended", MAX_EPISODE_STEPS["openended"], {})
    _add("browsergym", "symbiotic_gym.env:WebEnv", MAX_EPISODE_STEPS["browsergym"], {})


def _add(name: str, entry_point: str, max_episode_steps: int | None, kwargs: dict[str, str]) -> None:
    spec = EnvSpec(
        id=f"symbiotic/{name}-{VERSION}",
        entry_point=entry_point,
        vector_entry_point="symbiotic_gym.vector:WebVectorEnv" if kwargs else None,
        max_episode_steps=max_episode_steps,
        kwargs=kwargs,
        nondeterministic=not name.startswith(("miniwob.", "pocket.")),  # a real website has a state that no seed sets
    )
    gym.registry[spec.id] = spec
