"""WebArena-Verified on sites of loopback: its evaluators, on what the browser really sent."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env

import symbiotic_gym  # noqa: F401 - registers the environments
from symbiotic_gym.agents.testing import FailingModel
from tests.webarena_sites import WebArenaSites

if find_spec("webarena_verified") is None:
    pytest.skip("needs the extra webarena_verified: pip install 'symbiotic-gym[webarena_verified]'", allow_module_level=True)

pytestmark = pytest.mark.browser
TODOS, MILESTONES = "/dashboard/todos", "/primer/design/-/milestones"


@pytest.fixture(scope="module")
def sites() -> Iterator[WebArenaSites]:
    with WebArenaSites() as sites:
        yield sites


@pytest.fixture(scope="module")
def env(sites: WebArenaSites) -> Iterator[gym.Env[Any, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sites.variables().items():
            patch.setenv(name, value)
        judge = FailingModel("no model is to be asked")
        env = gym.make(
            "symbiotic/webarena_verified.0-v0", judge=judge, step_timeout_s=300, reset_timeout_s=600, disable_env_checker=True
        )
        yield env
        env.close()


def report(kind: str, data: list[Any] | None = None, status: str = "SUCCESS") -> str:
    message = json.dumps({"task_type": kind, "status": status, "retrieved_data": data})
    return f"send_msg_to_user({message!r})"


def play(env: gym.Env[Any, Any], task: int, *actions: str) -> tuple[float, str]:
    env.reset(seed=1, options={"task": f"webarena_verified.{task}"})
    for action in actions:
        observation, reward, _, _, info = env.step(action)
        assert observation["last_action_error"] == "" or "outcome" in info, observation["last_action_error"]
    return float(reward), info.get("outcome", "")


SUCCESS, FAILURE = (1.0, "success"), (0.0, "failure")


def test_the_goal_says_in_what_form_to_answer(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    observation, _ = env.reset(seed=1, options={"task": "webarena_verified.0"})
    assert "best-selling product" in observation["goal"] and '"retrieved_data"' in observation["goal"]
    assert ("shopping_admin", "admin") in sites.logins


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (report("RETRIEVE", ["Quest Lumaflex™ Band"]), SUCCESS),
        (report("retrieve", ["quest lumaflex™ band"]), SUCCESS),
        (report("RETRIEVE", ["Sprite Stasis Ball"]), FAILURE),
        (report("RETRIEVE", None, "NOT_FOUND_ERROR"), FAILURE),
        ("send_msg_to_user('Quest Lumaflex™ Band')", FAILURE),
        ('send_msg_to_user(\'{"task_type": 5, "status": [], "retrieved_data": {}}\')', FAILURE),
        ("report_infeasible('no')", FAILURE),
    ],
)
def test_retrieved_data(answer: str, result: tuple[float, str], env: gym.Env[Any, Any]) -> None:
    assert play(env, 0, answer) == result


def test_a_navigation_is_seen_in_the_network(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    sites.pages["gitlab", "/"] = f"<a href='{TODOS}'>To-Do List</a>"
    assert play(env, 44, f'goto("{sites.url("gitlab")}{TODOS}")', report("NAVIGATE")) == SUCCESS
    assert play(env, 44, f'goto("{sites.url("gitlab")}/dashboard/issues")', report("NAVIGATE")) == FAILURE
    assert play(env, 44, report("NAVIGATE")) == FAILURE
    assert play(env, 44, f'goto("{sites.url("gitlab")}{TODOS}")', report("MUTATE")) == FAILURE


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"title": "product launch", "start_date": "2023-01-16", "due_date": "2023-01-30"}, SUCCESS),
        ({"title": "product launch", "start_date": "2023-01-16", "due_date": "2023-01-31"}, FAILURE),
        ({"title": "launch", "start_date": "2023-01-16", "due_date": "2023-01-30"}, FAILURE),
    ],
)
def test_a_submitted_form_is_seen_in_the_network(
    fields: dict[str, str], result: tuple[float, str], env: gym.Env[Any, Any], sites: WebArenaSites
) -> None:
    inputs = "".join(f"<input name='milestone[{name}]' value='{value}'>" for name, value in fields.items())
    sites.pages["gitlab", "/primer/design"] = (
        f"<form method='post' action='{MILESTONES}'>{inputs}<button>Create</button></form>"
    )
    observation, _ = env.reset(seed=1, options={"task": "webarena_verified.590"})
    button = next(line for line in observation["page"].splitlines() if "Create" in line)
    click = f'click("{button.split("[")[1].split("]")[0]}")'
    assert play(env, 590, click, report("MUTATE")) == result
    assert play(env, 590, report("MUTATE")) == FAILURE, "saying so is not doing so"


def test_gymnasiums_checker_passes(env: gym.Env[Any, Any]) -> None:
    env.reset(seed=1, options={"task": "webarena_verified.44"})
    check_env(env.unwrapped, skip_render_check=True)
