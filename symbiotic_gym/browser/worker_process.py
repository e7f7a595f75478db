"""The parent's handle on a worker process: started when first needed, for one session or several, it leaves nothing behind.

What kills is `guard.py`, a process between this one and the worker.
"""

import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from symbiotic_gym.browser import guard

__all__ = ["DROPPED", "MEMORY_LIMIT_MB", "Line", "WorkerProcess"]

MEMORY_LIMIT_MB = 4096
KILL_DEADLINE_S = 1.0
DROP_DEADLINE_S = 1.0
DROPPED = "dropped"
"""What a worker answers once the browser of a session that was given up is gone."""


@dataclass(frozen=True)
class Line:
    """What leads to one session in a worker: its number, and the answers that come from it.

    The number is never used again, so that what a session says after it was given up reaches nobody.
    """

    number: int
    process: "subprocess.Popen[str]"
    questions: "queue.SimpleQueue[str | None]"
    replies: "queue.SimpleQueue[str | None]" = field(default_factory=queue.SimpleQueue)

    def ask(self, call: str, arguments: dict[str, Any]) -> None:
        self.questions.put(json.dumps({"session": self.number, "call": call, "arguments": arguments}) + "\n")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


class WorkerProcess:
    """A worker process that is started when first needed.

    Args:
        sessions: how many environments may share it. They share its Python and Playwright's driver, half of what an environment
            takes; each has a browser of its own. What kills the worker ends the episodes of all of them as invalid.
        memory_limit_mb: MiB of memory of its own that a session's browser may take; more ends it. 0 is no limit. Watched on
            Linux only.
    """

    def __init__(self, *, sessions: int = 1, memory_limit_mb: int = MEMORY_LIMIT_MB) -> None:
        self.sessions = sessions
        self.memory_limit_mb = memory_limit_mb
        self._process: subprocess.Popen[str] | None = None
        self._questions: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lines: dict[int, Line] = {}
        self._numbers = itertools.count()
        self._end: weakref.finalize[..., WorkerProcess] | None = None
        self._changing = threading.Lock()

    def line(self) -> Line:
        """A line to a session that is yet to be opened, in the worker that runs or in a fresh one.

        Raises:
            RuntimeError: as many sessions as may share it do already.
        """
        with self._changing:
            if self._process is None or self._process.poll() is not None:
                self._kill()
                self._start()
            if len(self._lines) >= self.sessions:
                raise RuntimeError(f"{len(self._lines)} environments share this worker, and it is for {self.sessions}")
            assert self._process is not None  # _start made it
            line = Line(next(self._numbers), self._process, self._questions)
            self._lines[line.number] = line
            return line

    def hang_up(self, line: Line, *, ended: bool = False) -> None:
        """End a session at once, whatever state it is in; without others, or where that fails, the worker.

        Args:
            line: the session's.
            ended: the worker itself has ended, or is about to.
        """
        with self._changing:
            if line.process is not self._process:
                return  # it went with its worker
            if ended or len(self._lines) == 1 or not _drop(line):
                self._kill()
            self._lines.pop(line.number, None)

    def _start(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-P", str(Path(guard.__file__)), str(os.getpid()), str(self.memory_limit_mb), str(self.sessions)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is the parent's business: it closes its workers in order
            env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        questions: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        lines: dict[int, Line] = {}
        pumps = [
            threading.Thread(target=_ask, args=(process, questions), name="browser-questions", daemon=True),
            threading.Thread(target=_pump, args=(process, lines), name="browser-replies", daemon=True),
        ]
        for pump in pumps:
            pump.start()
        self._process, self._questions, self._lines = process, questions, lines
        # also when this object is forgotten, and at exit
        self._end = weakref.finalize(self, _end, os.getpid(), process, questions, pumps)

    def _kill(self) -> None:
        self._process = None
        if self._end is not None:
            self._end()


def _drop(line: Line) -> bool:
    """Have the worker kill a session's browser; False where it does not answer that it has."""
    line.ask("drop", {})
    with suppress(queue.Empty):
        while (reply := line.replies.get(timeout=DROP_DEADLINE_S)) is not None:
            if json.loads(reply).get("result") == DROPPED:
                return True
    return False


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


def _pump(process: "subprocess.Popen[str]", lines: dict[int, Line]) -> None:
    """Move the worker's messages into queues, which unlike a pipe can be waited on for a limited time on every system."""
    assert process.stdout is not None
    for message in process.stdout:
        number, mark, reply = message.partition(" ")
        line = lines.get(int(number)) if mark and number.isdigit() else None
        if line is not None and reply.endswith("\n"):  # a message cut short is none: its worker has ended in the middle of it
            line.replies.put(reply)
    for line in list(lines.values()):
        line.replies.put(None)
