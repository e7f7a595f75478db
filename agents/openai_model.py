"""Language models behind an OpenAI-compatible endpoint: the cloud, vLLM, llama.cpp.

Nothing is ever asked of an endpoint that the user did not name, and a key found in the environment is sent to the provider it
belongs to only: OpenAI, or the host of OPENAI_BASE_URL, over https. What can pass by itself (rate limits, overload, broken
connections, answers that are no JSON) is tried again; what cannot (a wrong key, an unknown model, a prompt that is too long)
fails at once; `agents/retrying.py` draws the line. Every try, the failed ones too, is on the account of `agents/spending.py`.
"""

import itertools
import os
import re
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from symbiotic_gym.agents.endpoints import DEFAULT_URL, checked_url, is_local, key_for
from symbiotic_gym.agents.model_errors import model_error, translated
from symbiotic_gym.agents.retrying import Patience
from symbiotic_gym.agents.schema_ways import SchemaWays
from symbiotic_gym.agents.spending import Price, Spending, most_tokens
from symbiotic_gym.errors import ConfigError, ModelError, PrivacyError, SchemaRefusedError, explain, nearest
from symbiotic_gym.protocols import Completion, Message, Sampling
from symbiotic_gym.types import Usage

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletion

    from symbiotic_gym.agents.privacy_guard import EgressGuard

__all__ = ["ALLOW_REMOTE", "Job", "OpenAIModel"]

ALLOW_REMOTE = True
"""One switch for test suites: when False, only endpoints on this machine can be asked."""

_NAMED = re.compile(r"(?P<model>.+?)(?:@(?P<url>[a-z]+://.*))?", re.IGNORECASE)
"""Names of models may hold "@", ":" and "/"; an address begins with its scheme."""

_PORT = re.compile(r"@[^@/]*:\d")
"""An address that lacks its scheme."""


@dataclass(frozen=True)
class Job:
    """One prompt, and how it is to be answered."""

    prompt: Sequence[Message]
    sampling: Sampling
    seed: int | None
    schema: Mapping[str, Any] | None = None


class OpenAIModel:
    """A `LanguageModel`, and a `SchemaModel`, that asks `POST /chat/completions`.

    Args:
        model: the name that the endpoint knows it by.
        base_url: where the API begins, such as `http://127.0.0.1:8000/v1`; by default OPENAI_BASE_URL or OpenAI's own.
        api_key: by default OPENAI_API_KEY for OpenAI and for the host of OPENAI_BASE_URL, over https; none for any other.
        timeout_s: seconds for one request.
        max_retries: how often a request is repeated after a passing failure.
        concurrency: how many requests of one `generate` run at once.
        longest_wait_s: a longer wait that the endpoint asks for is not sat out: the run stops, to be gone on with.
        prices: what models cost, by name, for `Usage.cost_usd`; one that is not listed counts as free.
        spending: the account that pays, which may have caps, and which other models, threads and processes may share.
        guard: looks at every finished request, and stops those that hold something private; what it stopped is not tried again.

    Raises:
        ConfigError: an endpoint elsewhere and no key, a number out of range, or a cap in money for a model without a price.
    """

    concurrent = True
    """Its answers are computed elsewhere: callers do not wait for each other."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        max_retries: int = 4,
        concurrency: int = 4,
        longest_wait_s: float = 120.0,
        prices: Mapping[str, Price] | None = None,
        spending: Spending | None = None,
        guard: "EgressGuard | None" = None,
    ) -> None:
        if timeout_s <= 0 or max_retries < 0 or concurrency < 1 or longest_wait_s < 0:
            raise ConfigError(
                explain(
                    f"timeout_s={timeout_s}, max_retries={max_retries}, concurrency={concurrency}, {longest_wait_s=}",
                    "timeout_s > 0, max_retries >= 0, concurrency >= 1, longest_wait_s >= 0",
                    "no request could be made",
                    "correct the number",
                )
            )
        self._spending = spending or Spending()
        self._price = (prices or {}).get(model, Price(prompt=0.0, completion=0.0))
        if self._spending.budget.usd is not None and model not in (prices or {}):
            raise ConfigError(
                explain(
                    f"a budget of {self._spending.budget.usd:g} US dollars, and no price for the model {model!r}",
                    "its price per million tokens",
                    "without one every request counts as free, and the cap is never reached",
                    f"pass prices={{{model!r}: Price(prompt=..., completion=...)}}; the provider's site has the numbers",
                )
            )
        self.name = model
        self.base_url = checked_url((base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL).rstrip("/"))
        self._key = api_key or key_for(self.base_url, model)
        self._timeout_s = timeout_s
        self._patience = Patience(max_retries, longest_wait_s)
        self._concurrency = concurrency
        self.guard = guard
        self._schemas = SchemaWays()
        self._changed: dict[str, str | None] = {}  # arguments this endpoint refuses, and what it wants instead

    @classmethod
    def from_spec(cls, spec: str, **settings: Any) -> "OpenAIModel":
        """Make a model from `openai:MODEL[@BASE_URL]`, such as `openai:qwen@http://127.0.0.1:8000/v1`; settings as for the
        class.

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
        return cls(named["model"], base_url=named["url"], **settings)

    def __repr__(self) -> str:
        return f"OpenAIModel({self.name!r}, base_url={self.base_url!r})"

    @cached_property
    def _client(self) -> "OpenAI":
        from openai import DefaultHttpxClient, OpenAI  # here, because it takes half a second to import

        kind: type[OpenAI] = OpenAI
        if self.guard is not None:
            from symbiotic_gym.agents.privacy_client import guarded_client

            kind = guarded_client(self.guard)
        # a proxy in the environment is the way to the web outside; it knows nothing of this machine's own ports
        direct = DefaultHttpxClient(trust_env=False, timeout=self._timeout_s) if is_local(self.base_url) else None
        if direct is not None:
            weakref.finalize(self, direct.close)  # the client closes only what it made itself when it is forgotten
        return kind(
            base_url=self.base_url,
            api_key=self._key,
            timeout=self._timeout_s,
            max_retries=0,
            http_client=direct,
        )

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
            BudgetError: what the run may spend is spent.
            PrivacyError: the guard stopped one of the requests.
        """
        given = [None] * len(prompts) if seeds is None else list(seeds)
        return self._all([Job(prompt, sampling, seed) for prompt, seed in zip(prompts, given, strict=True)])

    def generate_json(
        self,
        prompts: Sequence[Sequence[Message]],
        schemas: Sequence[Mapping[str, Any]],
        sampling: Sampling,
        seeds: Sequence[int] | None = None,
    ) -> list[Completion]:
        """Answer every prompt in the form of its schema.

        Servers ask for schemas in two ways, or know none. The first prompt finds out, once per model: a way that is refused, or
        that changes nothing, is not tried again.

        Raises:
            SchemaRefusedError: the server does not hold answers to schemas, or not to one of these.
            ModelError: the endpoint failed for good, for any of them.
            BudgetError: what the run may spend is spent.
            PrivacyError: the guard stopped one of the requests.
        """
        given = [None] * len(prompts) if seeds is None else list(seeds)
        jobs = [Job(*job) for job in zip(prompts, [sampling] * len(prompts), given, schemas, strict=True)]
        first: list[Completion] = []
        if jobs and not self._schemas.known:
            with self._schemas.lock:  # several threads may begin at once
                if not self._schemas.known:
                    first = [self._find_way(jobs[0])]
        if not self._schemas:
            raise self._no_schemas("does not hold answers to a schema")
        return first + self._all(jobs[len(first) :])

    def _find_way(self, job: Job) -> Completion:
        while self._schemas:
            try:
                answer = self._complete(self._client, job)
            except SchemaRefusedError:
                pass
            else:
                if answer.finish == "length" or SchemaWays.fits(answer.text, job.schema or {}):
                    self._schemas.known = True
                    return answer
            self._schemas.drop()
        self._schemas.known = True
        raise self._no_schemas("does not hold answers to a schema")

    def _no_schemas(self, problem: str) -> SchemaRefusedError:
        return SchemaRefusedError(
            explain(
                f"the model {self.name!r} at {self.base_url} {problem}",
                "response_format with a JSON schema",
                "nothing else makes sure of the form of its answers",
                "ask for tagged text; LargeAgent does so by itself",
            )
        )

    def _all(self, jobs: Sequence[Job]) -> list[Completion]:
        client = self._client  # made before the threads start
        if len(jobs) <= 1:
            return [self._complete(client, job) for job in jobs]
        with ThreadPoolExecutor(self._concurrency) as pool:
            try:
                return list(pool.map(lambda job: self._complete(client, job), jobs))
            except (ModelError, PrivacyError):
                pool.shutdown(cancel_futures=True)  # what is not under way yet would be paid for and thrown away
                raise

    def check(self) -> None:
        """Find out, before any work starts, whether the endpoint answers and knows the model.

        Lists the models; where that is not offered, or the model is not on the list, asks for one token.

        Raises:
            ModelError: it does not; the message says what to do.
        """
        from openai import APIStatusError

        listed: list[str] = []
        try:
            listed = [model.id for model in self._guarded(lambda: self._client.models.list()).data]
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

    def _complete(self, client: "OpenAI", job: Job) -> Completion:
        start, usage = time.monotonic(), Usage()
        for attempt in itertools.count():
            self._patience.hold()
            answer, error, used = self._try(client, job)
            usage += used
            if answer is not None:
                return self._completion(answer, replace(usage, seconds=time.monotonic() - start))
            if error is not None and self._adapted(error, job):
                continue
            cause = error.__cause__ if error is not None else None
            if not self._patience.wait(cause if isinstance(cause, Exception) else None, attempt):
                raise error or model_error(
                    self._called,
                    "did not answer in the form of the API (no JSON, or no choices)",
                    "an OpenAI-compatible endpoint answers with JSON that has one choice",
                    "open the address in a browser: a proxy, a login page or another program may stand there",
                )
        raise AssertionError("unreachable")

    def _try(self, client: "OpenAI", job: Job) -> "tuple[ChatCompletion | None, ModelError | None, Usage]":
        """One request: its answer where it has the form of the API, else what failed; and what it took, once."""
        sent = self._arguments(job)
        tokens = most_tokens(job.prompt, job.sampling.max_tokens)
        most_usd = self._price.usd(tokens - job.sampling.max_tokens, job.sampling.max_tokens)
        ticket = self._spending.begin(tokens=tokens, usd=most_usd, lives_s=2 * self._timeout_s + 60)
        usage = Usage(requests=1)
        try:
            answer = self._guarded(lambda: client.chat.completions.create(model=self.name, messages=_plain(job.prompt), **sent))
            usage = self._usage(answer)
        except ModelError as error:
            return None, error, usage
        except PrivacyError:
            usage = Usage()  # it was never sent
            raise
        finally:
            self._spending.settle(ticket, usage)
        return (answer if getattr(answer, "choices", None) else None), None, usage

    def _arguments(self, job: Job) -> dict[str, Any]:
        sampling = job.sampling
        wanted = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": job.seed,
        }
        named = {self._changed.get(name, name): value for name, value in wanted.items() if value is not None}
        sent: dict[str, Any] = {name: value for name, value in named.items() if name is not None}
        if job.schema is not None and self._schemas:
            sent["response_format"] = self._schemas.response_format(job.schema)
        return sent

    def _adapted(self, error: ModelError, job: Job) -> bool:
        """Some models refuse `max_tokens`, `temperature` or `seed`: remember that, and ask again without.

        Raises:
            SchemaRefusedError: it is the schema that was refused, as far as can be told.
        """
        cause: Any = error.__cause__
        if isinstance(getattr(cause, "param", None), str):
            parameter: str = cause.param
            unsupported = parameter in self._arguments(job) and "unsupported" in str(cause.code)
            if unsupported and parameter in ("max_tokens", "temperature", "top_p", "seed"):
                self._changed[parameter] = "max_completion_tokens" if parameter == "max_tokens" else None
                return True
        if job.schema is not None and self._schemas.refused(cause):
            raise self._no_schemas(f"refused a schema ({' '.join(cause.message.split())[:200]})") from error
        return False

    def _usage(self, answer: Any) -> Usage:
        usage = getattr(answer, "usage", None)
        prompt, completion = (usage.prompt_tokens or 0, usage.completion_tokens or 0) if usage else (0, 0)
        details = getattr(usage, "prompt_tokens_details", None)
        cached = min(getattr(details, "cached_tokens", None) or 0, prompt)
        cost_usd = self._price.usd(prompt, completion, cached)
        return Usage(requests=1, prompt_tokens=prompt, completion_tokens=completion, cost_usd=cost_usd)

    def _completion(self, answer: "ChatCompletion", usage: Usage) -> Completion:
        choice = answer.choices[0]
        text = (choice.message.content or "") if choice.message else ""
        return Completion(
            text=text.encode("utf-8", "replace").decode(),  # half a surrogate pair could not be written to any file
            usage=usage,
            finish="length" if choice.finish_reason == "length" else "stop",
        )

    def _guarded(self, call: Callable[[], Any]) -> Any:
        """Run a request; every failure of the client becomes a `ModelError` that says what to do."""
        import openai

        if not ALLOW_REMOTE and not is_local(self.base_url):
            switch = "symbiotic_gym.agents.openai_model.ALLOW_REMOTE is False"
            raise model_error(self._called, "was not asked", switch, "script a model instead")
        try:
            return call()
        except openai.OpenAIError as error:
            waits = {"timeout_s": self._timeout_s, "longest_wait_s": self._patience.longest_wait_s}
            raise translated(error, self._called, **waits) from error
        except ValueError:  # a body that says it is JSON and is not
            return None

    @property
    def _called(self) -> str:
        return f"the model {self.name!r} at {self.base_url}"


def _plain(prompt: Sequence[Message]) -> Any:
    return [dict(message) for message in prompt]
