"""The guard: a small process between the parent and the worker, which sees to it that nothing is left behind.

Killing a browser is harder than it looks. Chromium makes itself a session of its own, so killing a process group misses it; a
stopped or spinning one does not notice that the pipe to it has gone; and whoever was to clean up may be the one that died.
So the guard, which runs no browser code and cannot hang, is the root of everything: on Linux it adopts whatever its descendants
orphan (`PR_SET_CHILD_SUBREAPER`), and it kills all of them when

- the parent asks it to (SIGTERM), or dies, however (its end of the worker's standard input goes, its pidfd becomes ready);
- the worker ends, however;
- worker and browsers take more memory than they may. Of several browsers below one worker, the worker watches each by itself.

Should the guard itself be killed, the kernel kills the worker (`PR_SET_PDEATHSIG`), whose browser then sees its pipe close.

It is started as a program, `guard.py PARENT_PID MEMORY_LIMIT_MB SESSIONS`, and becomes guard and worker by a fork before
anything heavy is imported: the guard costs a few megabytes and no start-up time. Systems without `fork` run the worker without
a guard.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

__all__ = ["LOOK_EVERY_S", "OUT_OF_MEMORY", "descendants", "kill_tree", "private_bytes"]

OUT_OF_MEMORY = 77
"""Exit status of a guard that ended its worker because of the memory limit."""

LOOK_EVERY_S = 1.0
"""How often memory and the parent are looked at; everything else wakes the guard at once."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def descendants(root: int) -> list[int]:
    """The ids of all processes below `root`, nearest first; zombies are not among them."""
    children = _children_of if Path("/proc/self/task").exists() else _all_children().get
    found: list[int] = []
    level = [root]
    while level:
        level = [child for pid in level for child in children(pid) or () if child not in found]
        found += level
    return [pid for pid in found if not _zombie(pid)]


def _children_of(pid: int) -> list[int]:
    """The children of one process as Linux keeps them, by thread: to look through all processes takes longer on a big host."""
    found: list[int] = []
    with suppress(OSError):  # it, or a thread of it, ended meanwhile
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def _all_children() -> dict[int, list[int]]:
    listed = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
    children: dict[int, list[int]] = {}
    for pid, parent in (map(int, line.split()) for line in listed.splitlines()):
        children.setdefault(parent, []).append(pid)
    return children


def _zombie(pid: int) -> bool:
    with suppress(OSError):
        # "pid (command) state ppid ...", and the command may hold anything
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] == "Z"
    return False


def kill_tree(root: int, *, itself: bool, bound_s: float = 2.0) -> bool:
    """Kill everything below `root`, stopped and spinning processes too, until nothing is left.

    Args:
        root: a process id.
        itself: kill `root` as well, after the first round.
        bound_s: give up after so many seconds.

    Returns:
        Whether nothing is left.
    """
    deadline = time.monotonic() + bound_s
    while True:
        below = descendants(root)
        for pid in [*below, root] if itself else below:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        _reap()
        if not below or time.monotonic() > deadline:
            return not below
        time.sleep(0.01)


def _reap() -> dict[int, int]:
    """Collect the statuses of all children that ended; only the guard has children that nobody else waits for."""
    ended: dict[int, int] = {}
    if not _IS_GUARD:
        return ended
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended


_IS_GUARD = False


def private_bytes(pids: Iterable[int]) -> int:
    """Memory that is these processes' alone, roughly: resident without shared. Linux only; 0 elsewhere."""
    return sum(map(_private_bytes, pids))


def _private_bytes(pid: int) -> int:
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE_BYTES


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _watch(worker: int, parent: int, limit_bytes: int, wake: int) -> int:
    """Wait until there is a reason to end; return the exit status."""
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    poll.register(0, 0)  # standard input is the worker's: only whether it was hung up is of interest
    with suppress(OSError, AttributeError):  # an older kernel, or another system: LOOK_EVERY_S does it
        poll.register(os.pidfd_open(parent), select.POLLIN)
    look_at = time.monotonic()
    while True:
        ready = [fd for fd, _ in poll.poll(1000 * LOOK_EVERY_S)]
        if wake in ready:
            os.read(wake, 4096)
        if (status := _reap().get(worker)) is not None:
            return status if status >= 0 else 128 - status
        if any(fd != wake for fd in ready) or _STOP or os.getppid() != parent:
            return 0
        if time.monotonic() >= look_at:
            look_at = time.monotonic() + LOOK_EVERY_S
            if limit_bytes and private_bytes(descendants(os.getpid())) > limit_bytes:
                return OUT_OF_MEMORY


_STOP: list[int] = []


def main() -> None:
    """Become guard and worker."""
    global _IS_GUARD
    parent, limit_mb, sessions = map(int, sys.argv[1:4])
    if not hasattr(os, "fork"):
        _work(sessions, limit_mb)
        return
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # only its wake-up is wanted
    signal.signal(signal.SIGTERM, lambda number, _: _STOP.append(number))
    guard = os.getpid()
    worker = os.fork()
    if worker == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(wake)
        os.close(woken)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == guard:
            _work(sessions, limit_mb)
        return
    _IS_GUARD = True
    os.dup2(2, 1)  # the answers' pipe is the worker's alone, so that its end is seen at once
    status = _watch(worker, parent, sessions * limit_mb * 1024 * 1024, wake)
    kill_tree(guard, itself=False)
    os._exit(status)


def _work(sessions: int, limit_mb: int) -> None:
    from symbiotic_gym.browser.worker import main as work

    work(sessions, limit_mb)


if __name__ == "__main__":
    main()
