"""Intervals for the proportions the tables print: a rate never travels without its 95 % interval and its count.

Wilson's score interval, because the normal approximation says "100 % ± 0" after three successes out of three.
"""

from dataclasses import dataclass
from math import sqrt

from symbiotic_gym.errors import ConfigError, explain

__all__ = ["Interval", "wilson"]

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
