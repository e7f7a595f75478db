"""A run on `toy` environments in a process of its own, to be killed: `python -m symbiotic_gym.benchmarks.toy_run OUT`."""

import argparse
from functools import partial
from pathlib import Path

from symbiotic_gym.benchmarks.toy import TASKS, ToyAgent, ToyEnv
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.store.blobs import Blobs
from symbiotic_gym.store.episodes import EpisodeLog
from symbiotic_gym.store.folder import RunFolder

__all__ = ["toy_episodes", "toy_run_command"]

EPISODES = 60


def toy_episodes(n: int = EPISODES) -> list[Episode]:
    """So many episodes over all toy tasks."""
    return [Episode(TASKS[i % len(TASKS)], i // len(TASKS)) for i in range(n)]


def toy_run_command(out: Path, *, workers: int, step_s: float) -> list[str]:
    """What to give to Python to begin that run, or to go on with it."""
    return ["-m", "symbiotic_gym.benchmarks.toy_run", str(out), "--workers", str(workers), "--step-s", str(step_s)]


def main() -> None:
    """Play what is not yet on record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--step-s", type=float, default=0.0)
    options = parser.parse_args()
    make_env = partial(ToyEnv, step_s=options.step_s, pictures=True)
    with RunFolder(options.out, {"agent": "toy"}), Rollouts(options.workers, make_env=make_env) as rollouts:
        log, blobs = EpisodeLog(options.out / "episodes.jsonl"), Blobs(options.out / "blobs")
        for _ in rollouts.stream(toy_episodes(), ToyAgent, name="toy", log=log, blobs=blobs):
            pass


if __name__ == "__main__":
    main()
