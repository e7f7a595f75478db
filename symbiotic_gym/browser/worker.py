"""The worker: sessions behind two pipes, one JSON message a line.

Started by `guard.py`, which is started as a program rather than through `multiprocessing`, so that a user's script needs no
`if __name__ == "__main__"` guard, daemonic parents may start it, and nothing is pickled. It ends when its standard input does.

A session that is alone is called as requests come. Several share the process: each request is answered in a greenlet of its
own, as Playwright's own calls are, and while one waits for its browser the others go on. What waits otherwise holds up all of
them; for `time.sleep`, which BrowserGym's evaluators use, another is put in.
"""

import asyncio
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from symbiotic_gym.browser import guard
from symbiotic_gym.browser.worker_process import DROPPED
from symbiotic_gym.errors import InfrastructureError, SymbioticError

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

    from symbiotic_gym.browser.session import Session


def main(sessions: int = 1, memory_limit_mb: int = 0) -> None:
    """Answer until standard input ends, or the only session is closed.

    Args:
        sessions: how many share this process.
        memory_limit_mb: MiB that each one's browser may take where they are several; 0 is no limit.
    """
    # whatever a library prints must not end up between the messages
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def reply(number: int, message: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # nobody is left to read it; standard input ends too
            replies.write(f"{number} {json.dumps(message)}\n")

    if sessions > 1:
        _serve_together(_Sessions(reply), memory_limit_mb)
        return
    alone = _Sessions(reply)
    for line in sys.stdin:
        request = json.loads(line)
        alone.answer(request)
        if request["call"] == "close":
            return


class _Sessions:
    """The sessions of this process, by their numbers."""

    def __init__(self, reply: Callable[[int, dict[str, Any]], None], playwright: "Playwright | None" = None) -> None:
        self._reply = reply
        self.playwright = playwright
        self._open: dict[int, Session] = {}
        self._dropped: set[int] = set()
        self._too_large: set[int] = set()

    def answer(self, request: dict[str, Any]) -> None:
        """Do what is asked, and say what came of it."""
        number = request["session"]
        message: dict[str, Any]
        try:
            message = {"result": self._result(number, request["call"], request["arguments"])}
        except Exception as error:
            message = {"status": guard.OUT_OF_MEMORY} if number in self._too_large else {"error": _describe(error)}
        if number in self._dropped:  # what it began meanwhile goes too
            self._discard(number)
            self._open.pop(number, None)
        else:
            self._reply(number, message)

    def drop(self, number: int) -> None:
        """End a session's browser at once. What it waits for then fails, and nobody hears of it."""
        self._dropped.add(number)
        self._discard(number)
        self._reply(number, {"result": DROPPED})

    def end_the_too_large(self, limit_bytes: int) -> None:
        """Kill every browser that takes more memory of its own than that. Called by a thread that watches."""
        for number, session in list(self._open.items()):
            pid = _browser_of(session)
            if pid is not None and guard.private_bytes([pid, *guard.descendants(pid)]) > limit_bytes:
                self._too_large.add(number)
                guard.kill_tree(pid, itself=True)

    def _result(self, number: int, call: str, arguments: dict[str, Any]) -> Any:
        if call == "open":
            from symbiotic_gym.browser.session import Session

            arguments["observe"] = tuple(arguments["observe"])
            self._open[number] = Session(**arguments, playwright=self.playwright)
            return None
        if call == "close":
            self._open[number].close()
            del self._open[number]
            return None
        return getattr(self._open[number], call)(**arguments)

    def _discard(self, number: int) -> None:
        session = self._open.get(number)
        if session is None:
            return
        pid = _browser_of(session)
        if pid is not None:
            guard.kill_tree(pid, itself=True)
        session.abandon()


def _browser_of(session: "Session") -> int | None:
    """The first process of a session's browser; None where it has ended, and its number may be another process's."""
    pid = session.browser_pid
    return pid if pid in guard.descendants(os.getpid()) else None


def _serve_together(sessions: _Sessions, memory_limit_mb: int) -> None:
    from greenlet import getcurrent, greenlet
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    sessions.playwright = playwright
    loop, driver, main = playwright._loop, playwright._dispatcher_fiber, getcurrent()
    time.sleep = _sleep_aside(playwright, main, driver)  # type: ignore[assignment] # the native one takes what has __index__ too

    def begin(line: str) -> None:
        request = json.loads(line)
        if request["call"] == "drop":
            sessions.drop(request["session"])
        else:
            greenlet(sessions.answer).switch(request)

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(begin, line)
        loop.call_soon_threadsafe(main.switch)

    threading.Thread(target=listen, name="requests", daemon=True).start()
    if memory_limit_mb:
        watch = threading.Thread(target=_watch_memory, args=(sessions, memory_limit_mb), name="memory", daemon=True)
        watch.start()
    driver.switch()  # comes back when standard input has ended, or the driver
    os._exit(0)  # half-finished calls have nothing to clean up that the guard does not


def _watch_memory(sessions: _Sessions, limit_mb: int) -> None:
    wait = threading.Event()  # time.sleep is the sessions'
    while not wait.wait(guard.LOOK_EVERY_S):
        sessions.end_the_too_large(limit_mb * 1024 * 1024)


def _sleep_aside(playwright: "Playwright", *not_in: Any) -> Callable[[float], None]:
    """`time.sleep` that lets other sessions go on meanwhile, where a session calls it."""
    from greenlet import getcurrent

    native, thread = time.sleep, threading.current_thread()

    def sleep(seconds: float) -> None:
        if threading.current_thread() is thread and getcurrent() not in not_in:
            playwright._sync(asyncio.sleep(seconds))
        else:
            native(seconds)

    return sleep


def _describe(error: Exception) -> dict[str, str]:
    known = isinstance(error, SymbioticError)
    return {
        "type": type(error).__name__ if known else "BrowserError",
        "kind": error.kind if isinstance(error, InfrastructureError) else "",
        "message": str(error) if known else f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
        "traceback": traceback.format_exc(),
    }
