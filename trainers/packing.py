"""Shared-prefix packing: a step's two targets in one row, the prompt they share computed once.

    columns   pad pad | prompt …… | …action instruction, action, end | …reason instruction, reason, end
    positions  0   0  | 0 …… p-1  | p ……                             | p ……

A branch attends to the prompt and to itself, never to the other branch, and its positions go on from the prompt's end, so
losses and gradients are those of two separate sequences. Rows are padded on the left: all targets then stand in the last
columns, and the model's own `logits_to_keep` computes scores for those alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from symbiotic_gym.trainers.multitask import IGNORE

if TYPE_CHECKING:
    import torch

__all__ = ["Branch", "PackedRow", "Target", "collate", "model_inputs", "pack"]


@dataclass(frozen=True, kw_only=True)
class Target:
    """One separate training sequence: a prompt and what must be answered to it, as token ids."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    """The model's end token included."""
    task: int
    """An index into `multitask.TASKS`."""
    weight: float = 1.0
    """How much its tokens count, 0 or more."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """What is left of one target behind the shared prefix."""

    tokens: tuple[int, ...]
    start: int
    """Where in `tokens` the answer starts; at least 1, so that a token of the branch itself predicts its first token."""
    task: int
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class PackedRow:
    """One row: the tokens all branches share, and the branches."""

    prefix: tuple[int, ...]
    branches: tuple[Branch, ...]

    def __len__(self) -> int:
        return len(self.prefix) + sum(len(branch.tokens) for branch in self.branches)


def pack(targets: Sequence[Target]) -> PackedRow:
    """Pack the targets of one step into a row.

    The prefix is the longest token prefix of all prompts, less one token where a prompt has nothing of its own behind it.

    Args:
        targets: one or more; every prompt and every answer has at least one token.
    """
    columns = zip(*(target.prompt[:-1] for target in targets), strict=False)
    shared = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
    branches = [
        Branch(tokens=(*t.prompt[shared:], *t.answer), start=len(t.prompt) - shared, task=t.task, weight=t.weight)
        for t in targets
    ]
    return PackedRow(prefix=targets[0].prompt[:shared], branches=tuple(branches))


def collate(rows: Sequence[PackedRow], pad: int, *, whole: bool = True) -> "Mapping[str, torch.Tensor]":
    """Make a batch of rows.

    Args:
        rows: one or more.
        pad: the token id that fills a row up on its left; what it is has no influence on any result.
        whole: make the mask of all columns, as any attention takes it; False: of the last Q columns alone, which hold all
            branches, as `attention.branched_attention` takes it.

    Returns:
        `input_ids` and `position_ids`, int64 (B, T); `attention_mask`, bool (B, 1, Q, T), True where a column (third axis) may
        attend to another (fourth axis); `labels` and `task`, int64 (B, K): the token that each of the last K columns must
        predict, or `IGNORE`, and the task it belongs to; `weight`, float32 (B, K): how much it counts. `model_inputs` makes a
        call of the model of it.
    """
    import torch

    length = max(map(len, rows))
    masked = length if whole else max(len(row) - len(row.prefix) for row in rows)
    input_ids = torch.full((len(rows), length), pad)
    position_ids = torch.zeros((len(rows), length), dtype=torch.int64)
    part = torch.zeros((len(rows), length), dtype=torch.int64)  # 0: padding, 1: the prompt, from 2 on: a branch each
    labels = torch.full((len(rows), length), IGNORE)
    task = torch.zeros((len(rows), length), dtype=torch.int64)
    weight = torch.ones((len(rows), length))
    for b, row in enumerate(rows):
        begin, shared = length - len(row), len(row.prefix)
        at = begin + shared
        input_ids[b, begin:at] = torch.tensor(row.prefix, dtype=torch.int64)
        position_ids[b, begin:at] = torch.arange(shared)
        part[b, begin:at] = 1
        for number, branch in enumerate(row.branches, start=2):
            end = at + len(branch.tokens)
            input_ids[b, at:end] = torch.tensor(branch.tokens)
            position_ids[b, at:end] = torch.arange(shared, shared + len(branch.tokens))
            part[b, at:end] = number
            labels[b, at + branch.start - 1 : end - 1] = torch.tensor(branch.tokens[branch.start :])
            task[b, at:end] = branch.task
            weight[b, at:end] = branch.weight
            at = end
    keep = length - int((labels != IGNORE).any(dim=0).nonzero()[0])
    return {
        "input_ids": input_ids,
        "position_ids": position_ids,
        "attention_mask": _seen(part, masked)[:, None],
        "labels": labels[:, -keep:],
        "task": task[:, -keep:],
        "weight": weight[:, -keep:],
    }


def _seen(part_BT: "torch.Tensor", masked: int) -> "torch.Tensor":
    """What each of the last columns may attend to: itself, and what stands before it in the prompt or in its own branch."""
    import torch

    place = torch.arange(part_BT.shape[1])
    own, all_ = place[-masked:, None], place[None, :]
    seen, seer = part_BT[:, None, :], part_BT[:, -masked:, None]
    return (own == all_) | ((own > all_) & ((seen == 1) | (seen == seer)) & (seen > 0))


def model_inputs(data: "Mapping[str, torch.Tensor]", dtype: "torch.dtype") -> dict[str, Any]:
    """The arguments with which a model computes a batch's scores: logits for its last K columns.

    Args:
        data: from `collate`, on the model's device.
        dtype: the model's; masks are added to scores.
    """
    import torch

    mask = data["attention_mask"]
    found: dict[str, Any] = {
        "input_ids": data["input_ids"],
        "position_ids": data["position_ids"],
        "attention_mask": torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, float("-inf")),
        "logits_to_keep": data["labels"].shape[1],
        "use_cache": False,
        "places_BT": data["position_ids"],  # for layers with a window: not every model hands its positions on to them
    }
    if mask.shape[2] < mask.shape[3]:  # the last column is a branch's, and sees its row's prompt from the first token on
        found["starts"] = mask[:, 0, -1].int().argmax(-1).tolist()
    return found
