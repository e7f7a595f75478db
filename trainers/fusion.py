"""Several open-weight teachers with tokenizers of their own, one student (FuseLLM, arXiv 2401.10491).

For each step the teacher that best explains the verified answer is asked (MinCE), and its next-token distributions become the
student's targets. Both tokenise the same text, so tokens are aligned exactly, by the characters they cover: where a student's
token covers what one of the teacher's covers, the teacher's likeliest tokens are translated by their text; everywhere else, and
for all mass that has no translation, the target is the token of the answer itself.

Shapes: N the student's tokens of an answer, M a teacher's, V the student's vocabulary, W a teacher's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from symbiotic_gym.agents.chat import encode_prompt, end_token
from symbiotic_gym.agents.local import OpenWeights
from symbiotic_gym.protocols import Message
from symbiotic_gym.trainers.scoring import answer_logits, answer_tokens

__all__ = ["align", "fused_targets", "fusion_loss", "min_ce", "translate", "vocabulary_map"]


def vocabulary_map(teacher: Any, student: Any) -> dict[int, int]:
    """Which of the student's tokens reads as which of the teacher's; the tokens that end an answer are each other's.

    Args:
        teacher: a tokenizer.
        student: another.
    """
    by_text: dict[str, int] = {}
    for token in range(len(student)):
        by_text.setdefault(student.decode([token]), token)
    found = {}
    for token in range(len(teacher)):
        text = teacher.decode([token])
        if text in by_text and "\N{REPLACEMENT CHARACTER}" not in text:  # half a character reads like any other half
            found[token] = by_text[text]
    found[end_token(teacher)] = end_token(student)
    return found


def align(student: Any, teacher: Any, answer: str) -> list[int | None]:
    """For each of the student's tokens of an answer, its end included, the place of the teacher's that covers the same text.

    Args:
        student: a fast tokenizer.
        teacher: another.
        answer: the text.
    """
    own, other = (_spans(tokenizer, answer) for tokenizer in (student, teacher))
    places = {span: place for place, span in enumerate(other)}
    return [*(places.get(span) for span in own), len(other)]


def _spans(tokenizer: Any, text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return spans


def translate(
    teacher_MW: torch.Tensor,
    places: Sequence[int | None],
    gold: Sequence[int],
    mapping: Mapping[int, int],
    vocabulary: int,
    *,
    k: int = 10,
) -> torch.Tensor:
    """A teacher's distributions over the student's vocabulary.

    Args:
        teacher_MW: logits, any float dtype.
        places: from `align`.
        gold: the student's tokens of the answer.
        mapping: from `vocabulary_map`.
        vocabulary: V.
        k: how many of the teacher's likeliest tokens are translated.

    Returns:
        (N, V), float32; every row sums to 1.
    """
    targets_NV = torch.zeros(len(gold), vocabulary)
    top = teacher_MW.float().softmax(-1).topk(min(k, teacher_MW.shape[-1]))
    for n, (place, token) in enumerate(zip(places, gold, strict=True)):
        if place is not None:
            for probability, other in zip(top.values[place].tolist(), top.indices[place].tolist(), strict=True):
                if other in mapping:
                    targets_NV[n, mapping[other]] += probability
        targets_NV[n, token] += (1 - targets_NV[n].sum()).clamp(min=0)
    return targets_NV


def min_ce(teachers: Sequence[OpenWeights], messages: Sequence[Message], answer: str) -> tuple[int, torch.Tensor]:
    """The teacher under which the whole answer is likeliest, and its logits for it, (M, W).

    The sum over the answer is compared, not the mean over its tokens: a tokenizer that cuts finer would win by that alone.
    """
    scored = []
    for weights in teachers:
        tokens = answer_tokens(weights.tokenizer, answer)
        with torch.inference_mode():
            logits_MW = answer_logits(weights.model, encode_prompt(weights.tokenizer, messages), tokens)
        gold_M = torch.tensor(tokens, device=logits_MW.device)
        scored.append((torch.nn.functional.cross_entropy(logits_MW, gold_M, reduction="sum").item(), logits_MW.cpu()))
    best = min(range(len(scored)), key=lambda i: scored[i][0])
    return best, scored[best][1]


def fused_targets(
    student: Any,
    vocabulary: int,
    teachers: Sequence[OpenWeights],
    mappings: Sequence[Mapping[int, int]],
    messages: Sequence[Message],
    answer: str,
) -> tuple[torch.Tensor, int]:
    """The targets for one step, (N, V), and which teacher they are of.

    Args:
        student: its tokenizer.
        vocabulary: V, the width of the student's logits.
        teachers: one or more.
        mappings: of each teacher, from `vocabulary_map`.
        messages: the step's prompt.
        answer: the verified answer.
    """
    best, logits_MW = min_ce(teachers, messages, answer)
    places = align(student, teachers[best].tokenizer, answer)
    gold = answer_tokens(student, answer)
    return translate(logits_MW, places, gold, mappings[best], vocabulary), best


def fusion_loss(
    student_NV: torch.Tensor, targets_NV: torch.Tensor, gold_N: torch.Tensor, *, gold_share: float = 0.9
) -> torch.Tensor:
    """`gold_share` times the cross-entropy to the answer plus the rest to the fused targets; a scalar.

    Args:
        student_NV: logits, any float dtype.
        targets_NV: float32 probabilities, from `fused_targets`.
        gold_N: int64, the answer's tokens.
        gold_share: in [0, 1]; the paper's is 0.9.
    """
    cross_entropy = torch.nn.functional.cross_entropy
    logits_NV = student_NV.float()
    return gold_share * cross_entropy(logits_NV, gold_N) + (1 - gold_share) * cross_entropy(logits_NV, targets_NV)
