"""The parent's handle on a worker process: calls with a deadline, and an end that leaves nothing behind.

Every call either returns, or raises within its deadline. After a missed deadline or a death the worker is killed and the next
`ensure()` starts a fresh one, so a hung page costs one step and never the environment object.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from typing import Any

from symbiotic_gym import errors
from symbiotic_gym.errors import BrowserError, DeadlineError, SymbioticError

START_DEADLINE_S = 60.0
CLOSE_DEADLINE_S = 5.0


class BrowserProcess:
    """A worker process that is started when first needed.

    Args:
        options: keyword arguments of `symbiotic_gym.browser.session.Session`, JSON values only.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self._process: subprocess.Popen[str] | None = None
        self._replies: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._end: weakref.finalize[..., BrowserProcess] | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ensure(self) -> None:
        """Start the worker if it is not running."""
        if self.alive:
            return
        self.kill()
        replies: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        process = subprocess.Popen(
            [sys.executable, "-m", "symbiotic_gym.browser.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is the parent's business: it closes its workers in order
            env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        pump = threading.Thread(target=_pump, args=(process, replies), name="browser-replies", daemon=True)
        pump.start()
        self._process, self._replies = process, replies
        self._end = weakref.finalize(self, _end, process, pump)  # also when this object is forgotten, and at exit
        self.call("open", START_DEADLINE_S, **self.options)

    def call(self, name: str, deadline_s: float, **arguments: Any) -> Any:
        """Call a method of the worker's `Session`.

        Raises:
            DeadlineError: no answer within `deadline_s`; the worker has been killed.
            BrowserError: the worker or its browser died.
            SymbioticError: whatever of this project's errors the call raised.
        """
        process = self._process
        if process is None or process.stdin is None:
            raise BrowserError("the browser's worker process is not running; reset() starts it")
        try:
            process.stdin.write(json.dumps({"call": name, "arguments": arguments}) + "\n")
            process.stdin.flush()
            reply = self._replies.get(timeout=deadline_s)
        except queue.Empty:
            self.kill()
            raise DeadlineError(
                errors.explain(
                    f"the browser did not answer {name} within {deadline_s:g} s",
                    "an answer in time",
                    "a hung page or site says nothing about the policy: the episode counts as invalid",
                    "reset() goes on with a fresh browser; raise step_timeout_s or reset_timeout_s if the site is just slow",
                )
            ) from None
        except (BrokenPipeError, ValueError, OSError):
            reply = None
        except BaseException:
            self.kill()  # interrupted between question and answer: the next answer would be taken for another's
            raise
        if reply is None:
            code = process.poll()
            self.kill()
            raise BrowserError(
                f"the browser's worker process died (exit status {code}) during {name}; reset() starts a fresh one"
            )
        answer = json.loads(reply)
        if "error" in answer:
            raise _rebuild(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """Close the browser and end the worker; kill it if it does not end by itself."""
        if self.alive:
            try:
                self.call("close", CLOSE_DEADLINE_S)
                assert self._process is not None  # alive says so
                self._process.wait(CLOSE_DEADLINE_S)
            except (SymbioticError, subprocess.TimeoutExpired):
                pass  # killed below
        self.kill()

    def kill(self) -> None:
        """End the worker at once. Its browser notices that the pipe to it is gone, and ends too."""
        self._process = None
        if self._end is not None:
            self._end()


def _end(process: "subprocess.Popen[str]", pump: threading.Thread) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    pump.join()  # it reads to the end first: a pipe must not be closed under a reader
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):  # what was not yet written is of no use to a dead process
                pipe.close()


def _pump(process: "subprocess.Popen[str]", replies: "queue.SimpleQueue[str | None]") -> None:
    """Move the worker's messages into a queue, which unlike a pipe can be waited on for a limited time on every system."""
    assert process.stdout is not None
    for line in process.stdout:
        replies.put(line)
    replies.put(None)


def _rebuild(described: dict[str, str]) -> SymbioticError:
    kind = getattr(errors, described["type"])
    error: SymbioticError = kind(described["message"])
    error.add_note("in the browser's worker process:\n" + described["traceback"])
    return error
