"""The cloud of the privacy benchmark: an endpoint on loopback that keeps every byte it gets, and answers or passes it on."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

__all__ = ["Recorder"]

Answer = Callable[[Sequence[dict[str, str]]], str]


class Recorder:
    """A context manager; give its `url` to `OpenAIModel`.

    Args:
        answer: makes the answer out of the messages.
        upstream: a real endpoint, `http://127.0.0.1:8000/v1`, that requests are passed on to instead.

    Attributes:
        bodies: the bytes of every request, in order.
    """

    def __init__(self, answer: Answer | None = None, upstream: str | None = None) -> None:
        self.bodies: list[bytes] = []
        self._answer = answer or (lambda messages: "<action>noop(1)</action>")
        self._upstream = upstream
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply(self, path: str, body: bytes) -> tuple[int, bytes]:
        """The answer to one request."""
        self.bodies.append(body)
        if self._upstream is not None:
            address = self._upstream.rstrip("/") + path.removeprefix("/v1")
            request = urllib.request.Request(address, data=body, headers={"Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=300) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()
        text = self._answer(json.loads(body)["messages"])
        usage = {
            "prompt_tokens": len(body) // 4,
            "completion_tokens": len(text) // 4,
            "total_tokens": (len(body) + len(text)) // 4,
        }
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        made = {"id": "r", "object": "chat.completion", "created": 0, "model": "recorder", "choices": [choice], "usage": usage}
        return 200, json.dumps(made).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass  # not on the terminal

            def do_POST(self) -> None:
                status, data = recorder.reply(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return Handler
