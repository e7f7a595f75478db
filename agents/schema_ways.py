"""How servers are asked to hold an answer to a schema, and which way one server takes."""

import json
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["SchemaWays"]

_WAYS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    # OpenAI's own, which vLLM and llama.cpp's server know too
    "json_schema": lambda schema: {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": schema},
    },
    # llama-cpp-python's
    "json_object": lambda schema: {"type": "json_object", "schema": schema},
}
_PROMPTS_FAULT = (400, 413, 422)
"""Status codes that speak of what was sent."""
_SCHEMA = re.compile(r"response_format|schema|grammar", re.IGNORECASE)


class SchemaWays:
    """The ways that one server may take, the likeliest first.

    Attributes:
        known: whether it is known that the first way works, or that none does.
        lock: to be held while it is found out.
    """

    def __init__(self) -> None:
        self.known = False
        self.lock = threading.Lock()
        self._left = list(_WAYS)

    def __bool__(self) -> bool:
        return bool(self._left)

    def drop(self) -> None:
        """The first way does not work."""
        del self._left[0]

    def response_format(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The argument that asks for `schema` in the first way that is left."""
        return _WAYS[self._left[0]](schema)

    def refused(self, cause: Any) -> bool:
        """Whether a failure is about the schema: it says so, or it is the first that was sent and something sent is wrong."""
        named = bool(_SCHEMA.search(str(cause)))
        status = getattr(cause, "status_code", 0)
        if status in _PROMPTS_FAULT:
            return "context" not in str(cause.code) and (named or not self.known)
        return status >= 500 and named and not self.known  # llama-cpp-python's validation ends in a 500

    @staticmethod
    def fits(text: str, schema: Mapping[str, Any]) -> bool:
        """Whether an answer looks as if its schema had been enforced."""
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            return False
        return isinstance(answer, dict) and set(schema["required"]) <= answer.keys()
