"""The loop from nothing to a report; killed in each of its phases, the same command ends in the same table."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from symbiotic_gym.errors import ConfigError, StoreError, UnknownNameError
from symbiotic_gym.store import RunFolder
from symbiotic_gym.trainers.symbiosis_config import MOST_ITERATIONS, SymbiosisConfig, load_config
from tests.tiny import tiny_model

PHASES = ("explore_large", "synthesize", "distill", "explore_small", "evaluate-small")


def config_text(model: Path) -> str:
    return f"""
tasks = ["miniwob.click-test", "miniwob.click-test-2"]
iterations = 1
small = "{model}"
explore_large = 3
synthesize = 3
explore_small = 3
evaluate = 3
max_steps = 2
environments = 2
[train]
epochs = 6
batch_size = 2
micro_batch_size = 2
save_steps = 2
"""


def command(config: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "symbiotic_gym.cli", "symbiosis", "--config", str(config), "--out", str(out)]


def table(out: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text())
    del summary["seconds"]
    return summary


def begun(out: Path, phase: str) -> bool:
    """Whether the phase has produced something, so that a kill now falls into its middle."""
    if phase == "distill":
        return any((out / "checkpoints" / "iteration-1").glob("trainer/checkpoint-*"))
    number = "01" if phase != "before" else "00"
    name = "evaluate-small" if phase == "before" else phase
    log = out / "episodes" / f"{number}-{name}.jsonl"
    return log.exists() and log.stat().st_size > 0


def finished(out: Path, phase: str) -> bool:
    if phase == "distill":
        return (out / "checkpoints" / "iteration-1" / "adapter" / "adapter_model.safetensors").exists()
    log = out / "episodes" / f"{'00-evaluate-small' if phase == 'before' else '01-' + phase}.jsonl"
    return log.exists() and len(log.read_bytes().splitlines()) == 6


@pytest.mark.browser
@pytest.mark.slow
def test_killed_in_every_phase_it_ends_in_the_same_table(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(config_text(tiny_model(tmp_path / "model")))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(config, whole), check=True, capture_output=True, timeout=300)
    mid_phase = 0
    for phase in ("before", *PHASES):
        process = subprocess.Popen(command(config, killed), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while not begun(killed, phase) and process.poll() is None:
            assert time.monotonic() < deadline, f"{phase} never began"
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        _, stderr = process.communicate()
        assert process.returncode == -signal.SIGKILL, f"it ended by itself before {phase}: {stderr}"
        mid_phase += not finished(killed, phase)
    assert mid_phase >= 4, "the kills mostly fell between phases, which shows nothing"
    subprocess.run(command(config, killed), check=True, capture_output=True, timeout=300)
    assert table(killed) == table(whole)
    adapters = [out / "checkpoints/iteration-1/adapter/adapter_model.safetensors" for out in (whole, killed)]
    assert adapters[0].read_bytes() == adapters[1].read_bytes(), "the interrupted training gave other weights"

    summary = table(whole)
    small = [row for row in summary["evaluation"] if row["model"] == "small"]
    [large] = [row for row in summary["evaluation"] if row["model"] == "large"]
    assert [row["n"] for row in small] == [6, 6]
    assert large["success"] == 1.0
    assert summary["acceptance"][0]["n"] > 0
    report = (whole / "report.html").read_text()
    assert "scripted expert" in report and report.count("<svg") == 3 and "http-equiv" not in report
    assert "<script" not in report and "src=" not in report, "the report must need nothing else"
    again = subprocess.run(command(config, whole), capture_output=True, text=True, timeout=120)
    assert again.returncode == 0 and table(whole) == summary, "a finished run was changed by running it again"
    other = subprocess.run(
        [*command(config, whole), "--large", "openai:x@http://127.0.0.1:9/v1"], capture_output=True, text=True
    )
    assert other.returncode == 2 and "another config" in other.stderr


def test_the_default_config_is_sound() -> None:
    config = load_config()
    assert len(config.tasks) >= 12
    seeds = [config.seeds("evaluate")] + [
        config.seeds(phase, i)
        for phase in ("explore_large", "synthesize", "explore_small")
        for i in range(1, config.iterations + 1)
    ]
    flat = [seed for one in seeds for seed in one]
    assert len(flat) == len(set(flat)), "a phase plays instances of another"


def test_seeds_of_two_runs_differ() -> None:
    one, two = (SymbiosisConfig(tasks=("miniwob.click-test",), seed=seed) for seed in (0, 1))
    assert not set(one.seeds("evaluate")) & set(two.seeds("evaluate"))
    assert one.seeds("explore_small", MOST_ITERATIONS).stop <= two.seeds("evaluate").start


@pytest.mark.parametrize(("batch", "micro"), [(4, 4), (12, 4), (16, 8), (3, 1)])
def test_a_batch_size_alone_is_enough(tmp_path: Path, batch: int, micro: int) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f'tasks = ["miniwob.click-test"]\n[train]\nbatch_size = {batch}')
    assert load_config(path).train.micro_batch_size == micro


@pytest.mark.parametrize(
    ("text", "kind", "complaint"),
    [
        ('tasks = ["miniwob.click-test"]\niteration = 3', ConfigError, "iterations"),
        ('tasks = ["miniwob.click-tset"]', UnknownNameError, "click-test"),
        ("tasks = []", ConfigError, "at least one task"),
        ('tasks = ["miniwob.click-test"]\niterations = 0', ConfigError, "iterations = 0"),
        ('tasks = ["miniwob.click-test"]\niterations = "two"', ConfigError, "iterations"),
        ('tasks = ["miniwob.click-test"]\n[train]\nlearning_rat = 1', ConfigError, "learning_rate"),
        ("tasks = [", ConfigError, "does not read"),
        ("iterations = 1", ConfigError, "has no tasks"),
        ('tasks = ["miniwob.click-test"]\ntrain = 5', ConfigError, "train = 5"),
        ('tasks = ["miniwob.click-test"]\n[[train]]\nepochs = 1', ConfigError, "train = "),
        ('tasks = ["miniwob.click-test"]\niterations = true', ConfigError, "iterations = True"),
        ('tasks = ["miniwob.click-test"]\niterations = 500', ConfigError, "from 1 to 499"),
        ('tasks = ["miniwob.click-test"]\nexplore_large = 0\nsynthesize = 0', ConfigError, "nothing to train on"),
        ('tasks = ["miniwob.click-test"]\n[train]\nlearning_rate = inf', ConfigError, "finite"),
        ('tasks = ["miniwob.click-test"]\n[train]\nbatch_size = "a"', ConfigError, "train.batch_size = 'a'"),
    ],
)
def test_bad_configs_are_explained(tmp_path: Path, text: str, kind: type[Exception], complaint: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(kind, match=complaint):
        load_config(path)


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["--config", "nowhere.toml"], 2, "nowhere.toml"),
        (["--large", "gpt"], 2, "openai:MODEL"),
        (["--large", "openai:m@http://127.0.0.1:9/v1"], 1, "127.0.0.1:9"),
        (["--small", "smollm3"], 2, "smollm2-135m-instruct"),
    ],
)
def test_what_cannot_work_is_said_before_any_work(tmp_path: Path, arguments: list[str], code: int, complaint: str) -> None:
    out = tmp_path / "run"
    ran = subprocess.run(
        [sys.executable, "-m", "symbiotic_gym.cli", "symbiosis", "--out", str(out), *arguments], capture_output=True, text=True
    )
    assert ran.returncode == code, ran.stderr
    assert complaint in ran.stderr and "what to do" in ran.stderr
    assert not out.exists(), "work had begun"


def test_a_damaged_run_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(StoreError, match="does not read"):
        RunFolder(tmp_path, {})
