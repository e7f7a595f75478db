"""Divergences: 0 on equal inputs, known values on known ones, and no gradient where none belongs."""

from functools import partial
from math import log

import pytest
import torch

from symbiotic_gym.trainers.divergences import (
    Divergence,
    forward_kl,
    generalised_jsd,
    importance_weights,
    jensen_shannon,
    masked_mean,
    reverse_kl,
    skewed_forward_kl,
    skewed_reverse_kl,
    top_k_forward_kl,
    total_variation,
)

ALL: dict[str, Divergence] = {
    "forward_kl": forward_kl,
    "reverse_kl": reverse_kl,
    "jensen_shannon": jensen_shannon,
    "generalised_jsd": partial(generalised_jsd, beta=0.2),
    "skewed_forward_kl": partial(skewed_forward_kl, alpha=0.1),
    "skewed_reverse_kl": partial(skewed_reverse_kl, alpha=0.1),
    "total_variation": total_variation,
}
HALF = torch.tensor([[0.5, 0.5]]).log()
QUARTER = torch.tensor([[0.25, 0.75]]).log()
KNOWN = {
    "forward_kl": 0.5 * log(0.5 / 0.25) + 0.5 * log(0.5 / 0.75),
    "reverse_kl": 0.25 * log(0.25 / 0.5) + 0.75 * log(0.75 / 0.5),
    "jensen_shannon": 0.5 * (0.5 * log(0.5 / 0.375) + 0.5 * log(0.5 / 0.625))
    + 0.5 * (0.25 * log(0.25 / 0.375) + 0.75 * log(0.75 / 0.625)),
    "generalised_jsd": 0.2 * (0.5 * log(0.5 / 0.3) + 0.5 * log(0.5 / 0.7))
    + 0.8 * (0.25 * log(0.25 / 0.3) + 0.75 * log(0.75 / 0.7)),
    "skewed_forward_kl": 0.5 * log(0.5 / 0.275) + 0.5 * log(0.5 / 0.725),
    "skewed_reverse_kl": 0.25 * log(0.25 / 0.475) + 0.75 * log(0.75 / 0.525),
    "total_variation": 0.25,
}
every = pytest.mark.parametrize("name", ALL)


def logits(seed: int, n: int = 6, v: int = 40) -> torch.Tensor:
    return 3 * torch.randn(n, v, generator=torch.Generator().manual_seed(seed))


@every
def test_equal_distributions_are_no_distance_apart_and_others_are(name: str) -> None:
    p, q = logits(0), logits(1)
    assert ALL[name](p, p + 5.0).abs().max() < 1e-6, "logits that differ by a constant are the same distribution"
    assert ALL[name](p, q).min() > 0.01
    assert ALL[name](p, q).shape == (6,)


@every
def test_values_known_by_hand(name: str) -> None:
    assert ALL[name](HALF, QUARTER).item() == pytest.approx(KNOWN[name], rel=1e-5)


@every
def test_gradients_are_those_of_finite_differences_and_vanish_at_the_optimum(name: str) -> None:
    p, q = logits(0, 1, 5), logits(1, 1, 5).requires_grad_()
    [gradient] = torch.autograd.grad(ALL[name](p, q).sum(), q)
    for i in range(5):
        step = torch.zeros(1, 5)
        step[0, i] = 1e-2
        slope = (ALL[name](p, q + step) - ALL[name](p, q - step)).item() / 2e-2
        assert gradient[0, i].item() == pytest.approx(slope, abs=2e-3)
    if name != "total_variation":  # it has a corner there
        [at_best] = torch.autograd.grad(ALL[name](p, other := p.clone().requires_grad_()).sum(), other)
        assert at_best.abs().max() < 1e-6


@every
def test_tokens_that_both_mask_out_break_nothing(name: str) -> None:
    p, q = logits(0), logits(1)
    p[:, 30:] = q[:, 30:] = float("-inf")
    q.requires_grad_()
    value = ALL[name](p, q)
    torch.testing.assert_close(value, ALL[name](p[:, :30], q[:, :30]))
    [gradient] = torch.autograd.grad(value.sum(), q)
    assert torch.isfinite(gradient).all()
    assert (gradient[:, 30:] == 0).all()


def test_the_generalised_jsd_tends_to_both_kls() -> None:
    p, q = logits(0) / 10, logits(1) / 10
    torch.testing.assert_close(generalised_jsd(p, q, 0.01) / 0.01, forward_kl(p, q), rtol=0.05, atol=0)
    torch.testing.assert_close(generalised_jsd(p, q, 0.99) / 0.01, reverse_kl(p, q), rtol=0.05, atol=0)
    torch.testing.assert_close(generalised_jsd(p, q, 0.3), generalised_jsd(q, p, 0.7))


def test_the_jensen_shannon_divergence_is_symmetric_and_at_most_log_2() -> None:
    far = torch.tensor([[100.0, 0.0]]), torch.tensor([[0.0, 100.0]])
    assert jensen_shannon(*far).item() == pytest.approx(log(2))
    torch.testing.assert_close(jensen_shannon(logits(0), logits(1)), jensen_shannon(logits(1), logits(0)))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 2.0])
def test_a_mixture_of_one_is_refused(share: float) -> None:
    for mixed in (generalised_jsd, skewed_forward_kl, skewed_reverse_kl):
        with pytest.raises(ValueError, match="between 0 and 1"):
            mixed(HALF, QUARTER, share)


def test_the_top_k_of_a_teacher_bound_the_divergence_from_below_and_all_of_them_give_it() -> None:
    p, q = logits(0), logits(1)
    full = forward_kl(p, q)
    before = torch.zeros(6)
    for k in (1, 5, 20, 39):
        top = p.log_softmax(-1).topk(k)
        value = top_k_forward_kl(top.values, top.indices, q)
        assert (value >= before - 1e-5).all(), "knowing more of the teacher can only raise it"
        assert (value <= full + 1e-5).all()
        before = value
    torch.testing.assert_close(before, full, atol=1e-4, rtol=1e-4)
    top = p.log_softmax(-1).topk(3)
    assert top_k_forward_kl(top.values, top.indices, p).abs().max() < 1e-5


def test_importance_weights_are_one_where_nothing_changed_and_cut_off_where_much_did() -> None:
    drawn = torch.tensor([-1.0, -2.0, -3.0])
    assert importance_weights(drawn, drawn).tolist() == [1.0, 1.0, 1.0]
    now = torch.tensor([-1.0 + log(1.5), -2.0 - log(4.0), -3.0 + log(9.0)], requires_grad=True)
    weights = importance_weights(now, drawn, most=2.0)
    assert weights.tolist() == pytest.approx([1.5, 0.25, 2.0])
    assert not weights.requires_grad


def test_importance_weights_make_an_old_sample_count_as_a_new_one() -> None:
    """The weighted mean over what the old policy drew is the mean under the new one."""
    old, new = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.3, 0.3, 0.4])
    value = torch.tensor([1.0, 5.0, -2.0])
    weights = importance_weights(new.log(), old.log(), most=10.0)
    assert (old * weights * value).sum().item() == pytest.approx((new * value).sum().item())


def test_masked_positions_get_no_gradient() -> None:
    student = logits(1).requires_grad_()
    mask = torch.tensor([True, False, True, False, False, True])
    loss = masked_mean(forward_kl(logits(0), student), mask)
    assert loss.item() == pytest.approx(forward_kl(logits(0), student)[mask].mean().item())
    loss.backward()
    assert student.grad is not None
    assert (student.grad.abs().sum(-1) > 0).tolist() == mask.tolist()
    assert masked_mean(student[:, 0], torch.zeros(6, dtype=torch.bool)).item() == 0
