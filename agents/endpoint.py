"""The small model behind llama.cpp's or vLLM's server, with its answers bound there by the same grammar as on this machine.

llama.cpp reads the field `grammar`, vLLM `structured_outputs`; each passes over the other's. A server that knows neither leaves
the answer free: whether an answer fits is then for the environment to say, as it is for any other.
"""

import copy
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from symbiotic_gym.agents.action_grammar import to_gbnf
from symbiotic_gym.agents.openai_model import OpenAIModel
from symbiotic_gym.agents.request import Request
from symbiotic_gym.protocols import Completion, Sampling

__all__ = ["GrammarEndpoint"]


class GrammarEndpoint(OpenAIModel):
    """An `OpenAIModel` that hands grammars on: a `RequestModel` for `SmallAgent(..., constrained=True)`.

    >>> model = GrammarEndpoint.from_spec("openai:smollm2@http://127.0.0.1:8080/v1")
    """

    _grammar: str | None = None

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> list[Completion]:
        """Answer every request, in order, `concurrency` of them at a time. The servers keep prefixes of prompts by themselves.

        Raises:
            ModelError: the endpoint failed for good, for any of them.
        """
        client = self._client  # made once, before the copies that share it

        def one(request: Request) -> Completion:
            bound = copy.copy(self)
            bound._grammar = None if request.grammar is None else to_gbnf(request.grammar)
            return bound._complete(client, request.messages, sampling, request.seed)

        with ThreadPoolExecutor(self._concurrency) as pool:
            return list(pool.map(one, requests))

    def _arguments(self, sampling: Sampling, seed: int | None) -> dict[str, Any]:
        sent = super()._arguments(sampling, seed)
        if self._grammar is not None:
            sent["extra_body"] = {"grammar": self._grammar, "structured_outputs": {"grammar": self._grammar}}
        return sent
