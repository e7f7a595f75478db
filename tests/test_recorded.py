"""`symbiotic-gym rollout`: into a folder, interrupted, gone on with, and what it prints."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from symbiotic_gym.agents.specs import agent_maker
from symbiotic_gym.benchmarks.toy import ToyAgent, ToyEnv
from symbiotic_gym.cli import app
from symbiotic_gym.errors import ConfigError, StoreError, UnknownNameError
from symbiotic_gym.rollout.choice import choose_tasks, read_seeds
from symbiotic_gym.rollout.recorded import RolloutConfig, record_rollout
from symbiotic_gym.store import EpisodeLog, open_run
from symbiotic_gym.store.timeless import timeless
from symbiotic_gym.types import Trajectory


def config(**changes: Any) -> RolloutConfig:
    given: dict[str, Any] = {"tasks": ["toy.short", "toy.long"], "agent": "toy", "seeds": range(6), "record_screenshots": True}
    return RolloutConfig(**given | changes)


class Toy(ToyEnv):
    def __init__(self, task: str, *, observe: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(task, pictures="screenshot" in observe, **kwargs)


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symbiotic_gym.rollout.run.WebEnv", Toy)
    monkeypatch.setattr("symbiotic_gym.rollout.recorded.check_task", lambda task: task)


def timeless_of(run: Path) -> list[Trajectory]:
    return [timeless(t) for t in EpisodeLog(run / "episodes.jsonl")]


def test_the_number_of_workers_changes_nothing_that_is_on_record(tmp_path: Path) -> None:
    for workers in (1, 4):
        record_rollout(config(), ToyAgent, tmp_path / str(workers), workers=workers)
    assert timeless_of(tmp_path / "1") == timeless_of(tmp_path / "4")
    assert {f.name for f in (tmp_path / "1" / "blobs").iterdir()} == {f.name for f in (tmp_path / "4" / "blobs").iterdir()}
    run = open_run(tmp_path / "4", blobs=True)
    assert (run.state, run.problems) == ("finished", [])
    assert all(step.screenshot for t in run.episodes() for step in t.steps)
    assert all(t.final_screenshot for t in run.episodes())


def test_an_interrupted_run_goes_on_to_the_same_end(tmp_path: Path) -> None:
    whole = record_rollout(config(), ToyAgent, tmp_path / "whole").to_json()

    class Interrupted(ToyAgent):
        left = 20

        def act(self, observation: Any) -> Any:
            type(self).left -= 1
            if type(self).left < 0:
                raise KeyboardInterrupt
            return super().act(observation)

    with pytest.raises(KeyboardInterrupt):
        record_rollout(config(), Interrupted, tmp_path / "cut")
    assert 0 < len(EpisodeLog(tmp_path / "cut" / "episodes.jsonl")) < 12
    assert open_run(tmp_path / "cut").state == "interrupted"
    assert record_rollout(config(), ToyAgent, tmp_path / "cut", workers=3).to_json() == whole
    assert timeless_of(tmp_path / "cut") == timeless_of(tmp_path / "whole")
    assert json.loads((tmp_path / "cut" / "metrics.json").read_text())["finished"] is True


def test_another_config_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    record_rollout(config(), ToyAgent, tmp_path / "r")
    with pytest.raises(StoreError, match="max_steps"):
        record_rollout(config(max_steps=3), ToyAgent, tmp_path / "r")


def test_what_cannot_be_played_makes_no_folder(tmp_path: Path) -> None:
    out = tmp_path / "r"
    common = ["rollout", "miniwob.click-test", "--agent", "scripted", "--out", str(out)]
    for more in (["miniwob.click-test"], ["--max-steps", "0"], ["--workers", "0"], ["--retries", "-1"]):
        done = CliRunner().invoke(app, [*common, *more])
        assert done.exit_code == 2 and "what to do" in done.output
        assert not out.exists()


def test_faults_are_counted_beside_the_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symbiotic_gym.rollout.run.WebEnv", partial(Toy, faults=1.0))
    few = config(tasks=["toy.short"], seeds=range(4))
    tally = record_rollout(few, ToyAgent, tmp_path / "r", retries=1)
    assert (tally.invalid, tally.success.n, tally.retried) == ({"browser": 4}, 0, 4)
    assert len(EpisodeLog(tmp_path / "r" / "episodes.jsonl").spoiled()) == 4
    monkeypatch.setattr("symbiotic_gym.rollout.run.WebEnv", Toy)
    again = record_rollout(few, ToyAgent, tmp_path / "r", retries=1)
    assert again.invalid == {"browser": 4}, "what was given up was played again"
    mended = record_rollout(few, ToyAgent, tmp_path / "r", retries=2)
    assert (mended.invalid, mended.success.n) == ({}, 4), "with one more try it was not"
    assert [t.attempt for t in EpisodeLog(tmp_path / "r" / "episodes.jsonl")] == [2] * 4


def test_the_command_prints_intervals_and_goes_on(tmp_path: Path) -> None:
    arguments = ["rollout", "toy.short", "--agent", "symbiotic_gym.benchmarks.toy:ToyAgent", "--seeds", "0-3"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("symbiotic_gym.rollout.choice.check_task", lambda task: task)
        done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "r")])
        assert done.exit_code == 0, done.output
        assert "toy.short" in done.stdout and "95 % interval" in done.stdout
        assert CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "r")]).stdout == done.stdout
        wrong = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "r"), "--backend", "rays"])
    assert wrong.exit_code == 2 and "backend = 'rays'" in wrong.stderr


@pytest.mark.parametrize(("text", "seeds"), [("0", [0]), ("0-3", [0, 1, 2, 3]), ("5,1-2", [5, 1, 2])])
def test_seeds_are_read(text: str, seeds: list[int]) -> None:
    assert read_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "3-1", "1,1", "0-9999999999", "-1", "1--2"])
def test_seeds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="seeds = "):
        read_seeds(text)


def test_tasks_are_chosen_by_name_or_by_conditions() -> None:
    assert choose_tasks(["symbiotic/miniwob.click-test-v0"]) == ["miniwob.click-test"]
    assert choose_tasks((), suite="miniwob", contains="click-test") == [
        "miniwob.click-test",
        "miniwob.click-test-2",
        "miniwob.click-test-transfer",
    ]
    for named, contains in (([], ""), (["miniwob.click-test"], "x"), ([], "no such task")):
        with pytest.raises(ConfigError):
            choose_tasks(named, contains=contains)


def test_agents_are_named() -> None:
    assert agent_maker("null")().name == "null"
    assert agent_maker("symbiotic_gym.benchmarks.toy:ToyAgent") is ToyAgent
    assert agent_maker("openai:m@http://127.0.0.1:1/v1")().name == "large(m)"
    assert agent_maker("openai:m@http://127.0.0.1:1/v1")().concurrent
    with pytest.raises(ConfigError, match="nearest: random"):
        agent_maker("randm")
    with pytest.raises(UnknownNameError, match="no_such_module"):
        agent_maker("no_such_module:Agent")
