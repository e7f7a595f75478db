"""The answers to a batch of prompts, token by token: what is drawn, what a grammar forbids, and how likely it was.

Rows that go through the model together are padded on the left, twice where part of a prompt is known already: (padding, known
part)(padding, new part). Masks and positions say which is which, so a row's scores are those it has alone, up to rounding. The
prompts go together on a GPU; on a CPU, where padding takes as long as text, each goes alone. Tokens drawn go together always.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from symbiotic_gym.agents.automaton import State
from symbiotic_gym.agents.prefix_cache import PrefixCache, Reuse
from symbiotic_gym.agents.vocabulary import Vocabulary
from symbiotic_gym.protocols import Sampling

if TYPE_CHECKING:
    import torch

__all__ = ["Row", "complete", "draw"]

_NUCLEUS = 256
"""How many of the likeliest tokens nucleus sampling looks at before it sorts them all."""


@dataclass
class Row:
    """One prompt, and what was answered so far."""

    prompt: list[int]
    seed: int
    session: str = ""
    state: State | None = None
    """Where a bound answer is; None: the answer is free."""
    drawn: list[int] = field(default_factory=list)
    """The answer's tokens, the end token included where one was drawn."""
    logprob: float = 0.0
    """The sum of the drawn tokens' log-probabilities, among those that were allowed, at temperature 1."""
    finished: bool = False

    def take(self, token: int, logprob: float, ends: Sequence[int], vocabulary: Vocabulary | None) -> None:
        """Note the next token."""
        if self.finished:
            return
        self.drawn.append(token)
        self.logprob += logprob
        if token in ends:
            self.finished = True
        elif self.state is not None and vocabulary is not None:
            self.state = self.state.after(vocabulary.bytes[token])
            self.finished = self.state is None or self.state.done


def complete(
    model: Any,
    rows: Sequence[Row],
    sampling: Sampling,
    ends: Sequence[int],
    prefixes: PrefixCache,
    vocabulary: Vocabulary | None = None,
) -> None:
    """Draw the answers of all rows, into the rows.

    Args:
        model: a causal language model of transformers.
        rows: prompts with nothing drawn yet.
        sampling: the same for all.
        ends: the tokens that end a free answer.
        prefixes: what is known of the sessions' prompts; brought up to date.
        vocabulary: of the model's tokenizer, where a row is bound by a grammar.
    """
    import torch

    bound = vocabulary is not None and any(row.state is not None for row in rows)
    generators = [torch.Generator().manual_seed(row.seed) for row in rows]
    with torch.inference_mode():
        forward = _Forward(model, rows, ends[0], prefixes, sampling.max_tokens - 1)
        logits_BV = forward.prompts()
        for room in range(sampling.max_tokens, 0, -1):
            if bound and vocabulary is not None:
                logits_BV = _bound(logits_BV, rows, room, ends, vocabulary)
            token_B = draw(logits_BV, sampling, generators)
            chosen_B = logits_BV.gather(-1, token_B[:, None])[:, 0].float()
            logprob_B = chosen_B - logits_BV.float().logsumexp(-1)
            for row, token, logprob in zip(rows, token_B.tolist(), logprob_B.tolist(), strict=True):
                row.take(token, logprob, ends, vocabulary)
            if room == 1 or all(row.finished for row in rows):
                return
            logits_BV = forward.after(token_B)


def _bound(
    logits_BV: "torch.Tensor", rows: Sequence[Row], room: int, ends: Sequence[int], vocabulary: Vocabulary
) -> "torch.Tensor":
    """The scores with minus infinity where a row's grammar does not go on."""
    import numpy as np
    import torch

    free_BV = np.ones(logits_BV.shape, dtype=bool)
    for free_V, row in zip(free_BV, rows, strict=True):
        if row.state is None or row.finished:
            continue
        free_V[:] = False
        free_V[vocabulary.allowed(row.state, room)] = True
        if row.state.final:
            free_V[list(ends)] = True
    return logits_BV.masked_fill(~torch.from_numpy(free_BV).to(logits_BV.device), float("-inf"))


class _Forward:
    """The model and what it has computed for a batch so far."""

    def __init__(self, model: Any, rows: Sequence[Row], pad: int, prefixes: PrefixCache, room: int) -> None:
        self._model = model
        self._pad = pad
        self._prefixes = prefixes
        self._rows = [prefixes.match(row.session, row.prompt) for row in rows]
        self._room = room

    def prompts(self) -> "torch.Tensor":
        """Each row's scores of its first token."""
        import torch
        from torch.nn.functional import pad

        from symbiotic_gym.agents.key_values import attends_to_all, join

        self._position_B = torch.tensor([len(row.prompt) - 1 for row in self._rows], device=self._model.device)
        if self._model.device.type != "cpu" or not attends_to_all(self._model):
            logits_BV, self._mask_BT, self._cache = self._together(self._rows)
            self._end = self._mask_BT.shape[1]
            return logits_BV
        parts = [self._together([row]) for row in self._rows]
        self._end = max(mask_BT.shape[1] for _, mask_BT, _ in parts)
        self._mask_BT = torch.cat([pad(mask_BT, (self._end - mask_BT.shape[1], self._room)) for _, mask_BT, _ in parts])
        self._cache = join([cache for _, _, cache in parts], self._room)
        return torch.cat([logits_BV for logits_BV, _, _ in parts])

    def _together(self, rows: Sequence[Reuse]) -> "tuple[torch.Tensor, torch.Tensor, Any]":
        """Some rows' scores, masks (rows, columns) and cache, from one pass."""
        import torch

        known, new = max(row.known for row in rows), max(map(_new, rows))
        ids = [[self._pad] * (new - _new(row)) + list(row.prompt[row.known :]) for row in rows]
        mask = [[0] * (known - row.known) + [1] * row.known + [0] * (new - _new(row)) + [1] * _new(row) for row in rows]
        mask_BT = torch.tensor(mask, device=self._model.device)
        position_BT = (mask_BT.cumsum(-1) - 1).clamp(min=0)[:, known:]
        known_of_all = self._prefixes.gather(rows)
        logits_BV, cache = self._pass(torch.tensor(ids, device=self._model.device), mask_BT, position_BT, known_of_all)
        self._prefixes.keep(rows, cache)
        return logits_BV, mask_BT, cache

    def after(self, token_B: "torch.Tensor") -> "torch.Tensor":
        """Each row's scores of the token after `token_B`."""
        from torch.nn.functional import pad

        if self._end == self._mask_BT.shape[1]:  # a cache that grows, and not one with room
            self._mask_BT = pad(self._mask_BT, (0, 1))
        self._mask_BT[:, self._end] = 1
        self._end += 1
        self._position_B += 1
        logits_BV, self._cache = self._pass(token_B[:, None], self._mask_BT, self._position_B[:, None], self._cache)
        return logits_BV

    def _pass(
        self, ids_BT: "torch.Tensor", mask_BT: "torch.Tensor", position_BT: "torch.Tensor", cache: Any
    ) -> "tuple[torch.Tensor, Any]":
        out = self._model(
            input_ids=ids_BT,
            attention_mask=mask_BT,
            position_ids=position_BT,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return out.logits[:, -1], out.past_key_values


def _new(row: Reuse) -> int:
    return len(row.prompt) - row.known


def draw(logits_BV: "torch.Tensor", sampling: Sampling, generators: Sequence["torch.Generator"]) -> "torch.Tensor":
    """One token per row.

    Args:
        logits_BV: scores, any float dtype.
        sampling: greedy at temperature 0, else nucleus sampling (Holtzman et al., arXiv 1904.09751).
        generators: one per row, on the CPU; each gives one number, whatever the other rows do.

    Returns:
        int64 of shape (B,).
    """
    import torch

    if sampling.temperature == 0:
        return logits_BV.argmax(-1)
    probs = (logits_BV.float() / sampling.temperature).softmax(-1)
    ids = None
    if sampling.top_p < 1:
        probs, ids = (
            probs.topk(min(_NUCLEUS, probs.shape[-1])) if _reaches(probs, sampling.top_p) else probs.sort(descending=True)
        )
        before = probs.cumsum(-1) - probs
        probs = probs.masked_fill(before >= sampling.top_p, 0.0)
    total = probs.cumsum(-1)
    number = torch.stack([torch.rand((), generator=generator) for generator in generators]).to(total.device)
    place = torch.searchsorted(total, (number * total[:, -1])[:, None], right=True).clamp(max=total.shape[-1] - 1)
    return (place if ids is None else ids.gather(-1, place))[:, 0]


def _reaches(probs: "torch.Tensor", top_p: float) -> bool:
    return bool((probs.topk(min(_NUCLEUS, probs.shape[-1])).values.sum(-1) >= top_p).all())
