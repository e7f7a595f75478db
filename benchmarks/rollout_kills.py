"""Runs that are killed again and again, for the benchmark `rollout_faults`."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from symbiotic_gym.benchmarks.report import Row
from symbiotic_gym.benchmarks.toy_run import toy_run_command
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.progress import Bar
from symbiotic_gym.store import EpisodeLog, open_run
from symbiotic_gym.store.timeless import timeless
from symbiotic_gym.types import Trajectory

__all__ = ["killed_rows"]

_STARTING = 0.2
"""Share of the kills that fall anywhere in a process's first two seconds, before its first episode or after."""
_START_S = 2.0
_EPISODES_S = 0.4
"""The others fall within this time after the process's first episode; some ten episodes end in it."""


@dataclass
class Killed:
    """One run from its beginning to its end.

    Attributes:
        run: its number, which draws the points.
        kills: how many it got.
        lost: finished episodes that were not there any more after a kill.
        doubled: episodes that were there twice.
        unreadable: how often something in the folder did not read.
        different: whether the data set differs from the uninterrupted one.
    """

    run: int
    kills: int = 0
    lost: int = 0
    doubled: int = 0
    unreadable: int = 0
    different: bool = False


def killed_rows(folder: Path, kills: int, bar: Bar) -> list[Row]:
    """Kill runs of 60 episodes until `kills` were done; runs that ended are kept in `folder` as a line each."""
    kept = JsonLines(folder / "runs.jsonl")
    found = kept.records(Killed)
    whole = folder / "whole"
    _start(whole, step_s=0.0).wait()  # finished at once where it was played before
    wanted = _episodes(whole)
    done = sum(one.kills for one in found)
    while done < kills:
        one = _run(folder / "killed", Killed(run=len(found)), kills - done, wanted)
        done += one.kills
        found.append(one)
        kept.append([asdict(one)])
        bar.set(min(done, kills), kills, "runs killed")
    return [
        _row("finished-episodes-lost", "episodes", sum(one.lost for one in found), done),
        _row("episodes-doubled", "episodes", sum(one.doubled for one in found), done),
        _row("folders-unreadable", "folders", sum(one.unreadable for one in found), done),
        _row("data-sets-different", "runs", sum(one.different for one in found), len(found)),
    ]


def _row(name: str, unit: str, value: int, n: int) -> Row:
    return Row(name=f"killed/{name}", value=value, unit=unit, n=n, target=0, better="lower")


def _run(out: Path, one: Killed, most: int, wanted: dict[tuple[str, int], Trajectory]) -> Killed:
    """Play a run to its end, killing it up to `most` times on the way."""
    shutil.rmtree(out, ignore_errors=True)
    rng = random.Random(one.run)
    finished: set[tuple[str, int]] = set()
    ended = False
    while not ended:
        if one.kills < most:
            process = _start(out, step_s=0.02)
            killed = _kill(process, out / "episodes.jsonl", rng)
            one.kills += killed
            ended = not killed and process.returncode == 0
        else:
            ended = _start(out, step_s=0.0).wait() == 0
        if not (out / "run.json").exists():
            continue  # killed before there was a run
        run = open_run(out, blobs=True)
        one.unreadable += bool(run.problems)
        there = {(t.task, t.seed) for t in run.episodes()}
        one.lost += len(finished - there)
        one.doubled += sum(map(len, run.logs.values())) - len(there)
        finished = there
    one.different = _episodes(out) != wanted
    return one


def _episodes(run: Path) -> dict[tuple[str, int], Trajectory]:
    return {(t.task, t.seed): timeless(t) for t in EpisodeLog(run / "episodes.jsonl")}


def _start(out: Path, *, step_s: float) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, *toy_run_command(out, workers=2, step_s=step_s)], start_new_session=True)


def _kill(process: "subprocess.Popen[bytes]", log: Path, rng: random.Random) -> bool:
    """Kill a process somewhere in its life; False where it had ended by then."""
    before = log.stat().st_size if log.exists() else 0
    began = time.monotonic()
    if rng.random() < _STARTING:
        wait_s = rng.random() * _START_S
    else:
        while process.poll() is None and time.monotonic() - began < 60:
            if log.exists() and log.stat().st_size > before:
                break
            time.sleep(0.001)
        wait_s = rng.random() * _EPISODES_S
    time.sleep(wait_s)
    if process.poll() is not None:
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True
