"""Attention over packed rows: the shared prompt as plain causal text, its branches on top of it, in one pass.

What is masked in a packed row is its last columns alone, where the branches stand; all before them are a prompt, and causal. So
the prompt takes the causal way, which skips what lies ahead of a token, its keys and values are computed once, and only the few
branch columns go through a mask, of their own height. That is exact, and for a long prompt costs little more than the action
alone; one mask over all columns would cost twice the scores and their memory.

How the prompt itself is computed goes by its length. On a CPU with bfloat16 matrix units two plain products over all columns
take half the time of the fused kernel at 300 tokens, as much at 700 and three times as much at 3,000 (SmolLM2-135M's heads,
forward and backward); a GPU takes the fused kernel always.

Shapes: B rows, T columns, Q of them masked, H query heads, G key heads, D head size.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch

__all__ = ["ATTENTION", "branched_attention", "causal_attention", "folded_attention", "register_attention"]

ATTENTION = "symbiotic_branched"
"""The name of `branched_attention` in transformers' attention interface."""

SHORT = 512
"""Columns of a prompt up to which a CPU computes all scores at once."""


def register_attention() -> str:
    """Make `branched_attention` known to transformers and return its name."""
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, branched_attention)
    return ATTENTION


def branched_attention(
    module: torch.nn.Module,
    query_BHTD: torch.Tensor,
    key_BGTD: torch.Tensor,
    value_BGTD: torch.Tensor,
    attention_mask: torch.Tensor,
    scaling: float,
    starts: Sequence[int] = (),
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Grouped-query attention of packed rows.

    Args:
        module: not used; part of transformers' interface.
        query_BHTD: query heads; those of one key head lie next to each other.
        key_BGTD: key heads, H a multiple of G.
        value_BGTD: as the keys.
        attention_mask: additive, (B, 1, Q, T), of the query's dtype: what the last Q columns may attend to.
        scaling: factor of the scores.
        starts: the column where each row's prompt begins; what stands before is padding, and comes out as zeros. Not needed
            where Q is T.

    Returns:
        (B, T, H, D), and None for the weights.
    """
    split = query_BHTD.shape[2] - attention_mask.shape[2]
    tail = folded_attention(query_BHTD[:, :, split:], key_BGTD, value_BGTD, attention_mask, scaling)
    if split == 0:
        return tail.transpose(1, 2).contiguous(), None
    prompt = (query_BHTD[:, :, :split], key_BGTD[:, :, :split], value_BGTD[:, :, :split])
    if not any(starts):
        head = causal_attention(*prompt, scaling)
    else:
        rows = []
        for row, start in enumerate(starts):
            padding = query_BHTD.new_zeros((1, query_BHTD.shape[1], min(start, split), query_BHTD.shape[3]))
            query, key, value = (part[row : row + 1, :, start:] for part in prompt)
            own = [causal_attention(query, key, value, scaling)] if start < split else []
            rows.append(torch.cat([padding, *own], dim=2))
        head = torch.cat(rows)
    return torch.cat((head, tail), dim=2).transpose(1, 2).contiguous(), None


def causal_attention(
    query_BHTD: torch.Tensor, key_BGTD: torch.Tensor, value_BGTD: torch.Tensor, scaling: float
) -> torch.Tensor:
    """Grouped-query attention where each column sees itself and what stands before; (B, H, T, D)."""
    columns = query_BHTD.shape[2]
    if query_BHTD.device.type == "cpu" and columns <= SHORT:
        return folded_attention(query_BHTD, key_BGTD, value_BGTD, _ahead(columns, query_BHTD.dtype), scaling)
    shared = query_BHTD.shape[1] // key_BGTD.shape[1]
    on_gpu = query_BHTD.device.type != "cpu"  # a CPU's fused kernel wants a key head for each query head
    key, value = (key_BGTD, value_BGTD) if on_gpu else (x.repeat_interleave(shared, dim=1) for x in (key_BGTD, value_BGTD))
    return torch.nn.functional.scaled_dot_product_attention(
        query_BHTD, key, value, is_causal=True, scale=scaling, enable_gqa=on_gpu
    )


def folded_attention(
    query_BHQD: torch.Tensor, key_BGTD: torch.Tensor, value_BGTD: torch.Tensor, mask: torch.Tensor, scaling: float
) -> torch.Tensor:
    """Grouped-query attention as two batched products; the query heads of a key head are folded into the columns.

    Args:
        query_BHQD: of any number of columns.
        key_BGTD: all that may be attended to.
        value_BGTD: as the keys.
        mask: additive, broadcast to (B, H, Q, T), of the query's dtype.
        scaling: factor of the scores.

    Returns:
        (B, H, Q, D).
    """
    B, H, Q, D = query_BHQD.shape
    G, T = key_BGTD.shape[1:3]
    query = (query_BHQD * scaling).reshape(B * G, H // G * Q, D)
    scores = torch.bmm(query, key_BGTD.reshape(B * G, T, D).transpose(1, 2)).view(B, H, Q, T)
    weights = scores.add_(mask).softmax(-1).view(B * G, H // G * Q, T)
    return torch.bmm(weights, value_BGTD.reshape(B * G, T, D)).view(B, H, Q, D)


@lru_cache(maxsize=64)
def _ahead(columns: int, dtype: torch.dtype) -> torch.Tensor:
    """The additive mask in which no column sees what stands behind it."""
    with torch.inference_mode(False):  # it is kept, and may be wanted for training next
        ahead = torch.ones((columns, columns), dtype=torch.bool).triu(1)
        return torch.zeros((columns, columns), dtype=dtype).masked_fill_(ahead, float("-inf"))
