"""Distribution-matched selection: of many synthetic episodes, those whose statistics are closest to real ones.

After "Improving the Ability of Pre-trained Language Model by Imparting Large Language Model's Experience" (arXiv 2408.08553),
which keeps generated code by `|LC - LC_ave| / LC_ave + |ED - ED_ave| / ED_ave + |SS - SS_ave| / SS_ave`, lower being better:
the averages are the reference set's, of line count, edit distance and semantic similarity. For episodes these become

- length: the number of steps;
- action mix: how far an episode's shares of verbs are from the reference set's (half the sum of differences, in [0, 1]);
- similarity: the mean cosine of its words (goal and pages) with each reference episode's, by tf-idf.

A reference episode is compared with the other ones, so that an episode of the same kind scores near 0. As in the paper, the
check that a sample works comes first and is a filter of its own: the recorded verdict (`curation.successes`) or, for what was
made up, running it (`selection.executable`).
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.types import Trajectory

__all__ = ["Statistics", "closest", "distances"]

Vector = Mapping[str, float]

_ID = re.compile(r"^ *\[\w+\]", re.MULTILINE)
_WORD = re.compile(r"[^\W_]+")
_SMALLEST = 1e-9


@dataclass(frozen=True)
class Statistics:
    """The three numbers of one episode, or the averages of a set."""

    length: float
    mix: float
    similarity: float

    def distance(self, average: "Statistics") -> float:
        """How far this is from the averages, each difference relative to its average; 0 is equal."""
        pairs = ((self.length, average.length), (self.mix, average.mix), (self.similarity, average.similarity))
        return sum(abs(x - mean) / max(abs(mean), _SMALLEST) if x != mean else 0.0 for x, mean in pairs)


class _Reference:
    def __init__(self, trajectories: Sequence[Trajectory]) -> None:
        bags = [_bag(t) for t in trajectories]
        self.documents = Counter(word for bag in bags for word in bag)
        self.n = len(bags)
        self.vectors = [self.vector(bag) for bag in bags]
        self.mixes = [_mix(t) for t in trajectories]
        self.mix = {verb: sum(m.get(verb, 0.0) for m in self.mixes) / self.n for mix in self.mixes for verb in mix}
        own = [self.statistics(t, without=i) for i, t in enumerate(trajectories)]
        self.average = Statistics(
            length=sum(s.length for s in own) / self.n,
            mix=sum(s.mix for s in own) / self.n,
            similarity=sum(s.similarity for s in own) / self.n,
        )

    def vector(self, bag: "Counter[str]") -> Vector:
        weights = {w: (1 + math.log(c)) * math.log((1 + self.n) / (1 + self.documents[w]) + 1) for w, c in bag.items()}
        norm = math.sqrt(sum(x * x for x in weights.values())) or 1.0
        return {w: x / norm for w, x in weights.items()}

    def statistics(self, trajectory: Trajectory, *, without: int | None = None) -> Statistics:
        """Those of an episode; a reference one is compared with all but itself."""
        vector = self.vector(_bag(trajectory)) if without is None else self.vectors[without]
        others = [v for i, v in enumerate(self.vectors) if i != without]
        mix = _mix(trajectory)
        return Statistics(
            length=len(trajectory.steps),
            mix=sum(abs(mix.get(v, 0.0) - self.mix.get(v, 0.0)) for v in mix.keys() | self.mix.keys()) / 2,
            similarity=sum(_cosine(vector, other) for other in others) / len(others),
        )


def distances(trajectories: Sequence[Trajectory], reference: Sequence[Trajectory]) -> list[float]:
    """How far each episode is from the reference set's averages; lower is closer.

    Raises:
        ConfigError: the reference set has fewer than two episodes.
    """
    if len(reference) < 2:
        raise ConfigError(
            explain(
                f"a reference set of {len(reference)} episodes",
                "at least two",
                "an average of one says nothing about what varies",
                "name a run with more successful episodes as the reference",
            )
        )
    known = _Reference(reference)
    return [known.statistics(t).distance(known.average) for t in trajectories]


def closest(trajectories: Sequence[Trajectory], *, reference: Sequence[Trajectory], keep: int) -> list[Trajectory]:
    """The `keep` episodes that are closest to the reference set, in the order they were given.

    Raises:
        ConfigError: the reference set has fewer than two episodes.
    """
    scores = distances(trajectories, reference)
    best = sorted(range(len(trajectories)), key=lambda i: (scores[i], trajectories[i].task, trajectories[i].seed, i))[:keep]
    return [trajectories[i] for i in sorted(best)]


def _mix(trajectory: Trajectory) -> dict[str, float]:
    verbs = Counter(step.decision.action.partition("(")[0].strip() for step in trajectory.steps)
    return {verb: n / verbs.total() for verb, n in verbs.items()}


def _bag(trajectory: Trajectory) -> "Counter[str]":
    texts = [trajectory.goal, *(_ID.sub("", step.observation.get("page", "")) for step in trajectory.steps)]
    return Counter(word.casefold() for text in texts for word in _WORD.findall(text))


def _cosine(one: Vector, other: Vector) -> float:
    small, large = (one, other) if len(one) < len(other) else (other, one)
    return sum(x * large.get(word, 0.0) for word, x in small.items())
