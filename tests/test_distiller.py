"""Distillation on a tiny model: it learns, it is exact under accumulation and after a kill, and it says what it cannot do."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from symbiotic_gym.agents.chat import load_tokenizer
from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.agents.small import prompt_messages
from symbiotic_gym.agents.weights import fingerprint
from symbiotic_gym.errors import ConfigError, StoreError, UnknownNameError
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.encoding import encode, training_order
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.sft import WHOLE
from symbiotic_gym.types import from_json, to_json
from tests.tiny import tiny_model

FAST = DistillerConfig(
    batch_size=4, micro_batch_size=4, learning_rate=1e-2, lora_r=16, lora_alpha=32, save_steps=2, dtype="float32", device="cpu"
)
FIRST = ("Press it.", '[12] button "ok"', 'click("12")', "It is the button.")
SECOND = ("Enter bob.", '[13] textbox "Username"', 'fill("13", "bob")', "")


def example(goal: str, page: str, action: str, reason: str) -> Example:
    return Example(task="t", goal=goal, observation={"page": page}, history=(), action=action, reason=reason)


EXAMPLES = [example(*FIRST), example(*SECOND)] + [
    example(f"Press {i}.", f'[{i}] button "{i}"', f'click("{i}")', f"It is {i}." * (i % 3)) for i in range(20, 28)
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter" / "adapter_model.safetensors")


def test_it_learns_actions_and_reasons_and_the_local_model_answers_with_them(base: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    result = distill(
        replace(FAST, epochs=40, batch_size=2, micro_batch_size=2, lambda_reason=1.0, save_steps=1000),
        EXAMPLES[:2],
        tmp_path / "out",
        base_model=base,
        tensorboard=tmp_path / "tb",
        progress=lambda step, steps, text: seen.append((step, steps, text)),
    )
    assert result.steps == len(seen) == len(result.losses) == 40
    assert seen[-1][:2] == (40, 40)
    assert "loss: action" in seen[-1][2]
    assert "tokens/s" in seen[-1][2]
    assert result.loss_action < 0.1
    assert result.loss_reason < 0.1 < result.losses[0]["reason"]
    model = LocalModel(base, adapter=Path(result.adapter), dtype="float32")
    for goal, page, action, _ in (FIRST, SECOND):
        [answer] = model.generate([prompt_messages(goal, {"page": page}, (), "action")], Sampling(max_tokens=30))
        assert (answer.text, answer.finish) == (action, "stop")
    [reason] = model.generate([prompt_messages(FIRST[0], {"page": FIRST[1]}, (), "reason")], Sampling(max_tokens=30))
    assert reason.text == FIRST[3]
    tags = scalars(tmp_path / "tb")
    assert tags.keys() == {"loss/action", "loss/reason", "learning_rate", "tokens_per_s", "tokens_per_row"}
    assert all(len(values) == 40 for values in tags.values())
    assert tags["loss/action"][-1] == pytest.approx(result.losses[-1]["action"])


def scalars(folder: Path) -> dict[str, list[float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events: Any = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [event.value for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_accumulated_micro_batches_equal_the_batch(base: Path, tmp_path: Path) -> None:
    config = replace(FAST, batch_size=8, epochs=2)
    results = [
        distill(replace(config, micro_batch_size=micro), EXAMPLES, tmp_path / str(micro), base_model=base) for micro in (8, 1)
    ]
    for one, other in zip(results[0].losses, results[1].losses, strict=True):
        assert one == pytest.approx(other, rel=1e-3)
    whole, accumulated = weights_of(tmp_path / "8"), weights_of(tmp_path / "1")
    for name in whole:
        torch.testing.assert_close(whole[name], accumulated[name], atol=2e-4, rtol=1e-3)


def test_steps_in_one_row_without_padding_train_the_same_weights(base: Path, tmp_path: Path) -> None:
    config = replace(FAST, epochs=2)
    padded, joined = (
        distill(replace(config, padding_free=free), EXAMPLES, tmp_path / str(free), base_model=base) for free in (False, True)
    )
    for one, other in zip(padded.losses, joined.losses, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    expected, found = weights_of(tmp_path / "False"), weights_of(tmp_path / "True")
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("adapter", ["lora", "none"])
def test_gradient_checkpoints_change_nothing_but_memory(base: Path, tmp_path: Path, adapter: Any) -> None:
    config = replace(FAST, epochs=2, adapter=adapter, learning_rate=1e-3)
    plain, less = (
        distill(replace(config, gradient_checkpointing=on), EXAMPLES, tmp_path / str(on), base_model=base)
        for on in (False, True)
    )
    for one, other in zip(plain.losses, less.losses, strict=True):
        assert one == pytest.approx(other, rel=1e-5)


ONE_OF_TWO = """
import sys
from dataclasses import replace
from pathlib import Path
from tests import test_distiller as here
here.torch.set_num_threads(1)
config = replace(here.FAST, epochs=2, batch_size=int(sys.argv[3]), micro_batch_size=int(sys.argv[3]))
here.distill(config, here.EXAMPLES[:8], Path(sys.argv[2]), base_model=sys.argv[1])
"""


def test_two_processes_train_what_one_does_with_twice_the_batch(base: Path, tmp_path: Path) -> None:
    script = tmp_path / "one_of_two.py"
    script.write_text(ONE_OF_TWO)
    alone = [sys.executable, str(script), str(base), str(tmp_path / "alone"), "4"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    together = [*launch, str(script), str(base), str(tmp_path / "together"), "2"]
    root = Path(__file__).parents[1]
    for command in (alone, together):
        environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    told = [json.loads((tmp_path / name / "training.json").read_text()) for name in ("alone", "together")]
    assert told[0]["steps"] == told[1]["steps"] == 4
    for one, other in zip(told[0]["losses"], told[1]["losses"], strict=True):
        assert one == pytest.approx(other, rel=1e-3)
    expected, found = weights_of(tmp_path / "alone"), weights_of(tmp_path / "together")
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=2e-4, rtol=1e-3)


CHILD = """
import os, signal, sys
from pathlib import Path
from tests import test_distiller as here
def progress(step, steps, text):
    if step == 5:
        os.kill(os.getpid(), signal.SIGKILL)
here.torch.set_num_threads(1)
here.distill(here.KILLED, here.EXAMPLES, Path(sys.argv[2]), base_model=sys.argv[1], progress=progress)
"""
KILLED = replace(FAST, epochs=3)


@pytest.mark.parametrize("half_written", [False, True])
def test_killed_and_resumed_it_ends_in_the_same_weights(
    base: Path, tmp_path: Path, half_written: bool, interrupted: Callable[[Path], None]
) -> None:
    out = tmp_path / "out"
    interrupted(out)
    checkpoints = sorted(path.parent for path in (out / "trainer").glob(f"*/{WHOLE}"))
    assert [path.name for path in checkpoints] == ["checkpoint-2", "checkpoint-4"]
    assert not (out / "adapter").exists()
    if half_written:  # as if the kill had fallen into the writing of the second
        (checkpoints[1] / WHOLE).unlink()
        (checkpoints[1] / "optimizer.pt").write_bytes(b"half")
    first: list[int] = []
    resumed = distill(KILLED, EXAMPLES, out, base_model=base, progress=lambda step, *_: first.append(step))
    assert first[0] == (3 if half_written else 5), "it must go on, not begin again"
    straight = distill(KILLED, EXAMPLES, tmp_path / "straight", base_model=base)
    assert resumed.summary() == straight.summary()
    assert resumed.losses == straight.losses
    one, other = weights_of(out), weights_of(tmp_path / "straight")
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not (out / "trainer").exists()


@pytest.fixture(scope="module")
def interrupted(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Gives copies of a training folder whose process was killed in step 5 of 8."""
    folder = tmp_path_factory.mktemp("killed") / "out"
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(base), str(folder)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr

    def copy(out: Path) -> None:
        shutil.copytree(folder, out)

    return copy


def test_a_finished_training_is_not_done_again_and_another_is_not_mixed_in(base: Path, tmp_path: Path) -> None:
    result = distill(FAST, EXAMPLES[:4], tmp_path / "out", base_model=base)
    stamp = (tmp_path / "out" / "adapter" / "adapter_model.safetensors").stat().st_mtime_ns
    assert distill(FAST, EXAMPLES[:4], tmp_path / "out", base_model=base) == result
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").stat().st_mtime_ns == stamp
    assert json.loads((tmp_path / "out" / "training.json").read_text())["examples"] == 4
    with pytest.raises(StoreError, match="another config and another examples"):
        distill(replace(FAST, seed=1), EXAMPLES[:5], tmp_path / "out", base_model=base)
    again = distill(replace(FAST, seed=1), EXAMPLES[:5], tmp_path / "out", base_model=base, resume=False)
    assert again.examples == 5


def test_a_training_knows_its_base_model_wherever_both_lie(base: Path, tmp_path: Path) -> None:
    result = distill(FAST, EXAMPLES[:2], tmp_path / "out", base_model=base)
    moved = Path(shutil.copytree(base, tmp_path / "elsewhere" / "model"))
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    again = distill(FAST, EXAMPLES[:2], tmp_path / "copy", base_model=moved)
    assert again == replace(result, adapter=str(tmp_path / "copy" / "adapter"))
    other = tiny_model(tmp_path / "other", seed=1)  # of the same config and size
    with pytest.raises(StoreError, match="another base_model"):
        distill(FAST, EXAMPLES[:2], tmp_path / "out", base_model=other)
    assert fingerprint("org/name") == "org/name"


def test_nothing_of_it_stays_in_memory(base: Path, tmp_path: Path) -> None:
    def models() -> int:
        return sum(type(thing) is torch.nn.Embedding for thing in gc.get_objects())

    gc.collect()
    before = models()
    gc.disable()
    try:
        distill(FAST, EXAMPLES[:4], tmp_path / "one", base_model=base)
        assert models() == before
    finally:
        gc.enable()


def test_it_goes_on_from_an_earlier_adapter(base: Path, tmp_path: Path) -> None:
    config = replace(FAST, epochs=10, lambda_reason=0.0)
    first = distill(config, EXAMPLES[:2], tmp_path / "1", base_model=base)
    before = weights_of(tmp_path / "1")
    second = distill(config, EXAMPLES[:2], tmp_path / "2", base_model=base, initial_adapter=Path(first.adapter))
    assert second.losses[0]["action"] < first.losses[0]["action"] / 2
    assert all(torch.equal(value, before[name]) for name, value in weights_of(tmp_path / "1").items())
    assert second.targets["reason"] == 0
    assert second.loss_reason == 0
    other = tiny_model(tmp_path / "other", hidden=64)
    with pytest.raises(ConfigError, match="does not fit"):
        distill(config, EXAMPLES[:2], tmp_path / "3", base_model=other, initial_adapter=Path(first.adapter))


def test_too_long_a_page_is_cut_and_counted_and_targets_never(base: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(base))
    page = "\n".join(f'[{i}] button "item {i}"' for i in range(200))
    long = example("Press it.", page, 'click("12")', "It is the button.")
    row, cut = encode(tokenizer, long, max_tokens=256, page_budget=6000)
    assert cut
    assert 200 < len(row) <= 256
    assert "the page goes on" in tokenizer.decode(row.prefix)
    answers = [tokenizer.decode(branch.tokens[branch.start :]) for branch in row.branches]
    assert answers == ['click("12")<|im_end|>', "It is the button.<|im_end|>"]
    result = distill(replace(FAST, max_tokens=256), [long, EXAMPLES[0]], tmp_path / "out", base_model=base)
    assert result.truncated == result.summary()["truncated"] == 1
    with pytest.raises(ConfigError, match="raise max_tokens"):
        encode(tokenizer, replace(long, reason="so " * 200), max_tokens=256, page_budget=6000)


def test_what_cannot_be_trained_is_told(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no examples"):
        distill(FAST, [], tmp_path, base_model=base)
    with pytest.raises(UnknownNameError, match="is no model"):
        distill(FAST, EXAMPLES, tmp_path, base_model=tmp_path / "missing")
    with pytest.raises(UnknownNameError, match="is no adapter"):
        distill(FAST, EXAMPLES, tmp_path, base_model=base, initial_adapter=tmp_path)
    for wrong in ({"epochs": 0}, {"micro_batch_size": 3}, {"schedule": "flat"}, {"learning_rate": 0.0}, {"lora_dropout": 1.0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            replace(FAST, **wrong)


def test_the_config_survives_json() -> None:
    assert from_json(DistillerConfig, json.loads(json.dumps(to_json(FAST)))) == FAST


def test_order_takes_every_row_once_an_epoch_and_sorts_within_a_step() -> None:
    lengths = [(7 * i) % 100 for i in range(203)]
    order = training_order(lengths, epochs=2, batch_size=8, seed=0)
    assert sorted(order) == sorted([*range(203), *range(203)])
    assert len(set(order[:200])) == 200
    assert (
        order
        == training_order(lengths, epochs=2, batch_size=8, seed=0)
        != training_order(lengths, epochs=2, batch_size=8, seed=1)
    )
    batches = [[lengths[i] for i in order[start : start + 8]] for start in range(0, len(order), 8)]
    assert all(batch == sorted(batch) for batch in batches)
    spread = [max(batch) - min(batch) for batch in batches]
    assert sum(spread) / len(spread) > 50, "a step must hold rows of every length"
