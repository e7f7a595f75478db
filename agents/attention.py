"""Grouped-query attention where transformers' own is slow: on a CPU, and where scores are windowed or capped.

On a CPU with bfloat16 matrix units two plain products over all columns take half the time of the fused kernel at 300 tokens, as
much at 700 and three times as much at 3,000 (SmolLM2-135M's heads, forward and backward); a GPU takes the fused kernel always.
Layers that see a window only, or cap their scores (Gemma 2 and 3, Mistral, some Qwen), go through plain products a few hundred
columns at a time, which compute no score beyond the window. A token that is drawn attends to many keys alone; transformers
copies each key head once per query head for it, and here query heads are folded into columns instead.

Shapes: B rows, T columns, Q of them asked, H query heads, G key heads, D head size.
"""

from functools import lru_cache
from typing import Any

import torch

__all__ = ["SHORT", "causal_attention", "folded_attention", "use_fast_attention"]

SHORT = 512
"""Columns of a prompt up to which a CPU computes all scores at once; so many at a time are where there is no kernel."""

_NAME = "symbiotic_inference"


def use_fast_attention(model: Any) -> None:
    """Let a model that answers on a CPU attend in the faster way, where it would have taken torch's kernel; else do nothing.

    Args:
        model: of transformers; its attention is changed in place. Scores are those of its `eager` attention, rounding included.
    """
    from transformers import AttentionInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface

    if model.device.type == "cpu" and model.config._attn_implementation == "sdpa":
        AttentionInterface.register(_NAME, _inference_attention)
        AttentionMaskInterface.register(_NAME, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
        model.set_attn_implementation(_NAME)


def _inference_attention(
    module: torch.nn.Module,
    query_BHQD: torch.Tensor,
    key_BGTD: torch.Tensor,
    value_BGTD: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """As transformers calls it: (B, Q, H, D), and None for the weights. Without a mask a prompt is causal."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    columns, keys = query_BHQD.shape[2], key_BGTD.shape[2]
    scale = scaling if scaling is not None else query_BHQD.shape[3] ** -0.5
    causal = getattr(module, "is_causal", True) and more.get("is_causal") is not False
    if more.get("softcap") is None and more.get("position_bias") is None:
        if columns == 1 or (attention_mask is not None and columns * keys <= SHORT * SHORT):
            found = folded_attention(query_BHQD, key_BGTD, value_BGTD, attention_mask, scale)
            return found.transpose(1, 2).contiguous(), None
        if attention_mask is None and causal and columns == keys:
            found = causal_attention(query_BHQD, key_BGTD, value_BGTD, scale)
            return found.transpose(1, 2).contiguous(), None
    found, _ = sdpa_attention_forward(module, query_BHQD, key_BGTD, value_BGTD, attention_mask, scaling=scaling, **more)
    return found, None


def causal_attention(
    query_BHTD: torch.Tensor,
    key_BGTD: torch.Tensor,
    value_BGTD: torch.Tensor,
    scaling: float,
    *,
    window: int | None = None,
    softcap: float | None = None,
) -> torch.Tensor:
    """Grouped-query attention where each column sees itself and what stands before, within the window; (B, H, T, D)."""
    columns, on_gpu = query_BHTD.shape[2], query_BHTD.device.type != "cpu"
    if softcap is not None or (window is not None and window < columns) or (columns <= SHORT and not on_gpu):
        return _by_products(query_BHTD, key_BGTD, value_BGTD, scaling, window or columns, softcap)
    shared = query_BHTD.shape[1] // key_BGTD.shape[1]  # a CPU's fused kernel wants a key head for each query head
    key, value = (key_BGTD, value_BGTD) if on_gpu else (x.repeat_interleave(shared, dim=1) for x in (key_BGTD, value_BGTD))
    return torch.nn.functional.scaled_dot_product_attention(
        query_BHTD, key, value, is_causal=True, scale=scaling, enable_gqa=on_gpu
    )


def _by_products(
    query_BHTD: torch.Tensor,
    key_BGTD: torch.Tensor,
    value_BGTD: torch.Tensor,
    scaling: float,
    window: int,
    softcap: float | None,
) -> torch.Tensor:
    """Causal attention without a kernel, so many columns at a time against those that they may see."""
    parts = []
    for begin in range(0, query_BHTD.shape[2], SHORT):
        end, first = min(begin + SHORT, query_BHTD.shape[2]), max(0, begin + 1 - window)
        mask = _band(end - begin, end - first, window, query_BHTD.dtype, query_BHTD.device)
        keys, values = key_BGTD[:, :, first:end], value_BGTD[:, :, first:end]
        parts.append(folded_attention(query_BHTD[:, :, begin:end], keys, values, mask, scaling, softcap))
    return torch.cat(parts, dim=2)


def folded_attention(
    query_BHQD: torch.Tensor,
    key_BGTD: torch.Tensor,
    value_BGTD: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float,
    softcap: float | None = None,
) -> torch.Tensor:
    """Grouped-query attention as two batched products; the query heads of a key head are folded into the columns.

    Args:
        query_BHQD: of any number of columns.
        key_BGTD: all that may be attended to.
        value_BGTD: as the keys, but for their size.
        mask: broadcast to (B, H, Q, T); additive, of the query's dtype, or what may be seen, as booleans. None: everything may.
        scaling: factor of the scores.
        softcap: scores become `softcap * tanh(scores / softcap)` before the mask; None: they stay.

    Returns:
        (B, H, Q, size of a value).
    """
    B, H, Q, D = query_BHQD.shape
    G, T = key_BGTD.shape[1:3]
    query = (query_BHQD * scaling).reshape(B * G, H // G * Q, D)
    scores = torch.bmm(query, key_BGTD.reshape(B * G, T, D).transpose(1, 2)).view(B, H, Q, T)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if mask is not None:
        scores = scores.masked_fill_(~mask, torch.finfo(scores.dtype).min) if mask.dtype == torch.bool else scores.add_(mask)
    weights = scores.softmax(-1).view(B * G, H // G * Q, T)
    return torch.bmm(weights, value_BGTD.reshape(B * G, T, -1)).view(B, H, Q, -1)


@lru_cache(maxsize=64)
def _band(queries: int, keys: int, window: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """The additive mask (queries, keys) of the last columns, which see themselves and what stands less than a window before."""
    with torch.inference_mode(False):  # it is kept, and may be wanted for training next
        place = torch.arange(keys, device=device)
        behind = place[-queries:, None] - place[None, :]
        unseen = (behind < 0) | (behind >= window)
        return torch.zeros((queries, keys), dtype=dtype, device=device).masked_fill_(unseen, float("-inf"))
