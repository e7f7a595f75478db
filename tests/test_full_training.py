"""Training all weights: the flat loop's mathematics, a folder that any program loads; and QLoRA is refused in words."""

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.agents.small import prompt_messages
from symbiotic_gym.errors import ConfigError, MissingDependencyError
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.minimal import train_minimal
from symbiotic_gym.trainers.symbiosis_config import load_config
from tests.test_distiller import EXAMPLES as FEW
from tests.test_distiller import FAST, FIRST
from tests.test_minimal import CONFIG, EXAMPLES
from tests.tiny import tiny_model

FULL = replace(CONFIG, adapter="none", learning_rate=1e-3)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def test_all_weights_are_trained_as_the_flat_loop_trains_them(base: Path, tmp_path: Path) -> None:
    full = distill(FULL, EXAMPLES, tmp_path / "full", base_model=base)
    flat = train_minimal(FULL, EXAMPLES, tmp_path / "flat", base_model=base)
    for one, other in zip(flat, full.losses, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-8)
    before = load_file(base / "model.safetensors")
    expected, found = (load_file(folder / "model.safetensors") for folder in (tmp_path / "flat", tmp_path / "full" / "model"))
    assert found.keys() == expected.keys() == before.keys()
    for name in expected:
        moved = (expected[name] - before[name]).norm()
        assert moved > 0, f"{name} was left as it was"
        assert (found[name] - expected[name]).norm() < 1e-2 * moved  # Adam makes whole steps of gradients that are noise


def test_what_comes_out_is_a_plain_folder_that_answers(base: Path, tmp_path: Path) -> None:
    config = replace(FAST, adapter="none", epochs=25, batch_size=2, micro_batch_size=2, learning_rate=3e-3, save_steps=1000)
    result = distill(config, FEW[:2], tmp_path / "out", base_model=base)
    folder = tmp_path / "out" / "model"
    assert (result.adapter, result.model) == ("", str(folder))
    assert result.loss_action < 0.1
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {file.name for file in folder.iterdir()}
    assert not (tmp_path / "out" / "adapter").exists()
    assert json.loads((folder / "config.json").read_text())["use_cache"] is True
    assert AutoModelForCausalLM.from_pretrained(folder).config.model_type == "llama"
    assert AutoTokenizer.from_pretrained(folder).chat_template
    [answer] = LocalModel(folder, dtype="float32", device="cpu").generate(
        [prompt_messages(FIRST[0], {"page": FIRST[1]}, (), "action")], Sampling(max_tokens=30)
    )
    assert (answer.text, answer.finish) == (FIRST[2], "stop")
    assert distill(config, FEW[:2], tmp_path / "out", base_model=base) == result, "a finished training is not done again"


class CutOff(Exception):
    pass


def cut_off(step: int, steps: int, text: str) -> None:
    if step == 3:
        raise CutOff


def test_cut_off_and_resumed_it_ends_in_the_same_weights(base: Path, tmp_path: Path) -> None:
    config = replace(FULL, save_steps=2)
    with pytest.raises(CutOff):
        distill(config, EXAMPLES, tmp_path / "out", base_model=base, progress=cut_off)
    told: list[int] = []
    resumed = distill(config, EXAMPLES, tmp_path / "out", base_model=base, progress=lambda step, *_: told.append(step))
    assert told == [3, 4, 5]
    straight = distill(config, EXAMPLES, tmp_path / "straight", base_model=base)
    assert resumed.losses == straight.losses
    one, other = (load_file(Path(result.model) / "model.safetensors") for result in (resumed, straight))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_products_in_bfloat16_lose_no_small_steps(base: Path, tmp_path: Path) -> None:
    """A step of 1e-5 is less than bfloat16's spacing for nearly all weights; the weights that are trained have float32's."""
    config = replace(FULL, dtype="bfloat16", learning_rate=1e-5, epochs=1, warmup=0.0, weight_decay=0.0, schedule="linear")
    losses = train_minimal(config, EXAMPLES, tmp_path / "flat", base_model=base)
    result = distill(config, EXAMPLES, tmp_path / "out", base_model=base)
    assert [row["action"] for row in result.losses] == pytest.approx([row["action"] for row in losses], rel=2e-2)
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "flat" / "model.safetensors")
    moved = [(after[name] != before[name]).float().mean().item() for name in before if "proj" in name]
    assert min(moved) > 0.5
    assert all(weight.dtype == torch.bfloat16 for weight in load_file(Path(result.model) / "model.safetensors").values())


def test_an_adapter_has_no_place_where_all_weights_are_trained(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="to go on from"):
        distill(FULL, EXAMPLES, tmp_path / "out", base_model=base, initial_adapter=tmp_path)
    with pytest.raises(ConfigError, match=r"train\.adapter"):
        replace(load_config(), train=FULL)


def test_four_bits_are_refused_where_they_cannot_be_computed(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, adapter="qlora")
    with pytest.raises(ConfigError, match="'qlora' on cpu"):
        distill(config, EXAMPLES, tmp_path / "out", base_model=base)
    if find_spec("bitsandbytes") is None:
        with pytest.raises(MissingDependencyError, match=r"symbiotic-gym\[train,qlora\]"):
            distill(replace(config, device="cuda"), EXAMPLES, tmp_path / "out", base_model=base)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="adapter"):
        replace(CONFIG, adapter="dora")  # type: ignore[arg-type]


@pytest.mark.gpu
def test_four_bits_train_on_a_gpu(base: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA GPU")
    config = replace(CONFIG, adapter="qlora", device="cuda", dtype="auto", epochs=20)
    result = distill(config, EXAMPLES, tmp_path / "out", base_model=base)
    assert result.loss_action < result.losses[0]["action"]
    LocalModel(base, adapter=Path(result.adapter), device="cuda").open()
