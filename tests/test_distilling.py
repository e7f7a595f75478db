"""`symbiotic-gym distill`: from run folders to an adapter, and the same with two processes."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from symbiotic_gym.cli import app
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.store import EpisodeLog
from symbiotic_gym.trainers.config_files import load_distiller_config
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory
from tests.test_distiller import scalars
from tests.test_minimal import CONFIG, EXAMPLES
from tests.tiny import tiny_model

CONFIG_FILE = """
[train]
batch_size = 2
epochs = 2
lora_r = 4
dtype = "float32"
device = "cpu"
lambda_further = { value = 0.2 }
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def recorded(folder: Path) -> Path:
    log = EpisodeLog(folder / "episodes.jsonl")
    for seed in range(8):
        steps = tuple(
            Step(
                observation={"page": f'[{seed + i}] button "{seed}"'},
                decision=Decision(action=f'click("{seed + i}")', reason="It is ok."),
                reward=1.0,
            )
            for i in range(2)
        )
        outcome = Outcome(status="success" if seed < 6 else "failure")
        log.add(Trajectory(task="t", seed=seed, goal="g", agent="a", steps=steps, outcome=outcome))
    return folder


def test_the_command_distils_runs_and_says_how_to_play_what_came_out(base: Path, tmp_path: Path) -> None:
    run, out, config = recorded(tmp_path / "run"), tmp_path / "out", tmp_path / "train.toml"
    config.write_text(CONFIG_FILE)
    arguments = ["distill", str(run), "--out", str(out), "--base", str(base), "--config", str(config)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "examples     12" in done.stdout, "of six successes"
    assert f"--agent small:{base}@{out / 'adapter'}" in done.stdout
    assert (out / "adapter" / "adapter_model.safetensors").is_file()
    assert len(scalars(out / "tensorboard")["loss/value"]) == 12, "12 examples, two to a step, twice"
    assert CliRunner().invoke(app, arguments).stdout == done.stdout, "it is done already"
    config.write_text(CONFIG_FILE.replace("epochs = 2", "epochs = 3"))
    other = CliRunner().invoke(app, arguments)
    assert other.exit_code == 2 and "another config" in other.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("epoch = 2", "nearest: epochs"),
        ("[train]\nepochs = 0", "epochs = 0"),
        ("train = 3", "a table"),
        ("[train", "TOML"),
        ('lambda_further = { plans = 1.0 }', "lambda_further"),
    ],
)  # fmt: skip
def test_configs_that_cannot_be_used(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        load_distiller_config(tmp_path / "c.toml")


def test_a_file_without_a_table_is_one() -> None:
    assert load_distiller_config(None).batch_size == 8


SCRIPT = """
import json, os, sys
from dataclasses import replace
from pathlib import Path
from symbiotic_gym.trainers.distiller import distill
from tests.test_minimal import CONFIG, EXAMPLES

base, out = map(Path, sys.argv[1:])
for _ in range(2):  # the second time it is done
    result = distill(replace(CONFIG, batch_size=2, micro_batch_size=1), EXAMPLES[:8], out, base_model=base)
Path(f"{out}-{os.environ['RANK']}.json").write_text(json.dumps(list(result.losses)))
"""


def test_two_processes_train_what_one_does_with_twice_the_batch(base: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = str(Path(__file__).parent.parent)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)]
    environment = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(base), str(tmp_path / "two")], cwd=root, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = [json.loads((tmp_path / f"two-{rank}.json").read_text()) for rank in range(2)]
    one = distill(replace(CONFIG, batch_size=4, micro_batch_size=1), EXAMPLES[:8], tmp_path / "one", base_model=base)
    assert len(one.losses) == 4
    for losses in told:
        for mine, other in zip(losses, one.losses, strict=True):
            assert mine == pytest.approx(other, rel=1e-4, abs=1e-8)
    found, expected = (load_file(tmp_path / name / "adapter" / "adapter_model.safetensors") for name in ("two", "one"))
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=3e-4, rtol=1e-3)
    assert not (tmp_path / "two" / "trainer").exists()
