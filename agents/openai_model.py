"""Language models behind an OpenAI-compatible endpoint: the cloud, vLLM, llama.cpp.

Nothing is ever asked of an endpoint that the user did not name, and a key found in the environment is sent to the provider it
belongs to only: OpenAI, or the host of OPENAI_BASE_URL, over https. What can pass by itself (rate limits, overload, broken
connections, answers that are no JSON) is tried again with growing pauses; what cannot (a wrong key, an unknown model, a prompt
that is too long) fails at once.
"""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from symbiotic_gym.errors import ConfigError, ModelError, explain, nearest
from symbiotic_gym.protocols import Completion, Message, Sampling
from symbiotic_gym.types import Usage

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI
    from openai.types.chat import ChatCompletion

    from symbiotic_gym.agents.privacy_guard import EgressGuard

__all__ = ["ALLOW_REMOTE", "OpenAIModel", "is_local"]

ALLOW_REMOTE = True
"""One switch for test suites: when False, only endpoints on this machine can be asked."""

_DEFAULT_URL = "https://api.openai.com/v1"
_GARBAGE_TRIES = 3
_NAMED = re.compile(r"(?P<model>.+?)(?:@(?P<url>[a-z]+://.*))?", re.IGNORECASE)
"""Names of models may hold "@", ":" and "/"; an address begins with its scheme."""

_PORT = re.compile(r"@[^@/]*:\d")
"""An address that lacks its scheme."""

_PROMPTS_FAULT = (400, 413, 422)
"""Status codes that another prompt need not meet."""

_ADVICE = {
    400: "shorten the prompt (page_budget, history, k_page) or lower max_tokens; the endpoint's words above say which",
    401: "check the key: pass api_key=... or set OPENAI_API_KEY",
    403: "the key may not use this model: ask for access, or name another model",
    404: "check the model's name and that the address ends where /chat/completions begins, usually in /v1",
    429: "lower concurrency, raise max_retries, or look at the account's limits and credit",
}


class OpenAIModel:
    """A `LanguageModel` that asks `POST /chat/completions`.

    Args:
        model: the name that the endpoint knows it by.
        base_url: where the API begins, such as `http://127.0.0.1:8000/v1`; by default OPENAI_BASE_URL or OpenAI's own.
        api_key: by default OPENAI_API_KEY for OpenAI and for the host of OPENAI_BASE_URL, over https; none for any other.
        timeout_s: seconds for one request.
        max_retries: how often a request is repeated after a passing failure.
        concurrency: how many requests of one `generate` run at once.
        price_per_million: US dollars per million prompt and completion tokens, for `Usage.cost_usd`.
        guard: looks at every finished request, and stops those that hold something private.

    Raises:
        ConfigError: an endpoint elsewhere and no key, or a number out of range.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        max_retries: int = 4,
        concurrency: int = 4,
        price_per_million: tuple[float, float] = (0.0, 0.0),
        guard: "EgressGuard | None" = None,
    ) -> None:
        if timeout_s <= 0 or max_retries < 0 or concurrency < 1 or min(price_per_million) < 0:
            raise ConfigError(
                explain(
                    f"timeout_s={timeout_s}, max_retries={max_retries}, concurrency={concurrency}, prices {price_per_million}",
                    "timeout_s > 0, max_retries >= 0, concurrency >= 1, prices >= 0",
                    "no request could be made, or its cost would be wrong",
                    "correct the number",
                )
            )
        self.name = model
        self.base_url = _checked_url((base_url or os.environ.get("OPENAI_BASE_URL") or _DEFAULT_URL).rstrip("/"))
        self._key = api_key or _key_for(self.base_url, model)
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._concurrency = concurrency
        self._prices = price_per_million
        self.guard = guard
        self._changed: dict[str, str | None] = {}  # arguments this endpoint refuses, and what it wants instead

    @classmethod
    def from_spec(cls, spec: str) -> "OpenAIModel":
        """Make a model from `openai:MODEL[@BASE_URL]`, such as `openai:qwen@http://127.0.0.1:8000/v1`.

        Raises:
            ConfigError: the text has another form, or the endpoint needs a key and there is none.
        """
        kind, _, rest = spec.partition(":")
        named = _NAMED.fullmatch(rest)
        if kind != "openai" or not named or _PORT.search(named["model"]) or any(char.isspace() for char in spec):
            raise ConfigError(
                explain(
                    f"{spec!r} names no model",
                    "openai:MODEL or openai:MODEL@BASE_URL",
                    "no endpoint is asked that was not named",
                    "write it like openai:gpt-4.1-mini or openai:qwen@http://127.0.0.1:8000/v1",
                )
            )
        return cls(named["model"], base_url=named["url"])

    def __repr__(self) -> str:
        return f"OpenAIModel({self.name!r}, base_url={self.base_url!r})"

    @cached_property
    def _client(self) -> "OpenAI":
        from openai import OpenAI  # here, because it takes half a second to import

        if self.guard is not None:
            from symbiotic_gym.agents.privacy_client import guarded_client

            OpenAI = guarded_client(self.guard)  # type: ignore[misc] # a subclass in its place
        return OpenAI(base_url=self.base_url, api_key=self._key, timeout=self._timeout_s, max_retries=self._max_retries)

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        client = self.__dict__.pop("_client", None)
        if client is not None:
            client.close()

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> list[Completion]:
        """Answer every prompt, in order, `concurrency` of them at a time.

        Raises:
            ModelError: the endpoint failed for good, for any of them.
        """
        client = self._client  # made before the threads start
        jobs = [(client, prompt, sampling, None if seeds is None else seeds[i]) for i, prompt in enumerate(prompts)]
        if len(jobs) == 1:
            return [self._complete(*jobs[0])]
        with ThreadPoolExecutor(self._concurrency) as pool:
            return list(pool.map(lambda job: self._complete(*job), jobs))

    def check(self) -> None:
        """Find out, before any work starts, whether the endpoint answers and knows the model.

        Lists the models; where that is not offered, or the model is not on the list, asks for one token.

        Raises:
            ModelError: it does not; the message says what to do.
        """
        from openai import APIStatusError

        listed: list[str] = []
        try:
            listed = [model.id for model in self._guarded(lambda: self._client.with_options(max_retries=0).models.list()).data]
        except ModelError as error:
            if not isinstance(error.__cause__, APIStatusError) or error.__cause__.status_code in (401, 403):
                raise
        if self.name in listed:
            return
        try:
            self.generate([[{"role": "user", "content": "Hi"}]], Sampling(max_tokens=1))
        except ModelError as error:
            raise ModelError(
                f"{error}\n  the endpoint's models: {nearest(self.name, listed)}" if listed else str(error)
            ) from error

    def _complete(self, client: "OpenAI", prompt: Sequence[Message], sampling: Sampling, seed: int | None) -> Completion:
        start = time.monotonic()
        for attempt in range(_GARBAGE_TRIES):
            if attempt:
                time.sleep(min(0.1 * 2**attempt, 5.0))
            answer = self._request(client, prompt, sampling, seed)
            if answer is not None:
                return self._completion(answer, time.monotonic() - start, attempt + 1)
        raise self._error(
            "did not answer in the form of the API (no JSON, or no choices)",
            "an OpenAI-compatible endpoint answers with JSON that has one choice",
            "open the address in a browser: a proxy, a login page or another program may stand there",
        )

    def _request(
        self, client: "OpenAI", prompt: Sequence[Message], sampling: Sampling, seed: int | None
    ) -> "ChatCompletion | None":
        """One answer, retries included; None when it is not in the form of the API."""
        from openai import BadRequestError

        sent = self._arguments(sampling, seed)
        try:
            answer = self._guarded(lambda: client.chat.completions.create(model=self.name, messages=_plain(prompt), **sent))
        except ModelError as error:
            if isinstance(error.__cause__, BadRequestError) and self._adapt(error.__cause__, sent):
                return self._request(client, prompt, sampling, seed)
            raise
        return answer if getattr(answer, "choices", None) else None

    def _arguments(self, sampling: Sampling, seed: int | None) -> dict[str, Any]:
        wanted = {"temperature": sampling.temperature, "top_p": sampling.top_p, "max_tokens": sampling.max_tokens, "seed": seed}
        named = {self._changed.get(name, name): value for name, value in wanted.items() if value is not None}
        return {name: value for name, value in named.items() if name is not None}

    def _adapt(self, error: "APIStatusError", sent: Mapping[str, Any]) -> bool:
        """Some models refuse `max_tokens`, `temperature` or `seed`: remember that, and ask again without."""
        parameter = error.param if isinstance(error.param, str) else ""
        if parameter not in sent or "unsupported" not in str(error.code) or parameter == "max_completion_tokens":
            return False
        self._changed[parameter] = "max_completion_tokens" if parameter == "max_tokens" else None
        return True

    def _completion(self, answer: "ChatCompletion", seconds: float, requests: int) -> Completion:
        choice, usage = answer.choices[0], answer.usage
        text = (choice.message.content or "") if choice.message else ""
        prompt, completion = (usage.prompt_tokens or 0, usage.completion_tokens or 0) if usage else (0, 0)
        return Completion(
            text=text.encode("utf-8", "replace").decode(),  # half a surrogate pair could not be written to any file
            usage=Usage(
                requests=requests,
                prompt_tokens=prompt,
                completion_tokens=completion,
                seconds=seconds,
                cost_usd=(prompt * self._prices[0] + completion * self._prices[1]) / 1e6,
            ),
            finish="length" if choice.finish_reason == "length" else "stop",
        )

    def _guarded(self, call: Callable[[], Any]) -> Any:
        """Run a request; every failure of the client becomes a `ModelError` that says what to do."""
        import openai

        if not ALLOW_REMOTE and not is_local(self.base_url):
            raise self._error(
                "was not asked", "symbiotic_gym.agents.openai_model.ALLOW_REMOTE is False", "script a model instead"
            )
        try:
            return call()
        except openai.APIStatusError as error:
            message = " ".join(error.message.split())[:300]
            advice = _ADVICE.get(error.status_code, "wait and run it again; the endpoint's own log says more")
            raise self._error(
                f"answered with status {error.status_code}: {message}",
                "an answer with status 200",
                advice,
                outage=error.status_code not in _PROMPTS_FAULT,
            ) from error
        except openai.APITimeoutError as error:
            advice = "raise timeout_s, or see whether the server is overloaded"
            raise self._error("did not answer in time", f"an answer within {self._timeout_s:g} s", advice) from error
        except openai.APIConnectionError as error:
            problem = f"cannot be reached ({error.__cause__ or error})"
            advice = "start the server, or correct the address"
            raise self._error(problem, "a server that listens and finishes its answers", advice) from error
        except ValueError:  # a body that says it is JSON and is not
            return None
        except openai.OpenAIError as error:
            raise self._error(f"failed: {error}", "an answer", "see the client's message") from error

    def _error(self, problem: str, expected: str, advice: str, *, outage: bool = True) -> ModelError:
        then = "a run stops here, and the same command goes on with it" if outage else "its episode is invalid, not a failure"
        why = f"no decision can be made without the model; {then}"
        return ModelError(
            explain(f"the model {self.name!r} at {self.base_url} {problem}", expected, why, advice), outage=outage
        )


def is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        shown = url.replace(parts.netloc, parts.netloc.rpartition("@")[2])
        raise ConfigError(
            explain(
                f"{shown!r} as the address of a model",
                "http://HOST[:PORT]/... or https://HOST[:PORT]/..., without a name or password in it",
                "addresses are written into run folders and reports",
                "correct the address; a key goes into OPENAI_API_KEY or api_key=...",
            )
        )
    return url


def _key_for(url: str, model: str) -> str:
    """The environment's key for the provider it belongs to; "none" (the client insists on one) for any other address."""
    parts = urlsplit(url)
    homes = {urlsplit(known).hostname for known in (_DEFAULT_URL, os.environ.get("OPENAI_BASE_URL", ""))}
    if is_local(url) or parts.scheme != "https" or parts.hostname not in homes:
        return "none"
    key = os.environ.get("OPENAI_API_KEY", "")
    if not key:
        raise ConfigError(
            explain(
                f"no key for the model {model!r} at {url}",
                "api_key=... or OPENAI_API_KEY",
                "the endpoint would refuse every request, after the work has begun",
                'set the key; for a server without one, pass api_key="none"',
            )
        )
    return key


def _plain(prompt: Sequence[Message]) -> Any:
    return [dict(message) for message in prompt]
