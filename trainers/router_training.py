"""Train the router of the hybrid mode `learned` on what speculative synthesis put on record.

    python -m symbiotic_gym.trainers.router_training RUN... --out router.json

Every verified proposal is an example: was the teacher of another opinion? A fifth of the instances is held out, and what the
router gets right there is printed beside what always asking, or never asking, would get right.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from symbiotic_gym.agents.privacy_router import Router, labelled
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.stats import Interval, wilson
from symbiotic_gym.store import open_run
from symbiotic_gym.types import Trajectory

__all__ = ["main", "train_router"]

_HELD_OUT = 5
"""One instance of so many: of a task's seeds, by a hash, so that the same instance is never on both sides."""


def train_router(trajectories: Sequence[Trajectory], *, epochs: int = 20) -> tuple[Router, dict[str, Interval]]:
    """Fit a router, and say how good it is on episodes it has not seen.

    Args:
        trajectories: of speculative synthesis; decisions without a verified proposal teach nothing.
        epochs: passes over the examples.

    Returns:
        The router, and shares of held-out steps: `right`, where it foresees at 0.5 whether the teacher disagrees, and
        `disagreed`, where the teacher did. Always asking is right on the latter, never asking on the rest.

    Raises:
        ConfigError: too few episodes hold a verified proposal.
    """
    told = [(trajectory, rows) for trajectory in trajectories if (rows := labelled([trajectory]))]
    learnt = [row for trajectory, rows in told if not _held_out(trajectory) for row in rows]
    held_out = [row for trajectory, rows in told if _held_out(trajectory) for row in rows]
    if not learnt or not held_out:
        raise ConfigError(
            explain(
                f"{len(told)} of {len(trajectories)} episodes with verified proposals",
                "some ten of them, of different instances",
                "one instance in five is held out, to see whether anything was learnt",
                "name runs with phases of speculative synthesis, or record more of them",
            )
        )
    router = Router()
    router.fit(learnt, epochs)
    right = sum((router.chance(features) >= 0.5) == changed for features, changed in held_out)
    disagreed = sum(changed for _, changed in held_out)
    return router, {"right": wilson(right, len(held_out)), "disagreed": wilson(disagreed, len(held_out))}


def _held_out(trajectory: Trajectory) -> bool:
    instance = f"{trajectory.task} {trajectory.seed}".encode()
    return hashlib.sha256(instance).digest()[0] % _HELD_OUT == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Train on run folders, and write the router."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("runs", type=Path, nargs="+", help="run folders with episodes of speculative synthesis")
    parser.add_argument("--out", type=Path, required=True, help="the file to write, as Router.load reads it")
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args(arguments)
    episodes = [trajectory for run in options.runs for trajectory in open_run(run).episodes()]
    router, shares = train_router(episodes, epochs=options.epochs)
    router.save(options.out)
    print(f"held-out steps the router is right on  {shares['right']}")
    print(f"held-out steps the teacher disagreed   {shares['disagreed']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
