"""The loop in which an adapter goes on learning from a loss of its own: preferences, a teacher's distributions.

`distiller.py` is for what is a token's cross-entropy. This is for the rest: small rounds behind a distillation, on one device,
done in minutes, so that they are not taken up in the middle.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from symbiotic_gym.agents.weights import load_adapter, load_base
from symbiotic_gym.store import write_json
from symbiotic_gym.trainers.distiller_config import bad_value
from symbiotic_gym.trainers.encoding import training_order

if TYPE_CHECKING:
    import torch

__all__ = ["TuningConfig", "open_adapter", "save_adapter", "tune"]


@dataclass(frozen=True, kw_only=True)
class TuningConfig:
    """How to tune.

    Raises:
        ConfigError: a value cannot be used.
    """

    epochs: int = 1
    batch_size: int = 8
    """Items, pairs for one, to an optimizer step."""
    micro_batch_size: int = 4
    """Items that go through the model at once."""
    learning_rate: float = 1e-4
    """At the first step; falls to 0 in a straight line."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "micro_batch_size", *self._counts):
            self._check(name, getattr(self, name) >= 1, "1 or more")
        self._check("learning_rate", 0 < self.learning_rate < inf, "more than 0, and finite")

    _counts: ClassVar[tuple[str, ...]] = ()
    """Further fields that count something."""

    def _check(self, name: str, fits: bool, expected: str) -> None:
        if not fits:
            raise bad_value(name, getattr(self, name), expected)


def open_adapter(base: str, adapter: Path, device: str, *, packed: bool) -> Any:
    """A model with an adapter whose weights take gradients, in training mode.

    Args:
        base: as `weights.check_model` returns it.
        adapter: to begin with; left as it is.
        device: a torch device's name.
        packed: with the attention of packed rows, and with what `fast.py` replaces on a CPU; such a model computes packed rows
            only.

    Raises:
        ConfigError: the adapter does not fit the base model.
    """
    from symbiotic_gym.trainers.attention import register_attention
    from symbiotic_gym.trainers.fast import speed_up

    attention = register_attention() if packed else None
    model = load_adapter(load_base(base, device=device, attention=attention), adapter, trainable=True)
    if packed and device == "cpu":
        speed_up(model)
    return model.train()


def tune(
    model: Any,
    lengths: Sequence[int],
    loss: Callable[[Sequence[int]], "torch.Tensor"],
    config: TuningConfig,
    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> list[float]:
    """Train what takes gradients in a model, and return the mean loss of each optimizer step.

    Args:
        model: from `open_adapter`.
        lengths: tokens of each item, so that like long ones go through the model together.
        loss: of items by their places, (B,) with gradients; the mean of a batch's is what is learnt from.
        config: how.
        on_step: called after each optimizer step with its number, the number of all steps, and the mean loss.
    """
    import torch

    order = training_order(lengths, epochs=config.epochs, batch_size=config.batch_size, seed=config.seed)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=config.learning_rate, weight_decay=0.0)
    steps = -(-len(order) // config.batch_size)
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * (1 - step / steps)
        picked = order[step * config.batch_size :][: config.batch_size]
        total = 0.0
        optimizer.zero_grad()
        for at in range(0, len(picked), config.micro_batch_size):
            part = loss(picked[at : at + config.micro_batch_size]).sum() / len(picked)
            part.backward()
            total += part.item()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        losses.append(total)
        on_step(step + 1, steps, total)
    return losses


def save_adapter(model: Any, out: Path, report: Mapping[str, Any]) -> None:
    """Write `out/tuning.json`, and then `out/adapter`, whose presence says that all is there."""
    new = out / ".adapter-new"
    shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(out / "adapter", ignore_errors=True)
    model.save_pretrained(str(new))
    write_json(out / "tuning.json", report)
    os.replace(new, out / "adapter")
