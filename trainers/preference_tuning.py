"""Preference optimisation of an adapter on speculation's pairs, after it has been distilled.

What the teacher put in place of a proposal is made likelier than the proposal, measured against the adapter as it was (DPO).
The two answers often differ in a token or two, an id, and what they share would lose likelihood together with the rejected
one; so the chosen answer's own likelihood is held up beside it (arXiv 2404.19733). Nothing is generated, and the reference is
asked once, before anything changes.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbiotic_gym.agents.weights import check_model, load_adapter, load_base, pick_device, require_train
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.store import write_json
from symbiotic_gym.trainers.architectures import check_architecture
from symbiotic_gym.trainers.encoding import training_order
from symbiotic_gym.trainers.pairs import PreferencePair
from symbiotic_gym.trainers.preferences import EncodedPair, dpo_loss, encode_pair, pair_logprobs

if TYPE_CHECKING:
    import torch

__all__ = ["PreferenceConfig", "PreferenceResult", "tune_on_pairs"]


@dataclass(frozen=True, kw_only=True)
class PreferenceConfig:
    """How to tune."""

    epochs: int = 1
    batch_size: int = 8
    """Pairs to an optimizer step."""
    micro_batch_size: int = 4
    """Pairs that go through the model at once; divides `batch_size`."""
    learning_rate: float = 1e-4
    beta: float = 0.1
    """How dear it is to leave the reference, more than 0."""
    anchor: float = 1.0
    """Weight of the chosen answers' negative log-likelihood per token, 0 or more."""
    max_tokens: int = 2048
    """Longest prompt with its two answers."""
    page_budget: int = 6000
    """Characters of page text in a prompt; the one of the agent that will use the model."""
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class PreferenceResult:
    """What came of it; `tuning.json` holds it."""

    pairs: int
    left_out: int
    """Pairs that are longer than `max_tokens`."""
    steps: int
    preferred_before: float
    """Share of the pairs, in [0, 1], whose chosen answer was the likelier one."""
    preferred_after: float
    margin_before: float
    """How much likelier the chosen answer was than the rejected one, in nats, on average over the pairs."""
    margin_after: float


def tune_on_pairs(
    config: PreferenceConfig,
    pairs: Sequence[PreferencePair],
    out: Path,
    *,
    base_model: str | Path,
    adapter: Path,
    device: str = "auto",
    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> PreferenceResult:
    """Go on training an adapter.

    Args:
        config: how.
        pairs: from `pairs.preference_pairs`.
        out: a folder; `out/adapter` appears when it is done.
        base_model: a Hugging Face folder or hub id.
        adapter: the adapter to begin with, which is the reference too; left as it is.
        device: `auto`, or a torch device.
        on_step: called after each optimizer step with its number, the number of all steps, and the mean loss.

    Raises:
        ConfigError: there is no pair that fits into `max_tokens`; packed rows of this kind of model would not be exact.
        UnknownNameError: there is no such model or adapter.
    """
    require_train()
    import torch
    from transformers import set_seed

    from symbiotic_gym.agents.chat import load_tokenizer

    base = check_model(base_model)
    check_architecture(base)
    tokenizer = load_tokenizer(base)
    encoded = [encode_pair(tokenizer, pair, page_budget=config.page_budget) for pair in pairs]
    data = [pair for pair in encoded if len(pair.prompt) + len(pair.chosen) + len(pair.rejected) <= config.max_tokens]
    if not data:
        raise ConfigError(_nothing(len(pairs), config.max_tokens))
    set_seed(config.seed)
    model = _model(base, adapter, pick_device(device))
    pad = tokenizer.pad_token_id or 0
    reference = _scores(model, data, pad, config.micro_batch_size)
    order = training_order([len(p.prompt) for p in data], epochs=config.epochs, batch_size=config.batch_size, seed=config.seed)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=config.learning_rate, weight_decay=0.0)
    steps = -(-len(order) // config.batch_size)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * (1 - step / steps)
        picked = order[step * config.batch_size :][: config.batch_size]
        total = 0.0
        optimizer.zero_grad()
        for at in range(0, len(picked), config.micro_batch_size):
            chunk = picked[at : at + config.micro_batch_size]
            loss = _loss(model, [data[i] for i in chunk], reference[:, chunk], pad, config).sum() / len(picked)
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        on_step(step + 1, steps, total)
    after = _scores(model, data, pad, config.micro_batch_size)
    result = PreferenceResult(
        pairs=len(data),
        left_out=len(pairs) - len(data),
        steps=steps,
        preferred_before=(reference[0] > reference[1]).float().mean().item(),
        preferred_after=(after[0] > after[1]).float().mean().item(),
        margin_before=(reference[0] - reference[1]).mean().item(),
        margin_after=(after[0] - after[1]).mean().item(),
    )
    _save(model, out, result)
    return result


def _model(base: str, adapter: Path, device: str) -> Any:
    from symbiotic_gym.trainers.attention import register_attention
    from symbiotic_gym.trainers.fast import speed_up

    model = load_adapter(load_base(base, device=device, attention=register_attention()), adapter, trainable=True)
    if device == "cpu":
        speed_up(model)
    return model.train()


def _scores(model: Any, data: Sequence[EncodedPair], pad: int, size: int) -> "torch.Tensor":
    """The log-probabilities of all answers, float32 (2, B): chosen, rejected; nothing is dropped out for them."""
    import torch

    model.eval()
    with torch.no_grad():
        parts = [pair_logprobs(model, data[at : at + size], pad, whole=False) for at in range(0, len(data), size)]
    model.train()
    return torch.stack([torch.cat([part[i] for part in parts]) for i in range(2)])


def _loss(
    model: Any, pairs: Sequence[EncodedPair], reference_2B: "torch.Tensor", pad: int, config: PreferenceConfig
) -> "torch.Tensor":
    """(B,): the preference and the anchor of each pair."""
    import torch

    chosen_B, rejected_B = pair_logprobs(model, pairs, pad, whole=False)
    lengths_B = torch.tensor([len(pair.chosen) for pair in pairs], device=chosen_B.device)
    preference_B = dpo_loss(chosen_B, rejected_B, reference_2B[0], reference_2B[1], beta=config.beta)
    return preference_B - config.anchor * chosen_B / lengths_B


def _save(model: Any, out: Path, result: PreferenceResult) -> None:
    new = out / ".adapter-new"
    shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(out / "adapter", ignore_errors=True)
    model.save_pretrained(str(new))
    write_json(out / "tuning.json", asdict(result))
    os.replace(new, out / "adapter")


def _nothing(given: int, most: int) -> str:
    return explain(
        f"{given} preference pairs, none of which fits into {most} tokens",
        "at least one pair that does",
        "without one there is nothing to prefer",
        "synthesize more episodes with a student that is sometimes turned down, or raise max_tokens",
    )
