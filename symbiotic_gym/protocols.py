"""The seams: what an agent, a language model and a judge have to offer. Protocols, so nothing has to be inherited.

A policy of your own is any object with `act(observation)`; returning a bare action string is enough:

    class ClickFirst:
        def act(self, observation):
            return 'click("12")'
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from symbiotic_gym.nodes import Node
from symbiotic_gym.types import Decision, Observation, Trajectory, Usage

__all__ = [
    "Agent",
    "BatchAgent",
    "Completion",
    "Detector",
    "Finding",
    "Judge",
    "LanguageModel",
    "Message",
    "Sampling",
    "SchemaModel",
    "Verdict",
]

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
    logprob: float | None = None
    """The natural logarithm of the answer's probability, its end included, at temperature 1: among the answers that were
    allowed, where a grammar bound it. None: the backend does not say."""


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


@runtime_checkable
class SchemaModel(LanguageModel, Protocol):
    """A language model whose answers can be held to a JSON schema, each to one of its own."""

    def generate_json(
        self,
        prompts: Sequence[Sequence[Message]],
        schemas: Sequence[Mapping[str, Any]],
        sampling: Sampling,
        seeds: Sequence[int] | None = None,
    ) -> list[Completion]:
        """Answer every prompt, in order, in the form of its schema.

        Raises:
            SchemaRefusedError: the model's server does not do that; ask with `generate` instead.
            ModelError: the model failed for good.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a judge says of an episode."""

    success: bool
    score: float
    """How near the goal is, or how sure the judge is of it; in [0, 1]."""
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the verdict is made of (answers to questions, votes): JSON values only."""
    usage: Usage = Usage()  # noqa: RUF009 - frozen


class Judge(Protocol):
    """Says whether an episode reached its goal. See `symbiotic_gym.agents.judges`."""

    name: str

    def judge(self, trajectory: Trajectory) -> Verdict:
        """The verdict on an episode, or on the beginning of one.

        Raises:
            JudgeError: there is no verdict; one is never made up out of an answer that cannot be read.
            ModelError: a model that it asks failed for good.
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
