"""The distiller without machinery: one flat loop in plain PyTorch, to read, to change, and to hold the fast one against.

Every target is a sequence of its own here, one at a time through the stock model: no packing, no padding, no masks, no trl.
What it computes is what `distill` computes, step for step, since the objective, the encoding and the order of rows are the very
same functions; a test holds losses and weights of both against each other. It keeps no checkpoints, so it cannot be resumed.

    python -m symbiotic_gym.trainers.minimal EPISODES.jsonl --base MODEL --out FOLDER
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbiotic_gym.agents.weights import check_model, require_train
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.encoding import encode, training_order
from symbiotic_gym.trainers.examples import Example, examples_from
from symbiotic_gym.trainers.multitask import IGNORE, TASKS, multitask_loss
from symbiotic_gym.trainers.trainable import check_trainable, rounds_products, trainable_model

if TYPE_CHECKING:
    import torch

__all__ = ["TrainingSequence", "learning_rate_at", "main", "sequences", "train_minimal"]


@dataclass(frozen=True, kw_only=True)
class TrainingSequence:
    """One training sequence: a prompt and the answer to it."""

    tokens: tuple[int, ...]
    start: int
    """Where in `tokens` the answer starts."""
    task: int
    """An index into `multitask.TASKS`."""
    weight: float = 1.0
    """How much its tokens count."""


def train_minimal(
    config: DistillerConfig,
    examples: Sequence[Example],
    out: Path,
    *,
    base_model: str | Path,
    initial_adapter: Path | None = None,
    on_step: Callable[[dict[str, float]], None] = lambda losses: None,
) -> list[dict[str, float]]:
    """Train a LoRA adapter, or with `adapter="none"` all weights, one sequence at a time.

    Args:
        config: how; `micro_batch_size`, `gradient_checkpointing` and `save_steps` change no result and are not looked at.
        examples: what to learn, from `examples_from`; at least one.
        out: the adapter's folder, or the model's, without a tokenizer.
        base_model: a Hugging Face folder or hub id.
        initial_adapter: an adapter of an earlier training, to go on from; left as it is.
        on_step: called after each optimizer step with its line of the result.

    Returns:
        One line per optimizer step: `step`, each task's mean loss, `learning_rate`; as `DistillResult.losses`.

    Raises:
        ConfigError: a target is longer than `max_tokens`; the adapter does not fit the base model; this machine cannot train
            what is asked for.
        UnknownNameError: there is no such base model or adapter.
    """
    require_train()
    import torch
    from transformers import set_seed

    from symbiotic_gym.agents.chat import load_tokenizer

    base = check_model(base_model)
    check_trainable(config, initial_adapter)
    tokenizer = load_tokenizer(base)
    rows = [sequences(tokenizer, example, config) for example in examples]
    lengths = [sum(len(s.tokens) for s in row) - shared for row, shared in rows]
    order = training_order(lengths, epochs=config.epochs, batch_size=config.batch_size, seed=config.seed)
    steps = -(-len(order) // config.batch_size)

    set_seed(config.seed)
    model = trainable_model(config, base, initial=initial_adapter)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    matrices, vectors = [w for w in weights if w.ndim > 1], [w for w in weights if w.ndim < 2]  # norms and biases do not decay
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]], lr=config.learning_rate)
    model.train()
    history: list[dict[str, float]] = []
    for step in range(steps):
        rate = learning_rate_at(step, steps, config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        picked = order[step * config.batch_size :][: config.batch_size]
        batch = [sequence for i in picked for sequence in rows[i][0]]
        means: defaultdict[str, float] = defaultdict(float)
        optimizer.zero_grad()
        for loss, shares in losses_of(model, batch, config, rounded=rounds_products(config)):
            loss.backward()
            for task, share in shares.items():
                means[task] += share.item()
        torch.nn.utils.clip_grad_norm_(weights, config.max_grad_norm)
        optimizer.step()
        history.append({"step": step + 1, **means, "learning_rate": rate})
        on_step(history[-1])
    model.save_pretrained(str(out))
    return history


def sequences(tokenizer: Any, example: Example, config: DistillerConfig) -> tuple[list[TrainingSequence], int]:
    """An example's targets as sequences of their own, and how many tokens the packed row of them would save."""
    row, _ = encode(
        tokenizer,
        example,
        max_tokens=config.max_tokens,
        page_budget=config.page_budget,
        tasks=config.tasks,
    )
    shared = len(row.prefix)
    found = [
        TrainingSequence(tokens=(*row.prefix, *b.tokens), start=shared + b.start, task=b.task, weight=b.weight)
        for b in row.branches
    ]
    return found, shared * (len(found) - 1)


def losses_of(
    model: Any, batch: Sequence[TrainingSequence], config: DistillerConfig, *, rounded: bool = False
) -> "Iterator[tuple[torch.Tensor, dict[str, torch.Tensor]]]":
    """Each sequence's share of the optimizer batch's loss: each task is one mean over all its tokens in the batch.

    Args:
        model: in training.
        batch: the sequences of an optimizer step.
        config: the tasks' weights.
        rounded: whether products are computed in bfloat16, of weights that are not.
    """
    import torch

    counts = torch.zeros(len(TASKS), dtype=torch.int64, device=model.device)
    for sequence in batch:
        counts[sequence.task] += len(sequence.tokens) - sequence.start
    for sequence in batch:
        ids_BT = torch.tensor([sequence.tokens], device=model.device)
        labels_BT = torch.full_like(ids_BT, IGNORE)
        labels_BT[:, sequence.start - 1 : -1] = ids_BT[:, sequence.start :]  # what each column must predict
        task_BT = torch.full_like(ids_BT, sequence.task)
        weight_BT = torch.full(ids_BT.shape, sequence.weight, device=model.device)
        with torch.autocast(model.device.type, dtype=torch.bfloat16, enabled=rounded):
            logits_BTV = model(input_ids=ids_BT, use_cache=False).logits
        yield multitask_loss(
            logits_BTV,
            labels_BT,
            task_BT,
            config.lambda_reason,
            counts=counts,
            weight_BT=weight_BT,
            further=config.lambda_further,
        )


def learning_rate_at(step: int, steps: int, config: DistillerConfig) -> float:
    """The learning rate of a step, counted from 0: up in a line, down in a line or half a cosine."""
    warmup = round(config.warmup * steps)
    if step < warmup:
        return config.learning_rate * step / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return config.learning_rate * ((1 - done) if config.schedule == "linear" else (1 + cos(pi * done)) / 2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train on the successes of a run's episode files."""
    from symbiotic_gym.store import EpisodeLog

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("episodes", type=Path, nargs="+", help="episode files of a run folder, episodes/*.jsonl")
    parser.add_argument("--base", required=True, help="a Hugging Face folder or hub id")
    parser.add_argument("--out", type=Path, required=True, help="folder for the adapter")
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args(arguments)
    trajectories = [trajectory for file in options.episodes for trajectory in EpisodeLog(file).trajectories]
    train_minimal(
        DistillerConfig(epochs=options.epochs),
        examples_from(trajectories),
        options.out,
        base_model=options.base,
        on_step=lambda line: print(*(f"{name} {value:.4g}" for name, value in line.items()), flush=True),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
