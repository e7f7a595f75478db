"""Train the node classifier: `python -m symbiotic_gym.trainers.privacy_training`, about two minutes on one core, no GPU, no
torch.

Softmax regression on hashed n-grams by Adagrad. The same seed and the same version of Faker give the same weights. Faker's
names are drawn from tables, so some would be both in training and in the held-out set; those are taken out of the latter.
"""

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.agents.privacy_classifier import BUCKETS, CLASSES, hashes_of, save_weights, script_of
from symbiotic_gym.trainers.privacy_data import Example, examples, negatives

__all__ = ["main", "train"]

_BATCH = 512


def train(
    data: Sequence[Example], *, epochs: int, rate: float, seed: int, decay: float = 1e-6
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit the layer.

    Args:
        data: labelled texts.
        epochs: passes over them.
        rate: Adagrad's step size.
        seed: of the order.
        decay: how strongly weights are drawn to 0, per batch.

    Returns:
        The table, float32 (BUCKETS, classes), and the bias, float32 (classes,).
    """
    rng = random.Random(seed)
    table_HC = np.zeros((BUCKETS, len(CLASSES)), np.float32)
    squares_HC = np.full_like(table_HC, 1e-4)
    bias_C = np.zeros(len(CLASSES), np.float32)
    order = list(range(len(data)))
    for epoch in range(epochs):
        rng.shuffle(order)
        loss, right = 0.0, 0
        for start in range(0, len(order), _BATCH):
            batch = [data[i] for i in order[start : start + _BATCH]]
            wanted_B = np.array([CLASSES.index(example.kind) for example in batch])
            bucket, count_LB = hashes_of([example.text for example in batch])
            owner = np.repeat(np.tile(np.arange(len(batch)), len(count_LB)), count_LB.ravel())
            norm_B = 1 / np.sqrt(np.bincount(owner, minlength=len(batch)))
            logits_BC: NDArray[Any] = np.stack(
                [np.bincount(owner, table_HC[bucket, c], minlength=len(batch)) for c in range(len(CLASSES))], 1
            )
            logits_BC = logits_BC * norm_B[:, None] + bias_C
            logits_BC -= logits_BC.max(1, keepdims=True)
            odds_BC = np.exp(logits_BC)
            odds_BC /= odds_BC.sum(1, keepdims=True)
            loss -= float(np.log(odds_BC[np.arange(len(batch)), wanted_B] + 1e-9).sum())
            right += int((odds_BC.argmax(1) == wanted_B).sum())
            odds_BC[np.arange(len(batch)), wanted_B] -= 1
            bias_C -= (rate * odds_BC.mean(0)).astype(np.float32)
            for c in range(len(CLASSES)):
                grad_H = np.bincount(bucket, (odds_BC[:, c] * norm_B)[owner], minlength=BUCKETS).astype(np.float32)
                squares_HC[:, c] += grad_H**2
                table_HC[:, c] -= rate * grad_H / np.sqrt(squares_HC[:, c]) + decay * table_HC[:, c]
        print(f"epoch {epoch}: loss {loss / len(order):.4f}, right {right / len(order):.4f}", flush=True)
    return table_HC, bias_C


def training_data(per_locale: int, seed: int) -> list[Example]:
    """Private texts of all training locales and about as many harmless ones."""
    private = list(examples(per_locale, seed))
    words = {word for example in private if example.kind == "name" and example.text.isascii() for word in example.text.split()}
    firsts = sorted(word for word in words if word.isalpha() and word.istitle() and len(word) > 2)
    return [*private, *negatives(len(private), seed, firsts)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the weights and the held-out texts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=Path("agents/privacy_nodes.safetensors"))
    parser.add_argument("--held-out", type=Path, help="write held-out texts there, one JSON line each")
    parser.add_argument("--held-out-seed", type=int, default=99, help="of the held-out texts (default 99)")
    parser.add_argument("--per-locale", type=int, default=300, help="of each kind (default 300)")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    data = training_data(options.per_locale, options.seed)
    if options.held_out is not None:
        seen = {example.text for example in data}
        fresh = [e for e in examples(60, options.held_out_seed, held_out=True) if e.text not in seen]
        rows = [json.dumps([e.text, e.kind, e.locale], ensure_ascii=False) for e in dict.fromkeys(fresh)]
        options.held_out.write_text("\n".join(rows) + "\n", encoding="utf-8")
    table_HC, bias_C = train(data, epochs=options.epochs, rate=0.15, seed=options.seed)
    scripts = {script_of(char) for e in data if e.kind != "none" for char in e.text if char.isalpha()}
    save_weights(options.weights, table_HC, bias_C, sorted(scripts), f"seed-{options.seed}")


if __name__ == "__main__":
    main()
