"""Shared-prefix packing: a step's two targets in one row, the prompt they share computed once.

    columns   pad pad | prompt …… | …action instruction, action, end | …reason instruction, reason, end
    positions  0   0  | 0 …… p-1  | p ……                             | p ……

A branch attends to the prompt and to itself, never to the other branch, and its positions go on from the prompt's end, so
losses and gradients are those of two separate sequences. Rows are padded on the left: all targets then stand in the last
columns, and the model's own `logits_to_keep` computes scores for those alone. Steps can also stand one after another in a
single row, without padding; each then sees itself alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from symbiotic_gym.trainers.multitask import IGNORE

if TYPE_CHECKING:
    import torch

__all__ = ["Branch", "PackedRow", "Target", "collate", "mask_mod", "model_inputs", "pack"]


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


def collate(rows: Sequence[PackedRow], pad: int, *, whole: bool = True, joined: bool = False) -> "Mapping[str, torch.Tensor]":
    """Make a batch of rows.

    Args:
        rows: one or more.
        pad: the token id that fills a row up on its left; what it is has no influence on any result.
        whole: make the mask of all columns, as any attention takes it; False: of the last Q columns of each step alone, which
            hold all its branches, as `attention.branched_attention` takes it.
        joined: put all steps one after another into a single row, without padding: B is 1, and T all their tokens.

    Returns:
        `input_ids` and `position_ids`, int64 (B, T); `attention_mask`, bool (B, 1, Q, T), True where a column (third axis) may
        attend to another (fourth axis); `labels` and `task`, int64 (B, K): the token that each of the last K columns must
        predict, or `IGNORE`, and the task it belongs to; `weight`, float32 (B, K): how much it counts. `model_inputs` makes a
        call of the model of it.

        Of joined rows, the K columns are those of `keep`, int64 (K,). Where the mask is not whole, it is that of S padded
        steps of length L, (S, 1, Q, L); `columns`, int64 (S, L), says where in the row each of their places stands, `places`,
        int64 (T,), the reverse, counted through all S * L.
    """
    grid = _grid(rows, pad)
    if joined:
        return _joined(grid, rows, whole=whole)
    length = grid["input_ids"].shape[1]
    keep = length - int((grid["labels"] != IGNORE).any(dim=0).nonzero()[0])
    return {
        "input_ids": grid["input_ids"],
        "position_ids": grid["position_ids"],
        "attention_mask": _seen(grid["part"], grid["prompt"], length if whole else _widest(rows)),
        **{name: grid[name][:, -keep:] for name in ("labels", "task", "weight")},
    }


def _widest(rows: Sequence[PackedRow]) -> int:
    """How many of the last columns the branches take in the row that has most of them."""
    return max(len(row) - len(row.prefix) for row in rows)


def _grid(rows: Sequence[PackedRow], pad: int) -> "dict[str, torch.Tensor]":
    """A row for each step, all (B, T), padded on the left.

    `part` numbers what belongs together, 0: padding, 1: the prompt, from 2 on: a branch each; `prompt` is the number of the
    prompt that a column may see.
    """
    import torch

    shape = (len(rows), max(map(len, rows)))
    zeros = {name: torch.zeros(shape, dtype=torch.int64) for name in ("position_ids", "part", "task")}
    grid = zeros | {"input_ids": torch.full(shape, pad), "labels": torch.full(shape, IGNORE)}
    grid |= {"weight": torch.ones(shape), "prompt": torch.ones(shape, dtype=torch.int64)}
    for b, row in enumerate(rows):
        begin, shared = shape[1] - len(row), len(row.prefix)
        at = begin + shared
        grid["input_ids"][b, begin:at] = torch.tensor(row.prefix, dtype=torch.int64)
        grid["position_ids"][b, begin:at] = torch.arange(shared)
        grid["part"][b, begin:at] = 1
        for number, branch in enumerate(row.branches, start=2):
            end = at + len(branch.tokens)
            grid["input_ids"][b, at:end] = torch.tensor(branch.tokens)
            grid["position_ids"][b, at:end] = torch.arange(shared, shared + len(branch.tokens))
            grid["part"][b, at:end] = number
            grid["labels"][b, at + branch.start - 1 : end - 1] = torch.tensor(branch.tokens[branch.start :])
            grid["task"][b, at:end] = branch.task
            grid["weight"][b, at:end] = branch.weight
            at = end
    return grid


def _joined(grid: "dict[str, torch.Tensor]", rows: Sequence[PackedRow], *, whole: bool) -> "dict[str, torch.Tensor]":
    """The steps of a grid one after another."""
    import torch

    part = grid["part"]
    places = (part.flatten() > 0).nonzero()[:, 0]
    line = {name: tensor.flatten()[places][None] for name, tensor in grid.items()}
    keep = (line["labels"][0] != IGNORE).nonzero()[:, 0]
    data = {name: line[name] for name in ("input_ids", "position_ids")} | {"keep": keep}
    data |= {name: line[name][:, keep] for name in ("labels", "task", "weight")}
    if whole:
        step = torch.arange(len(rows))[:, None].expand(part.shape).flatten()[places][None]
        numbers = int(part.max()) + 1  # of one step; those of the next go on from there
        return data | {"attention_mask": _seen(line["part"] + numbers * step, line["prompt"] + numbers * step, len(places))}
    columns = torch.zeros(part.numel(), dtype=torch.int64)  # a padding stands for any column: nothing looks at it
    columns[places] = torch.arange(len(places))
    mask = _seen(part, grid["prompt"], _widest(rows))
    return data | {"attention_mask": mask, "columns": columns.view(part.shape), "places": places}


def mask_mod(part_BT: "torch.Tensor", prompt_BT: "torch.Tensor") -> Callable[..., "torch.Tensor"]:
    """What may attend to what, as FlexAttention's `create_block_mask` takes it: a function of batch, head, query and key.

    A column sees itself, and what stands before it in its own part or in the prompt of its step.

    Args:
        part_BT: int64; equal where columns belong to one prompt or to one branch, 0 for padding.
        prompt_BT: int64; the part that holds the prompt of each column's step.
    """

    def seen(b: "torch.Tensor", h: "torch.Tensor", q: "torch.Tensor", k: "torch.Tensor") -> "torch.Tensor":
        one, other = part_BT[b, q], part_BT[b, k]
        return (q == k) | ((q > k) & ((other == one) | (other == prompt_BT[b, q])) & (other > 0))

    return seen


def _seen(part_BT: "torch.Tensor", prompt_BT: "torch.Tensor", masked: int) -> "torch.Tensor":
    """The dense mask of the last columns, bool (B, 1, masked, T)."""
    import torch

    place = torch.arange(part_BT.shape[1])
    batch = torch.arange(part_BT.shape[0])[:, None, None]
    return mask_mod(part_BT, prompt_BT)(batch, None, place[None, -masked:, None], place[None, None, :])[:, None]


def model_inputs(data: "Mapping[str, torch.Tensor]", dtype: "torch.dtype") -> dict[str, Any]:
    """The arguments with which a model computes a batch's scores: logits for its last K columns.

    Args:
        data: from `collate`, on the model's device.
        dtype: the model's; masks are added to scores.
    """
    import torch

    mask = data["attention_mask"]
    columns = data.get("columns")
    found: dict[str, Any] = {
        "input_ids": data["input_ids"],
        "position_ids": data["position_ids"],
        "attention_mask": torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, float("-inf")),
        "logits_to_keep": data.get("keep", data["labels"].shape[1]),
        "use_cache": False,
        # For layers with a window: not every model hands its positions on to them.
        "places_BT": data["position_ids"] if columns is None else data["position_ids"][0, columns],
    }
    if columns is not None:
        found |= {"columns_SL": columns, "places_T": data["places"]}
    if mask.shape[2] < mask.shape[3]:  # the last column is a branch's, and sees its row's prompt from the first token on
        found["starts"] = mask[:, 0, -1].int().argmax(-1).tolist()
    return found
