"""The small model behind llama.cpp's or vLLM's server, with its answers bound there by the same grammar as on this machine.

llama.cpp reads the field `grammar`, vLLM `structured_outputs`; each passes over the other's. A server that knows neither leaves
the answer free: whether an answer fits is then for the environment to say, as it is for any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symbiotic_gym.agents.action_grammar import to_gbnf
from symbiotic_gym.agents.automaton import Expr
from symbiotic_gym.agents.openai_model import Job, OpenAIModel
from symbiotic_gym.agents.request import Request
from symbiotic_gym.protocols import Completion, Sampling

__all__ = ["GrammarEndpoint"]


@dataclass(frozen=True)
class _Bound(Job):
    grammar: Expr | None = None


class GrammarEndpoint(OpenAIModel):
    """An `OpenAIModel` that hands grammars on: a `RequestModel` for `SmallAgent(..., constrained=True)`.

    >>> model = GrammarEndpoint.from_spec("openai:smollm2@http://127.0.0.1:8080/v1")
    """

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """Answer every request, in order, `concurrency` of them at a time. The servers keep prefixes of prompts by themselves.

        Raises:
            ModelError: the endpoint failed for good, for any of them.
        """
        return self._all([_Bound(r.messages, sampling, r.seed, grammar=r.grammar) for r in requests])

    def forget(self, session: str) -> None:
        """The servers forget by themselves."""

    def _arguments(self, job: Job) -> dict[str, Any]:
        sent = super()._arguments(job)
        if isinstance(job, _Bound) and job.grammar is not None:
            grammar = to_gbnf(job.grammar)
            sent["extra_body"] = {"grammar": grammar, "structured_outputs": {"grammar": grammar}}
        return sent
