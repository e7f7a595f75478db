"""The multi-task objective: predict the action, explain the reason; each a mean over its own tokens.

`loss = L_action + lambda_reason * L_reason`, plus the further tasks (`further.py`) that are given a weight. Reasons are several
times longer than actions: one mean over all tokens would let them drown what decides success. Shapes: B rows, T columns, V
vocabulary.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.trainers.further import FURTHER

if TYPE_CHECKING:
    import torch

__all__ = ["IGNORE", "TASKS", "count_targets", "multitask_loss"]

TASKS = ("action", "reason", *FURTHER)
"""A task's place here is its id."""

IGNORE = -100
"""The label of a column that predicts nothing."""


def count_targets(labels_BT: "torch.Tensor", task_BT: "torch.Tensor") -> "torch.Tensor":
    """How many target tokens each task has: int64 of shape (len(TASKS),), in their order.

    Args:
        labels_BT: int64; `IGNORE` where a column predicts nothing.
        task_BT: int64 task ids; read only where there is a label.
    """
    import torch

    return torch.bincount(task_BT[labels_BT != IGNORE], minlength=len(TASKS))


def multitask_loss(
    logits_BTV: "torch.Tensor",
    labels_BT: "torch.Tensor",
    task_BT: "torch.Tensor",
    lambda_reason: float,
    counts: "torch.Tensor | None" = None,
    weight_BT: "torch.Tensor | None" = None,
    further: Mapping[str, float] | None = None,
) -> "tuple[torch.Tensor, dict[str, torch.Tensor]]":
    """The action's mean loss plus `lambda_reason` times the reason's.

    Args:
        logits_BTV: scores of any float dtype; the loss is computed in float32.
        labels_BT: int64; the token that *this* column must predict (already shifted), or `IGNORE`.
        task_BT: int64 task ids; read only where there is a label.
        lambda_reason: weight of the reasons, 0 or more.
        counts: target tokens per task of the whole optimizer batch, from `count_targets`, when this is one of several
            micro-batches: their losses then add up to the loss of the whole batch. None: these rows are the whole batch.
        weight_BT: float32; each token's loss is multiplied by it, what it is divided by stays the number of tokens. So weights
            with a mean of 1 (`returns.advantage_weights`) leave a learning rate its meaning. None: all are 1.
        further: weights of the further tasks, by name. None, or one left out: it is not trained on.

    Returns:
        The loss to call backward on, and the mean of each task that has a weight (detached; with `counts`, this micro-batch's
        share of it). A task without targets contributes 0.
    """
    import torch
    from torch.nn.functional import cross_entropy

    wanted = labels_BT != IGNORE
    losses = cross_entropy(logits_BTV[wanted].float(), labels_BT[wanted], reduction="none")
    if weight_BT is not None:
        losses = losses * weight_BT[wanted]
    if counts is None:
        counts = count_targets(labels_BT, task_BT)
    sums = torch.zeros(len(TASKS), device=losses.device).index_add(0, task_BT[wanted], losses)
    means = sums / counts.clamp(min=1)
    weights = {"action": 1.0, "reason": lambda_reason, **(further or {})}
    loss = torch.stack([weight * means[TASKS.index(task)] for task, weight in weights.items()]).sum()
    return loss, {task: means[TASKS.index(task)].detach() for task in weights}
