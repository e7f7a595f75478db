"""The flat loop and the full trainer, held against each other: the same losses, the same rates, the same weights."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import load_file

from symbiotic_gym.store import EpisodeLog
from symbiotic_gym.trainers import minimal
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.minimal import learning_rate_at, train_minimal
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory
from tests.tiny import tiny_model

CONFIG = DistillerConfig(
    batch_size=4,
    micro_batch_size=2,
    epochs=2,
    learning_rate=5e-3,
    warmup=0.25,
    weight_decay=0.1,
    lora_r=4,
    lora_alpha=8,
    dtype="float32",
    device="cpu",
)
EXAMPLES = [
    Example(
        task="t",
        goal=f"Press {i}.",
        observation={"page": "\n".join(f'[{j}] button "{j}"' for j in range(20, 20 + i % 5)) + f'\n[{i}] button "{i}"'},
        history=(),
        action=f'click("{i}")',
        reason=f"It is {i}. " * (i % 3),
        weight=0.9 + i % 3 / 10,
    )
    for i in range(30, 40)
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_it_trains_as_the_distiller_does(base: Path, tmp_path: Path, schedule: Literal["cosine", "linear"]) -> None:
    config = replace(CONFIG, schedule=schedule)
    flat = train_minimal(config, EXAMPLES, tmp_path / "flat", base_model=base)
    full = distill(config, EXAMPLES, tmp_path / "full", base_model=base)
    assert len(flat) == len(full.losses) == 5, "10 examples, 4 to a step, twice"
    for one, other in zip(flat, full.losses, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-8)
    assert flat[0]["action"] > flat[-1]["action"], "and they learn something"
    expected = load_file(tmp_path / "full" / "adapter" / "adapter_model.safetensors")
    found = load_file(tmp_path / "flat" / "adapter_model.safetensors")
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=3e-4, rtol=1e-3)


def test_it_goes_on_from_an_adapter_as_the_distiller_does(base: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=1, lambda_reason=0.0)
    train_minimal(config, EXAMPLES, tmp_path / "first", base_model=base)
    flat = train_minimal(config, EXAMPLES, tmp_path / "flat", base_model=base, initial_adapter=tmp_path / "first")
    full = distill(config, EXAMPLES, tmp_path / "full", base_model=base, initial_adapter=tmp_path / "first")
    assert [line["action"] for line in flat] == pytest.approx([line["action"] for line in full.losses], rel=1e-4)
    assert all(line["reason"] == 0 for line in flat)


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [learning_rate_at(step, 8, replace(CONFIG, schedule="linear", learning_rate=1.0)) for step in range(9)]
    assert rates == pytest.approx([0, 0.5, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0])
    assert learning_rate_at(0, 8, replace(CONFIG, warmup=0.0)) == CONFIG.learning_rate


def test_it_trains_on_episode_files_from_the_command_line(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = EpisodeLog(tmp_path / "episodes.jsonl")
    for seed in range(10):
        decision = Decision(action='click("2")', reason="It is ok.")
        step = Step(observation={"page": f'[2] button "{seed}"'}, decision=decision, reward=1.0)
        outcome = Outcome(status="success" if seed % 2 else "failure")
        log.add(Trajectory(task="t", seed=seed, goal="g", agent="a", steps=(step,), outcome=outcome))
    out = tmp_path / "adapter"
    assert minimal.main([str(log.path), "--base", str(base), "--out", str(out), "--epochs", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["step", "1"], ["step", "2"]], (
        "8 rows a step: the failures would be a third"
    )
    assert (out / "adapter_model.safetensors").is_file()
