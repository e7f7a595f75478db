"""The loop from nothing to a report; killed in each of its phases, the same command ends in the same table."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from symbiotic_gym.agents import weights
from symbiotic_gym.agents.testing import FakeEndpoint, Fault
from symbiotic_gym.cli import app
from symbiotic_gym.errors import ConfigError, MissingDependencyError, ModelError, StoreError, UnknownNameError
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.store import EpisodeLog, RunFolder
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.symbiosis import run_symbiosis
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
    assert summary["seen_before"]["n"] == 6 and summary["seen_before"]["count"] >= 3, "click-test always looks the same"
    assert summary["acceptance"][0]["n"] > 0
    report = (whole / "report.html").read_text()
    assert "scripted expert" in report and report.count("<svg") == 3 and "http-equiv" not in report
    assert "<script" not in report and "src=" not in report, "the report must need nothing else"
    arguments = command(config, whole)[3:]
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0 and table(whole) == summary, "a finished run was changed by running it again"
    other = CliRunner().invoke(app, [*arguments, "--large", "openai:x@http://127.0.0.1:9/v1"])
    assert other.exit_code == 2 and "another config" in other.stderr


def presses_the_button(messages: Sequence[Mapping[str, str]]) -> str:
    """A language model that is good at one task."""
    shown = messages[-1]["content"].rpartition("<page>")[2]
    match = re.search(r'\[(\w+)\] button "Click Me!"', shown)
    assert match, shown
    return f'<reason>It is the button.</reason>\n<action>click("{match[1]}")</action>'


@pytest.mark.browser
def test_a_language_model_teaches_with_retrieval_and_its_outage_is_survived(tmp_path: Path) -> None:
    config = SymbiosisConfig(
        tasks=("miniwob.click-test",),
        iterations=2,
        small=str(tiny_model(tmp_path / "model")),
        explore_large=2,
        synthesize=1,
        explore_small=1,
        evaluate=1,
        max_steps=2,
        environments=1,
        train=DistillerConfig(batch_size=2, micro_batch_size=2),
    )
    with FakeEndpoint(presses_the_button) as endpoint:
        config = replace(config, large=f"openai:fake@{endpoint.url}")
        # two requests find out that it takes no schemas, two are answered, and then it is gone
        endpoint.fail(*[Fault()] * 4, Fault(status=410, message="switched off"))
        with pytest.raises(ModelError, match="switched off"):
            run_symbiosis(config, tmp_path / "run")
        assert len(EpisodeLog(tmp_path / "run" / "episodes" / "01-explore_large.jsonl")) == 1
        summary = run_symbiosis(config, tmp_path / "run")
        asked = [str(request["messages"][-1]["content"]) for request in endpoint.requests]
    large = {row["iteration"]: row for row in summary["evaluation"] if row["model"] == "large"}
    assert sorted(large) == [0, 1, 2]
    assert {(row["n"], row["invalid"], row["success"]) for row in large.values()} == {(1, 0, 1.0)}
    assert [row["n"] for row in summary["acceptance"]] == [1, 1]
    assert "Steps that helped" not in asked[0], "there was nothing to retrieve yet"
    helped = ["Steps that helped" in prompt for prompt in asked]
    assert any(helped), "what was found is retrieved when the large model explores"
    assert not helped[-1], "and not when the same template is evaluated"
    assert [row["name"] for row in summary["leaks"]] == ["nothing retrieved"] * 3
    kept = {(entry["iteration"], entry["source"]) for entry in JsonLines(tmp_path / "run" / "knowledge.jsonl").read()}
    assert kept >= {(1, "large"), (1, "both"), (2, "large"), (2, "both")}
    assert (tmp_path / "run" / "candidates" / "iteration-1.jsonl").exists()


def test_the_default_config_is_sound() -> None:
    config = load_config()
    assert len(config.tasks) >= 10
    assert {task.partition(".")[0] for task in config.tasks} == {"miniwob", "pocket"}
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


def begin(tmp_path: Path, small: str) -> Path:
    """Start a run of that student in a folder that was not begun."""
    out = tmp_path / "run"
    run_symbiosis(SymbiosisConfig(tasks=("miniwob.click-test",), small=small), out)
    return out


def test_a_misspelt_hub_id_is_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="nobody/no-such-model cannot be loaded"):
        begin(tmp_path, "nobody/no-such-model")
    assert not (tmp_path / "run").exists()


def test_a_model_that_cannot_be_trained_is_refused_before_it_is_fetched(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match=r"llama\.cpp"):
        begin(tmp_path, "qwen2.5-coder-1.5b-instruct")
    assert not (tmp_path / "run").exists() and not (home / "models").exists()


@pytest.mark.parametrize("package", ["torch", "peft", "trl", "datasets", "tensorboard"])
def test_a_missing_package_is_told_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None if name == package else find_spec(name))
    with pytest.raises(MissingDependencyError, match=rf"{package} cannot be imported(.|\n)*symbiotic-gym\[train\]"):
        begin(tmp_path, "smollm2-135m-instruct")
    assert not (tmp_path / "run").exists()


def no_weights(model: Path) -> None:
    (model / "model.safetensors").unlink()


def no_tokenizer(model: Path) -> None:
    for file in model.glob("tokenizer*"):
        file.unlink()


def no_causal_model(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"model_type": "t5"}))


def no_template(model: Path) -> None:
    (model / "chat_template.jinja").unlink()


@pytest.mark.parametrize(
    ("damage", "kind", "complaint"),
    [
        (no_weights, UnknownNameError, "no weights"),
        (no_tokenizer, UnknownNameError, "no tokenizer"),
        (no_causal_model, UnknownNameError, "t5 is no causal language model"),
        (no_template, ConfigError, "no chat template"),
    ],
)
def test_a_student_that_cannot_be_loaded_is_told_before_any_work(
    tmp_path: Path, damage: Callable[[Path], None], kind: type[Exception], complaint: str
) -> None:
    model = tiny_model(tmp_path / "model")
    damage(model)
    with pytest.raises(kind, match=complaint):
        begin(tmp_path, str(model))
    assert not (tmp_path / "run").exists(), "work had begun"


def test_a_damaged_run_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(StoreError, match="does not read"):
        RunFolder(tmp_path, {})
