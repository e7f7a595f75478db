"""Keys and values of a batch, in a transformers cache that grows without being copied for every token."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

__all__ = ["attends_to_all", "join", "keeps_all"]


def attends_to_all(model: Any) -> bool:
    """Whether every layer of a model attends to every token: no sliding windows, no states."""
    config = model.config.get_text_config(decoder=True)
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    return kinds == {"full_attention"} and not model._is_stateful and keeps_all(DynamicCache(config=config))


def keeps_all(cache: Any) -> bool:
    """Whether a cache holds the keys and values of all tokens, in all layers."""
    return type(cache) is DynamicCache and all(type(layer) is DynamicLayer for layer in cache.layers)


def join(caches: Sequence[DynamicCache], room: int) -> DynamicCache:
    """One cache for the rows of several, padded on the left to the longest.

    Args:
        caches: each of some rows, their last tokens in its last columns; all as `keeps_all` has them.
        room: how many tokens can be added, in place. Masks are as wide as what is there and the room together.
    """
    joined = DynamicCache()
    joined.layers = [_Roomy(layers, room) for layers in zip(*(cache.layers for cache in caches), strict=True)]
    return joined


class _Roomy(DynamicLayer):
    """A layer whose tensors have free columns at their end, which masks hide until they are taken.

    It gives its tensors whole, because a product with a part of them would copy that part first.
    """

    def __init__(self, layers: Sequence[Any], room: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dtype, self.device, self.is_initialized = layers[0].keys.dtype, layers[0].keys.device, True
        self._taken = max(int(layer.keys.shape[2]) for layer in layers)
        self.keys: torch.Tensor = self._joined([layer.keys for layer in layers], room)
        self.values: torch.Tensor = self._joined([layer.values for layer in layers], room)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take columns; there must be room."""
        for whole, new in ((self.keys, key_states), (self.values, value_states)):
            whole.narrow(2, self._taken, new.shape[2]).copy_(new)
        self._taken += key_states.shape[2]
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """How many columns are taken."""
        return self._taken

    def get_mask_sizes(self, _: Any) -> tuple[int, int]:
        """The width of a mask and its first column; what transformers gives differs between its versions."""
        return int(self.keys.shape[2]), 0

    def _joined(self, parts: Sequence[torch.Tensor], room: int) -> torch.Tensor:
        _, heads, _, width = parts[0].shape
        whole = parts[0].new_zeros(sum(map(len, parts)), heads, self._taken + room, width)
        row = 0
        for part in parts:
            whole[row : row + len(part), :, self._taken - part.shape[2] : self._taken] = part
            row += len(part)
        return whole
