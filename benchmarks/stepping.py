"""One environment in a process of its own, told over a pipe what to time: the subject of the throughput benchmark.

`ours` is `symbiotic/openended-v0`, `ours-shared` several of it that share a worker process (`envs_per_worker`), `stock` is
`browsergym/openended` with its defaults, `stock-nowait` the same with `slow_mo` and `pre_observation_delay` at 0. All play the
same page in the same Chromium executable. Stock's chat window starts a second browser and takes no path for it, so the path is
made Playwright's default for that process; what it starts and when is left as it is.
Nothing is added to stock's work: turning its tree into text, which every text agent has to do next, is not timed.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from symbiotic_gym.browser.guard import kill_tree

__all__ = ["ANSWER_S", "SHARED", "SYSTEMS", "NoAnswerError", "Subject", "memory_mb"]

SYSTEMS = ("ours", "stock-nowait", "stock")
SHARED = "ours-shared"
"""Several of ours in one process; each other system takes a process an environment."""
ANSWER_S = 180.0
"""How long a subject may take for one answer: stock BrowserGym can need more than five minutes for one page of 25.8k nodes."""


class NoAnswerError(RuntimeError):
    """A subject did not answer in time; it has been ended."""


class _Ours:
    def __init__(self, url: str) -> None:
        import gymnasium as gym

        import symbiotic_gym  # noqa: F401 - registers the id

        self.env = gym.make("symbiotic/openended-v0", start_url=url, goal="look at the page", disable_env_checker=True)

    def reset(self) -> None:
        self.observation, _ = self.env.reset()

    def find(self) -> None:
        self.buttons, self.fields = _controls(self.observation["page"])

    def step(self, action: str) -> str:
        self.observation, *_ = self.env.step(action)
        return str(self.observation["last_action_error"])


def _controls(page: str) -> tuple[list[str], list[str]]:
    from symbiotic_gym.actions import elements

    found = list(elements(page).values())
    return [e.bid for e in found if e.role == "button"], [e.bid for e in found if e.role == "textbox"]


class _Shared:
    """Several of ours with one worker, each stepping as soon as it has answered."""

    def __init__(self, url: str, n: int) -> None:
        from symbiotic_gym.vector import WebVectorEnv

        place = {"start_url": url, "goal": "look at the page"}
        self.env = WebVectorEnv(n, task="openended.", task_kwargs=place, envs_per_worker=n)

    def reset(self) -> None:
        self.observations, _ = self.env.reset()

    def find(self) -> None:
        self.buttons, self.fields = _controls(self.observations["page"][0])  # they show the same page

    def steps(self, n: int, most_s: float) -> list[tuple[str, float]]:
        """What each step was and took, `n` an environment or until that long."""
        ends = time.perf_counter() + most_s
        turns = [0] * self.env.num_envs
        sent = [0.0] * self.env.num_envs
        done = []

        def send(index: int) -> None:
            sent[index] = time.perf_counter()
            self.env.send([_action(self, turns[index])[1]], [index])

        for index in range(self.env.num_envs):
            send(index)
        under_way = self.env.num_envs
        while under_way:
            ready = self.env.recv()
            for index, observation in zip(ready.env_ids.tolist(), ready.observations, strict=True):
                kind, action = _action(self, turns[index])
                done.append((kind, time.perf_counter() - sent[index]))
                _check(action, observation["last_action_error"])
                turns[index] += 1
                if time.perf_counter() < ends and turns[index] < n:
                    send(index)
                else:
                    under_way -= 1
        return done


class _Stock:
    def __init__(self, url: str, waits: dict[str, Any]) -> None:
        import browsergym.core  # noqa: F401 - registers the id
        import gymnasium as gym
        from playwright.sync_api import BrowserType

        from symbiotic_gym.browser.find import require_chromium

        launch, executable = BrowserType.launch, require_chromium()
        BrowserType.launch = lambda self, **kwargs: launch(self, **({"executable_path": executable} | kwargs))  # type: ignore[method-assign]
        self.env = gym.make(
            "browsergym/openended",
            task_kwargs={"start_url": url, "goal": "look at the page"},
            disable_env_checker=True,
            **waits,
        )

    def reset(self) -> None:
        self.observation, _ = self.env.reset()

    def find(self) -> None:
        nodes = self.observation["axtree_object"]["nodes"]
        by_role = {role: [n["browsergym_id"] for n in nodes if n["role"]["value"] == role] for role in ("button", "textbox")}
        self.buttons, self.fields = by_role["button"], by_role["textbox"]

    def step(self, action: str) -> str:
        self.observation, *_ = self.env.step(action)
        return str(self.observation["last_action_error"])


def _make(system: str, url: str, n: int) -> _Ours | _Shared | _Stock:
    if system == SHARED:
        return _Shared(url, n)
    if system == "ours":
        return _Ours(url)
    return _Stock(url, {"slow_mo": 0, "pre_observation_delay": 0} if system == "stock-nowait" else {})


class Subject:
    """The handle on such a process.

    Args:
        system: one of `SYSTEMS`, or `SHARED`.
        url: the page.
        n: how many environments; more than one only of `SHARED`.
    """

    def __init__(self, system: str, url: str, n: int = 1) -> None:
        self._process = subprocess.Popen(_command(system, url, n), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._asked = ""
        self._reader = threading.Thread(target=self._read, name=f"{system}-answers", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, what: str, **arguments: Any) -> None:
        """Have it begin; `finish` waits."""
        assert self._process.stdin is not None
        self._asked = what
        self._process.stdin.write(json.dumps({"what": what} | arguments) + "\n")
        self._process.stdin.flush()

    def finish(self, bound_s: float = ANSWER_S) -> Any:
        """The answer to the last `start`.

        Raises:
            NoAnswerError: there was none within `bound_s`; the process has been killed, its browsers with it.
            RuntimeError: the process died.
        """
        try:
            line = self._answers.get(timeout=bound_s)
        except queue.Empty:
            self.kill()
            raise NoAnswerError(f"no answer to {self._asked} within {bound_s:g} s") from None
        if not line:
            raise RuntimeError(f"the measured process ended with status {self._process.wait()}; its error stands above")
        return json.loads(line)

    def call(self, what: str, *, bound_s: float = ANSWER_S, **arguments: Any) -> Any:
        self.start(what, **arguments)
        return self.finish(bound_s)

    def close(self) -> None:
        """End it, and with it its browsers; kill them where that takes a minute."""
        if self._process.poll() is None:
            with suppress(BrokenPipeError):  # it ends already
                self.start("close")
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
        self._release()

    def kill(self) -> None:
        """End it and everything that it started, whatever they are doing."""
        kill_tree(self.pid, itself=True)
        self._process.wait()
        self._release()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _release(self) -> None:
        self._reader.join(5)
        if self._reader.is_alive():
            return  # what it started lives on and holds the pipe, which must not be closed under a reader
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


def _command(system: str, url: str, n: int) -> list[str]:
    return [sys.executable, "-m", "symbiotic_gym.benchmarks.stepping", system, url, str(n)]


def memory_mb(root: int) -> float:
    """Proportional set size of a process and all its descendants, in MiB: shared pages are shared out, not counted twice."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    total_kb, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        waiting += parents.get(pid, [])
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total_kb += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return total_kb / 1024


def main() -> None:
    """Answer one JSON line with another until told to close."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not end up between the answers
    player = _make(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    turn = 0
    for line in sys.stdin:
        request = json.loads(line)
        began = time.perf_counter()
        if request["what"] == "reset":
            player.reset()
            answer: Any = time.perf_counter() - began
            player.find()
            turn = 0
        elif request["what"] == "close":
            player.env.close()
            return
        elif isinstance(player, _Shared):
            answer = player.steps(request["n"], request["most_s"])
        else:
            answer = []
            while len(answer) < request["n"] and time.perf_counter() - began < request["most_s"]:
                answer.append(_timed_step(player, turn))
                turn += 1
        replies.write(json.dumps(answer) + "\n")


def _action(player: _Ours | _Shared | _Stock, turn: int) -> tuple[str, str]:
    """Of which kind the step of that turn is, and its text."""
    kind = ("click", "fill")[turn % 2]
    bids = player.buttons if kind == "click" else player.fields
    bid = bids[turn // 2 % len(bids)]
    return kind, f'click("{bid}")' if kind == "click" else f'fill("{bid}", "{turn}")'


def _check(action: str, error: str) -> None:
    if error:
        raise RuntimeError(f"{action} was refused, so its time means nothing: {error}")


def _timed_step(player: _Ours | _Stock, turn: int) -> tuple[str, float]:
    kind, action = _action(player, turn)
    began = time.perf_counter()
    error = player.step(action)
    took = time.perf_counter() - began
    _check(action, error)
    return kind, took


if __name__ == "__main__":
    main()
