"""The engine: nothing lost, nothing doubled, infrastructure faults told apart, results independent of how many play at once."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from symbiotic_gym.actions import elements
from symbiotic_gym.errors import BrowserError, ConfigError, ModelError
from symbiotic_gym.rollout import Episode, Rollouts, rollout
from symbiotic_gym.store import EpisodeLog
from symbiotic_gym.store.blobs import Blobs
from symbiotic_gym.types import Decision, Observation, Outcome, Trajectory


class FakeEnv:
    """Three steps to success; stands in for a browser where only the engine is under test."""

    def __init__(self, task: str, faults: dict[tuple[str, int], int] | None = None) -> None:
        self.key: tuple[str, int] = ("", 0)
        self.count = 0
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

    def conclude(self) -> tuple[float, dict[str, Any]]:
        return 0.0, {"outcome": "truncated"}

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
    with Rollouts(3, make_env=lambda task: FakeEnv(task, faults)) as rollouts:
        return rollouts.run(EPISODES, lambda: Counter(batches), name="c", log=log, **options), batches


def test_all_episodes_are_there_in_order() -> None:
    trajectories, batches = play(whole_waves=True)
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

    with Rollouts(2, make_env=Refusing) as rollouts:
        trajectories = rollouts.run(EPISODES[:2], lambda: Counter([]), name="r", max_refused=2)
    assert {(str(t.outcome), len(t.steps)) for t in trajectories} == {("truncated", 2)}


def test_too_many_steps_truncate() -> None:
    trajectories, _ = play(max_steps=2)
    assert {str(t.outcome) for t in trajectories} == {"truncated"}
    assert {len(t.steps) for t in trajectories} == {2}


def test_what_is_cut_off_is_judged_as_it_stands() -> None:
    class Judged(FakeEnv):
        def conclude(self) -> tuple[float, dict[str, Any]]:
            if self.key[1] == 1:
                return 0.0, {"outcome": "invalid(judge)", "error": "no judge", "error_kind": "judge"}
            return 1.0, {"outcome": "success"}

    with Rollouts(2, make_env=Judged) as rollouts:
        done, unjudged = rollouts.run(EPISODES[:2], lambda: Counter([]), name="j", max_steps=2)
    assert (str(done.outcome), done.reward, len(done.steps)) == ("success", 1.0, 2)
    assert (str(unjudged.outcome), unjudged.reward, unjudged.attempt) == ("invalid(judge)", 0.0, 2)


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

    with Rollouts(2, make_env=FakeEnv) as rollouts:
        trajectories = rollouts.run(EPISODES[:2], lambda: Broken([]), name="b")
    assert {str(t.outcome) for t in trajectories} == {"invalid(model)"}


def test_an_outage_ends_the_run_and_the_same_call_goes_on(tmp_path: Path) -> None:
    class Flaky(Counter):
        out = False
        calls = 0

        @classmethod
        def act_batch(cls, agents: Sequence[Counter], observations: Sequence[Observation]) -> list[Decision]:
            cls.calls += 1
            if cls.out and cls.calls > 9:
                raise ModelError("endpoint is gone", outage=True)
            return super().act_batch(agents, observations)

    def played() -> list[Trajectory]:
        log, batches = EpisodeLog(tmp_path / "e.jsonl"), []  # type: ignore[var-annotated]
        with Rollouts(2, make_env=FakeEnv) as rollouts:
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
    whole, batches = play(tmp_path, whole_waves=True)
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

    with Rollouts(2, make_env=FakeEnv) as rollouts:
        [trajectory] = rollouts.run(EPISODES[:1], Bare, name="bare")
    assert trajectory.success
    assert trajectory.steps[0].decision.action == 'click("1")'


def test_no_environment_waits_for_anothers_model_call() -> None:
    """Two agents whose calls wait for each other: in step, or one after the other, neither would ever come back."""
    meeting = threading.Barrier(2, timeout=20)

    class Meets:
        def act(self, observation: Observation) -> str:
            if observation["page"] == "page 1":
                meeting.wait()
            return "noop()"

    with Rollouts(2, make_env=FakeEnv) as rollouts:
        assert all(t.success for t in rollouts.run(EPISODES[:2], Meets, name="m"))


def test_what_waits_while_the_model_is_busy_is_asked_together() -> None:
    busy = threading.Event()
    batches: list[list[str]] = []

    class Slow(Counter):
        @classmethod
        def act_batch(cls, agents: Sequence[Counter], observations: Sequence[Observation]) -> list[Decision]:
            if not busy.is_set():
                busy.set()
                time.sleep(0.5)
            return super().act_batch(agents, observations)

    with Rollouts(4, make_env=FakeEnv) as rollouts:
        rollouts.run(EPISODES[:4], lambda: Slow(batches), name="s")
    assert max(len(batch) for batch in batches) >= 2
    assert sum(len(batch) for batch in batches) == 12


@pytest.mark.parametrize("batched", [False, True])
def test_a_model_that_hangs_spoils_its_episode_alone(batched: bool) -> None:
    hang = threading.Event()

    class Hangs(Counter):
        def act(self, observation: Observation) -> Decision:
            return type(self).act_batch([self], [observation])[0]

        @classmethod
        def act_batch(cls, agents: Sequence[Counter], observations: Sequence[Observation]) -> list[Decision]:
            if any("1)page 1" in o["goal"] + o["page"] for o in observations):
                hang.wait(30)
            return super().act_batch(agents, observations)

    class Alone:
        def __init__(self) -> None:
            self.inner = Hangs([])

        def act(self, observation: Observation) -> Decision:
            return self.inner.act(observation)

    started = time.monotonic()
    with Rollouts(1, make_env=FakeEnv, retries=1) as rollouts:
        made = (lambda: Hangs([])) if batched else Alone
        trajectories = rollouts.run(EPISODES[:3], made, name="h", act_timeout_s=0.5)
    hang.set()
    assert [str(t.outcome) for t in trajectories] == ["success", "invalid(model)", "success"]
    assert trajectories[1].attempt == 1
    assert time.monotonic() - started < 20


def test_an_episode_that_takes_too_long_is_invalid_and_not_cut_short() -> None:
    class Slow(FakeEnv):
        def step(self, action: str) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
            time.sleep(0.2 if self.key[1] == 1 else 0)
            return super().step(action)

    with Rollouts(2, make_env=Slow, retries=0) as rollouts:
        trajectories = rollouts.run(EPISODES[:3], lambda: Counter([]), name="s", episode_timeout_s=0.3)
    assert [str(t.outcome) for t in trajectories] == ["success", "invalid(deadline)", "success"]


def test_every_invalid_try_is_on_record_and_goes_on_counting(tmp_path: Path) -> None:
    made: list[FakeEnv] = []
    faults = {("t", 1): 2}

    def make(task: str) -> FakeEnv:
        made.append(FakeEnv(task, faults))
        return made[-1]

    log = EpisodeLog(tmp_path / "e.jsonl")
    with Rollouts(1, make_env=make, retries=1) as rollouts:
        [trajectory] = rollouts.run(EPISODES[1:2], lambda: Counter([]), name="c", log=log)
    assert str(trajectory.outcome) == "invalid(browser)"
    assert [(str(t.outcome), t.attempt, t.outcome.message) for t in log.spoiled()] == [("invalid(browser)", 0, "died")]
    assert len(made) == 2 and made[0].closed, "the second try got the environment that the first had spoiled"
    log = EpisodeLog(tmp_path / "e.jsonl")
    with Rollouts(1, make_env=make, retries=2) as rollouts:
        [trajectory] = rollouts.run(EPISODES[1:2], lambda: Counter([]), name="c", log=log)
    assert (str(trajectory.outcome), trajectory.attempt) == ("success", 2)
    assert [t.attempt for t in EpisodeLog(tmp_path / "e.jsonl").spoiled()] == [0, 1]


def test_what_a_policy_raises_ends_the_run_and_keeps_what_ended(tmp_path: Path) -> None:
    class Wrong(Counter):
        @classmethod
        def act_batch(cls, agents: Sequence[Counter], observations: Sequence[Observation]) -> list[Decision]:
            if any("5)" in o["goal"] for o in observations):
                raise ZeroDivisionError("a mistake in the policy")
            return super().act_batch(agents, observations)

    log = EpisodeLog(tmp_path / "e.jsonl")
    with Rollouts(1, make_env=FakeEnv) as rollouts, pytest.raises(ZeroDivisionError):
        rollouts.run(EPISODES, lambda: Wrong([]), name="w", log=log)
    assert len(EpisodeLog(tmp_path / "e.jsonl")) == 5


@pytest.mark.parametrize("answers", [lambda n: [], lambda n: [None] * n, lambda n: [Decision(action="noop()")] * (n + 1)])
def test_a_batch_of_anything_but_decisions_ends_the_run_in_words(answers: Any) -> None:
    class Wrong(Counter):
        @classmethod
        def act_batch(cls, agents: Sequence[Counter], observations: Sequence[Observation]) -> list[Decision]:
            found: list[Decision] = answers(len(agents))
            return found

    with Rollouts(2, make_env=FakeEnv) as rollouts, pytest.raises(ConfigError, match=r"Wrong\.act_batch returned"):
        rollouts.run(EPISODES, lambda: Wrong([]), name="w", act_timeout_s=20.0)


@pytest.mark.parametrize(
    "limits",
    [
        {"max_steps": 0},
        {"max_refused": 0},
        {"act_timeout_s": -1.0},
        {"act_timeout_s": 0.0},
        {"episode_timeout_s": float("nan")},
    ],
)
def test_limits_that_let_nothing_end_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        play(**limits)


def test_an_episode_that_is_asked_for_twice_is_refused() -> None:
    with Rollouts(1, make_env=FakeEnv) as rollouts, pytest.raises(ConfigError, match="t with seed 3 is asked for twice"):
        rollouts.run([*EPISODES, EPISODES[3]], lambda: Counter([]), name="c")


def test_fewer_than_no_retries_are_refused() -> None:
    with pytest.raises(ConfigError, match="retries = -1"):
        Rollouts(1, make_env=FakeEnv, retries=-1)


class Bare:
    """A policy of a user's own."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1

    def act(self, observation: Observation) -> str:
        return "noop()"


def needs_more(observation: Observation) -> str:
    return "noop()"


@pytest.mark.parametrize(
    ("agent", "given"), [(Bare(), "the agent Bare"), (needs_more, "needs_more, which cannot be called"), ("noop()", "a str")]
)
def test_what_makes_no_agents_is_refused_in_words(agent: Any, given: str) -> None:
    with pytest.raises(ConfigError, match=given) as error:
        rollout(["miniwob.click-test"], agent, [0])
    assert "rollout(tasks, MyPolicy, seeds)" in str(error.value)


@pytest.mark.parametrize("workers", [0, -1])
def test_a_number_of_workers_that_plays_nothing_is_refused(workers: int) -> None:
    with pytest.raises(ConfigError, match=f"workers = {workers}"):
        rollout(["miniwob.click-test"], Bare, [0], workers=workers)


def test_no_agent_is_made_that_does_not_play(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symbiotic_gym.rollout.run.WebEnv", FakeEnv)
    Bare.made = 0
    trajectories = rollout(["symbiotic/miniwob.click-test-v0"], Bare, range(5), workers=2)
    assert [(t.task, t.agent, t.success) for t in trajectories] == [("miniwob.click-test", "Bare", True)] * 5
    assert Bare.made == 2


class Clicker:
    """Clicks the button the goal names."""

    def act(self, observation: Observation) -> str:
        for element in elements(observation["page"]).values():
            if element.name and element.name in observation["goal"]:
                return f'click("{element.bid}")'
        return "noop(10)"


@pytest.mark.browser
class Discreet(Counter):
    """Keeps secrets; its model fails where it is told to."""

    fails = False

    @classmethod
    def act_batch(cls, agents: Sequence["Counter"], observations: Sequence[Observation]) -> list[Decision]:
        if cls.fails:
            raise ModelError("no answer to page 0")
        return [Decision(action=f"noop({i})") for i, _ in enumerate(agents)]

    def record(self, trajectory: Trajectory) -> Trajectory:
        steps = tuple(replace(step, observation={"page": "hidden"}) for step in trajectory.steps)
        return replace(trajectory, goal="hidden", steps=steps, final={"page": "hidden"}, outcome=Outcome(status="failure"))

    def record_picture(self, observation: Observation) -> NDArray[np.uint8] | None:
        return None if "page 0" in observation["page"] else observation["screenshot"]


class Seen(FakeEnv):
    def _see(self, action: str) -> Observation:
        return {**super()._see(action), "screenshot": np.full((2, 2, 3), self.count, np.uint8)}


@pytest.mark.parametrize("fails", [False, True])
def test_an_agent_has_its_say_in_what_is_kept_even_of_an_episode_its_model_failed_in(
    fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Discreet, "fails", fails)
    log, blobs = EpisodeLog(tmp_path / "e.jsonl"), Blobs(tmp_path)
    with Rollouts(1, make_env=Seen, retries=0) as rollouts:
        (kept,) = rollouts.run(EPISODES[:1], lambda: Discreet([]), name="d", log=log, blobs=blobs)
    assert (kept.goal, kept.final, str(kept.outcome)) == ("hidden", {"page": "hidden"}, "failure")
    assert "page 0" not in (tmp_path / "e.jsonl").read_text()
    assert [bool(step.screenshot) for step in kept.steps] == ([] if fails else [False, True, True])
    assert bool(kept.final_screenshot) == (not fails)


def test_results_do_not_depend_on_the_number_of_workers() -> None:
    def played(workers: int) -> list[Any]:
        trajectories = rollout(["miniwob.click-test-2", "miniwob.click-link"], Clicker, range(3), workers=workers, max_steps=3)
        return [
            (t.task, t.seed, t.outcome, [s.decision.action for s in t.steps], [s.observation for s in t.steps])
            for t in trajectories
        ]

    assert played(1) == played(3)


def test_in_step_nobody_is_waited_for_who_has_nothing_to_play(tmp_path: Path) -> None:
    """Episodes of one wave are of 1, 2 and 3 steps, so that workers run out of jobs while others still decide."""

    class Uneven(FakeEnv):
        def step(self, action: str) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
            seen, _, _, _, _ = super().step(action)
            won = self.count == 1 + self.key[1] % 3
            return seen, float(won), won, False, {"outcome": "success"} if won else {}

    batches: list[list[str]] = []
    with Rollouts(3, make_env=Uneven) as rollouts:
        played = rollouts.run(EPISODES, lambda: Counter(batches), name="c", whole_waves=True, act_timeout_s=60)
    assert [(len(t.steps), t.attempt) for t in played] == [(1, 0), (2, 0), (3, 0), (1, 0), (2, 0), (3, 0), (1, 0)]
    assert [len(batch) for batch in batches] == [3, 2, 1, 3, 2, 1, 1]
