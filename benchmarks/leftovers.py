"""What dead and dying parents leave of their environments' processes: nothing, if the guard does its work.

Parents are programs of their own here, in the middle of a step, that are killed or interrupted.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["GRACE_S", "command_of", "identities", "left_over", "parent_dies", "parent_is_interrupted", "send"]

GRACE_S = 2.0
"""Seconds within which processes are gone, and calls are back after their deadline."""


def command_of(pid: int) -> str:
    with suppress(OSError):  # it ended meanwhile
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return ""


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _identity(pid: int) -> tuple[int, str]:
    """A process id with its start time: the number alone is used again."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return pid, "" if fields[0] == "Z" else fields[19]


def identities(pids: Sequence[int]) -> set[tuple[int, str]]:
    found = set()
    for pid in pids:
        with suppress(OSError):
            found.add(_identity(pid))
    return found


def left_over(before: set[tuple[int, str]], bound_s: float = GRACE_S) -> int:
    """How many of these processes still run after at most `bound_s` seconds."""
    deadline = time.monotonic() + bound_s
    while True:
        alive = len(before & identities([pid for pid, _ in before]))
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.05)


_CHILD = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is born ignoring it
from symbiotic_gym.benchmarks.faults import bid_of, fault_env
env = fault_env()
env.step_timeout_s = 60.0
observation, _ = env.reset(seed=0)
print(*env.processes(), flush=True)
try:
    print("stepping", flush=True)
    env.step(sys.argv[1].replace("BUSY", bid_of(observation["page"], "busy")))
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    observation, _ = env.reset(seed=0)
    print("recovered" if "Ready" in observation["page"] else "lost", flush=True)
    env.close()
"""


def _child(action: str) -> tuple["subprocess.Popen[str]", set[tuple[int, str]]]:
    """A parent of its own, in the middle of `action`; and the processes of its environment."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    child = subprocess.Popen([sys.executable, "-c", _CHILD, action], stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None
    pids = [int(pid) for pid in child.stdout.readline().split()]
    child.stdout.readline()
    return child, identities(pids)


def parent_dies(seed: int) -> int:
    """Kill a parent with SIGKILL: idle, in a busy page, or with a stopped browser. Returns how many processes it left."""
    draw = random.Random(f"parent {seed}")
    state = ("idle", "busy", "stopped")[seed % 3]
    child, below = _child("noop(1)" if state == "idle" else 'click("BUSY")')
    time.sleep(draw.uniform(0.2, 1.0))
    if state == "stopped":
        for pid, _ in below:
            if "--type=" not in (line := command_of(pid)) and "--remote-debugging-pipe" in line:
                send(pid, signal.SIGSTOP)
    child.kill()
    child.communicate()
    assert below
    return left_over(below)


def parent_is_interrupted(seed: int) -> tuple[float, bool]:
    """Interrupt a parent that waits for a hung page.

    Returns:
        Seconds until the interrupt reached it, and whether it then recovered and left nothing behind.
    """
    child, below = _child('click("BUSY")')
    time.sleep(random.Random(f"interrupt {seed}").uniform(0.2, 1.0))
    started = time.monotonic()
    child.send_signal(signal.SIGINT)
    assert child.stdout is not None
    said = child.stdout.readline().strip()
    seconds = time.monotonic() - started if said == "interrupted" else float("inf")
    rest, _ = child.communicate(timeout=60)
    return seconds, rest.strip() == "recovered" and left_over(below) == 0
