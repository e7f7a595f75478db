"""The multi-task objective: predict the action, explain the reason; each a mean over its own tokens.

`loss = L_action + lambda_reason * L_reason`. Reasons are several times longer than actions: one mean over all tokens would let
them drown what decides success. Shapes: B rows, T columns, V vocabulary.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["IGNORE", "TASKS", "count_targets", "multitask_loss"]

TASKS = ("action", "reason")
"""A task's place here is its id."""

IGNORE = -100
"""The label of a column that predicts nothing."""


def count_targets(labels_BT: "torch.Tensor", task_BT: "torch.Tensor") -> "torch.Tensor":
    """How many target tokens each task has: int64 of shape (2,), in the order of `TASKS`.

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

    Returns:
        The loss to call backward on, and each task's mean (detached, weighted; with `counts`, this micro-batch's share of it).
        A task without targets contributes 0.
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
    return means[0] + lambda_reason * means[1], {task: means[i].detach() for i, task in enumerate(TASKS)}
