"""The engine: nothing lost, nothing doubled, infrastructure faults told apart, results independent of how many play at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from symbiotic_gym.actions import elements
from symbiotic_gym.errors import BrowserError, ModelError
from symbiotic_gym.rollout import Episode, Rollouts, rollout
from symbiotic_gym.store import EpisodeLog
from symbiotic_gym.types import Decision, Observation, Trajectory


class FakeEnv:
    """Three steps to success; stands in for a browser where only the engine is under test."""

    def __init__(self, task: str, faults: dict[tuple[str, int], int] | None = None) -> None:
        self.faults = {} if faults is None else faults
        self.closed = False

    def reset(self, *, seed: int, options: dict[str, str]) -> tuple[Observation, dict[str, Any]]:
        self.key, self.count = (options["task"], seed), 0
        if self.faults.get(self.key, 0) >= 100:
            raise BrowserError("no browser")
        return self._see(""), {}

    def step(self, action: str) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        self.count += 1
        if self.faults.get(self.key, 0) > 0:
            self.faults[self.key] -= 1
            return (
                self._see(action),
                0.0,
                False,
                True,
                {"outcome": "invalid(browser)", "error": "died", "error_kind": "browser"},
            )
        won = self.count == 3
        return self._see(action), float(won), won, False, {"outcome": "success"} if won else {}

    def _see(self, action: str) -> Observation:
        return {"goal": f"goal {self.key}", "page": f"page {self.count}", "last_action": action, "last_action_error": ""}

    def close(self) -> None:
        self.closed = True


class Counter:
    """Decides in batches and writes down who was in them."""

    batches: list[list[str]]

    def __init__(self, batches: list[list[str]]) -> None:
        self.batches = batches

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        self.goal, self.seed = goal, seed

    def act(self, observation: Observation) -> Decision:
        return type(self).act_batch([self], [observation])[0]

    @classmethod
    def act_batch(cls, agents: Sequence["Counter"], observations: Sequence[Observation]) -> list[Decision]:
        agents[0].batches.append([o["goal"] + o["page"] for o in observations])
        return [Decision(action=f"noop({i})") for i, _ in enumerate(agents)]


EPISODES = [Episode("t", seed) for seed in range(7)]


def play(
    tmp_path: Path | None = None, *, faults: dict[tuple[str, int], int] | None = None, **options: Any
) -> tuple[list[Any], list[list[str]]]:
    batches: list[list[str]] = []
    log = EpisodeLog(tmp_path / "e.jsonl") if tmp_path else None
    with Rollouts(3, make_env=lambda task: FakeEnv(task, faults)) as rollouts:  # type: ignore[arg-type,return-value]
        return rollouts.run(EPISODES, lambda: Counter(batches), name="c", log=log, **options), batches


def test_all_episodes_are_there_in_order() -> None:
    trajectories, batches = play()
    assert [(t.task, t.seed, str(t.outcome), len(t.steps), t.reward) for t in trajectories] == [
        ("t", seed, "success", 3, 1.0) for seed in range(7)
    ]
    assert [len(batch) for batch in batches] == [3, 3, 3, 3, 3, 3, 1, 1, 1]
    assert trajectories[2].steps[1].observation["page"] == "page 1"
    assert trajectories[2].final["page"] == "page 3"


def test_too_many_refused_actions_truncate() -> None:
    class Refusing(FakeEnv):
        def _see(self, action: str) -> Observation:
            seen = super()._see(action)
            return {**seen, "last_action_error": "refused" if action else ""}

    with Rollouts(2, make_env=Refusing) as rollouts:  # type: ignore[arg-type]
        trajectories = rollouts.run(EPISODES[:2], lambda: Counter([]), name="r", max_refused=2)
    assert {(str(t.outcome), len(t.steps)) for t in trajectories} == {("truncated", 2)}


def test_too_many_steps_truncate() -> None:
    trajectories, _ = play(max_steps=2)
    assert {str(t.outcome) for t in trajectories} == {"truncated"}
    assert {len(t.steps) for t in trajectories} == {2}


def test_a_spoiled_episode_is_tried_again_and_then_invalid() -> None:
    trajectories, _ = play(faults={("t", 1): 2, ("t", 4): 3, ("t", 5): 100})
    outcomes = {t.seed: (str(t.outcome), t.attempt) for t in trajectories}
    assert outcomes[1] == ("success", 2)
    assert outcomes[4] == ("invalid(browser)", 2)
    assert outcomes[5] == ("invalid(browser)", 2)
    assert outcomes[0] == outcomes[6] == ("success", 0)


def test_a_failing_model_makes_invalid_episodes() -> None:
    class Broken(Counter):
        @classmethod
        def act_batch(cls, agents: Sequence[Counter], observations: Sequence[Observation]) -> list[Decision]:
            raise ModelError("endpoint is gone")

    with Rollouts(2, make_env=FakeEnv) as rollouts:  # type: ignore[arg-type]
        trajectories = rollouts.run(EPISODES[:2], lambda: Broken([]), name="b")
    assert {str(t.outcome) for t in trajectories} == {"invalid(model)"}


def test_an_outage_ends_the_run_and_the_same_call_goes_on(tmp_path: Path) -> None:
    class Flaky(Counter):
        out = False
        calls = 0

        @classmethod
        def act_batch(cls, agents: Sequence[Counter], observations: Sequence[Observation]) -> list[Decision]:
            cls.calls += 1
            if cls.out and cls.calls > 4:
                raise ModelError("endpoint is gone", outage=True)
            return super().act_batch(agents, observations)

    def played() -> list[Trajectory]:
        log, batches = EpisodeLog(tmp_path / "e.jsonl"), []  # type: ignore[var-annotated]
        with Rollouts(2, make_env=FakeEnv) as rollouts:  # type: ignore[arg-type]
            return rollouts.run(EPISODES, lambda: Flaky(batches), name="f", log=log)

    Flaky.out = True
    with pytest.raises(ModelError, match="gone"):
        played()
    before = len(EpisodeLog(tmp_path / "e.jsonl"))
    assert 0 < before < len(EPISODES)
    Flaky.out = False
    assert {str(t.outcome) for t in played()} == {"success"}
    assert len(EpisodeLog(tmp_path / "e.jsonl")) == len(EPISODES)


def test_finished_episodes_are_not_played_again(tmp_path: Path) -> None:
    first, _ = play(tmp_path)
    again, batches = play(tmp_path)
    assert again == first
    assert batches == []


def test_an_interrupted_wave_is_replayed_as_it_was(tmp_path: Path) -> None:
    whole, batches = play(tmp_path)
    lines = (tmp_path / "e.jsonl").read_text().splitlines(keepends=True)
    for kept in range(7):
        (tmp_path / "e.jsonl").write_text("".join(lines[:kept]))
        again, replayed = play(tmp_path, whole_waves=True)
        assert [(t.seed, t.outcome) for t in again] == [(t.seed, t.outcome) for t in whole]
        assert replayed == batches[3 * (kept // 3) :], "a batch had other members than in the uninterrupted run"
        assert len(EpisodeLog(tmp_path / "e.jsonl")) == 7


def test_a_policy_of_ones_own_needs_only_act() -> None:
    class Bare:
        def act(self, observation: Observation) -> str:
            return 'click("1")'

    with Rollouts(2, make_env=FakeEnv) as rollouts:  # type: ignore[arg-type]
        [trajectory] = rollouts.run(EPISODES[:1], Bare, name="bare")
    assert trajectory.success
    assert trajectory.steps[0].decision.action == 'click("1")'


class Clicker:
    """Clicks the button the goal names."""

    def act(self, observation: Observation) -> str:
        for element in elements(observation["page"]).values():
            if element.name and element.name in observation["goal"]:
                return f'click("{element.bid}")'
        return "noop(10)"


@pytest.mark.browser
def test_results_do_not_depend_on_the_number_of_workers() -> None:
    def played(workers: int) -> list[Any]:
        trajectories = rollout(["miniwob.click-test-2", "miniwob.click-link"], Clicker, range(3), workers=workers, max_steps=3)
        return [
            (t.task, t.seed, t.outcome, [s.decision.action for s in t.steps], [s.observation for s in t.steps])
            for t in trajectories
        ]

    assert played(1) == played(3)
