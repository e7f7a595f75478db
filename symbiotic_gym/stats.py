"""Intervals for what the tables print: a number never travels without its 95 % interval and its count.

Proportions have Wilson's score interval, because the normal approximation says "100 % ± 0" after three successes out of three;
whatever else is measured again and again has the bootstrap's.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from symbiotic_gym.errors import ConfigError, explain

__all__ = ["Interval", "bootstrap", "mean_over_groups", "ratio_of_medians", "wilson"]

_Z = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with the bounds of its 95 % interval and the number of observations behind it."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] (n={self.n})" if self.n else "no data (n=0)"


def wilson(successes: int, n: int) -> Interval:
    """The share of successes and its 95 % Wilson score interval.

    Args:
        successes: how many of the `n` trials succeeded.
        n: independent trials. With 0 of them nothing is known: the value is 0 by convention, the interval the whole of [0, 1].

    Returns:
        Proportions in [0, 1].

    Raises:
        ConfigError: `successes` is not between 0 and `n`.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if not 0 <= successes <= n:
        raise ConfigError(
            explain(
                f"{successes} successes out of {n} trials",
                "0 <= successes <= n",
                "a share outside [0, 1] has no interval",
                "check what was counted: invalid episodes belong in neither number",
            )
        )
    if n == 0:
        return Interval(value=0.0, low=0.0, high=1.0, n=0)
    share, square = successes / n, _Z * _Z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = _Z * sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    low = 0.0 if successes == 0 else centre - half  # exact where rounding would leave 1e-17
    high = 1.0 if successes == n else centre + half
    return Interval(value=share, low=low, high=high, n=n)


def bootstrap(statistic: Callable[..., ArrayLike], *samples: ArrayLike, resamples: int = 2000) -> Interval:
    """A statistic of samples and its 95 % interval, by the percentile bootstrap.

    Args:
        statistic: called with one array for each sample, observations along the last axis, which it reduces.
        samples: each one-dimensional, of independent observations, and independent of each other; each is drawn by itself.
            Observations that belong together, such as two systems' times of one episode, are one sample: their differences, or
            their indices.
        resamples: how many times; they are the same on every call.

    Returns:
        Its `n` is the smallest sample's.

    Raises:
        ConfigError: a sample is empty.

    Source: B. Efron, "Bootstrap methods: another look at the jackknife", The Annals of Statistics 7 (1979).
    """
    arrays = [np.asarray(sample) for sample in samples]
    if not arrays or not all(len(array) for array in arrays):
        raise ConfigError(
            explain(
                f"samples of {', '.join(str(len(array)) for array in arrays) or 'no'} observations",
                "at least one observation in each",
                "nothing can be drawn from an empty sample",
                "leave the row out, or say in its note why nothing was measured",
            )
        )
    rng = np.random.default_rng(0)
    drawn = [array[rng.integers(len(array), size=(resamples, len(array)))] for array in arrays]
    low, high = np.percentile(np.asarray(statistic(*drawn), dtype=float), (2.5, 97.5))
    value = float(np.asarray(statistic(*arrays), dtype=float))
    return Interval(value=value, low=float(low), high=float(high), n=min(len(array) for array in arrays))


def mean_over_groups(values: ArrayLike, groups: Iterable[object]) -> Interval:
    """The mean of values that are alike within a group, such as steps of one episode, with an interval over groups drawn whole.

    Args:
        values: one for each observation.
        groups: for each observation, what it belongs to; hashable.

    Returns:
        Its `n` counts groups.

    Raises:
        ConfigError: there is no value.
    """
    places: dict[object, int] = {}
    of = [places.setdefault(group, len(places)) for group in groups]
    total, n = np.bincount(of, values), np.bincount(of)
    return bootstrap(lambda drawn: total[drawn].sum(-1) / n[drawn].sum(-1), np.arange(len(n)))


def ratio_of_medians(numerator: ArrayLike, denominator: ArrayLike) -> Interval:
    """How many times one sample's median is the other's, with its 95 % bootstrap interval.

    Raises:
        ConfigError: a sample is empty.
    """
    return bootstrap(lambda a, b: np.median(a, axis=-1) / np.median(b, axis=-1), numerator, denominator)
