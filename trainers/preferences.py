"""Preference objectives over a step's two answers, and the data they are fed with: speculation's pairs, or self-play.

Each loss is a pure function of log-probabilities of whole answers, of shape (B,), one entry a pair; `policy` is the model that
is trained, `reference` the one it is held near. With the student before training as the reference this is DPO, with the teacher
LLaVA-MoD's preference distillation, with the last iterate and its own answers SPIN. The prompt of a pair is computed once:
chosen and rejected are two branches of one packed row.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from symbiotic_gym.actions import compare
from symbiotic_gym.agents.chat import encode_prompt
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.packing import Target, collate, model_inputs, pack
from symbiotic_gym.trainers.pairs import PreferencePair
from symbiotic_gym.trainers.scoring import answer_tokens
from symbiotic_gym.types import Candidate

if TYPE_CHECKING:
    import torch

__all__ = ["EncodedPair", "dpo_loss", "encode_pair", "kto_pair_loss", "pair_logprobs", "self_play_pairs"]


@dataclass(frozen=True, kw_only=True)
class EncodedPair:
    """A pair as token ids."""

    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]


def encode_pair(tokenizer: Any, pair: PreferencePair, *, page_budget: int) -> EncodedPair:
    """Tokenise a pair; both answers end with the model's own end token."""
    return EncodedPair(
        prompt=tuple(encode_prompt(tokenizer, pair.messages(page_budget=page_budget))),
        chosen=tuple(answer_tokens(tokenizer, pair.chosen.action)),
        rejected=tuple(answer_tokens(tokenizer, pair.rejected.action)),
    )


def pair_logprobs(
    model: Any, pairs: Sequence[EncodedPair], pad: int, *, whole: bool = True
) -> "tuple[torch.Tensor, torch.Tensor]":
    """The log-probabilities of the chosen and of the rejected answers, float32 (B,) each, every prompt computed once.

    Args:
        model: a causal language model whose attention takes an additive mask.
        pairs: one or more.
        pad: the token id that fills rows up; what it is has no influence.
        whole: as in `packing.collate`; False for a model with `attention.branched_attention`.
    """
    import torch

    rows = [
        pack([Target(prompt=pair.prompt, answer=answer, task=i) for i, answer in enumerate((pair.chosen, pair.rejected))])
        for pair in pairs
    ]
    data = {name: tensor.to(model.device) for name, tensor in collate(rows, pad, whole=whole).items()}
    labels_BT, task_BT = data["labels"], data["task"]
    logits_BTV = model(**model_inputs(data, model.get_input_embeddings().weight.dtype)).logits
    wanted_BT = labels_BT >= 0
    logp_NV = logits_BTV[wanted_BT].float().log_softmax(-1)
    own_N = logp_NV.gather(-1, labels_BT[wanted_BT][:, None])[:, 0]
    row_N = wanted_BT.nonzero()[:, 0]
    sums = torch.zeros(2 * len(pairs), device=own_N.device).index_add(0, 2 * row_N + task_BT[wanted_BT], own_N)
    return sums[0::2], sums[1::2]


def dpo_loss(
    policy_chosen_B: "torch.Tensor",
    policy_rejected_B: "torch.Tensor",
    reference_chosen_B: "torch.Tensor",
    reference_rejected_B: "torch.Tensor",
    *,
    beta: float = 0.1,
    kind: Literal["sigmoid", "hinge"] = "sigmoid",
) -> "torch.Tensor":
    """Direct preference optimisation (arXiv 2305.18290); SPIN's loss (arXiv 2401.01335) is the same function.

    Args:
        policy_chosen_B: log-probabilities, float32.
        policy_rejected_B: the same.
        reference_chosen_B: of the model to stay near; get no gradient.
        reference_rejected_B: the same.
        beta: how dear it is to leave the reference, more than 0.
        kind: logistic, or a hinge at a margin of 1.

    Returns:
        (B,): log 2 (sigmoid) or 1 (hinge) where policy and reference prefer alike, less where the policy prefers more.
    """
    import torch

    reference_B = (reference_chosen_B - reference_rejected_B).detach()
    margin_B = beta * (policy_chosen_B - policy_rejected_B - reference_B)
    return -torch.nn.functional.logsigmoid(margin_B) if kind == "sigmoid" else torch.relu(1 - margin_B)


def kto_pair_loss(
    policy_chosen_B: "torch.Tensor",
    policy_rejected_B: "torch.Tensor",
    reference_chosen_B: "torch.Tensor",
    reference_rejected_B: "torch.Tensor",
    *,
    beta: float = 0.1,
) -> "torch.Tensor":
    """The paired form of KTO (arXiv 2402.01306), with which LLaVA-MoD's published run was made (arXiv 2408.15881).

    Each answer is held against the batch's mean drift on the answers of the other kind, at least 0, which gets no gradient.

    Args:
        policy_chosen_B: log-probabilities, float32.
        policy_rejected_B: the same.
        reference_chosen_B: of the model to stay near; get no gradient.
        reference_rejected_B: the same.
        beta: how dear it is to leave the reference, more than 0.

    Returns:
        (2B,): chosen answers first; one half each where policy and reference agree.
    """
    import torch

    chosen_B = policy_chosen_B - reference_chosen_B.detach()
    rejected_B = policy_rejected_B - reference_rejected_B.detach()
    drift_chosen = chosen_B.detach().mean().clamp(min=0)
    drift_rejected = rejected_B.detach().mean().clamp(min=0)
    return torch.cat(
        (
            1 - torch.sigmoid(beta * (chosen_B - drift_rejected)),
            1 - torch.sigmoid(beta * (drift_chosen - rejected_B)),
        )
    )


def self_play_pairs(examples: Iterable[Example], propose: Callable[[Sequence[Example]], Sequence[str]]) -> list[PreferencePair]:
    """SPIN's pairs: the recorded action over what the student itself answers in the same state.

    Nobody has to judge. Where both are canonically the same action there is nothing to prefer, and no pair: their share is
    how near the student has come.

    Args:
        examples: recorded steps.
        propose: the student's actions for these examples, in order; samples of the weights before this round of training.
    """
    known = list(examples)
    found = []
    for example, action in zip(known, propose(known), strict=True):
        page = example.observation["page"]
        if not compare(example.action, page, action, page):
            found.append(
                PreferencePair(
                    task=example.task,
                    seed=0,
                    goal=example.goal,
                    observation=example.observation,
                    history=example.history,
                    chosen=Candidate(action=example.action, reason=example.reason),
                    rejected=Candidate(action=action),
                )
            )
    return found
