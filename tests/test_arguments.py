"""Arguments of no sense are refused when an environment is made, in words; nothing here starts a browser."""

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import symbiotic_gym  # noqa: F401 - registers the environments
from symbiotic_gym.agents.testing import ScriptedModel
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError, SymbioticError, UnknownNameError
from symbiotic_gym.vector import WebVectorEnv

ID = "symbiotic/miniwob.click-test-v0"
NUMBERS: tuple[Any, ...] = ("12", None, math.nan, math.inf, -1, True, [], 1j)
NONSENSE: list[tuple[str, Any]] = [
    *(("step_timeout_s", value) for value in (*NUMBERS, 0, 0.0, 1e300, 10**400)),
    *(("reset_timeout_s", value) for value in (*NUMBERS, 0)),
    *(("max_page_lines", value) for value in (*NUMBERS, 0, 1.5)),
    *(("memory_limit_mb", value) for value in (*NUMBERS, 1.5)),
    *(
        ("viewport", value)
        for value in ("800x600", 800, (800,), (800, 600, 3), (0, 600), (800, -600), (800.0, 600), (800, math.nan))
    ),
    *(("viewport", value) for value in ((True, True), {"width": 800, "height": 600}, (10**9, 10**9), ("800", "600"), ())),
    *(("uploads", value) for value in (5, "", "/no/such/folder", __file__, "a\0b", b"/tmp", ["/tmp"], "a" * 5000)),
    *(("judge", value) for value in ("openai:gpt", 5, ScriptedModel, lambda prompts: "correct", True)),
    *(("observe", value) for value in ("screenshot", 5, None, (5,), (None,), ("screenshots",))),
    *(("render_mode", value) for value in (5, "human", "", True)),
    *(("headless", value) for value in ("no", 0, None)),
    *(("task_kwargs", value) for value in ("x", 5, [("a", 1)], {1: 2}, {"a": object()}, {"a": {1, 2}})),
    ("instance", 5),
]


@pytest.mark.parametrize(("argument", "value"), NONSENSE, ids=lambda given: repr(given).split(" at 0x")[0][:30])
def test_nonsense_is_refused_in_four_parts_when_the_environment_is_made(argument: str, value: Any) -> None:
    # Gymnasium reads a render mode before we do
    make: Any = WebEnv if argument == "render_mode" else partial(gym.make, disable_env_checker=True)
    with pytest.raises(ConfigError, match=argument) as error:
        make("miniwob.click-test" if make is WebEnv else ID, **{argument: value})
    said = str(error.value).splitlines()
    assert [line.split(":")[0].strip() for line in said[1:]] == ["expected", "why it matters", "what to do"]
    assert len(said[0]) < 300, "however long the value is"


def test_what_makes_sense_is_taken(tmp_path: Path) -> None:
    env = WebEnv(
        "miniwob.click-test",
        viewport=[np.int64(800), 600],  # type: ignore[arg-type] # a spec that was JSON has a list
        max_page_lines=np.int32(5),  # type: ignore[arg-type]
        step_timeout_s=np.float32(0.5),  # type: ignore[arg-type]
        reset_timeout_s=1,
        memory_limit_mb=0,
        uploads=tmp_path,
        judge=ScriptedModel(["correct"]),
        observe=["screenshot"],
    )
    assert env.observation_space["screenshot"].shape == (600, 800, 3)  # type: ignore[index]
    options = env._process.options
    assert json.loads(json.dumps(options)) == options | {"observe": ["screenshot"], "viewport": [800, 600]}
    assert options["uploads"] == str(tmp_path)


@pytest.mark.parametrize("num_envs", [0, -1, [], None, "2", 1.5, True])
def test_so_are_numbers_of_environments(num_envs: Any) -> None:
    with pytest.raises(ConfigError, match="num_envs"):
        WebVectorEnv(num_envs, task="miniwob.click-test")


@pytest.mark.parametrize(("argument", "value"), [("max_episode_steps", 0), ("max_episode_steps", "9"), ("autoreset_mode", "x")])
def test_and_the_rest_of_a_vector_environment(argument: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=argument):
        WebVectorEnv(1, task="miniwob.click-test", **{argument: value})


@pytest.mark.parametrize("task", [None, 5, ["miniwob.click-test"]])
def test_a_task_is_a_text(task: Any) -> None:
    with pytest.raises(ConfigError, match=r"miniwob\.click-test"):
        WebEnv(task)
    with pytest.raises(ConfigError, match="task id"):
        WebEnv("miniwob.click-test").reset(options={"task": task})


@pytest.mark.parametrize("kwargs", [{}, {"task_kwargs": {"start_url": "http://a.test/"}}, {"task_kwargs": {"goal": "x"}}])
@pytest.mark.parametrize("task", ["openended.go", "openended", "symbiotic/openended-v0"])
def test_the_open_ended_task_says_what_it_lacks(task: str, kwargs: Any) -> None:
    with pytest.raises(ConfigError, match="start_url" if "start_url" not in str(kwargs) else "goal") as error:
        WebEnv(task, **kwargs)
    assert "symbiotic/openended-v0" in str(error.value)
    env = WebEnv("miniwob.click-test")
    with pytest.raises(ConfigError, match="start_url"):
        env.reset(options={"task": task})
    assert env.task == "miniwob.click-test"


@pytest.mark.parametrize("options", ["task", 5, {"seed": 3}, [("task", "x")]])
def test_options_are_a_mapping_of_what_is_known(options: Any) -> None:
    with pytest.raises(SymbioticError, match="options"):
        WebEnv("miniwob.click-test").reset(options=options)


def test_a_browsergym_id_names_a_task() -> None:
    with pytest.raises(UnknownNameError):
        WebEnv("browsergym")
