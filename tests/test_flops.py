"""What a training step computes, against a count of the products that torch itself makes."""

from types import SimpleNamespace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from symbiotic_gym.trainers.flops import peak_flops, training_flops

SHAPE = LlamaConfig(
    vocab_size=8,
    hidden_size=64,
    intermediate_size=160,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    attn_implementation="eager",
)


def test_all_products_of_full_training_are_counted() -> None:
    model = LlamaForCausalLM(SHAPE)
    ids = torch.zeros((2, 96), dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=ids).loss.backward()
    rows, length = ids.shape
    vocabulary = 6 * 64 * 8 * ids.numel()
    unmasked = 6 * 3 * 64 * rows * length**2  # eager attention computes the masked half too
    expected = counter.get_total_flops() - vocabulary - unmasked
    assert training_flops(SHAPE, [length] * rows, frozen=False) == pytest.approx(expected, rel=0.02)


def test_frozen_weights_have_no_gradients_to_compute() -> None:
    plain = SimpleNamespace(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    weights, scores = 4 * 8 * 8 + 3 * 8 * 16, 6 * 8 * 10**2
    assert training_flops(plain, [10], frozen=False) == 6 * weights * 10 + scores
    assert training_flops(plain, [10], frozen=True) == 4 * weights * 10 + scores


def test_the_peak_of_a_device() -> None:
    assert peak_flops("NVIDIA H100 80GB HBM3") == 989e12
    assert peak_flops("Some other device") is None
