"""The price of speculation, measured in parts: a run that was cut off comes to what one in one piece comes to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from symbiotic_gym.benchmarks.speculation import RECORDED, play_arms
from symbiotic_gym.benchmarks.toy import TASKS, ToyAgent, ToyEnv
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.trainers.candidates import CandidateCache
from symbiotic_gym.trainers.pairs import teacher_cost
from symbiotic_gym.trainers.speculative import SpeculativeAgent
from symbiotic_gym.types import Decision, Observation, Trajectory, Usage

INSTANCES = [Episode(TASKS[0], seed) for seed in range(4)]


class TwoWorlds(ToyEnv):
    """Every second seed is the same instance, so that something on record is met again."""

    def reset(self, *, seed: int, options: dict[str, str]) -> tuple[Observation, dict[str, Any]]:
        return super().reset(seed=seed % 2, options=options)


class Teacher(ToyAgent):
    """The toy agent, with a price."""

    asked = 0

    def act(self, observation: Observation) -> Decision:
        Teacher.asked += 1
        decision = super().act(observation)
        return Decision(action=decision.action, usage=Usage(requests=1, prompt_tokens=10, completion_tokens=2))


def arms() -> dict[str, Callable[[], Any]]:
    cache = CandidateCache()
    return {
        "teacher alone": Teacher,
        "candidate list": lambda: SpeculativeAgent(ToyAgent(), Teacher()),
        RECORDED: lambda: SpeculativeAgent(ToyAgent(), Teacher(), cache=cache),
    }


def play(out: Path, stop_after: int = 99) -> dict[str, list[Trajectory]]:
    told: list[str] = []

    def note(arm: str) -> None:
        told.append(arm)
        if len(told) == stop_after:
            raise KeyboardInterrupt

    with Rollouts(1, make_env=TwoWorlds) as rollouts:
        return dict(play_arms(arms(), INSTANCES, rollouts, out, max_steps=10, on_episode=note))


@pytest.mark.parametrize(("stop_after", "asked"), [(2, 4 + 8 + 4), (6, 4 + 4), (10, 4), (12, 0)])
def test_a_run_that_was_cut_off_goes_on_and_comes_to_the_same_price(tmp_path: Path, stop_after: int, asked: int) -> None:
    """Two steps an episode, four episodes an arm, and half of them on record for the arm that remembers."""
    whole = play(tmp_path / "whole")
    assert teacher_cost(whole[RECORDED]).requests == 4
    with pytest.raises(KeyboardInterrupt):
        play(tmp_path / "cut", stop_after=stop_after)
    Teacher.asked = 0
    resumed = play(tmp_path / "cut")
    assert Teacher.asked == asked, "for nothing that is there already; the arm that remembers begins again"
    assert resumed.keys() == whole.keys()
    for arm, episodes in whole.items():
        assert [t.success for t in resumed[arm]] == [t.success for t in episodes]
        assert teacher_cost(resumed[arm]) == teacher_cost(episodes)
