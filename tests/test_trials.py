"""Trials in a pool of processes: what was played is kept, an interrupt ends it soon, and nobody is left when it is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from symbiotic_gym.benchmarks.trials import play_missing
from symbiotic_gym.errors import SiteError
from symbiotic_gym.pocket.trial import Check, Trial

CHECKS = [Check("t", seed, "null") for seed in range(60)]

SCRIPT = """
import signal, sys
from pathlib import Path
from tests.test_trials import run
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
if __name__ == "__main__":
    run(Path(sys.argv[1]))
"""


def slow(check: Check, folder: str) -> Trial:
    (Path(folder) / f"{os.getpid()}.pid").touch()
    time.sleep(0.3)
    (Path(folder) / f"{check.seed}.played").touch()
    return Trial(check, 0.0, True, "", 0, 1, 0.1, 0.2)


def run(folder: Path) -> list[Trial]:
    todo = {check: (str(folder),) for check in CHECKS}
    kept = folder / "trials.jsonl"
    return play_missing(todo, slow, Trial, workers=2, kept=kept, progress=None, phase="playing", wrong=lambda trial: "")


def failing(check: Check, folder: str) -> Trial:
    """The first time, and where the seed is 1, always."""
    if not (mark := Path(folder) / f"{check.seed}.failed").exists() or check.seed == 1:
        mark.touch()
        raise SiteError("the page did not load")
    return Trial(check, 0.0, True, "", 0, 1, 0.1, 0.2)


def test_a_site_that_failed_once_ends_nothing(tmp_path: Path) -> None:
    def played(seed: int) -> list[Trial]:
        todo = {Check("t", seed, "null"): (str(tmp_path),)}
        return play_missing(todo, failing, Trial, workers=1, kept=None, progress=None, phase="", wrong=lambda trial: "")

    assert [trial.check.seed for trial in played(0)] == [0]
    with pytest.raises(SiteError):
        played(1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_end_in_the_middle_leaves_no_process_and_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = str(Path(__file__).parent.parent)
    process = subprocess.Popen([sys.executable, str(script), str(tmp_path)], cwd=root, env=os.environ | {"PYTHONPATH": root})
    kept = tmp_path / "trials.jsonl"
    wait_until(lambda: len(list(tmp_path.glob("*.pid"))) == 2 and lines(kept) >= 4)
    process.send_signal(number)
    process.wait(timeout=30)
    workers = [int(file.stem) for file in tmp_path.glob("*.pid")]
    wait_until(lambda: not any(running(worker) for worker in workers))
    played = len(list(tmp_path.glob("*.played")))
    assert 4 <= played < len(CHECKS) / 2, "what waited for its turn was not played first"
    if number == signal.SIGINT:
        assert lines(kept) == played, "what was being played is kept"
    else:
        assert 4 <= lines(kept) <= played


def lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


def test_what_is_kept_is_not_played_again(tmp_path: Path) -> None:
    todo = {check: (str(tmp_path),) for check in CHECKS[:4]}
    kept = tmp_path / "trials.jsonl"

    def play(count: int) -> list[Trial]:
        chosen = dict(list(todo.items())[:count])
        return play_missing(chosen, slow, Trial, workers=2, kept=kept, progress=None, phase="p", wrong=lambda trial: "")

    first = play(2)
    before = set(tmp_path.glob("*.pid"))
    assert play(2) == first and set(tmp_path.glob("*.pid")) == before
    assert [trial.check for trial in play(4)] == CHECKS[:4]
