"""Divergences between a teacher's and a student's next-token distributions, each under its own name.

All take the logits of both over one vocabulary, teacher first, and give one number per position, in nats: 0 where the two
distributions are equal, and 0 or more everywhere. They are computed in float32 from log-probabilities, so neither a probability
of 0 nor a large logit breaks them. Gradients reach the student only where the caller detaches the teacher.
Shapes: N positions, V vocabulary, K the likeliest tokens of a teacher that shows no more.
"""

from collections.abc import Callable

import torch

__all__ = [
    "Divergence",
    "forward_kl",
    "generalised_jsd",
    "importance_weights",
    "jensen_shannon",
    "masked_mean",
    "reverse_kl",
    "skewed_forward_kl",
    "skewed_reverse_kl",
    "top_k_forward_kl",
    "total_variation",
]

Divergence = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Teacher's logits (N, V), student's logits (N, V) -> (N,)."""


def _kl(log_p_NV: torch.Tensor, log_q_NV: torch.Tensor) -> torch.Tensor:
    """KL(p || q); a token that p rules out counts nothing, even where q rules it out too."""
    p_NV = log_p_NV.exp()
    return (p_NV * (log_p_NV - log_q_NV)).sum(-1)


_LEAST = -1e4
"""A finite stand-in for the logarithm of 0: where a token is masked out, differences of infinities would be no numbers."""


def _logs(*logits_NV: torch.Tensor) -> list[torch.Tensor]:
    return [logits.float().log_softmax(-1).clamp(min=_LEAST) for logits in logits_NV]


def _mixture(log_p_NV: torch.Tensor, log_q_NV: torch.Tensor, share_p: float) -> torch.Tensor:
    """log(share_p * p + (1 - share_p) * q)."""
    weights = torch.tensor([share_p, 1 - share_p], device=log_p_NV.device).log()
    return torch.logaddexp(log_p_NV + weights[0], log_q_NV + weights[1])


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name} = {value!r} must lie between 0 and 1, both excluded; at the ends, name the KL you mean")


def forward_kl(teacher_NV: torch.Tensor, student_NV: torch.Tensor) -> torch.Tensor:
    """KL(teacher || student): the student must cover whatever the teacher may say (Hinton et al., arXiv 1503.02531)."""
    p, q = _logs(teacher_NV, student_NV)
    return _kl(p, q)


def reverse_kl(teacher_NV: torch.Tensor, student_NV: torch.Tensor) -> torch.Tensor:
    """KL(student || teacher): the student may say only what the teacher would (MiniLLM, arXiv 2306.08543)."""
    p, q = _logs(teacher_NV, student_NV)
    return _kl(q, p)


def generalised_jsd(teacher_NV: torch.Tensor, student_NV: torch.Tensor, beta: float) -> torch.Tensor:
    """`beta KL(teacher || m) + (1 - beta) KL(student || m)` with `m = beta teacher + (1 - beta) student`.

    The generalised Jensen-Shannon divergence of GKD (arXiv 2306.13649).
    Divided by `beta` it tends to the forward KL for small `beta`, divided by `1 - beta` to the reverse KL for large ones.

    Args:
        teacher_NV: logits of any float dtype.
        student_NV: the same.
        beta: the teacher's share, between 0 and 1, both excluded.

    Raises:
        ValueError: `beta` is out of its range.
    """
    _check_share("beta", beta)
    p, q = _logs(teacher_NV, student_NV)
    m = _mixture(p, q, beta)
    return beta * _kl(p, m) + (1 - beta) * _kl(q, m)


def jensen_shannon(teacher_NV: torch.Tensor, student_NV: torch.Tensor) -> torch.Tensor:
    """The symmetric one: `generalised_jsd` at one half; at most log 2."""
    return generalised_jsd(teacher_NV, student_NV, 0.5)


def skewed_forward_kl(teacher_NV: torch.Tensor, student_NV: torch.Tensor, alpha: float) -> torch.Tensor:
    """KL(teacher || alpha teacher + (1 - alpha) student): gradients stay bounded (DistiLLM, arXiv 2402.03898).

    Args:
        teacher_NV: logits of any float dtype.
        student_NV: the same.
        alpha: the teacher's share of the mixture, between 0 and 1, both excluded; the paper's is 0.1.

    Raises:
        ValueError: `alpha` is out of its range.
    """
    _check_share("alpha", alpha)
    p, q = _logs(teacher_NV, student_NV)
    return _kl(p, _mixture(p, q, alpha))


def skewed_reverse_kl(teacher_NV: torch.Tensor, student_NV: torch.Tensor, alpha: float) -> torch.Tensor:
    """KL(student || alpha student + (1 - alpha) teacher), of the same source.

    Args:
        teacher_NV: logits of any float dtype.
        student_NV: the same.
        alpha: the student's share of the mixture, between 0 and 1, both excluded.

    Raises:
        ValueError: `alpha` is out of its range.
    """
    _check_share("alpha", alpha)
    p, q = _logs(teacher_NV, student_NV)
    return _kl(q, _mixture(q, p, alpha))


def total_variation(teacher_NV: torch.Tensor, student_NV: torch.Tensor) -> torch.Tensor:
    """Half the sum of absolute differences, in [0, 1]: the share of tokens on which the best coupling of both disagrees."""
    p, q = _logs(teacher_NV, student_NV)
    return (p.exp() - q.exp()).abs().sum(-1) / 2


def top_k_forward_kl(logprobs_NK: torch.Tensor, tokens_NK: torch.Tensor, student_NV: torch.Tensor) -> torch.Tensor:
    """Forward KL to a teacher of whom only the likeliest tokens are known; all others are one outcome, the tail.

    A lower bound of the full forward KL, and equal to it where the tail has no mass or both agree on how the tail is spread.

    Args:
        logprobs_NK: the teacher's log-probabilities over its whole vocabulary, as servers report them.
        tokens_NK: int64, which tokens they belong to; no token twice in a row.
        student_NV: logits of any float dtype.
    """
    [q_NV] = _logs(student_NV)
    return _kl(_with_tail(logprobs_NK.float()), _with_tail(q_NV.gather(-1, tokens_NK)))


def _with_tail(logprobs_NK: torch.Tensor) -> torch.Tensor:
    """One more column: the log of what is left of the mass."""
    rest_N1 = (1 - logprobs_NK.exp().sum(-1, keepdim=True)).clamp(min=1e-12)
    return torch.cat((logprobs_NK, rest_N1.log()), dim=-1)


def importance_weights(current_N: torch.Tensor, behaviour_N: torch.Tensor, *, most: float = 2.0) -> torch.Tensor:
    """How much a token drawn under older weights counts under today's: the ratio of probabilities, cut off above.

    Args:
        current_N: log-probabilities of the drawn tokens under today's weights; no gradient flows back.
        behaviour_N: log-probabilities under the weights that drew them.
        most: where the ratio is cut off, 1 or more: a little bias for a bounded variance (Espeholt et al., arXiv 1802.01561).

    Returns:
        (N,), in [0, most], exactly 1 where nothing changed.
    """
    return (current_N.detach().float() - behaviour_N.float()).exp().clamp(max=most)


def masked_mean(values_N: torch.Tensor, mask_N: torch.Tensor) -> torch.Tensor:
    """The mean over the positions of a bool mask, 0 where it is empty; positions outside get no gradient, even from NaN."""
    kept = values_N[mask_N]
    return kept.mean() if kept.numel() else values_N.new_zeros(())
