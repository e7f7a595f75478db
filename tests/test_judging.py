"""A judge of the user's own may do anything: what is no answer makes an episode invalid, and never a crash or a failure."""

from collections.abc import Callable
from typing import Any

import pytest

from symbiotic_gym.agents.testing import FailingModel, ScriptedModel
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError, JudgeError, ModelError
from symbiotic_gym.judging import ask_judge
from symbiotic_gym.protocols import Completion
from symbiotic_gym.types import Observation

QUESTIONS = [[{"role": "user", "content": "is it the same?"}]]


class Own:
    """A judge that does what it is told to, with no more than `generate`."""

    def __init__(self, generate: Callable[..., Any]) -> None:
        self.generate = generate


def _raise(error: BaseException) -> Any:
    raise error


WRONG: dict[str, Callable[..., Any]] = {
    "nothing": lambda prompts, sampling: None,
    "a text": lambda prompts, sampling: "correct",
    "texts": lambda prompts, sampling: ["correct"],
    "a number": lambda prompts, sampling: 1,
    "empty": lambda prompts, sampling: [],
    "too many": lambda prompts, sampling: [Completion(text="correct")] * 2,
    "no text": lambda prompts, sampling: [Completion(text=None)],  # type: ignore[arg-type]
    "a number as text": lambda prompts, sampling: [Completion(text=1)],  # type: ignore[arg-type]
    "other arguments": lambda prompts: [Completion(text="correct")],
    "an error": lambda prompts, sampling: _raise(KeyError("choices")),
    "a silent error": lambda prompts, sampling: _raise(AssertionError()),
    "a late error": lambda prompts, sampling: (1 / 0 for _ in prompts),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_answer_says_so(what: str) -> None:
    with pytest.raises(JudgeError, match="what to do") as error:
        ask_judge(Own(WRONG[what]), QUESTIONS)  # type: ignore[arg-type] # that is the point
    assert "the judge Own" in str(error.value).splitlines()[0]


def test_answers_come_in_order_and_typed_errors_pass() -> None:
    assert ask_judge(ScriptedModel(["correct", "same"]), QUESTIONS * 2) == ["correct", "same"]
    with pytest.raises(ModelError):
        ask_judge(FailingModel("overloaded"), QUESTIONS)
    with pytest.raises(ConfigError):
        ask_judge(Own(lambda *_: _raise(ConfigError("no key"))), QUESTIONS)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        ask_judge(Own(lambda *_: _raise(KeyboardInterrupt())), QUESTIONS)  # type: ignore[arg-type]


class Answers:
    """Stands for the browser's process: one step, then a verdict that depends on a judge."""

    def ensure(self, deadline_s: float) -> None: ...

    def kill(self) -> None: ...

    def call(self, name: str, deadline_s: float, **arguments: Any) -> Any:
        page: Any = {"page": "", "url": "", "title": "", "tabs": ""}
        step = {
            "observation": page,
            "reward": 0.0,
            "done": True,
            "judged_at_end": True,
            "error": "",
            "seconds": {},
            "box": None,
        }
        return {
            "reset": {"observation": page, "goal": "go"},
            "step": step,
            "conclude": {"reward": 1.0, "questions": QUESTIONS},
            "settle": 1.0,
        }[name]


@pytest.mark.parametrize("what", ["nothing", "texts", "an error"])
def test_an_episode_whose_judge_is_broken_is_invalid_and_the_next_one_is_not(what: str) -> None:
    env = WebEnv("miniwob.click-test", judge=Own(WRONG[what]))  # type: ignore[arg-type]
    env._process = Answers()  # type: ignore[assignment]
    env.reset()
    observation: Observation
    observation, reward, terminated, truncated, info = env.step("noop()")
    assert (reward, terminated, truncated, info["outcome"]) == (0.0, False, True, "invalid(judge)")
    assert "the judge Own" in observation["last_action_error"]
    env.judge = ScriptedModel(["correct"])
    env.reset()
    assert env.step("noop()")[4]["outcome"] == "success"
