"""The parent's handle on a browser's session in a worker process: calls with a deadline.

Every call either returns, or raises within its deadline. After a missed deadline or a death the session is killed, with its
whole browser, and the next `ensure()` starts a fresh one, so a hung page costs one step and never the environment object.
"""

import json
import queue
import subprocess
import threading
from contextlib import suppress
from typing import Any

from symbiotic_gym import errors
from symbiotic_gym.browser import guard
from symbiotic_gym.browser.worker_process import MEMORY_LIMIT_MB, Line, WorkerProcess
from symbiotic_gym.errors import BrowserError, DeadlineError, InfrastructureError, SymbioticError

START_DEADLINE_S = 60.0
CLOSE_DEADLINE_S = 5.0
LEAVE_DEADLINE_S = 3.0
"""A kept browser that does not even close its last page within this time is replaced rather than waited for."""


class BrowserProcess:
    """A browser's session in a worker process, which is started when first needed.

    Args:
        options: keyword arguments of `symbiotic_gym.browser.session.Session`, JSON values only.
        memory_limit_mb: MiB of memory of their own that worker and browser may take together; more ends them. 0 is no limit.
            Watched on Linux only.
        worker: the worker to share with other sessions, with a limit of its own; None for one that is this session's alone.
    """

    def __init__(
        self, options: dict[str, Any], *, memory_limit_mb: int = MEMORY_LIMIT_MB, worker: WorkerProcess | None = None
    ) -> None:
        self.options = options
        self._worker = worker or WorkerProcess(memory_limit_mb=memory_limit_mb)
        self._line: Line | None = None
        self._in_call = threading.Lock()  # two threads' answers could not be told apart

    @property
    def alive(self) -> bool:
        return self._line is not None and self._line.alive

    def pids(self) -> list[int]:
        """The processes of this environment's worker that run: the guard, the worker, then the browsers'."""
        line = self._line
        if line is None or not line.alive:
            return []
        return [line.process.pid, *guard.descendants(line.process.pid)]

    def ensure(self, deadline_s: float = START_DEADLINE_S) -> None:
        """Have a session that answers and has left its last episode: the present one if it does both soon, else a fresh one.

        Raises:
            DeadlineError: a fresh one did not start within `deadline_s`.
            BrowserError: it cannot be started.
        """
        if self.alive:
            with suppress(InfrastructureError):  # a browser that died or hung since the last episode
                self.call("leave", min(LEAVE_DEADLINE_S, deadline_s))
                return
        self.kill()
        self._line = self._worker.line()
        self.call("open", deadline_s, **self.options)

    def call(self, name: str, deadline_s: float, **arguments: Any) -> Any:
        """Call a method of the worker's `Session`.

        Raises:
            DeadlineError: no answer within `deadline_s`; the session has been killed, and the worker where it is its only one.
            BrowserError: the worker or its browser died.
            SymbioticError: whatever of this project's errors the call raised.
        """
        with self._in_call:
            return self._call(name, deadline_s, arguments)

    def _call(self, name: str, deadline_s: float, arguments: dict[str, Any]) -> Any:
        line = self._line
        if line is None:
            raise BrowserError("the browser's worker process is not running; reset() starts it")
        try:
            line.ask(name, arguments)
            reply = line.replies.get(timeout=deadline_s)
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
        except BaseException:
            self.kill()  # interrupted between question and answer: the next answer would be taken for another's
            raise
        if reply is None:
            self._hang_up(ended=True)
            raise _died(name, line.process.returncode, self._worker.memory_limit_mb)
        answer = json.loads(reply)
        if "status" in answer:  # a browser that was ended, in a worker that goes on
            self.kill()
            raise _died(name, answer["status"], self._worker.memory_limit_mb)
        if "error" in answer:
            raise _rebuild(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """Close the browser and end its session; kill it if it does not end by itself, or is in a call of another thread's."""
        if self.alive and not self._in_call.locked():
            with suppress(SymbioticError, subprocess.TimeoutExpired):  # killed below
                process = self._line.process if self._line is not None else None
                self.call("close", CLOSE_DEADLINE_S)
                if process is not None and self._worker.sessions == 1:
                    process.wait(CLOSE_DEADLINE_S)
        self.kill()

    def kill(self) -> None:
        """End the session and its browser at once, whatever state they are in."""
        self._hang_up(ended=not self.alive)

    def _hang_up(self, *, ended: bool) -> None:
        line, self._line = self._line, None
        if line is not None:
            self._worker.hang_up(line, ended=ended)


def _died(call: str, status: int | None, memory_limit_mb: int) -> BrowserError:
    if status == guard.OUT_OF_MEMORY:
        error = BrowserError(
            errors.explain(
                f"the browser took more than {memory_limit_mb} MiB during {call} and was ended",
                "a page that fits the limit",
                "a page that fills the machine's memory takes other environments and the training down with it",
                "reset() goes on with a fresh browser; raise memory_limit_mb if the site really needs more",
            )
        )
        error.kind = "memory"
        return error
    return BrowserError(f"the browser's worker process died (exit status {status}) during {call}; reset() starts a fresh one")


def _rebuild(described: dict[str, str]) -> SymbioticError:
    kind = getattr(errors, described["type"])
    error: SymbioticError = kind(described["message"])
    if isinstance(error, InfrastructureError) and described["kind"]:
        error.kind = described["kind"]
    error.add_note("in the browser's worker process:\n" + described["traceback"])
    return error
