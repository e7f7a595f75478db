"""The worker: a `Session` behind two pipes, one JSON message a line.

Started by `guard.py`, which is started as a program rather than through `multiprocessing`, so that a user's script needs no
`if __name__ == "__main__"` guard, daemonic parents may start it, and nothing is pickled. It ends when its standard input does.
"""

import json
import os
import sys
import traceback
from contextlib import suppress
from typing import Any

from symbiotic_gym.errors import InfrastructureError, SymbioticError


def main() -> None:
    # whatever a library prints must not end up between the messages
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    session: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["call"] == "open":
                from symbiotic_gym.browser.session import Session

                arguments = request["arguments"]
                arguments["observe"] = tuple(arguments["observe"])
                session = Session(**arguments)
                result = None
            elif request["call"] == "close":
                session.close()
                result = None
            else:
                result = getattr(session, request["call"])(**request["arguments"])
            reply = {"result": result}
        except Exception as error:
            reply = {"error": _describe(error)}
        with suppress(BrokenPipeError):  # nobody is left to read it; standard input ends too
            replies.write(json.dumps(reply) + "\n")
        if request["call"] == "close":
            return


def _describe(error: Exception) -> dict[str, str]:
    known = isinstance(error, SymbioticError)
    return {
        "type": type(error).__name__ if known else "BrowserError",
        "kind": error.kind if isinstance(error, InfrastructureError) else "",
        "message": str(error) if known else f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
        "traceback": traceback.format_exc(),
    }
