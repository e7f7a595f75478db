"""The API client with a guard in it, at the one place through which every attempt of every request goes.

`_prepare_request` is what the client calls with each finished request before it is sent, retries included, and outside of its
own handling of errors, so that the guard's refusal comes through. Should a later version of the client lack that place, making
a guarded client fails: a guard that is not asked would be worse than none.
"""

from typing import TYPE_CHECKING, Any

from symbiotic_gym.agents.privacy_guard import EgressGuard
from symbiotic_gym.errors import ConfigError, explain

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["guarded_client"]


def guarded_client(guard: EgressGuard) -> "type[OpenAI]":
    """A class of clients that ask `guard` before each request.

    Raises:
        ConfigError: the installed client has no place for it.
    """
    import openai

    if not callable(getattr(openai.OpenAI, "_prepare_request", None)):
        raise ConfigError(
            explain(
                f"openai {openai.__version__} cannot be guarded",
                "a client that calls _prepare_request with each finished request",
                "requests would leave without being looked at",
                "install the version in constraints.txt",
            )
        )

    class GuardedOpenAI(openai.OpenAI):
        def _prepare_request(self, request: Any) -> None:
            super()._prepare_request(request)
            guard.check(str(request.url), dict(request.headers), request.read())

    return GuardedOpenAI
