"""`WebEnv`'s contract with Gymnasium, and that it outlives its browser."""

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import symbiotic_gym  # noqa: F401 - registers the environments
from symbiotic_gym.actions import elements
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError, UnknownNameError
from symbiotic_gym.spaces import Picture
from symbiotic_gym.suites.miniwob import TASKS
from symbiotic_gym.types import OBSERVATION_KEYS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def env() -> Iterator[WebEnv]:
    env = WebEnv("miniwob.click-test-2", step_timeout_s=8.0, reset_timeout_s=20.0)
    yield env
    env.close()


def bid(page: str, name: str) -> str:
    return next(e.bid for e in elements(page).values() if e.name == name)


def test_task_names_are_browsergyms() -> None:
    from browsergym.miniwob import ALL_MINIWOB_TASKS

    assert sorted(TASKS) == sorted(task.subdomain for task in ALL_MINIWOB_TASKS)


def test_every_task_has_a_registered_id() -> None:
    registered = {i for i in gym.registry if i.startswith("symbiotic/miniwob.")}
    assert registered == {f"symbiotic/miniwob.{name}-v0" for name in TASKS}


def test_gymnasiums_checker_passes() -> None:
    env = gym.make("symbiotic/miniwob.click-test-2-v0", render_mode="rgb_array")
    check_env(env.unwrapped)
    env.close()


def test_spec_round_trips() -> None:
    spec = gym.spec("symbiotic/miniwob.click-checkboxes-v0")
    assert gym.envs.registration.EnvSpec.from_json(spec.to_json()).kwargs == {"task": "miniwob.click-checkboxes"}
    assert pickle.loads(pickle.dumps(spec)).id == spec.id


def test_spaces_sample_and_hold_observations(env: WebEnv) -> None:
    observation, _ = env.reset(seed=0)
    assert set(observation) == set(OBSERVATION_KEYS)
    assert env.observation_space.contains(observation)
    assert env.observation_space.contains(env.observation_space.sample())
    assert env.action_space.contains(env.action_space.sample())


def test_right_and_wrong_answers_are_told_apart(env: WebEnv) -> None:
    observation, _ = env.reset(seed=3)
    _, reward, terminated, truncated, info = env.step(f'click("{bid(observation["page"], "ONE")}")')
    assert (reward, terminated, truncated, info["outcome"]) == (1.0, True, False, "success")
    with pytest.raises(gym.error.ResetNeeded):
        env.step("noop(1)")
    observation, _ = env.reset(seed=3)
    _, reward, terminated, _, info = env.step(f'click("{bid(observation["page"], "TWO")}")')
    assert (reward, terminated, info["outcome"]) == (0.0, True, "failure")


def test_one_seed_is_one_instance(env: WebEnv) -> None:
    task = {"task": "miniwob.click-checkboxes"}
    first, _ = env.reset(seed=11, options=task)
    other, _ = env.reset(seed=12)
    again, _ = env.reset(seed=11)
    assert first == again
    assert first["goal"] != other["goal"]
    env.reset(options={"task": "miniwob.click-test-2"})


@pytest.mark.parametrize(
    ("action", "complaint"),
    [
        ('I will click("12")', "not one call"),
        ('click("99999")', "Could not find element"),
        ('goto("file:///etc/passwd")', "http"),
        ('fill("BUTTON", "x")', "element id"),
    ],
)
def test_a_refused_action_is_explained_and_changes_nothing(env: WebEnv, action: str, complaint: str) -> None:
    before, _ = env.reset(seed=1)
    after, reward, terminated, truncated, _ = env.step(action)
    assert complaint in after["last_action_error"]
    assert after["last_action"] == action
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert after["page"] == before["page"]


def test_nothing_but_the_task_resolves(env: WebEnv) -> None:
    env.reset(seed=1)
    observation, *_ = env.step('goto("http://localhost:8080/")')
    assert "outside the task's sites" in observation["last_action_error"]


def test_spans_that_listen_for_clicks_have_an_id(env: WebEnv) -> None:
    observation, _ = env.reset(seed=1, options={"task": "miniwob.click-link"})
    wanted = observation["goal"].split('"')[1]
    _, reward, *_ = env.step(f'click("{bid(observation["page"], wanted)}")')
    assert reward == 1.0
    env.reset(options={"task": "miniwob.click-test-2"})


def test_choosing_an_option_by_click(env: WebEnv) -> None:
    observation, _ = env.reset(seed=1, options={"task": "miniwob.choose-list"})
    wanted = observation["goal"].removeprefix("Select ").split(" from the list")[0]
    observation, *_ = env.step(f'click("{bid(observation["page"], wanted)}")')
    assert f'value="{wanted}"' in observation["page"]
    _, reward, *_ = env.step(f'click("{bid(observation["page"], "Submit")}")')
    assert reward == 1.0
    env.reset(options={"task": "miniwob.click-test-2"})


def test_a_dead_worker_costs_one_episode(env: WebEnv) -> None:
    env.reset(seed=1)
    _, worker, *_ = env.processes()
    os.kill(worker, signal.SIGKILL)
    _, reward, terminated, truncated, info = env.step("noop(1)")
    assert (reward, terminated, truncated, info["outcome"]) == (0.0, False, True, "invalid(browser)")
    observation, _ = env.reset(seed=1)
    assert "ONE" in observation["page"]


def test_a_hung_worker_costs_no_more_than_its_deadline(env: WebEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    env.reset(seed=1)
    _, worker, *_ = env.processes()
    os.kill(worker, signal.SIGSTOP)
    monkeypatch.setattr(env, "step_timeout_s", 1.0)
    _, _, _, truncated, info = env.step("noop(1)")
    assert (truncated, info["outcome"]) == (True, "invalid(deadline)")
    observation, _ = env.reset(seed=1)
    assert "ONE" in observation["page"]


def test_works_inside_a_running_event_loop_and_from_any_thread(env: WebEnv) -> None:
    async def in_a_notebook() -> str:
        return env.reset(seed=1)[0]["page"]

    pages = [asyncio.run(in_a_notebook())]
    thread = threading.Thread(target=lambda: pages.append(env.reset(seed=1)[0]["page"]))
    thread.start()
    thread.join()
    assert pages[0] == pages[1] != ""


def test_opt_in_parts_and_rendering() -> None:
    env = WebEnv("miniwob.click-test", observe=("screenshot", "axtree", "dom", "extra"), render_mode="rgb_array")
    observation, _ = env.reset(seed=1)
    assert observation["screenshot"].shape == (214, 332, 3)
    assert observation["screenshot"].dtype == np.uint8
    assert len(np.unique(observation["screenshot"])) > 10, "a blank picture"
    assert "Click Me!" in observation["axtree"]
    assert "<button" in observation["dom"]
    assert '"bbox"' in observation["extra"]
    assert env.observation_space.contains(observation)
    picture = env.render()
    assert picture is not None and picture.shape == (214, 332, 3)
    line = env._process._line
    env.close()
    env.close()
    assert line is not None and not line.alive


def test_gymnasiums_wrappers_work() -> None:
    env = gym.make("symbiotic/miniwob.click-test-2-v0", max_episode_steps=2)
    recorded = gym.wrappers.RecordEpisodeStatistics(env)
    observation, _ = recorded.reset(seed=3)
    *_, info = recorded.step(f'click("{bid(observation["page"], "ONE")}")')
    assert (info["episode"]["r"], info["episode"]["l"]) == (1.0, 1)
    recorded.reset(seed=3)
    assert [recorded.step("noop(1)")[3] for _ in range(2)] == [False, True], "TimeLimit truncates"
    recorded.close()


def test_episodes_are_recorded_as_videos(tmp_path: Path) -> None:
    pytest.importorskip("moviepy", reason="RecordVideo writes through moviepy, which `pip install moviepy` brings")
    env = gym.make("symbiotic/miniwob.click-test-2-v0", render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moviepy's own
        video = gym.wrappers.RecordVideo(env, str(tmp_path), episode_trigger=lambda _: True, disable_logger=True)
        video.reset(seed=3)
        video.step("noop(1)")
        video.close()  # type: ignore[no-untyped-call]
    assert [file.stat().st_size > 1000 for file in tmp_path.glob("*.mp4")] == [True]


_PLAY = """
import json, symbiotic_gym
from symbiotic_gym.actions import elements
from symbiotic_gym.env import WebEnv
env, log = WebEnv("miniwob.click-checkboxes"), []
observation, info = env.reset(seed=21)
log.append([observation, info])
boxes = [e for e in elements(observation["page"]).values() if e.role == "checkbox"]
for action in [f'click("{e.bid}")' for e in boxes if e.name in observation["goal"]] + ["scroll(0, 100)"]:
    observation, reward, *_, info = env.step(action)
    log.append([observation, reward, info])
submit = next(e.bid for e in elements(observation["page"]).values() if e.name == "Submit")
log.append(env.step(f'click("{submit}")'))
env.close()
print(json.dumps(log))
"""


def test_one_seed_is_one_trajectory_in_any_process() -> None:
    def play(hash_seed: str) -> list[Any]:
        played = subprocess.run(
            [sys.executable, "-c", _PLAY],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
        )
        trajectory: list[Any] = json.loads(played.stdout)
        return trajectory

    first = play("1")
    assert first == play("2")
    assert first[-1][1:] == [1.0, True, False, {"outcome": "success"}]


def test_what_was_not_asked_for_is_not_made(env: WebEnv) -> None:
    observation, _ = env.reset(seed=1)
    assert not set(observation) & {"screenshot", "axtree", "dom", "extra"}


def test_a_known_viewport_is_a_box_and_an_unknown_one_any_picture() -> None:
    known: Any = WebEnv("miniwob.click-test", observe=("screenshot",), viewport=(400, 300)).observation_space
    assert known["screenshot"] == gym.spaces.Box(0, 255, (300, 400, 3), np.uint8)
    unknown: Any = WebEnv("miniwob.click-test", observe=("screenshot",)).observation_space
    assert unknown["screenshot"] == Picture()


def test_a_long_page_says_that_it_is_cut(env: WebEnv) -> None:
    short = WebEnv("miniwob.click-checkboxes-large", max_page_lines=5)
    try:
        observation, _ = short.reset(seed=1)
        lines = observation["page"].split("\n")
        assert len(lines) == 6 and lines[-1].endswith("lines below are left out; scroll down to see them)")
    finally:
        short.close()


@pytest.mark.browser
def test_arguments_that_the_task_does_not_take_are_no_fault_of_the_browsers() -> None:
    env = WebEnv("miniwob.click-test", instance="one", step_timeout_s=300, reset_timeout_s=600)
    try:
        with pytest.raises(ConfigError, match="instance"):
            env.reset(seed=1)
    finally:
        env.close()


def test_unknown_names_say_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="click-checkboxes"):
        WebEnv("miniwob.click-checkbox")
    with pytest.raises(UnknownNameError, match="miniwob"):
        WebEnv("minwob.click-test")
    with pytest.raises(ConfigError, match="screenshot"):
        WebEnv("miniwob.click-test", observe=("screenshots",))
    with pytest.raises(ConfigError, match="rgb_array"):
        WebEnv("miniwob.click-test", render_mode="human")
