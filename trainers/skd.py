"""Token-level speculative distillation (SKD, arXiv 2410.11325), for a student and an open-weight teacher of one tokenizer.

The student drafts a few tokens, the teacher reads them in one pass, and each drafted token that is among its K likeliest
stands; the first that is not is replaced by one drawn from the teacher, and drafting goes on from there. What comes out lies
where the student tends to go and the teacher would follow; on it the student is trained, with the forward KL to the teacher.

The test is on the drafted token itself. (The reference implementation draws another one for it, which accepts texts that the
teacher would not.) Both models keep their keys and values, and forget those of rejected tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from symbiotic_gym.agents.local import OpenWeights, draw
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.trainers.divergences import Divergence, forward_kl, masked_mean
from symbiotic_gym.trainers.scoring import answer_logits

__all__ = ["Drafted", "accepted", "check_pair", "distillation_loss", "speculate"]


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """An answer that student and teacher wrote together."""

    tokens: tuple[int, ...]
    """The end token included where one was drawn."""
    replaced: tuple[bool, ...]
    """For each token, whether it is the teacher's."""
    drafted: int
    """Tokens the student drafted, those thrown away behind a rejection included."""
    passes: int
    """Forward passes of the teacher."""
    refused: int = -1
    """The first drafted token that the teacher replaced; -1 where all stood."""

    @property
    def acceptance(self) -> float:
        """The share of tokens that are the student's, in [0, 1]."""
        return 1 - sum(self.replaced) / len(self.replaced)


def check_pair(student: OpenWeights, teacher: OpenWeights) -> None:
    """Make sure that a token means the same to both.

    Raises:
        ConfigError: their vocabularies differ.
    """
    if student.tokenizer.get_vocab() != teacher.tokenizer.get_vocab():
        raise ConfigError(
            explain(
                "student and teacher have different vocabularies",
                "models of one family, with one tokenizer",
                "token by token there is nothing to compare",
                "verify whole actions instead (trainers.verifiers)",
            )
        )


def accepted(teacher_NV: torch.Tensor, drafted_N: torch.Tensor, k: int) -> int:
    """How many drafted tokens stand: those before the first that is not among the teacher's k likeliest.

    Args:
        teacher_NV: the teacher's logits at each drafted position, any float dtype.
        drafted_N: int64, the tokens the student drafted, those very ones.
        k: 1 leaves greedy teacher text; the vocabulary's size leaves the student's own.

    Returns:
        From 0 to N.
    """
    own_N1 = teacher_NV.gather(-1, drafted_N[:, None])
    stands_N = (teacher_NV > own_N1).sum(-1) < k
    return int(stands_N.long().cumprod(0).sum())


def speculate(
    student: OpenWeights,
    teacher: OpenWeights,
    prompt: Sequence[int],
    *,
    gamma: int = 5,
    k: int = 25,
    max_tokens: int = 64,
    student_sampling: Sampling = Sampling(temperature=0.5, top_p=0.5),  # noqa: B008 - frozen
    teacher_sampling: Sampling = Sampling(temperature=0.2, top_p=0.5),  # noqa: B008 - frozen
    seed: int = 0,
) -> Drafted:
    """Write one answer.

    Args:
        student: drafts.
        teacher: reads, and replaces what it would not say.
        prompt: token ids.
        gamma: tokens drafted before the teacher reads them; changes the cost, not what may come out.
        k: how many of the teacher's likeliest tokens stand.
        max_tokens: of the answer.
        student_sampling: how the student draws; its `max_tokens` is not looked at, nor the other's.
        teacher_sampling: how the teacher draws a replacement.
        seed: fixes every draw.
    """
    generator = torch.Generator().manual_seed(seed)
    reads, drafts = _Reader(teacher.model), _Reader(student.model)
    text, tokens, replaced = list(prompt), list[int](), list[bool]()
    drafted, passes, refused = 0, 0, -1
    with torch.inference_mode():
        while len(tokens) < max_tokens and not (tokens and tokens[-1] in student.ends):
            draft: list[int] = []
            while len(draft) < min(gamma, max_tokens - len(tokens)) and not (draft and draft[-1] in student.ends):
                logits_BV = drafts.read([*text, *draft], 1)[:, : len(student.tokenizer)]
                draft.append(int(draw(logits_BV, student_sampling, [generator])))
            teacher_NV = reads.read([*text, *draft[:-1]], len(draft))[:, : len(student.tokenizer)]
            drafted, passes = drafted + len(draft), passes + 1
            kept = accepted(teacher_NV, torch.tensor(draft, device=teacher_NV.device), k)
            new = draft[:kept]
            if kept < len(draft):
                refused = draft[kept] if refused < 0 else refused
                new.append(int(draw(teacher_NV[kept : kept + 1], teacher_sampling, [generator])))
            replaced += [i == kept for i in range(len(new))]
            tokens += new
            text += new
            for reader in (drafts, reads):
                reader.forget(len(text) - 1)
    return Drafted(tokens=tuple(tokens), replaced=tuple(replaced), drafted=drafted, passes=passes, refused=refused)


class _Reader:
    """A model that reads a growing text, each token once."""

    def __init__(self, model: Any) -> None:
        from transformers import DynamicCache

        self._model = model
        self._cache: Any = DynamicCache()

    def read(self, text: Sequence[int], keep: int) -> torch.Tensor:
        """Read what is new in `text`; the logits after its last `keep` tokens, (keep, V), which must be new."""
        seen = self._cache.get_seq_length()
        ids_BT = torch.tensor([text[seen:]], device=self._model.device)
        out = self._model(input_ids=ids_BT, past_key_values=self._cache, use_cache=True, logits_to_keep=keep)
        logits_NV: torch.Tensor = out.logits[0]
        return logits_NV

    def forget(self, length: int) -> None:
        """Keep the first `length` tokens at most."""
        if self._cache.get_seq_length() > length:
            self._cache.crop(length)


def distillation_loss(
    student: Any, teacher: Any, prompt: Sequence[int], answer: Sequence[int], divergence: Divergence = forward_kl
) -> torch.Tensor:
    """The mean divergence over an answer's tokens, with the student's gradients; the prompt's tokens count nothing.

    Args:
        student: a causal language model.
        teacher: another of the same vocabulary; gets no gradient.
        prompt: token ids.
        answer: token ids, `Drafted.tokens` for one; its end token is a target like the others.
        divergence: of `symbiotic_gym.trainers.divergences`; SKD's is the forward KL.
    """
    student_NV = answer_logits(student, prompt, answer)
    with torch.no_grad():
        teacher_NV = answer_logits(teacher, prompt, answer).to(student_NV.device)
    width = min(teacher_NV.shape[-1], student_NV.shape[-1])  # models of one family pad their vocabularies differently
    values_N = divergence(teacher_NV[:, :width], student_NV[:, :width])
    return masked_mean(values_N, torch.ones_like(values_N, dtype=torch.bool))
