"""Many environments as one: in lock-step through Gymnasium's own vectorisers, and each at its own pace through ours."""

import copy
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space, create_shared_memory, read_from_shared_memory, write_to_shared_memory

import symbiotic_gym  # noqa: F401 - registers the environments
from symbiotic_gym.actions import elements
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError, DeadlineError, SiteError
from symbiotic_gym.shared import SLOT_BYTES
from symbiotic_gym.spaces import Picture, Unicode
from symbiotic_gym.types import OBSERVATION_KEYS
from symbiotic_gym.vector import WebVectorEnv

ID = "symbiotic/miniwob.click-test-2-v0"


def click(page: str, name: str) -> str:
    return next(f'click("{e.bid}")' for e in elements(page).values() if e.name == name)


@pytest.fixture(scope="module")
def envs() -> Iterator[WebVectorEnv]:
    envs = gym.make_vec(ID, num_envs=2)
    assert isinstance(envs, WebVectorEnv), "our own entry point is the default"
    yield envs
    envs.close()


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_texts_and_pictures_of_any_size_cross_shared_memory(context: Any) -> None:
    space = gym.spaces.Dict({"page": Unicode(), "screenshot": Picture()})
    memory: Any = create_shared_memory(space, n=2, ctx=multiprocessing.get_context(context))
    seen: Any = read_from_shared_memory(space, memory, n=2)
    for text, shape in (("é\ud800 short", (2, 3, 3)), ("ü" * SLOT_BYTES, (300, 400, 3)), ("short again", (1, 2, 3))):
        picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        value: Any = {"page": text, "screenshot": picture}
        write_to_shared_memory(space, 1, value, memory)
        copied = copy.deepcopy(seen)
        assert copied["page"] == ("", text)
        assert np.array_equal(copied["screenshot"][1], picture)
        assert batch_space(space, 2).contains(copied)
    value = {"page": "later", "screenshot": picture}
    write_to_shared_memory(space, 1, value, memory)
    assert copied["page"][1] == "short again", "a copy stays as it is"
    assert seen["page"][1] == "later", "what was not copied is what the memory holds now"


def test_the_batch_space_samples() -> None:
    space = batch_space(gym.spaces.Dict({"page": Unicode(), "screenshot": Picture()}), 3)
    assert space.contains(space.sample())


@pytest.mark.browser
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_gymnasiums_vectorisers_work_with_default_arguments(mode: str) -> None:
    envs = gym.make_vec(ID, num_envs=2, vectorization_mode=mode, observe=("screenshot",))
    try:
        observations, _ = envs.reset(seed=5)
        assert envs.observation_space.contains(observations)
        assert observations["screenshot"][0].shape == (214, 332, 3)
        observations, rewards, terminations, _, infos = envs.step([click(page, "ONE") for page in observations["page"]])
        assert list(rewards) == [1.0, 1.0] and terminations.all()
        assert list(infos["outcome"]) == ["success", "success"]
    finally:
        envs.close()


@pytest.mark.browser
def test_lock_step_is_gymnasiums(envs: WebVectorEnv) -> None:
    observations, infos = envs.reset(seed=5)
    assert envs.observation_space.contains(observations)
    assert list(infos["seed"]) == [5, 6], "environment i gets seed + i"
    actions = [click(observations["page"][0], "ONE"), "noop(1)"]
    _, rewards, terminations, truncations, infos = envs.step(actions)
    assert list(rewards) == [1.0, 0.0] and list(terminations) == [True, False] and not truncations.any()
    observations, rewards, terminations, _, _ = envs.step(["noop(1)", "noop(1)"])
    assert list(terminations) == [False, False], "the one that was over has been reset, and its action ignored"
    assert observations["last_action"] == ("", "noop(1)")


@pytest.mark.browser
def test_each_environment_steps_when_it_likes(envs: WebVectorEnv) -> None:
    envs.reset(seed=5)
    began = time.monotonic()
    envs.send(["noop(3000)", "noop(1)"], [0, 1])
    ready = envs.recv()
    assert list(ready.env_ids) == [1] and time.monotonic() - began < 3
    envs.send(["noop(2)"], ready.env_ids)
    with pytest.raises(ConfigError, match="busy"):
        envs.send(["noop(1)"], [0])
    assert [r.env_ids[0] for r in (envs.recv(), envs.recv())] == [1, 0]
    with pytest.raises(ConfigError, match="never return"):
        envs.recv()


@pytest.mark.browser
def test_each_environment_may_play_a_task_of_its_own(envs: WebVectorEnv) -> None:
    tasks = ["miniwob.click-test", "miniwob.click-test-2"]
    observations, infos = envs.reset(seed=1, options={"task": tasks})
    assert list(infos["task"]) == tasks
    envs.send_reset([0], seeds=[7], options=[{"task": "miniwob.click-test-2"}])
    ready = envs.recv()
    assert ready.infos == [{"task": "miniwob.click-test-2", "seed": 7}]
    assert envs.single_observation_space.contains(ready.observations[0])
    kept = observations["page"][1]
    observations, _ = envs.reset(seed=1, options={"reset_mask": np.array([True, False])})
    assert observations["page"][1] == kept


@pytest.mark.browser
def test_a_wait_ends_and_nothing_is_lost(envs: WebVectorEnv) -> None:
    envs.reset(seed=5)
    envs.send(["noop(1)", "noop(4000)"], [0, 1])
    with pytest.raises(DeadlineError):
        envs.recv(2, timeout_s=1.0)
    assert sorted(envs.recv(2).env_ids) == [0, 1]


@pytest.mark.browser
def test_without_autoreset_an_ended_episode_wants_a_reset() -> None:
    envs = gym.make_vec(ID, num_envs=1, autoreset_mode=AutoresetMode.DISABLED, max_episode_steps=1)
    try:
        with pytest.raises(gym.error.ResetNeeded):
            envs.unwrapped.send(["noop(1)"], [0])  # type: ignore[attr-defined]
        envs.reset(seed=1)
        _, _, _, truncations, _ = envs.step(["noop(1)"])
        assert truncations.all()
        with pytest.raises(gym.error.ResetNeeded):
            envs.step(["noop(1)"])
    finally:
        envs.close()


@pytest.mark.browser
def test_a_close_in_the_middle_of_a_step_ends_it_as_invalid() -> None:
    env = WebEnv("miniwob.click-test", step_timeout_s=100, reset_timeout_s=250)
    env.reset(seed=1)
    with ThreadPoolExecutor(1) as pool:
        step = pool.submit(env.step, "noop(5000)")
        time.sleep(1)
        env.close()
        _, _, _, truncated, info = step.result(60)
    assert truncated and info["outcome"] == "invalid(browser)"
    assert env.processes() == []


class Fails(gym.Env[Any, Any]):
    """An environment whose resets fail until it is mended."""

    broken = True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        if self.broken:
            raise SiteError("the site is down")
        return dict.fromkeys(OBSERVATION_KEYS, "mended"), {}


def test_after_a_reset_that_failed_the_next_one_goes_on() -> None:
    envs = WebVectorEnv(3, task="miniwob.click-test")
    envs.envs = [Fails() for _ in range(3)]
    envs.envs[1].broken = False  # type: ignore[attr-defined]
    with pytest.raises(SiteError, match="is down"):
        envs.reset()
    for env in envs.envs:
        env.broken = False  # type: ignore[attr-defined]
    observations, _ = envs.reset()
    assert observations["page"] == ("mended",) * 3
    for wrong in ([0, 0], [0, 3], [-1, 0]):
        with pytest.raises(ConfigError, match=r"busy|no environment"):
            envs.send_reset(wrong)
    with pytest.raises(ConfigError, match="0 are busy"):
        envs.recv()
    envs.close()


class Answers:
    """Stands for a browser with a task that is judged at the end, and is a success then."""

    def ensure(self, deadline_s: float) -> None: ...

    def call(self, name: str, deadline_s: float, **arguments: Any) -> Any:
        seen = {"observation": dict.fromkeys(OBSERVATION_KEYS, ""), "goal": "g"}
        step = {**seen, "reward": 0.0, "done": False, "judged_at_end": True, "error": "", "seconds": {}, "box": None}
        return {"reset": seen, "step": step, "conclude": {"reward": 1.0, "questions": []}}[name]

    def close(self) -> None: ...


def test_what_is_judged_at_the_end_is_judged_at_the_step_limit() -> None:
    envs = gym.make_vec("symbiotic/webarena.3-v0", num_envs=1, max_episode_steps=2)
    assert isinstance(envs.unwrapped, WebVectorEnv)
    envs.unwrapped.envs[0].unwrapped._process = Answers()  # type: ignore[attr-defined]
    envs.reset()
    assert list(envs.step(["noop()"])[1]) == [0.0]
    _, rewards, _, truncations, infos = envs.step(["noop()"])
    assert (list(rewards), list(truncations), list(infos["outcome"])) == ([1.0], [True], ["success"])
    envs.close()


def test_what_cannot_be_done_is_refused() -> None:
    with pytest.raises(ConfigError, match="NextStep"):
        WebVectorEnv(1, task="miniwob.click-test", autoreset_mode=AutoresetMode.SAME_STEP)
