"""Attention over packed rows: the shared prompt as plain causal text, its branches on top of it, in one pass.

What is masked in a packed row is its last columns alone, where the branches stand; all before them are a prompt, and causal. So
the prompt takes the causal way, which skips what lies ahead of a token, its keys and values are computed once, and only the few
branch columns go through a mask, of their own height. That is exact, and for a long prompt costs little more than the action
alone; one mask over all columns would cost twice the scores and their memory.

How the prompt itself is computed goes by its length (`agents/attention.py`).

Weights are not dropped out here, whatever the model's configuration says of `attention_dropout`.

Shapes: B rows, T columns, Q of them masked, H query heads, G key heads, D head size.
"""

from collections.abc import Sequence
from typing import Any

import torch

from symbiotic_gym.agents.attention import causal_attention, folded_attention
from symbiotic_gym.errors import ConfigError, explain

__all__ = ["ATTENTION", "branched_attention", "register_attention"]

ATTENTION = "symbiotic_branched"
"""The name of `branched_attention` in transformers' attention interface."""


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
    places_BT: torch.Tensor | None = None,
    columns_SL: torch.Tensor | None = None,
    places_T: torch.Tensor | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
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
        places_BT: int64, each column's position in its own sequence; needed where the layer has a window.
        columns_SL: int64, where each place of S padded steps stands in the one row that they are joined to; B is 1 then, and
            mask, starts and `places_BT` are those of the S steps. None: a row is a step.
        places_T: int64, the reverse, counted through all S * L.
        sliding_window: how many positions a column of this layer sees, its own included; None: all.
        softcap: scores of this layer are drawn smoothly below this; None: as they are.

    Returns:
        (B, T, H, D), and None for the weights.
    """
    if columns_SL is not None:
        query, key, value = (part[0][:, columns_SL].transpose(0, 1) for part in (query_BHTD, key_BGTD, value_BGTD))
        found = branched_attention(
            module,
            query,
            key,
            value,
            attention_mask,
            scaling,
            starts,
            places_BT=places_BT,
            sliding_window=sliding_window,
            softcap=softcap,
        )[0]
        return found.flatten(0, 1)[places_T][None], None
    split = query_BHTD.shape[2] - attention_mask.shape[2]
    window = sliding_window if sliding_window is not None and sliding_window < query_BHTD.shape[2] else None
    if window is not None:
        attention_mask = _narrowed(attention_mask, places_BT, window)
    tail = folded_attention(query_BHTD[:, :, split:], key_BGTD, value_BGTD, attention_mask, scaling, softcap)
    if split == 0:
        return tail.transpose(1, 2).contiguous(), None
    prompt = (query_BHTD[:, :, :split], key_BGTD[:, :, :split], value_BGTD[:, :, :split])
    if not any(starts):
        head = causal_attention(*prompt, scaling, window=window, softcap=softcap)
    else:
        rows = []
        for start, *parts in zip(
            starts, *(part.split(1) for part in prompt), strict=True
        ):  # a slice's gradient is of full size
            padding = query_BHTD.new_zeros((1, query_BHTD.shape[1], min(start, split), query_BHTD.shape[3]))
            query, key, value = (part[:, :, start:] for part in parts)
            own = [causal_attention(query, key, value, scaling, window=window, softcap=softcap)] if start < split else []
            rows.append(torch.cat([padding, *own], dim=2))
        head = torch.cat(rows)
    return torch.cat((head, tail), dim=2).transpose(1, 2).contiguous(), None


def _narrowed(mask_B1QT: torch.Tensor, places_BT: torch.Tensor | None, window: int) -> torch.Tensor:
    """The mask without what lies a window or more behind; a branch's positions go on from its prompt's, its columns do not."""
    if places_BT is None:
        raise ConfigError(
            explain(
                f"a layer that sees {window} positions, and rows that are longer, without `places_BT`",
                "the position of each column, as `packing.model_inputs` gives it",
                "how far a branch is from its prompt cannot be told from columns",
                "call the model with what `model_inputs` returns",
            )
        )
    far_BQT = places_BT[:, -mask_B1QT.shape[2] :, None] - places_BT[:, None, :] >= window
    return mask_B1QT.masked_fill(far_BQT[:, None], float("-inf"))
