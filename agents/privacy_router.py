"""The router that learns when the large model is worth asking (When2Ask, arXiv 2306.03604, as a contextual bandit).

The local model proposes first, for nothing. A logistic model estimates from what can be seen before asking how likely the
large model would have chosen otherwise; asking pays when that is likely, less its price and what it would show. The log of
speculative synthesis is its training set (`trainers.router_training`): where the teacher agreed with the student, the question
was redundant. It goes on learning from every question it asks.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from symbiotic_gym.actions import elements, parse
from symbiotic_gym.errors import ActionError, ConfigError, StoreError, explain
from symbiotic_gym.types import Decision, Trajectory

__all__ = ["FEATURES", "Router", "describe", "labelled"]

FEATURES = (
    "bias", "unparsable", "lost", "repeats", "after_error", "no_choice", "many_choices", "says", "types", "late",
    "private", "uncertain",
)  # fmt: skip

Features = Mapping[str, float]


def describe(
    observation: Mapping[str, str], proposal: Decision, *, step: int, private: int = 0, recent: Sequence[str] = ()
) -> Features:
    """What can be seen before the large model is asked.

    Args:
        observation: the page the proposal was made on.
        proposal: the local model's decision; how unsure it was counts where it says so: `extra["logprob"]`, the log-probability
            of the action, as `SmallAgent` gives it, or `extra["uncertainty"]`, in [0, 1].
        step: number of the step, from 0.
        private: private parts of the observation.
        recent: actions run lately.
    """
    page = str(observation.get("page", ""))
    there = elements(page)
    values = dict.fromkeys(FEATURES, 0.0)
    values |= {"bias": 1.0, "late": min(step / 10, 2.0), "private": min(private / 10, 3.0)}
    values["after_error"] = float(bool(observation.get("last_action_error")))
    values["no_choice"], values["many_choices"] = float(len(there) < 4), min(len(there) / 50, 3.0)
    values["repeats"] = float(list(recent).count(proposal.action))
    values["uncertain"] = _doubt(proposal.extra)
    try:
        action = parse(proposal.action)
    except ActionError:
        return values | {"unparsable": 1.0}
    values["lost"] = float(any(bid not in there for bid in action.bids))
    values["says"] = float(action.verb in ("send_msg_to_user", "report_infeasible"))
    values["types"] = float(action.verb in ("fill", "keyboard_type", "select_option"))
    return values


def _doubt(extra: Mapping[str, Any]) -> float:
    if isinstance(logprob := extra.get("logprob"), int | float) and not math.isnan(logprob):
        return -math.expm1(min(logprob, 0.0))
    doubt = extra.get("uncertainty")
    return float(doubt) if isinstance(doubt, int | float) and 0 <= doubt <= 1 else 0.0


def labelled(trajectories: Iterable[Trajectory]) -> list[tuple[Features, bool]]:
    """The steps of speculative synthesis as examples: what was seen, and whether asking changed the action."""
    rows: list[tuple[Features, bool]] = []
    for trajectory in trajectories:
        recent: list[str] = []
        for number, step in enumerate(trajectory.steps):
            acceptance = step.decision.acceptance
            if trajectory.outcome.scored and acceptance is not None:
                student = step.decision.extra.get("student")
                known = student if isinstance(student, Mapping) else {}
                proposal = Decision(action=acceptance.proposal.action, extra=known)
                rows.append((describe(step.observation, proposal, step=number, recent=recent[-5:]), not acceptance.accepted))
            recent.append(step.decision.action)
    return rows


@dataclass
class Router:
    """Says whether to ask.

    Args:
        threshold: in [0, 1]; lower asks more. The curve of success, cost and leak is drawn by moving it.
        price_weight: what one US dollar costs, in units of "the action would have changed".
        private_weight: what showing one placeholder costs.
        rate: step size of learning.
    """

    threshold: float = 0.3
    price_weight: float = 1.0
    private_weight: float = 0.002
    rate: float = 0.1
    weights: dict[str, float] = field(default_factory=lambda: {"bias": 0.5} | dict.fromkeys(FEATURES[1:], 0.0))

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1 or self.rate <= 0:
            raise ConfigError(
                explain(
                    f"threshold={self.threshold}, rate={self.rate}",
                    "a threshold in [0, 1] and a rate above 0",
                    "the router would never ask, always ask, or never learn",
                    "correct the number",
                )
            )

    def chance(self, features: Features) -> float:
        """How likely, in [0, 1], asking would change the action."""
        total = sum(self.weights.get(name, 0.0) * value for name, value in features.items())
        return 1 / (1 + math.exp(-max(min(total, 30.0), -30.0)))

    def asks(self, features: Features, *, price_usd: float = 0.0, private: int = 0) -> bool:
        """Whether the large model is worth asking."""
        worth = self.chance(features) - self.price_weight * price_usd - self.private_weight * private
        return worth >= self.threshold

    def learn(self, features: Features, changed: bool) -> None:
        """One step of gradient descent: asking did, or did not, change the action."""
        error = float(changed) - self.chance(features)
        for name, value in features.items():
            self.weights[name] = self.weights.get(name, 0.0) + self.rate * error * value

    def fit(self, rows: Sequence[tuple[Features, bool]], epochs: int = 20) -> float:
        """Learn from a log, in its order.

        Returns:
            The share of rows it then gets right at 0.5, in [0, 1]; 0 without rows.
        """
        for _ in range(epochs):
            for features, changed in rows:
                self.learn(features, changed)
        return sum((self.chance(features) >= 0.5) == changed for features, changed in rows) / max(len(rows), 1)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the weights as JSON."""
        Path(path).write_text(
            json.dumps({"weights": self.weights, "threshold": self.threshold}, indent=1) + "\n", encoding="utf-8"
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Router":
        """Read what `save` wrote.

        Raises:
            StoreError: the file is not what `save` writes.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            weights = {str(name): float(value) for name, value in data["weights"].items()}
            return cls(threshold=float(data["threshold"]), weights=weights)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise StoreError(f"{path} is no router: it was not written by Router.save") from error
