"""Learning from failures too: what an episode came to is told to the model, or weighs how much its steps count.

Upside-down reinforcement learning (arXiv 1912.02877; for small language models 2502.09854) writes the return that was reached
and the steps that were left in front of each step, in hindsight, and asks for a high return at inference. Advantage weighting
(AWR, arXiv 1910.00177; ReAd, 2405.14314) counts each step in proportion to `exp(advantage / beta)`, with a critic's estimate of
what the state was worth as the baseline. Both read the same trajectories; neither needs a judge.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from symbiotic_gym.trainers.examples import Example, all_examples
from symbiotic_gym.types import Trajectory

__all__ = [
    "Critic",
    "advantage_weighted_examples",
    "advantage_weights",
    "command",
    "commanded_examples",
    "returns_of",
    "with_command",
]


def command(reward: float, steps_left: int) -> str:
    """The line that stands before a goal: the return that is wanted, to two digits, and the steps it may take."""
    return f"<return={reward:.2f}><steps_left={steps_left}>"


def with_command(goal: str, reward: float = 1.0, steps_left: int = 5) -> str:
    """A goal as a commanded model is asked for it; at inference, ask for a high return."""
    return f"{command(reward, steps_left)} {goal}"


def commanded_examples(trajectories: Iterable[Trajectory]) -> list[Example]:
    """Every step of every valid episode, failures included, behind the return it led to and the steps it took from there."""
    return [
        replace(example, goal=with_command(example.goal, trajectory.reward, len(trajectory.steps) - place))
        for trajectory in trajectories
        if trajectory.outcome.scored
        for place, example in all_examples(trajectory)
    ]


def returns_of(trajectory: Trajectory, *, discount: float = 1.0) -> list[float]:
    """What came after each step, its own reward included, discounted by the step."""
    total, found = 0.0, []
    for step in reversed(trajectory.steps):
        total = step.reward + discount * total
        found.append(total)
    return found[::-1]


def advantage_weights(
    returns: Sequence[float], values: Sequence[float], *, beta: float = 1.0, most: float = 20.0
) -> list[float]:
    """`exp((return - value) / beta)`, cut off above and scaled to a mean of 1, so that a learning rate keeps its meaning.

    Args:
        returns: of each step.
        values: the critic's for the states they were taken in.
        beta: the temperature, more than 0; large ones weigh all alike.
        most: where a weight is cut off, before scaling.
    """
    if not returns:
        return []
    weights = [min(math.exp(min((r - v) / beta, 700.0)), most) for r, v in zip(returns, values, strict=True)]
    mean = sum(weights) / len(weights)
    return [weight / mean for weight in weights]


def advantage_weighted_examples(
    trajectories: Iterable[Trajectory],
    *,
    critic: "Critic | None" = None,
    discount: float = 1.0,
    beta: float = 1.0,
    most: float = 20.0,
) -> list[Example]:
    """Every step of every valid episode, failures included, weighted by how much better it came out than the critic expected.

    `distill` multiplies each token's loss by its example's weight.

    Args:
        trajectories: of any agent.
        critic: what states were worth; None: a fresh one, fitted on these very steps.
        discount: of what comes later, by the step, in [0, 1].
        beta: see `advantage_weights`.
        most: see `advantage_weights`.
    """
    examples, returns = list[Example](), list[float]()
    for trajectory in trajectories:
        if trajectory.outcome.scored:
            after = returns_of(trajectory, discount=discount)
            for place, example in all_examples(trajectory):
                examples.append(example)
                returns.append(after[place])
    if not examples:
        return []
    known = critic or Critic().fit(examples, returns)
    weights = advantage_weights(returns, [known.value(example) for example in examples], beta=beta, most=most)
    return [replace(example, weight=weight) for example, weight in zip(examples, weights, strict=True)]


class Critic:
    """A small linear estimate of a state's return from the words of its task, goal and page.

    Ridge regression on hashed words, solved exactly: a few hundred steps are all it ever sees, and it takes milliseconds.

    Args:
        width: number of word classes.
        ridge: strength of the pull to the mean return, more than 0.
    """

    def __init__(self, *, width: int = 256, ridge: float = 1.0) -> None:
        self._width = width
        self._ridge = ridge
        self._mean = 0.0
        self._weights: list[float] = [0.0] * width

    def fit(self, examples: Sequence[Example], returns: Sequence[float]) -> "Critic":
        """Learn from steps and what came after them; returns itself."""
        import numpy as np

        features_BD = np.array([self._features(example) for example in examples])
        self._mean = sum(returns) / len(returns)
        gram = features_BD.T @ features_BD + self._ridge * np.eye(self._width)
        self._weights = np.linalg.solve(gram, features_BD.T @ (np.array(returns) - self._mean)).tolist()
        return self

    def value(self, example: Example) -> float:
        """The expected return of the state the example's action was taken in; the action itself is not looked at."""
        return self._mean + sum(w * x for w, x in zip(self._weights, self._features(example), strict=True))

    def _features(self, example: Example) -> list[float]:
        text = " ".join((example.task, example.goal, example.observation["page"], *example.history))
        counts = Counter(_bucket(word, self._width) for word in re.findall(r"\w+", text.casefold()))
        norm = math.sqrt(sum(n * n for n in counts.values())) or 1.0
        return [counts[i] / norm for i in range(self._width)]


def _bucket(word: str, width: int) -> int:
    """A word's class, the same in every process."""
    value = 0
    for byte in word.encode():
        value = (value * 31 + byte) % 1_000_003
    return value % width
