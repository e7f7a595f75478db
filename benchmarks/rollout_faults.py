"""What a run folder survives: the kills and the soak of the rollouts benchmark."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from symbiotic_gym.agents import ScriptedAgent
from symbiotic_gym.benchmarks.report import Row
from symbiotic_gym.benchmarks.toy_run import toy_run_command
from symbiotic_gym.env import WebEnv
from symbiotic_gym.progress import Bar
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.store import EpisodeLog, Tally, open_run
from symbiotic_gym.store.timeless import timeless
from symbiotic_gym.types import Observation

__all__ = ["killed_rows", "soak_rows"]

SOAK_TASKS = ("miniwob.click-test", "miniwob.click-link", "miniwob.enter-text", "miniwob.focus-text")


def killed_rows(folder: Path, kills: int, bar: Bar) -> list[Row]:
    """Kill a run of 60 episodes at random points until `kills` were done, begin anew whenever it got to its end.

    Each time every episode that had finished must still be there; each run that ends must equal an uninterrupted one.
    """
    whole = folder / "whole"
    _start(whole, step_s=0.0).wait()
    wanted = {(t.task, t.seed): timeless(t) for t in EpisodeLog(whole / "episodes.jsonl")}
    rng = random.Random(0)
    lost = doubled = different = unreadable = done = runs = 0
    while done < kills:
        out, finished = folder / f"killed-{runs}", set()  # type: ignore[var-annotated]
        runs += 1
        ended = False
        while not ended:
            killed = done < kills and _killed(out, rng)
            if not killed:
                ended = _start(out, step_s=0.0).wait() == 0
            done += killed
            bar.set(min(done, kills), kills, "runs killed")
            if not (out / "run.json").exists():
                continue
            run = open_run(out, blobs=True)
            unreadable += bool(run.problems)
            there = {(t.task, t.seed) for t in run.episodes()}
            lost += len(finished - there)
            doubled += sum(map(len, run.logs.values())) - len(there)
            finished = there
        found = {(t.task, t.seed): timeless(t) for t in EpisodeLog(out / "episodes.jsonl")}
        different += found != wanted
    return [
        Row(name="killed/finished-episodes-lost", value=lost, unit="episodes", n=kills, target=0, better="lower"),
        Row(name="killed/episodes-doubled", value=doubled, unit="episodes", n=kills, target=0, better="lower"),
        Row(name="killed/folders-unreadable", value=unreadable, unit="folders", n=kills, target=0, better="lower"),
        Row(name="killed/data-sets-different", value=different, unit="runs", n=runs, target=0, better="lower"),
    ]


def _start(out: Path, *, step_s: float) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, *toy_run_command(out, workers=2, step_s=step_s)], start_new_session=True)


def _killed(out: Path, rng: random.Random) -> bool:
    """Go on with a run and kill it somewhere in it; False where it was faster."""
    process = _start(out, step_s=0.02)
    log = out / "episodes.jsonl"
    before = log.stat().st_size if log.exists() else 0
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < 60 and (log.stat().st_size if log.exists() else 0) <= before:
        time.sleep(0.001)
    time.sleep(rng.random() * 0.25)
    if process.poll() is not None:
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


class _FaultyEnv(WebEnv):
    """Kills its own browser in some episodes."""

    share = 0.1

    def __init__(self, task: str, **kwargs: Any) -> None:
        super().__init__(task, **kwargs)
        self._chance = random.Random(os.urandom(8))
        self._doomed = False

    def reset(self, **kwargs: Any) -> tuple[Observation, dict[str, Any]]:
        self._doomed = self._chance.random() < self.share
        return super().reset(**kwargs)

    def step(self, action: str) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        if self._doomed:
            self._doomed = False
            for pid in self.processes()[1:]:
                os.kill(pid, signal.SIGKILL)
        return super().step(action)


def soak_rows(folder: Path, episodes: int, bar: Bar) -> list[Row]:
    """So many episodes in real browsers of which one in ten is killed under the policy, by chance; two workers."""
    jobs = [Episode(SOAK_TASKS[i % len(SOAK_TASKS)], i // len(SOAK_TASKS)) for i in range(episodes)]
    log, tally = EpisodeLog(folder / "soak.jsonl"), Tally()
    memory: list[float] = []
    handles: list[int] = []
    with Rollouts(2, make_env=_FaultyEnv, retries=1) as rollouts:
        for trajectory in rollouts.stream(jobs, ScriptedAgent, name="scripted", log=log):
            tally.add(trajectory)
            memory.append(_memory_mb())
            handles.append(len(os.listdir("/proc/self/fd")))
            bar.set(tally.episodes, episodes, "soak")
    settled = max(2, episodes // 5)  # caches and imports fill up at first
    spoiled = len(log.spoiled())
    invalid = sum(tally.invalid.values())
    return [
        Row(name="soak/accounted", value=len(log), unit="episodes", n=episodes, target=episodes),
        Row(name="soak/faults-on-record", value=spoiled + invalid, unit="attempts", n=episodes, target=1),
        Row(name="soak/invalid-after-retries", value=invalid, unit="episodes", n=episodes),
        Row(name="soak/scored-as-failure", value=tally.total["failure"], unit="episodes", n=episodes, target=0, better="lower"),
        Row(
            name="soak/memory-growth",
            value=_level(memory[-settled:]) - _level(memory[settled : 2 * settled] or memory),
            unit="MiB",
            n=episodes,
            target=20,
            better="lower",
        ),
        Row(
            name="soak/file-handle-growth",
            value=min(handles[-settled:]) - min(handles[settled : 2 * settled] or handles),
            unit="handles",
            n=episodes,
            target=0,
            better="lower",
        ),
    ]


def _level(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
