"""Architectures whose layers see a window or cap their scores are trained as they compute; others are refused by name."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, PretrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from symbiotic_gym.agents import attention as parts
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.trainers import attention
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.minimal import train_minimal
from symbiotic_gym.trainers.preference_tuning import PreferenceConfig, tune_on_pairs
from tests.test_chat_templates import FAMILIES, make
from tests.test_minimal import EXAMPLES
from tests.test_multitask import gradients, lora, packed, separate, targets
from tests.tiny import tiny_model

WINDOW = 8
SMALL: Mapping[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "initializer_range": 0.2,
}
BOTH = ["sliding_attention", "full_attention"]
KINDS: Mapping[str, Mapping[str, Any]] = {
    "gemma2": {
        "head_dim": 8,
        "sliding_window": WINDOW,
        "layer_types": BOTH,
        "query_pre_attn_scalar": 8,
        "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 5.0,
    },
    "gemma3_text": {"head_dim": 8, "sliding_window": WINDOW, "layer_types": BOTH, "query_pre_attn_scalar": 8},
    "mistral": {"sliding_window": WINDOW},
    "qwen2": {"use_sliding_window": True, "sliding_window": WINDOW, "layer_types": BOTH},
    "qwen3": {"head_dim": 8},
    "phi3": {"sliding_window": WINDOW},
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A tiny model of each architecture, with the tiny model's tokenizer."""
    tokenizer = tiny_model(tmp_path_factory.mktemp("tokenizer"))
    return {kind: of_kind(kind, tmp_path_factory.mktemp(kind), tokenizer) for kind in KINDS}


def of_kind(kind: str, folder: Path, tokenizer: Path) -> Path:
    config: PretrainedConfig = CONFIG_MAPPING[kind](vocab_size=500, **SMALL, **KINDS[kind])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: Any = AutoModelForCausalLM.from_config(config)
        for name, weight in model.named_parameters():
            if "norm" in name:  # else a norm of all ones hides what its weight does
                torch.nn.init.normal_(weight, std=0.3)
        model.save_pretrained(str(folder))
    for file in tokenizer.iterdir():
        if "token" in file.name or "chat" in file.name:
            shutil.copy(file, folder / file.name)
    return folder


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("whole", "joined"), [(True, False), (False, False), (False, True)])
def test_packed_rows_equal_what_the_model_computes_of_separate_sequences(
    bases: Mapping[str, Path], kind: str, whole: bool, joined: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "SHORT", 12)  # so that prompts are computed in several parts
    base = bases[kind]
    rows = [targets(seed, n) for seed, n in enumerate((2, 1, 3))]
    reference = lora(base, "eager")
    expected_loss = separate(reference, rows)
    expected = gradients(reference, expected_loss)
    model = lora(base, attention.register_attention())
    loss = packed(model, rows, whole=whole, joined=joined)
    torch.testing.assert_close(loss, expected_loss, atol=1e-5, rtol=1e-5)
    found = gradients(model, loss)
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("kind", ["gemma2", "gemma3_text", "mistral"])
def test_the_window_is_felt(bases: Mapping[str, Path], kind: str) -> None:
    """Were it left out, these prompts would give another loss: the test above can fail."""
    rows = [targets(0, 2)]
    model = lora(bases[kind], attention.register_attention())
    narrow = packed(model, rows, whole=False)
    for layer in model.base_model.model.model.layers:
        layer.self_attn.sliding_window = None
    if kind == "mistral":
        model.config.sliding_window = None
    assert abs(packed(model, rows, whole=False) - narrow) > 1e-3


@pytest.mark.parametrize("kind", ["gemma2", "gemma3_text"])
def test_the_distiller_trains_gemma_as_the_flat_loop_does(bases: Mapping[str, Path], kind: str, tmp_path: Path) -> None:
    """Under Gemma's own template, the flat loop going through the model's own masks one sequence at a time."""
    base = Path(shutil.copytree(bases[kind], tmp_path / "base"))
    make(FAMILIES["Gemma"]).save_pretrained(str(base))
    config = DistillerConfig(
        batch_size=4, micro_batch_size=2, learning_rate=1e-3, lora_r=4, lora_alpha=8, dtype="float32", device="cpu"
    )
    full = distill(config, EXAMPLES[:4], tmp_path / "full", base_model=base)
    flat = train_minimal(config, EXAMPLES[:4], tmp_path / "flat", base_model=base)
    for one, other in zip(flat, full.losses, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-8)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "mamba": ({}, "do not ask transformers' attention interface"),
    "gemma3": ({"text_config": dict(SMALL)}, "more than text"),
    "llama4_text": ({"layer_types": ["chunked_attention", "full_attention"]}, "layers of chunked_attention"),
    "gpt_oss": ({"layer_types": BOTH}, "sinks"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_packed_rows_would_get_wrong_is_refused_before_anything_is_loaded(kind: str, tmp_path: Path) -> None:
    more, words = REFUSED[kind]
    base = tiny_model(tmp_path / "base")
    CONFIG_MAPPING[kind](**({} if kind == "gemma3" else SMALL), **more).save_pretrained(str(base))
    with pytest.raises(ConfigError, match=words):
        distill(DistillerConfig(device="cpu"), EXAMPLES, tmp_path / "out", base_model=base)
    with pytest.raises(ConfigError, match=words):
        tune_on_pairs(PreferenceConfig(), [], tmp_path / "out", base_model=base, adapter=tmp_path)
    assert not (tmp_path / "out").exists()
