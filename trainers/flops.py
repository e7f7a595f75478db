"""How much a training step has to compute, for its share of a device's peak (MFU, PaLM, arXiv 2204.02311, appendix B).

Counted are the products of the layers and of attention, forward and backward. Not counted are embeddings, norms, the scores of
the vocabulary (computed for targets alone) and whatever gradient checkpointing computes again: they take time all the same, so
the share is rather too low than too high.
"""

from collections.abc import Iterable
from typing import Any

__all__ = ["peak_flops", "training_flops"]

_PEAK = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
"""Dense bfloat16 operations a second, by a word of the device's name, from NVIDIA's data sheets of the SXM modules."""


def peak_flops(device: str) -> float | None:
    """A device's dense bfloat16 operations a second; None where they are not known.

    Args:
        device: its name, as `torch.cuda.get_device_name()` says it.
    """
    return next((flops for word, flops in _PEAK.items() if word in device), None)


def training_flops(config: Any, lengths: Iterable[int], *, frozen: bool) -> float:
    """Floating-point operations of a step, with causal attention.

    Args:
        config: the model's, of a decoder as Llama's, with gated feed-forward layers.
        lengths: tokens of each row.
        frozen: whether the weights are, and an adapter is trained: products backward are then taken through activations alone.
    """
    lengths = list(lengths)
    width, layers, heads = config.hidden_size, config.num_hidden_layers, config.num_attention_heads
    head = getattr(config, "head_dim", None) or width // heads
    keys = (getattr(config, "num_key_value_heads", None) or heads) * head
    weights = layers * (2 * width * heads * head + 2 * width * keys + 3 * width * config.intermediate_size)
    scores = 6 * layers * heads * head * sum(length**2 for length in lengths)  # causal: half of 4, forward once, backward twice
    return float((4 if frozen else 6) * weights * sum(lengths) + scores)
