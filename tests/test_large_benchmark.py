"""The benchmark of the large agent: arms are compared on what all of them have played, and a run that stops still reports."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from symbiotic_gym.agents.testing import ScriptedModel
from symbiotic_gym.benchmarks import large_agent
from symbiotic_gym.benchmarks.toy import TASKS, ToyEnv
from symbiotic_gym.errors import ModelError
from symbiotic_gym.knowledge import KnowledgeBase
from symbiotic_gym.rollout import Rollouts
from symbiotic_gym.store import EpisodeLog
from symbiotic_gym.types import Outcome, Trajectory

ARMS = (large_agent.Arm("plain", schema=False), large_agent.Arm("schema"))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[large_agent._Run]:
    setting = large_agent._Setting(tasks=TASKS[:2], seeds=range(7000, 7002), arms=ARMS, max_steps=8, page_tokens=600, at_once=1)
    with Rollouts(1, make_env=ToyEnv) as rollouts:
        yield large_agent._Run(setting, ScriptedModel(large_agent._first_button), KnowledgeBase(), rollouts, tmp_path)


def ended(task: str, seed: int, status: str) -> Trajectory:
    outcome = Outcome(status="invalid", kind="browser") if status == "invalid" else Outcome(status=status)  # type: ignore[arg-type]
    return Trajectory(task=task, seed=seed, goal="g", agent="a", steps=(), outcome=outcome)


def test_arms_are_compared_on_the_episodes_that_all_have_played(run: large_agent._Run) -> None:
    plain, schema = (EpisodeLog(run.out / "episodes" / f"{arm.name}.jsonl") for arm in ARMS)
    for seed, status in ((7000, "success"), (7001, "success")):
        for task in TASKS[:2]:
            plain.add(ended(task, seed, status))
    schema.add(ended(TASKS[0], 7000, "failure"))
    schema.add(ended(TASKS[1], 7000, "success"))
    schema.add(ended(TASKS[0], 7001, "invalid"))
    rows = {row.name: row for row in large_agent._rows(run)}
    assert (rows["episodes of every arm"].value, rows["episodes of every arm"].n) == (2, 4)
    assert (rows["success/plain/all"].value, rows["success/plain/all"].n) == (1.0, 2)
    found = rows["success/schema/all"]
    assert (found.value, found.n, found.peer, found.peer_value) == (0.5, 2, "plain", 1.0)
    assert (rows["invalid/schema"].value, rows["invalid/schema"].n) == (1 / 3, 3)


def test_a_seed_is_played_by_all_arms_before_the_next(run: large_agent._Run, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[tuple[str, int]] = []
    play = large_agent._play

    def noted(run: large_agent._Run, arm: large_agent.Arm, seeds: range) -> None:
        order.append((arm.name, seeds[0]))
        if len(order) == 4:
            raise ModelError("gone", outage=True)
        play(run, arm, seeds)

    monkeypatch.setattr(large_agent, "_play", noted)
    assert "gone" in large_agent._play_all(run)
    assert order == [("plain", 7000), ("schema", 7000), ("plain", 7001), ("schema", 7001)]
    rows = {row.name: row for row in large_agent._rows(run)}
    assert (rows["episodes of every arm"].value, rows["success/plain/all"].n) == (2, 2)
    assert (rows["requests a step/plain"].value or 0) >= 1


def test_prompts_of_an_episode_begin_alike(run: large_agent._Run) -> None:
    model = ScriptedModel(lambda prompt: '<reason>r</reason><action>click("2")</action>')
    agent = large_agent._maker(replace(run, model=model), ARMS[0], "toy.short")()
    agent.reset("Press them all", seed=1)
    for step, page in enumerate(('[1] button "One"\n[2] button "Two"', '[1] button "One"\n[2] button "Two" pressed')):
        last = 'click("2")' if step else ""
        seen = {"goal": "Press them all", "page": page, "url": "http://x.test/", "title": "T", "tabs": ""}
        agent.act({**seen, "last_action": last, "last_action_error": ""})  # type: ignore[typeddict-item, unused-ignore]
    first, second = (json.dumps([message["content"] for message in prompt]) for prompt in model.prompts)
    alike = next(i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    assert "Two" in first[:alike][-8:], "they differ only from where the page does"
