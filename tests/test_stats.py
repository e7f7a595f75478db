"""Intervals against published values and against their definition."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbiotic_gym.errors import ConfigError
from symbiotic_gym.stats import Interval, bootstrap, mean_over_groups, ratio_of_medians, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (5, 5, 0.5655, 1.0),
    ],
)
def test_published_values(successes: int, n: int, low: float, high: float) -> None:
    interval = wilson(successes, n)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)
    assert interval.value == successes / n
    assert interval.n == n


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_holds_the_share_stays_in_range_and_mirrors(case: tuple[int, int]) -> None:
    successes, n = case
    interval, mirrored = wilson(successes, n), wilson(n - successes, n)
    assert 0.0 <= interval.low <= interval.value <= interval.high <= 1.0
    assert interval.low < interval.high
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-12)


def test_more_trials_of_the_same_share_narrow_it() -> None:
    few, many = wilson(5, 10), wilson(500, 1000)
    assert many.high - many.low < few.high - few.low


def test_no_trials_say_nothing() -> None:
    assert wilson(0, 0) == Interval(value=0.0, low=0.0, high=1.0, n=0)
    assert str(wilson(0, 0)) == "no data (n=0)"


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (1, 0), (0, -1)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ConfigError, match="what to do"):
        wilson(successes, n)


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        wilson(1, 2).value = 1.0  # type: ignore[misc]


def test_bootstrap_of_a_mean_comes_near_the_normal_interval() -> None:
    values = np.random.default_rng(5).normal(3.0, 2.0, size=400)
    interval = bootstrap(lambda x: x.mean(axis=-1), values)
    half = 1.96 * values.std(ddof=1) / 20
    assert interval.value == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert interval.n == 400


def test_bootstrap_covers_a_ratio_of_medians_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    pairs = [(rng.lognormal(np.log(6.0), 0.3, 40), rng.lognormal(np.log(2.0), 0.3, 30)) for _ in range(200)]
    intervals = [ratio_of_medians(a, b) for a, b in pairs]
    assert all(i.n == 30 and i.low <= i.value <= i.high for i in intervals)
    assert 0.90 <= np.mean([i.low <= 3.0 <= i.high for i in intervals]) <= 0.99


def test_samples_of_a_bootstrap_are_drawn_apart() -> None:
    same = list(range(50))
    difference = bootstrap(lambda a, b: a.mean(axis=-1) - b.mean(axis=-1), same, same)
    assert difference.value == 0.0
    assert difference.low < -2 < 2 < difference.high


@pytest.mark.parametrize("samples", [(), ([],), ([1.0], [])])
def test_nothing_to_draw_from_is_told(samples: tuple[list[float], ...]) -> None:
    with pytest.raises(ConfigError, match="at least one observation"):
        bootstrap(lambda *drawn: 0.0, *samples)


def test_observations_of_one_group_are_drawn_together() -> None:
    rng = np.random.default_rng(2)
    of_group = rng.normal(0.0, 1.0, size=60)
    sizes = rng.integers(1, 9, size=60)
    values = np.repeat(of_group, sizes)
    groups = np.repeat([f"episode {place}" for place in range(60)], sizes)
    together, apart = mean_over_groups(values, groups), bootstrap(lambda x: x.mean(axis=-1), values)
    assert together.value == pytest.approx(values.mean())
    assert together.n == 60
    assert together.high - together.low > 1.5 * (apart.high - apart.low)
    order = rng.permutation(len(values))  # where the groups' members stand plays no part in the mean
    assert mean_over_groups(values[order], groups[order]).value == pytest.approx(together.value)


def test_groups_of_one_are_the_plain_bootstrap() -> None:
    values = [0.0, 1.0, 1.0, 3.0]
    assert mean_over_groups(values, range(4)) == bootstrap(lambda x: x.mean(axis=-1), values)


def test_a_mean_of_nothing_is_told() -> None:
    with pytest.raises(ConfigError, match="at least one observation"):
        mean_over_groups([], [])
