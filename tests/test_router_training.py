"""The router of hybrid mode `learned`, trained on run folders by its command."""

import random
from pathlib import Path

import pytest

from symbiotic_gym.agents.privacy_router import Router, describe, labelled
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.store import EpisodeLog
from symbiotic_gym.trainers import router_training
from symbiotic_gym.types import Acceptance, Candidate, Decision, Outcome, Step, Trajectory

PAGE = '[1] button "a"\n[2] button "b"'


def episode(seed: int, *, verified: bool = True) -> Trajectory:
    """A student whose doubt tells, nine times of ten, that its teacher disagrees."""
    draw = random.Random(seed)
    steps = []
    for _ in range(8):
        sure = draw.random() < 0.5
        accepted = sure if draw.random() < 0.9 else not sure
        proposal = Candidate(action='click("1")')
        verdict = Acceptance(accepted=accepted, why="", proposal=proposal, verifier="v") if verified else None
        extra = {"student": {"logprob": -0.02 if sure else -2.5}}
        decision = Decision(action='click("2")', acceptance=verdict, extra=extra)
        steps.append(Step(observation={"page": PAGE}, decision=decision, reward=0.0))
    return Trajectory(task="t", seed=seed, goal="", agent="a", steps=tuple(steps), outcome=Outcome(status="success"))


def test_the_command_learns_from_a_run_and_says_how_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = EpisodeLog(tmp_path / "run" / "episodes" / "01-synthesize.jsonl")
    for seed in range(40):
        log.add(episode(seed))
    out = tmp_path / "router.json"
    assert router_training.main([str(tmp_path / "run"), "--out", str(out)]) == 0
    right, disagreed = capsys.readouterr().out.splitlines()
    assert "(n=0)" not in right and right.partition("(n=")[2] == disagreed.partition("(n=")[2]
    router = Router.load(out)
    seen = {"page": PAGE}
    sure, unsure = (describe(seen, Decision(action='click("1")', extra={"logprob": p}), step=3) for p in (-0.02, -2.5))
    assert router.chance(sure) < 0.5 < router.chance(unsure)
    _, shares = router_training.train_router([episode(seed) for seed in range(40)])
    assert shares["right"].value > 0.75 > max(shares["disagreed"].value, 1 - shares["disagreed"].value)


def without(episodes: list[Trajectory], left_out: Trajectory) -> dict[str, float]:
    return router_training.train_router([one for one in episodes if one is not left_out])[0].weights


def test_the_held_out_episodes_teach_nothing() -> None:
    episodes = [episode(seed) for seed in range(10)]
    weights = router_training.train_router(episodes)[0].weights
    held_out = [one for one in episodes if without(episodes, one) == weights]
    assert 0 < len(held_out) < 10
    again = router_training.train_router([*episodes, *held_out])  # the same instances a second time, of another run
    assert again[0].weights == weights


def test_runs_without_speculation_are_told() -> None:
    with pytest.raises(ConfigError, match="0 of 9 episodes with verified proposals"):
        router_training.train_router([episode(seed, verified=False) for seed in range(9)])


def test_doubt_is_the_chance_of_having_answered_otherwise() -> None:
    doubts = {round(features["uncertain"], 4) for features, _ in labelled([episode(0)])}
    assert doubts == {0.0198, 0.9179}, "1 - exp(logprob)"
    assert describe({"page": PAGE}, Decision(action="noop()"), step=0)["uncertain"] == 0.0
    certain = describe({"page": PAGE}, Decision(action="noop()", extra={"logprob": 1e-9}), step=0)
    assert certain["uncertain"] == 0.0
    stated = describe({"page": PAGE}, Decision(action="noop()", extra={"uncertainty": 0.4}), step=0)
    assert stated["uncertain"] == 0.4
