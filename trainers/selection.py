"""Which synthetic steps to train on: those that were executed and worked, and of these the ones most like the real ones.

After arXiv 2408.08553: what a large model wrote is kept only if running it shows it to be right, and is then ranked by how far
its statistics lie from those of real data. Here running it is the environment's own verdict on the episode.
"""

from collections.abc import Callable, Mapping, Sequence

from symbiotic_gym.trainers.examples import Example, examples_from
from symbiotic_gym.types import Trajectory

__all__ = ["FEATURES", "distance", "select"]

FEATURES: Mapping[str, Callable[[Example], float]] = {
    "goal": lambda example: len(example.goal),
    "page": lambda example: len(example.observation["page"]),
    "action": lambda example: len(example.action),
    "depth": lambda example: 1 + len(example.history),
}
"""What an example is like: characters of its goal, page and action; how far into its episode it stands."""


def distance(example: Example, means: Mapping[str, float]) -> float:
    """The sum over all features of how far the example lies from the mean, in parts of that mean; 0 or more.

    Args:
        example: whichever.
        means: of each feature, over real examples.
    """
    return sum(abs(feature(example) - means[name]) / means[name] for name, feature in FEATURES.items())


def select(synthetic: Sequence[Trajectory], real: Sequence[Example], n: int) -> list[Example]:
    """At most `n` steps of the episodes that succeeded, the nearest to real data first.

    Args:
        synthetic: episodes on tasks or in states that were made up; failures and invalid ones give nothing.
        real: steps of the tasks that count, at least one.
        n: how many.
    """
    means = {name: sum(map(feature, real)) / len(real) for name, feature in FEATURES.items()}
    return sorted(examples_from(synthetic), key=lambda example: distance(example, means))[:n]
