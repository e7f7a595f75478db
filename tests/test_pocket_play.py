"""Pocket in the browser: oracles reach their goals, near misses do not, and environments share nothing."""

from collections.abc import Iterator

import gymnasium as gym
import pytest

import symbiotic_gym  # noqa: F401 - registers the environments
from symbiotic_gym.benchmarks.pocket_validity import measure
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.pocket.oracle import OracleAgent
from symbiotic_gym.pocket.tasks import templates
from symbiotic_gym.pocket.trial import checks

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def envs() -> Iterator[tuple[WebEnv, WebEnv]]:
    made = WebEnv("pocket.shop.subscribe"), WebEnv("pocket.shop.subscribe")
    yield made
    for env in made:
        env.close()


def test_every_template_has_a_registered_id() -> None:
    registered = {name for name in gym.registry if name.startswith("symbiotic/pocket.")}
    assert registered == {f"symbiotic/pocket.{name}-v0" for name in templates()}


def test_oracles_are_worth_1_and_near_misses_0() -> None:
    todo = list(checks(["shop.remove-from-cart", "shop.move-order", "admin.restock-wish"], [4]))
    trials = measure(todo, workers=1)
    assert [(trial.check, trial.verdict) for trial in trials if not trial.right] == []
    assert {trial.check.expected for trial in trials} == {0.0, 1.0}


def test_the_other_arrangement_can_be_played_too() -> None:
    todo = [
        check
        for check in checks(["shop.cheapest-in-category", "admin.move-order-on", "wiki.add-category"], [1])
        if check.kind == "oracle"
    ]
    assert [trial.verdict for trial in measure(todo, workers=1, theme="ledger") if not trial.right] == []


def test_one_seed_is_one_first_page_and_nothing_leaks(envs: tuple[WebEnv, WebEnv]) -> None:
    one, other = envs
    agent = OracleAgent()
    first, _ = one.reset(seed=7)
    beside, _ = other.reset(seed=7)
    assert first == beside
    observation = first
    agent.reset(first["goal"])
    for _ in range(2):  # ticks the box and saves, without saying so
        observation, *_ = one.step(agent.act(observation).action)
    assert "Your newsletter settings were saved." in observation["page"]
    assert "checked" in observation["page"]
    untouched, *_ = other.step('goto("http://shop.pocket/account/newsletter")')
    assert "checked" not in untouched["page"]
    assert one.reset(seed=7)[0] == first


def test_an_episode_ends_when_something_is_said(envs: tuple[WebEnv, WebEnv]) -> None:
    env = envs[0]
    observation, _ = env.reset(seed=3)
    agent = OracleAgent()
    agent.reset(observation["goal"])
    rewards, done = [], False
    while not done:
        decision = agent.act(observation)
        assert decision.reason
        observation, reward, done, _, info = env.step(decision.action)
        rewards.append(reward)
    assert rewards == [0.0, 0.0, 1.0]
    assert info["outcome"] == "success"


def test_other_sites_do_not_resolve_and_other_arguments_are_refused(envs: tuple[WebEnv, WebEnv]) -> None:
    envs[0].reset(seed=3)
    observation, *_ = envs[0].step('goto("http://example.com/")')
    assert "lies outside the task's sites" in observation["last_action_error"]
    env = WebEnv("pocket.shop.subscribe", task_kwargs={"theme": "midnight"})
    with pytest.raises(ConfigError, match="ledger"):
        env.reset(seed=3)
    env.close()
