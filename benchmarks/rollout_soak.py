"""Hundreds of episodes with a fault in one of ten, for the benchmark `rollout_faults`."""

import os
import random
import signal
import statistics
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from symbiotic_gym.agents import ScriptedAgent
from symbiotic_gym.benchmarks.report import Row
from symbiotic_gym.env import WebEnv
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.progress import Bar
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.store import EpisodeLog, Tally
from symbiotic_gym.types import Observation

__all__ = ["soak_rows"]

TASKS = ("miniwob.click-test", "miniwob.click-link", "miniwob.enter-text", "miniwob.focus-text")
MEMORY_TARGET_MIB = 20.0


class _FaultyEnv(WebEnv):
    """Kills its own browser in some episodes, at their first step."""

    share = 0.1
    injected: ClassVar[list[str]] = []
    """The task of every episode that was killed, in this process."""

    def __init__(self, task: str, **kwargs: Any) -> None:
        super().__init__(task, **kwargs)
        self._chance = random.Random(os.urandom(8))
        self._doomed = False

    def reset(self, **kwargs: Any) -> tuple[Observation, dict[str, Any]]:
        self._doomed = self._chance.random() < self.share
        return super().reset(**kwargs)

    def step(self, action: str) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        if not self._doomed:
            return super().step(action)
        self._doomed = False
        for pid in self.processes()[1:]:  # all but the guard
            with suppress(ProcessLookupError):  # it ended between being listed and being killed
                os.kill(pid, signal.SIGKILL)
        result = super().step(action)
        self.injected.append(self.task)
        return result


def soak_rows(folder: Path, episodes: int, bar: Bar) -> list[Row]:
    """Play so many episodes in two environments; each and what this process took by then is kept in `folder`."""
    jobs = [Episode(TASKS[i % len(TASKS)], i // len(TASKS)) for i in range(episodes)]
    log, kept, tally = EpisodeLog(folder / "episodes.jsonl"), JsonLines(folder / "samples.jsonl"), Tally()
    before = {(t.task, t.seed) for t in log}
    with Rollouts(2, make_env=_FaultyEnv, retries=1) as rollouts:
        for trajectory in rollouts.stream(jobs, ScriptedAgent, name="scripted", log=log):
            tally.add(trajectory)
            bar.set(tally.episodes, episodes, "soak")
            if (trajectory.task, trajectory.seed) not in before:
                kept.append([_sample(len(_FaultyEnv.injected))])
    samples = kept.read()
    by_process = {sample["pid"]: sample for sample in samples}  # the last one of each
    injected = sum(sample["faults"] for sample in by_process.values())
    invalid = sum(tally.invalid.values())
    longest = max(by_process, key=lambda pid: sum(sample["pid"] == pid for sample in samples))
    steady = [sample for sample in samples if sample["pid"] == longest]
    return [
        _row("accounted", len(log), "episodes", episodes, target=episodes),
        _row("faults-injected", injected, "attempts", episodes),
        _row("faults-without-record", injected - len(log.spoiled()) - invalid, "attempts", injected, target=0, better="lower"),
        _row("invalid-after-retries", invalid, "episodes", episodes),
        _row("scored-as-failure", tally.statuses["failure"], "episodes", episodes, target=0, better="lower"),
        _growth("memory", steady, "MiB", MEMORY_TARGET_MIB),
        _growth("handles", steady, "handles", 0),
        _growth("processes", steady, "processes", 0),
    ]


def _row(name: str, value: float, unit: str, n: int, **more: Any) -> Row:
    return Row(name=f"soak/{name}", value=value, unit=unit, n=n, **more)


def _growth(name: str, samples: list[dict[str, float]], unit: str, target: float) -> Row:
    """The median of the last fifth less that of the second: caches and imports fill up in the first."""
    values, part = [sample[name] for sample in samples], max(1, len(samples) // 5)
    grown = statistics.median(values[-part:]) - statistics.median(values[part : 2 * part] or values)
    return _row(f"{name}-growth", grown, unit, len(values), target=target, better="lower")


def _sample(faults: int) -> dict[str, float]:
    """What this process takes now. A browser's processes come and go, so only this one's own children are counted."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    children = [child for task in Path("/proc/self/task").glob("*/children") for child in task.read_text().split()]
    return {
        "pid": os.getpid(),
        "faults": faults,
        "memory": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        "handles": len(os.listdir("/proc/self/fd")),
        "processes": len(children),
    }
