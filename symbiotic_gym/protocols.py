"""The seams: what an agent and a language model have to offer. Protocols, so nothing has to be inherited.

A policy of your own is any object with `act(observation)`; returning a bare action string is enough:

    class ClickFirst:
        def act(self, observation):
            return 'click("12")'
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from symbiotic_gym.nodes import Node
from symbiotic_gym.types import Decision, Observation, Usage

__all__ = ["Agent", "BatchAgent", "Completion", "Detector", "Finding", "LanguageModel", "Message", "Sampling"]

Message = Mapping[str, str]
"""One chat turn: `{"role": "system" | "user" | "assistant", "content": text}`."""


@runtime_checkable
class Agent(Protocol):
    """A policy. One object plays one episode at a time; `reset` starts the next."""

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Forget the last episode. `seed` fixes every sampled decision of the next one."""
        ...

    def act(self, observation: Observation) -> Decision:
        """Choose the next action."""
        ...


@runtime_checkable
class BatchAgent(Agent, Protocol):
    """An agent whose model is cheaper when several episodes are decided at once."""

    @classmethod
    def act_batch(cls, agents: Sequence["BatchAgent"], observations: Sequence[Observation]) -> list[Decision]:
        """One decision per agent, in order. All agents share one model and one configuration."""
        ...


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How to draw a completion. `temperature` 0 is greedy."""

    temperature: float = 0.0
    top_p: float = 1.0
    """In (0, 1]."""
    max_tokens: int = 64


@dataclass(frozen=True, kw_only=True)
class Completion:
    """A model's answer to one prompt."""

    text: str
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    finish: str = "stop"
    """`stop`, or `length` when the answer was cut off at `max_tokens`."""


class LanguageModel(Protocol):
    """Anything that completes chats: a local transformers model, an endpoint, a scripted stand-in."""

    name: str

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> list[Completion]:
        """Answer every prompt, in order.

        Args:
            prompts: chats, each a sequence of messages that ends with the user's.
            sampling: how to draw; the same for all.
            seeds: one per prompt; equal seed, prompt and weights give an equal answer where the backend allows it.

        Raises:
            ModelError: the model failed for good.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A detector's word that part of a node is private."""

    node: int
    """Its place in the list that the detector was given."""
    start: int
    end: int
    """Which characters of the node's text."""
    kind: str
    """What it is: `name`, `email`, `password`, ... (`symbiotic_gym.agents.privacy_policy.HARD` lists those that stay here)."""
    score: float
    """How sure it is, in [0, 1]."""
    source: str
    """Which detector, or which rule of it."""


class Detector(Protocol):
    """Says which parts of a page are private, node by node. Whatever it raises or answers wrongly counts as private."""

    name: str
    version: str

    def find(self, nodes: Sequence[Node], url: str) -> Sequence[Finding]:
        """All private parts of these nodes.

        Args:
            nodes: of one page, in order (`symbiotic_gym.nodes.page_nodes`).
            url: the page's address.
        """
        ...
