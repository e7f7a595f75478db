"""Preference optimisation of an adapter on speculation's pairs, after it has been distilled.

What the teacher put in place of a proposal is made likelier than the proposal, measured against the adapter as it was (DPO),
or against a teacher. The two answers often differ in a token or two, an id, and what they share would lose likelihood together
with the rejected one; so the chosen answer's own likelihood is held up beside it (arXiv 2404.19733). Nothing is generated, and
the reference is asked once, before anything changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbiotic_gym.agents.chat import encode_prompt
from symbiotic_gym.agents.local import OpenWeights
from symbiotic_gym.agents.small import PAGE_BUDGET
from symbiotic_gym.agents.weights import check_model, pick_device, require_train
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.trainers.adapter_tuning import TuningConfig, open_adapter, save_adapter, tune
from symbiotic_gym.trainers.architectures import check_architecture
from symbiotic_gym.trainers.pairs import PreferencePair
from symbiotic_gym.trainers.preferences import EncodedPair, dpo_loss, encode_pair, pair_logprobs
from symbiotic_gym.trainers.scoring import answer_tokens, sequence_logprob

if TYPE_CHECKING:
    import torch

__all__ = ["PreferenceConfig", "PreferenceResult", "tune_on_pairs"]


@dataclass(frozen=True, kw_only=True)
class PreferenceConfig(TuningConfig):
    """How to tune on pairs."""

    beta: float = 0.1
    """How dear it is to leave the reference, more than 0."""
    anchor: float = 1.0
    """Weight of the chosen answers' negative log-likelihood per token, 0 or more."""
    max_tokens: int = 2048
    """Longest prompt with its two answers."""
    page_budget: int = PAGE_BUDGET
    """Characters of page text in a prompt; the one of the agent that will use the model."""

    _counts = ("max_tokens", "page_budget")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("beta", 0 < self.beta < inf, "more than 0, and finite")
        self._check("anchor", 0 <= self.anchor < inf, "0 or more, and finite")


@dataclass(frozen=True, kw_only=True)
class PreferenceResult:
    """What came of it; `tuning.json` holds it. What is measured is measured on the pairs that were trained on."""

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
    reference: OpenWeights | None = None,
    device: str = "auto",
    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> PreferenceResult:
    """Go on training an adapter.

    Args:
        config: how.
        pairs: from `pairs.preference_pairs`.
        out: a folder; `out/adapter` appears when it is done.
        base_model: a Hugging Face folder or hub id.
        adapter: the adapter to begin with; left as it is.
        reference: an open-weight teacher, to whose preferences the student's are held (LLaVA-MoD's preference distillation,
            arXiv 2408.15881); its tokenizer may be another. None: the adapter as it was.
        device: `auto`, or a torch device.
        on_step: called after each optimizer step with its number, the number of all steps, and the mean loss.

    Raises:
        ConfigError: there is no pair that fits into `max_tokens`; packed rows of this kind of model would not be exact.
        UnknownNameError: there is no such model or adapter.
    """
    require_train()
    from transformers import set_seed

    from symbiotic_gym.agents.chat import load_tokenizer

    base = check_model(base_model)
    check_architecture(base)
    tokenizer = load_tokenizer(base)
    encoded = [encode_pair(tokenizer, pair, page_budget=config.page_budget) for pair in pairs]
    lengths = [len(pair.prompt) + len(pair.chosen) + len(pair.rejected) for pair in encoded]
    places = [i for i, length in enumerate(lengths) if length <= config.max_tokens]
    data = [encoded[i] for i in places]
    if not data:
        raise ConfigError(_nothing(len(pairs), config.max_tokens))
    set_seed(config.seed)
    model = open_adapter(base, adapter, pick_device(device), packed=True)
    pad = tokenizer.pad_token_id or 0
    before = _scores(model, data, pad, config.micro_batch_size)
    held = before if reference is None else _judged(reference, [pairs[i] for i in places], config.page_budget).to(before.device)

    def loss(chunk: Sequence[int]) -> "torch.Tensor":
        return _loss(model, [data[i] for i in chunk], held[:, list(chunk)], pad, config)

    losses = tune(model, [len(pair.prompt) for pair in data], loss, config, on_step)
    after = _scores(model, data, pad, config.micro_batch_size)
    result = PreferenceResult(
        pairs=len(data),
        left_out=len(pairs) - len(data),
        steps=len(losses),
        preferred_before=(before[0] > before[1]).float().mean().item(),
        preferred_after=(after[0] > after[1]).float().mean().item(),
        margin_before=(before[0] - before[1]).mean().item(),
        margin_after=(after[0] - after[1]).mean().item(),
    )
    save_adapter(model, out, asdict(result))
    return result


def _scores(model: Any, data: Sequence[EncodedPair], pad: int, size: int) -> "torch.Tensor":
    """The log-probabilities of all answers, float32 (2, B): chosen, rejected; nothing is dropped out for them."""
    import torch

    model.eval()
    with torch.no_grad():
        parts = [pair_logprobs(model, data[at : at + size], pad, whole=False) for at in range(0, len(data), size)]
    model.train()
    return torch.stack([torch.cat([part[i] for part in parts]) for i in range(2)])


def _judged(teacher: OpenWeights, pairs: Sequence[PreferencePair], page_budget: int) -> "torch.Tensor":
    """The same of a teacher, in its own tokens."""
    import torch

    rows = []
    with torch.no_grad():
        for pair in pairs:
            prompt = encode_prompt(teacher.tokenizer, pair.messages(page_budget=page_budget))
            answers = [answer_tokens(teacher.tokenizer, candidate.action) for candidate in (pair.chosen, pair.rejected)]
            rows.append(torch.stack([sequence_logprob(teacher.model, prompt, answer) for answer in answers]))
    return torch.stack(rows, dim=1)


def _loss(
    model: Any, pairs: Sequence[EncodedPair], reference_2B: "torch.Tensor", pad: int, config: PreferenceConfig
) -> "torch.Tensor":
    """(B,): the preference and the anchor of each pair."""
    import torch

    chosen_B, rejected_B = pair_logprobs(model, pairs, pad, whole=False)
    lengths_B = torch.tensor([len(pair.chosen) for pair in pairs], device=chosen_B.device)
    preference_B = dpo_loss(chosen_B, rejected_B, reference_2B[0], reference_2B[1], beta=config.beta)
    return preference_B - config.anchor * chosen_B / lengths_B


def _nothing(given: int, most: int) -> str:
    return explain(
        f"{given} preference pairs, none of which fits into {most} tokens",
        "at least one pair that does",
        "without one there is nothing to prefer",
        "synthesize more episodes with a student that is sometimes turned down, or raise max_tokens",
    )
