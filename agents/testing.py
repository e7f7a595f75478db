"""Stand-ins for language models, for this project's tests and for yours: scripted answers, echoes, failures, and an endpoint.

`FakeEndpoint` is a real HTTP server on the loopback interface. It speaks the part of the API that `OpenAIModel` uses, and
can be told to fail in the ways real ones do.
"""

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from symbiotic_gym.errors import ModelError, explain
from symbiotic_gym.protocols import Completion, Message, Sampling
from symbiotic_gym.types import Usage

__all__ = ["EchoModel", "FailingModel", "FakeEndpoint", "Fault", "ScriptedJsonModel", "ScriptedModel"]

Answer = Callable[[Sequence[Message]], str]


def _usage(prompt: Sequence[Message], text: str) -> Usage:
    """Token counts are words: enough to see that they are added up."""
    words = sum(len(message["content"].split()) for message in prompt)
    return Usage(requests=1, prompt_tokens=words, completion_tokens=len(text.split()))


class ScriptedModel:
    """Answers from a list, in order, or by a function of the prompt.

    Attributes:
        prompts: every prompt it was asked, in order.
        calls: how often `generate` was called.
    """

    def __init__(self, answers: Sequence[str] | Answer, name: str = "scripted") -> None:
        self.name = name
        self.prompts: list[list[Message]] = []
        self.calls = 0
        self._answer = answers if callable(answers) else _in_order(answers)

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> list[Completion]:
        """The next answers.

        Raises:
            ModelError: the list is used up.
        """
        self.calls += 1
        completions = []
        for prompt in prompts:
            self.prompts.append(list(prompt))
            text = self._answer(prompt)
            completions.append(Completion(text=text, usage=_usage(prompt, text)))
        return completions


def _in_order(answers: Sequence[str]) -> Answer:
    left = deque(answers)

    def answer(prompt: Sequence[Message]) -> str:
        if not left:
            raise ModelError(
                explain(
                    f"a scripted model was asked more often than its {len(answers)} answers",
                    "as many answers as prompts",
                    "an invented answer would hide that the caller asked once more",
                    "script the missing answer, or pass a function of the prompt",
                )
            )
        return left.popleft()

    return answer


class ScriptedJsonModel(ScriptedModel):
    """A `ScriptedModel` that is asked for JSON too, and believed.

    Attributes:
        schemas: every schema it was asked with, in order.
    """

    def __init__(self, answers: Sequence[str] | Answer, name: str = "scripted") -> None:
        super().__init__(answers, name)
        self.schemas: list[Mapping[str, Any]] = []

    def generate_json(
        self,
        prompts: Sequence[Sequence[Message]],
        schemas: Sequence[Mapping[str, Any]],
        sampling: Sampling,
        seeds: Sequence[int] | None = None,
    ) -> list[Completion]:
        """The next answers, whatever the schemas say.

        Raises:
            ModelError: the list is used up.
        """
        self.schemas += schemas
        return self.generate(prompts, sampling, seeds)


class EchoModel(ScriptedModel):
    """Answers with the last message it was sent."""

    def __init__(self, name: str = "echo") -> None:
        super().__init__(lambda prompt: prompt[-1]["content"], name)


class FailingModel:
    """Fails for good at every request, as an endpoint that is gone does."""

    def __init__(self, message: str = "the endpoint is gone", name: str = "failing") -> None:
        self.name = name
        self._message = message

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> list[Completion]:
        """Never answers.

        Raises:
            ModelError: always.
        """
        raise ModelError(explain(self._message, "an answer", "this stand-in exists to fail", "handle it as an invalid episode"))


@dataclass(frozen=True, kw_only=True)
class Fault:
    """How one request goes wrong.

    With a `status` other than 200 the body is an error object with `message`, `code` and `param`, unless `body` is given.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    """Sent as it is, with content type JSON."""
    delay_s: float = 0.0
    """Seconds before the answer."""
    cut: bool = False
    """Promise the whole body, send half of it, and hang up."""
    reset: bool = False
    """Break the connection off instead of answering."""
    message: str = "told to fail"
    code: str | None = None
    param: str | None = None


class FakeEndpoint:
    """An OpenAI-compatible endpoint on this machine, as a context manager.

    >>> with FakeEndpoint(["hello"]) as endpoint:
    ...     endpoint.fail(Fault(status=503))  # the first request only; the client tries again
    ...     url = endpoint.url

    Args:
        answers: as for `ScriptedModel`.
        models: the names `GET /v1/models` lists; None: that address does not exist.
        schemas: the types of `response_format` it takes (the answers are up to you all the same); others get status 400.

    Attributes:
        requests: the JSON bodies of all requests for completions, those that failed included.
        keys: the keys that came with them.
    """

    def __init__(
        self, answers: Sequence[str] | Answer = (), *, models: Sequence[str] | None = ("fake",), schemas: Sequence[str] = ()
    ) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self._models = models
        self._schemas = frozenset(schemas)
        self._answer = answers if callable(answers) else _in_order(answers)
        self._faults: deque[Fault] = deque()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """The base URL to give to a client."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def fail(self, *faults: Fault) -> None:
        """Let the next requests for completions fail, one fault each."""
        self._faults.extend(faults)

    def __enter__(self) -> "FakeEndpoint":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _completion(self, body: dict[str, Any], key: str) -> tuple[Fault, str]:
        """The fault that is due, if any, and the body to send."""
        with self._lock:
            self.requests.append(body)
            self.keys.append(key)
            fault = self._faults.popleft() if self._faults else Fault()
        if fault.body is not None:
            return fault, fault.body
        if fault.status != 200:
            return fault, json.dumps({"error": {"message": fault.message, "code": fault.code, "param": fault.param}})
        wanted = body.get("response_format", {}).get("type", "text")
        if wanted != "text" and wanted not in self._schemas:
            problem = {"message": f"response_format {wanted!r} is not supported", "code": None, "param": "response_format"}
            return Fault(status=400), json.dumps({"error": problem})
        try:
            text = self._answer(body["messages"])
        except ModelError as error:
            return Fault(status=410), json.dumps({"error": {"message": str(error)}})
        return fault, json.dumps(_chat_completion(body, text))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass  # not on the user's terminal

            def do_GET(self) -> None:
                if self.path.endswith("/models") and endpoint._models is not None:
                    data = [{"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in endpoint._models]
                    self._send(Fault(), json.dumps({"object": "list", "data": data}))
                else:
                    self._send(Fault(status=404), json.dumps({"error": {"message": f"no {self.path}"}}))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fault, text = endpoint._completion(body, self.headers.get("Authorization", "").removeprefix("Bearer "))
                threading.Event().wait(fault.delay_s)
                self._send(fault, text)

            def _send(self, fault: Fault, text: str) -> None:
                if fault.reset:  # closed with nothing to linger for: the other side sees a reset
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return
                data = text.encode()
                try:
                    self.send_response(fault.status)
                    for name, value in {"Content-Type": "application/json", **fault.headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data[: len(data) // 2] if fault.cut else data)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client did not wait
                self.close_connection = fault.cut or self.close_connection

        return Handler


def _chat_completion(body: Mapping[str, Any], text: str) -> dict[str, Any]:
    usage = _usage(body["messages"], text)
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        },
    }
