"""How likely an answer is to a model: one forward pass over prompt and answer, nothing generated.

What verifies a proposal by log-probability, weighs a teacher against another, or compares a policy with its reference reads it
here, so that all of them tokenise alike: the chat template's prompt, the answer, the model's own end token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symbiotic_gym.agents.chat import encode_prompt, end_token
from symbiotic_gym.agents.local import OpenWeights
from symbiotic_gym.protocols import Message

if TYPE_CHECKING:
    import torch

__all__ = ["TokenScore", "answer_logits", "answer_tokens", "score", "sequence_logprob"]


@dataclass(frozen=True, kw_only=True)
class TokenScore:
    """One token of an answer under a model."""

    text: str
    logprob: float
    rank: int
    """1: the likeliest token there."""
    place: int
    """Where it stands in prompt and answer."""


def answer_tokens(tokenizer: Any, answer: str) -> list[int]:
    """An answer's token ids, the model's own end token included."""
    ids: list[int] = tokenizer(answer, add_special_tokens=False)["input_ids"]
    return [*ids, end_token(tokenizer)]


def answer_logits(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> "torch.Tensor":
    """The logits that predict each token of `answer`: float32 (N, V), N the answer's length, with the model's gradients."""
    import torch

    ids_BT = torch.tensor([[*prompt, *answer]], device=model.device)
    logits_BTV = model(input_ids=ids_BT, use_cache=False, logits_to_keep=len(answer) + 1).logits
    kept: torch.Tensor = logits_BTV[0, :-1].float()
    return kept


def sequence_logprob(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> "torch.Tensor":
    """The log-probability of a whole answer, a scalar with the model's gradients."""
    import torch

    logp_NV = answer_logits(model, prompt, answer).log_softmax(-1)
    return logp_NV.gather(-1, torch.tensor(answer, device=logp_NV.device)[:, None]).sum()


def score(weights: OpenWeights, messages: Sequence[Message], answer: str) -> list[TokenScore]:
    """Score each token of an answer to a chat.

    Args:
        weights: the model's, from `LocalModel.open`.
        messages: the chat, ending with the user's message.
        answer: the text; its end token is scored too, as the last.
    """
    import torch

    prompt = encode_prompt(weights.tokenizer, messages)
    answered = answer_tokens(weights.tokenizer, answer)
    with torch.inference_mode():
        logp_NV = answer_logits(weights.model, prompt, answered).log_softmax(-1)
        own_N = logp_NV.gather(-1, torch.tensor(answered, device=logp_NV.device)[:, None])
        ranks = ((logp_NV > own_N).sum(-1) + 1).tolist()
    return [
        TokenScore(text=weights.tokenizer.decode([token]), logprob=logprob, rank=rank, place=len(prompt) + i)
        for i, (token, logprob, rank) in enumerate(zip(answered, own_N[:, 0].tolist(), ranks, strict=True))
    ]
