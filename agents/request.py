"""What a model is asked that offers more than chats: a grammar for the answer, and a session whose prompts begin alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from symbiotic_gym.agents.automaton import Expr
from symbiotic_gym.protocols import Completion, LanguageModel, Message, Sampling

__all__ = ["Request", "RequestModel"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One prompt, and what its answer is bound by."""

    messages: Sequence[Message]
    """A chat that ends with the user's message."""
    seed: int = 0
    """Fixes what is drawn, whoever else is asked at the same time."""
    grammar: Expr | None = None
    """What the answer must fit; None: it is free."""
    session: str = ""
    """The episode it belongs to: what a prompt shares with the session's last one need not be computed again. Empty: none."""


@runtime_checkable
class RequestModel(LanguageModel, Protocol):
    """A model on this machine, or an endpoint that takes grammars."""

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """Answer every request, in order.

        Raises:
            ModelError: the model failed for good.
        """
        ...

    def forget(self, session: str) -> None:
        """The session is over: nothing that was kept for it is needed any more. It never waits, and may be called anywhere."""
        ...
