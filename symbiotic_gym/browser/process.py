"""The parent's handle on a worker process: calls with a deadline, and an end that leaves nothing behind.

Every call either returns, or raises within its deadline. After a missed deadline or a death the worker is killed, with its
whole browser, and the next `ensure()` starts a fresh one, so a hung page costs one step and never the environment object. What
kills is `guard.py`, a process between this one and the worker.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

from symbiotic_gym import errors
from symbiotic_gym.browser import guard
from symbiotic_gym.errors import BrowserError, DeadlineError, InfrastructureError, SymbioticError

START_DEADLINE_S = 60.0
CLOSE_DEADLINE_S = 5.0
LEAVE_DEADLINE_S = 3.0
"""A kept browser that does not even close its last page within this time is replaced rather than waited for."""
KILL_DEADLINE_S = 1.0
MEMORY_LIMIT_MB = 4096


class BrowserProcess:
    """A worker process that is started when first needed.

    Args:
        options: keyword arguments of `symbiotic_gym.browser.session.Session`, JSON values only.
        memory_limit_mb: MiB of memory of their own that worker and browser may take together; more ends them. 0 is no limit.
            Watched on Linux only.
    """

    def __init__(self, options: dict[str, Any], *, memory_limit_mb: int = MEMORY_LIMIT_MB) -> None:
        self.options = options
        self.memory_limit_mb = memory_limit_mb
        self._process: subprocess.Popen[str] | None = None
        self._questions: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._end: weakref.finalize[..., BrowserProcess] | None = None
        self._in_call = threading.Lock()  # two threads' answers could not be told apart

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def pids(self) -> list[int]:
        """The processes of this environment that run: the guard, the worker, then the browser's."""
        if self._process is None or self._process.poll() is not None:
            return []
        return [self._process.pid, *guard.descendants(self._process.pid)]

    def ensure(self, deadline_s: float = START_DEADLINE_S) -> None:
        """Have a worker that answers and has left its last episode: the running one if it does both soon, else a fresh one.

        Raises:
            DeadlineError: a fresh one did not start within `deadline_s`.
            BrowserError: it cannot be started.
        """
        if self.alive:
            with suppress(InfrastructureError):  # a browser that died or hung since the last episode
                self.call("leave", min(LEAVE_DEADLINE_S, deadline_s))
                return
        self.kill()
        self._start()
        self.call("open", deadline_s, **self.options)

    def _start(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-P", str(Path(guard.__file__)), str(os.getpid()), str(self.memory_limit_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is the parent's business: it closes its workers in order
            env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        questions: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        replies: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        pumps = [
            threading.Thread(target=_ask, args=(process, questions), name="browser-questions", daemon=True),
            threading.Thread(target=_pump, args=(process, replies), name="browser-replies", daemon=True),
        ]
        for pump in pumps:
            pump.start()
        self._process, self._questions, self._replies = process, questions, replies
        # also when this object is forgotten, and at exit
        self._end = weakref.finalize(self, _end, os.getpid(), process, questions, pumps)

    def call(self, name: str, deadline_s: float, **arguments: Any) -> Any:
        """Call a method of the worker's `Session`.

        Raises:
            DeadlineError: no answer within `deadline_s`; the worker has been killed.
            BrowserError: the worker or its browser died.
            SymbioticError: whatever of this project's errors the call raised.
        """
        with self._in_call:
            return self._call(name, deadline_s, arguments)

    def _call(self, name: str, deadline_s: float, arguments: dict[str, Any]) -> Any:
        process = self._process
        if process is None:
            raise BrowserError("the browser's worker process is not running; reset() starts it")
        try:
            self._questions.put(json.dumps({"call": name, "arguments": arguments}) + "\n")
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
        except BaseException:
            self.kill()  # interrupted between question and answer: the next answer would be taken for another's
            raise
        if reply is None or not reply.endswith("\n"):  # it ended, perhaps in the middle of an answer
            self.kill()
            raise _died(name, process.returncode, self.memory_limit_mb)
        answer = json.loads(reply)
        if "error" in answer:
            raise _rebuild(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """Close the browser and end the worker; kill it if it does not end by itself, or is in a call of another thread's."""
        if self.alive and not self._in_call.locked():
            try:
                self.call("close", CLOSE_DEADLINE_S)
                assert self._process is not None  # alive says so
                self._process.wait(CLOSE_DEADLINE_S)
            except (SymbioticError, subprocess.TimeoutExpired):
                pass  # killed below
        self.kill()

    def kill(self) -> None:
        """End the worker and its browser at once, whatever state they are in."""
        self._process = None
        if self._end is not None:
            self._end()


def _end(
    owner: int,
    process: "subprocess.Popen[str]",
    questions: "queue.SimpleQueue[str | None]",
    pumps: list[threading.Thread],
) -> None:
    if os.getpid() != owner:
        return  # a fork of the process that has this browser: it ends nobody else's
    _kill(process)
    questions.put(None)
    for pump in pumps:  # they come to their ends first: a pipe must not be closed under a reader or writer
        pump.join(KILL_DEADLINE_S)
    if any(pump.is_alive() for pump in pumps):
        return  # a process of someone else's holds our pipe: leave it to that one's end
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):  # what was not yet written is of no use to a dead process
                pipe.close()


def _kill(process: "subprocess.Popen[str]") -> None:
    """Have the guard kill everything below it; where it cannot (it was stopped, say), do so from here."""
    if not hasattr(os, "fork"):
        process.kill()
        process.wait()
        return
    below = guard.descendants(process.pid) if process.poll() is None else []
    with suppress(subprocess.TimeoutExpired):
        process.terminate()
        process.wait(KILL_DEADLINE_S)
        return
    guard.kill_tree(process.pid, itself=True)
    for pid in below:  # what the guard's end orphaned
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _ask(process: "subprocess.Popen[str]", questions: "queue.SimpleQueue[str | None]") -> None:
    """Write questions. A thread of its own, because a stopped worker does not empty the pipe and a write has no deadline."""
    assert process.stdin is not None
    while (question := questions.get()) is not None:
        try:
            process.stdin.write(question)
            process.stdin.flush()
        except (OSError, ValueError):
            return  # it ended, which the missing answer says


def _pump(process: "subprocess.Popen[str]", replies: "queue.SimpleQueue[str | None]") -> None:
    """Move the worker's messages into a queue, which unlike a pipe can be waited on for a limited time on every system."""
    assert process.stdout is not None
    for line in process.stdout:
        replies.put(line)
    replies.put(None)


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
