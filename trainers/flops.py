"""How much a training step has to compute, for its share of a device's peak (MFU, PaLM, arXiv 2204.02311, appendix B).

Counted are the products of the decoder's layers and of attention, forward and backward. Not counted are embeddings, norms, the
scores of the vocabulary (computed for targets alone) and whatever gradient checkpointing computes again: they take time all the
same, so the share is rather too low than too high.
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


def training_flops(model: Any, lengths: Iterable[int], *, frozen: bool) -> float | None:
    """Floating-point operations of a step, with causal attention.

    Args:
        model: a decoder, on any device, with or without an adapter.
        lengths: tokens of each row.
        frozen: whether its weights are, and an adapter is trained: products backward are then taken through activations alone.

    Returns:
        None where they cannot be told by the model's shape: it has experts, of which a token meets a few, or other layers than
        linear ones.
    """
    from torch.nn import Linear

    config = model.config
    if any(getattr(config, name, None) for name in ("num_experts", "num_local_experts", "n_routed_experts")):
        return None
    scored = model.get_output_embeddings()
    weights = sum(
        module.in_features * module.out_features
        for name, module in model.named_modules()
        if isinstance(module, Linear) and module is not scored and "lora_" not in name and not name.endswith("lm_head")
    )
    layers, heads = (getattr(config, name, None) for name in ("num_hidden_layers", "num_attention_heads"))
    if not weights or not layers or not heads:
        return None
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    lengths = list(lengths)
    window = getattr(config, "sliding_window", None) or max(lengths, default=0)
    seen = sum(length * min(length, window) for length in lengths)  # as if every layer had the window that some may have
    scores = 6 * layers * width * seen  # causal: half of 4, forward once, backward twice
    return float((4 if frozen else 6) * weights * sum(lengths) + scores)
