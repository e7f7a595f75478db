"""What a training step computes, against a count of the products that torch itself makes."""

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, MixtralConfig, Starcoder2Config

from symbiotic_gym.trainers.flops import peak_flops, training_flops

VOCABULARY, WIDTH, LAYERS, ROWS, LENGTH = 8, 64, 6, 2, 96
SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": 160,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "attn_implementation": "eager",
}
SHAPES = [LlamaConfig(**SHAPE, head_dim=16), Starcoder2Config(**SHAPE, sliding_window=None)]


def counted(model: Any) -> float:
    """Forward and backward, less the scores of the vocabulary and the half of attention that is masked."""
    ids = torch.zeros((ROWS, LENGTH), dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=ids).loss.backward()
    masked = 6 * LAYERS * WIDTH * ROWS * LENGTH**2  # eager attention computes it too
    return float(counter.get_total_flops()) - masked


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.model_type)
def test_all_products_of_full_training_are_counted(shape: Any) -> None:
    model = AutoModelForCausalLM.from_config(shape)
    vocabulary = 6 * WIDTH * VOCABULARY * ROWS * LENGTH
    found = training_flops(model, [LENGTH] * ROWS, frozen=False)
    assert found == pytest.approx(counted(model) - vocabulary, rel=0.02)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.model_type)
def test_frozen_weights_have_no_gradients_to_compute(shape: Any) -> None:
    model = get_peft_model(AutoModelForCausalLM.from_config(shape), LoraConfig(r=1, target_modules="all-linear"))
    vocabulary = 4 * WIDTH * VOCABULARY * ROWS * LENGTH
    found = training_flops(model, [LENGTH] * ROWS, frozen=True)
    # torch's count has the adapter's own products, ours the gradient of the first layer's input, which nobody needs
    assert found == pytest.approx(counted(model) - vocabulary, rel=0.06)


def test_what_cannot_be_told_is_not_guessed() -> None:
    experts = MixtralConfig(**SHAPE, num_local_experts=2)
    other = GPT2Config(vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=1, n_head=4)  # its layers are no linear ones
    for config in (experts, other):
        with torch.device("meta"):
            assert training_flops(AutoModelForCausalLM.from_config(config), [LENGTH], frozen=True) is None


def test_a_window_bounds_what_attention_is_counted() -> None:
    with torch.device("meta"):
        whole, narrow = (
            AutoModelForCausalLM.from_config(Starcoder2Config(**SHAPE, sliding_window=window)) for window in (None, 32)
        )
    more, less = (training_flops(model, [LENGTH], frozen=True) for model in (whole, narrow))
    assert more is not None and less is not None
    assert more - less == 6 * LAYERS * WIDTH * LENGTH * (LENGTH - 32)


def test_the_peak_of_a_device() -> None:
    assert peak_flops("NVIDIA H100 80GB HBM3") == 989e12
    assert peak_flops("Some other device") is None
