"""What kills an environment, what is left of it, and how fast the same object works again: faults injected into real episodes.

A fault is a page that misbehaves (`fault_site.py`) or a signal to one of the environment's processes at a random moment of a
step. Per fault, each over its own seeds:

- `returned/…`: steps (or resets) that came back, with a result or an error, within their deadline + 2 s;
- `judged/…`: tries whose outcome was the right one: an infrastructure fault is *invalid* of the right kind, a nuisance is
  played on;
- `recovered/…`: the same object that gave a working page within 8 s of the next `reset()`.

Then parents killed with SIGKILL and interrupted with SIGINT, and processes left over 200 times of opening and closing. Linux
only: the processes' roles are read in /proc.
"""

import os
import random
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from symbiotic_gym.actions import elements
from symbiotic_gym.benchmarks.fault_site import SUITE
from symbiotic_gym.benchmarks.leftovers import (
    GRACE_S,
    command_of,
    identities,
    left_over,
    parent_dies,
    parent_is_interrupted,
    send,
)
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, share
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import InfrastructureError
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.progress import Bar, Progress
from symbiotic_gym.suites import register_suite

__all__ = [
    "FAULTS",
    "SMOKE",
    "Fault",
    "Tried",
    "attempt",
    "bid_of",
    "fault_env",
    "main",
]

STEP_DEADLINE_S = 3.0
RESET_DEADLINE_S = 15.0
RECOVERY_S = 8.0
MEMORY_LIMIT_MB = 1200

PLAYED_ON = "played on"
Role = Literal["guard", "worker", "driver", "browser", "renderer"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to break an episode.

    Exactly one of `pages` and `signal_to` is set; a seed chooses among several pages.
    """

    name: str
    right: tuple[str, ...]
    """The outcomes that judge it rightly; `PLAYED_ON` for an episode that goes on."""
    pages: tuple[str, ...] = ()
    at_reset: bool = False
    """The task starts on the faulty page, instead of going there in a step."""
    steps: int = 1
    """How many steps the fault may take to show."""
    signal_to: Role | None = None
    strike: signal.Signals = signal.SIGKILL


_DEADLINE, _BROWSER, _SITE = "invalid(deadline)", "invalid(browser)", "invalid(site)"

FAULTS = (
    Fault(name="F1 busy loop", right=(_DEADLINE,), pages=("busy", "busy-timer", "busy-frame", "busy-promises")),
    Fault(name="F1 busy loop at reset", right=(_DEADLINE, _SITE), pages=("busy", "busy-promises"), at_reset=True),
    Fault(name="F2 browser stopped", right=(_DEADLINE,), signal_to="browser", strike=signal.SIGSTOP, steps=3),
    Fault(name="F3 browser killed", right=(_BROWSER,), signal_to="browser", steps=3),
    Fault(name="F4 renderer crashed", right=(_BROWSER, _DEADLINE), signal_to="renderer", strike=signal.SIGSEGV, steps=3),
    Fault(name="F5 server never answers", right=(_DEADLINE,), pages=("never",)),
    Fault(name="F5 server never answers at reset", right=(_SITE,), pages=("never",), at_reset=True),
    Fault(name="F6 slow drip", right=(PLAYED_ON, _DEADLINE), pages=("drip",)),
    Fault(name="F6 slow drip at reset", right=(_SITE,), pages=("drip",), at_reset=True),
    Fault(name="F7 connection reset", right=(_SITE,), pages=("reset-early", "reset-late")),
    Fault(name="F7 connection reset at reset", right=(_SITE,), pages=("reset-early",), at_reset=True),
    Fault(name="F8 5,000 and 30,000 nodes", right=(PLAYED_ON, _DEADLINE), pages=("nodes-5000", "nodes-30000")),
    Fault(name="F9 dialogs without end", right=(_DEADLINE,), pages=("dialogs",)),
    Fault(name="F9 many dialogs, beforeunload, print", right=(PLAYED_ON,), pages=("confirms", "beforeunload", "print")),
    Fault(name="F10 200 popups", right=(PLAYED_ON, _DEADLINE), pages=("popups",)),
    Fault(name="F11 memory bomb", right=("invalid(memory)", _BROWSER, _DEADLINE), pages=("bomb",), steps=20),
    Fault(name="F12 worker killed", right=(_BROWSER,), signal_to="worker", steps=3),
    Fault(name="F12 worker stopped", right=(_DEADLINE,), signal_to="worker", strike=signal.SIGSTOP, steps=3),
    Fault(name="F12 driver killed", right=(_BROWSER, _DEADLINE), signal_to="driver", steps=3),
    Fault(name="F12 guard killed", right=(_BROWSER,), signal_to="guard", steps=3),
    Fault(name="F12 guard stopped", right=(PLAYED_ON,), signal_to="guard", strike=signal.SIGSTOP, steps=3),
    Fault(name="pages that never rest", right=(PLAYED_ON, _DEADLINE), pages=("restless", "heartbeat", "reloads", "history")),
    Fault(name="download", right=(PLAYED_ON,), pages=("download",)),
    Fault(name="site 5xx", right=(_SITE,), pages=("status-500", "status-502", "status-503")),
    Fault(name="site 5xx at reset", right=(_SITE,), pages=("status-500", "status-502", "status-503"), at_reset=True),
    Fault(name="site rate limit", right=("invalid(rate_limit)",), pages=("status-429", "fetch-429")),
    Fault(name="site login expired", right=("invalid(login)",), pages=("login-expired",)),
    Fault(name="site login expired at reset", right=("invalid(login)",), pages=("login-expired",), at_reset=True),
    Fault(name="site maintenance", right=("invalid(maintenance)",), pages=("maintenance",)),
    Fault(name="site refuses connections", right=(_SITE,), pages=("refused",)),
)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What became of one environment under one fault."""

    fault: str
    seed: int
    outcome: str
    late_s: float
    """Seconds beyond the deadline that the slowest call took; negative when all were in time."""
    recovery_s: float
    """Seconds until the same object showed a working page; infinite when it did not."""


def fault_env() -> WebEnv:
    """An environment on the fault site, with short deadlines."""
    register_suite(SUITE, "symbiotic_gym.benchmarks.fault_site:FaultSite")
    return WebEnv(
        f"{SUITE}.calm",
        step_timeout_s=STEP_DEADLINE_S,
        reset_timeout_s=RESET_DEADLINE_S,
        memory_limit_mb=MEMORY_LIMIT_MB,
    )


def attempt(env: WebEnv, fault: Fault, seed: int) -> Tried:
    """Break an episode of `env`, then reset it."""
    draw = random.Random(f"{fault.name} {seed}")
    if fault.at_reset:
        outcome, late_s = _at_reset(env, draw.choice(fault.pages))
    else:
        observation, _ = env.reset(seed=seed, options={"task": f"{SUITE}.calm"})
        if fault.pages:
            page = fault.pages[seed % len(fault.pages)]
            first = f'click("{bid_of(observation["page"], page)}")'
        else:
            assert fault.signal_to is not None
            first = "noop(1000)"
            timer = threading.Timer(draw.uniform(0, 1), send, [_find(env, fault.signal_to), fault.strike])
            timer.start()
        outcome, late_s = _play(env, [first, *["noop(1000)"] * (fault.steps - 1)])
        if not fault.pages:
            timer.join()
    return Tried(fault=fault.name, seed=seed, outcome=outcome, late_s=late_s, recovery_s=_recover(env, seed))


def _at_reset(env: WebEnv, page: str) -> tuple[str, float]:
    started = time.monotonic()
    try:
        env.reset(options={"task": f"{SUITE}.{page}"})
        outcome = PLAYED_ON
    except InfrastructureError as error:
        outcome = f"invalid({error.kind})"
    return outcome, time.monotonic() - started - RESET_DEADLINE_S


def _play(env: WebEnv, actions: Sequence[str]) -> tuple[str, float]:
    late_s = -STEP_DEADLINE_S
    for action in actions:
        started = time.monotonic()
        _, _, terminated, truncated, info = env.step(action)
        late_s = max(late_s, time.monotonic() - started - STEP_DEADLINE_S)
        if terminated or truncated:
            return str(info["outcome"]), late_s
    return PLAYED_ON, late_s


def _recover(env: WebEnv, seed: int) -> float:
    started = time.monotonic()
    try:
        observation, _ = env.reset(seed=seed, options={"task": f"{SUITE}.calm"})
    except InfrastructureError:
        return float("inf")
    seconds = time.monotonic() - started
    observation, *_ = env.step(f'click("{bid_of(observation["page"], "Ready")}")')
    return seconds if '"done"' in observation["page"] else float("inf")


def bid_of(page: str, name: str) -> str:
    """The id of the first element of that name on a page."""
    return next(element.bid for element in elements(page).values() if element.name == name)


def _find(env: WebEnv, role: Role) -> int:
    """The id of the process that plays `role`."""
    guard, worker, *others = env.processes()
    if role in ("guard", "worker"):
        return guard if role == "guard" else worker
    lines = {pid: command_of(pid) for pid in others}
    marks = {"driver": "run-driver", "browser": "--remote-debugging-pipe", "renderer": "--type=renderer"}
    fits = [pid for pid, line in lines.items() if marks[role] in line and (role != "browser" or "--type=" not in line)]
    return fits[-1]  # below a shell script that starts it, where the system has one


def _cycles(count: int, bar: Bar) -> list[Row]:
    """Open and close `count` environments; count what is left of them and what they took of this process."""
    left, seen = 0, 0
    files_before, memory_before = len(os.listdir("/proc/self/fd")), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for cycle in range(count):
        env = fault_env()
        env.reset(seed=cycle)
        below = identities(env.processes())
        env.close()
        seen += len(below)
        left += left_over(below)
        bar.advance(f"{left} left")
    files = len(os.listdir("/proc/self/fd")) - files_before
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before) / 1024
    return [
        Row(name="leftover/processes", value=left, unit=f"of {seen}", n=count, target=0, better="lower"),
        Row(name="leftover/file descriptors", value=files, unit="files", n=count, target=0, better="lower"),
        Row(name="leftover/memory of the parent", value=grown, unit="MiB", n=count, target=20, better="lower"),
    ]


# --- the table ---


def _rows(fault: Fault, tried: Sequence[Tried]) -> list[Row]:
    n = len(tried)
    recovery = sorted(one.recovery_s for one in tried)
    return [
        share(f"returned/{fault.name}", sum(one.late_s <= GRACE_S for one in tried), n, target=1.0),
        share(f"judged/{fault.name}", sum(one.outcome in fault.right for one in tried), n, target=1.0),
        share(f"recovered/{fault.name}", sum(one.recovery_s <= RECOVERY_S for one in tried), n, target=1.0),
        Row(
            name=f"recovery/{fault.name}",
            value=median(recovery),
            unit="s",
            n=n,
            low=recovery[0],
            high=recovery[-1],
            better="lower",
        ),
    ]


def measure(
    faults: Sequence[Fault], seeds: Sequence[int], bar: Bar, *, kept: Path | None = None, say: Callable[[str], None] = print
) -> list[Row]:
    """Try every fault with every seed, all on the same object, which a failed recovery would show in what follows.

    Args:
        faults: what to try.
        seeds: those of each fault.
        bar: advances with every try.
        kept: where tries are kept, one JSON line each; those there are not made again.
        say: is told of every try that came out wrong.
    """
    file = JsonLines(kept)
    done = {(tried.fault, tried.seed): tried for tried in file.records(Tried)}
    rows: list[Row] = []
    env = fault_env()
    try:
        for fault in faults:
            for seed in seeds:
                if (fault.name, seed) not in done:
                    one = done[fault.name, seed] = attempt(env, fault, seed)
                    file.append([asdict(one)])
                    if one.outcome not in fault.right or one.late_s > GRACE_S or one.recovery_s > RECOVERY_S:
                        say(f"wrong: {one}")
                bar.advance(f"{fault.name}: {done[fault.name, seed].outcome}")
            rows += _rows(fault, [done[fault.name, seed] for seed in seeds])
    finally:
        env.close()
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a target is missed."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--seeds", type=int, default=20, help="tries of each fault (default 20)")
    parser.add_argument("--cycles", type=int, default=200, help="times of opening and closing (default 200)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only faults whose name holds it, and no cycles")
    parser.add_argument("--trials", type=Path, metavar="FILE", help="keep the tries there; a run cut short goes on from it")
    options = parser.parse_args(arguments)
    faults = [fault for fault in FAULTS if options.only in fault.name]
    if options.smoke:
        faults, options.seeds, options.cycles = [f for f in faults if f.name in SMOKE], 1, 2
    seeds = range(options.seeds)
    report = Report("faults")
    with Progress().phase("breaking", len(faults) * len(seeds)) as bar:
        report.add(*measure(faults, seeds, bar, kept=options.trials))
    if not options.only:
        with Progress().phase("parents", 2 * len(seeds)) as bar:
            report.add(*_parents(seeds, bar))
        with Progress().phase("open and close", options.cycles) as bar:
            report.add(*_cycles(options.cycles, bar))
    return 0 if report.finish(options.json) else 1


def _parents(seeds: Sequence[int], bar: Bar) -> list[Row]:
    clean, fast, whole = 0, 0, 0
    for seed in seeds:
        clean += parent_dies(seed) == 0
        bar.advance("killed")
    for seed in seeds:
        seconds, recovered = parent_is_interrupted(seed)
        fast, whole = fast + (seconds <= GRACE_S), whole + recovered
        bar.advance("interrupted")
    return [
        share("nothing left/F13 parent killed", clean, len(seeds), target=1.0),
        share("returned/F14 parent interrupted", fast, len(seeds), target=1.0),
        share("recovered/F14 parent interrupted", whole, len(seeds), target=1.0),
    ]


SMOKE = ("F1 busy loop", "F3 browser killed", "F12 worker stopped", "site rate limit")

if __name__ == "__main__":
    sys.exit(main())
