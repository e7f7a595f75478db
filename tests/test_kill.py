"""Killed anywhere, a run goes on to the data set it would have had: nothing lost, nothing doubled."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from symbiotic_gym.benchmarks.toy_run import toy_run_command
from symbiotic_gym.store import EpisodeLog, open_run
from symbiotic_gym.store.timeless import timeless
from symbiotic_gym.trainers.export import export


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(tmp_path: Path) -> None:
    def start(out: Path, workers: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, *toy_run_command(out, workers=workers, step_s=0.03)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)

    whole = start(tmp_path / "whole", 2)
    rng = random.Random(0)
    finished: set[tuple[str, int]] = set()
    log = tmp_path / "killed" / "episodes.jsonl"
    for _ in range(3):
        process = start(tmp_path / "killed", 3)
        deadline = time.monotonic() + 120
        while not log.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        known = len(finished)
        while process.poll() is None and log.read_bytes().count(b"\n") <= known and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.random() * 0.3)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        there = {(t.task, t.seed): timeless(t) for t in open_run(tmp_path / "killed").episodes()}
        assert there.keys() >= finished, "an episode that had finished was lost"
        finished = set(there)
    assert start(tmp_path / "killed", 1).wait(120) == 0
    assert whole.wait(120) == 0
    one, other = EpisodeLog(tmp_path / "whole" / "episodes.jsonl"), EpisodeLog(log)
    assert len(one) == len(other) == 60
    assert [timeless(t) for t in one] == [timeless(t) for t in other]
    assert log.read_bytes().count(b"\n") == 60, "an episode was played twice"
    for form in ("messages", "openenv"):
        export(tmp_path / "whole", form, tmp_path / "1")
        export(tmp_path / "killed", form, tmp_path / "2")
        assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
