"""How often the scripted expert solves each of its tasks: whether page text, actions and scripts are good enough together.

The seeds start at 5000; the scripts were written looking at seeds below 100.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from symbiotic_gym.agents.scripted import SCRIPTED_TASKS, ScriptedAgent
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, share
from symbiotic_gym.progress import Bar, Progress
from symbiotic_gym.rollout import rollout
from symbiotic_gym.store.episodes import EpisodeLog
from symbiotic_gym.types import Trajectory

__all__ = ["main", "measure"]

FIRST_SEED = 5000
TARGET = 0.95
SMOKE_TASKS = ("miniwob.click-test", "miniwob.enter-text", "miniwob.email-inbox-reply")


def measure(
    tasks: Sequence[str], seeds: Sequence[int], *, workers: int, log: EpisodeLog | None = None, bar: Bar | None = None
) -> list[Row]:
    """Play every task with every seed.

    Args:
        tasks: ids out of `SCRIPTED_TASKS`.
        seeds: of the task instances.
        workers: browsers at once.
        log: where the episodes are kept; those in it are not played again.
        bar: advanced with every episode.

    Returns:
        Per task a row of its success rate and one of its steps per episode, then the same for all, and the share of invalid
        episodes, which count in neither.
    """

    def played(trajectory: Trajectory) -> None:
        if bar is not None:
            bar.advance(f"{trajectory.task} {trajectory.seed} {trajectory.outcome}")

    trajectories = rollout(tasks, ScriptedAgent, seeds, workers=workers, log=log, on_episode=played)
    scored = [trajectory for trajectory in trajectories if trajectory.outcome.scored]
    rows = []
    for task in tasks:
        rows += _rows(task, [trajectory for trajectory in scored if trajectory.task == task], target=TARGET)
    rows += _rows("all", scored)
    rows.append(share("invalid/all", len(trajectories) - len(scored), len(trajectories)))
    return rows


def _rows(name: str, episodes: Sequence[Trajectory], *, target: float | None = None) -> list[Row]:
    n = len(episodes)
    steps = sum(len(episode.steps) for episode in episodes) / max(n, 1)
    return [
        share(f"success/{name}", sum(episode.success for episode in episodes), n, target=target),
        Row(name=f"steps/{name}", value=steps, unit="steps", n=n, better="lower"),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a task misses its target."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--seeds", type=int, default=20, help="instances of each task (default 20)")
    parser.add_argument("--workers", type=int, default=2, help="browsers at once (default 2)")
    parser.add_argument(
        "--episodes", type=Path, metavar="FILE", help="keep the episodes there; a run cut short goes on from it"
    )
    options = parser.parse_args(arguments)
    tasks = SMOKE_TASKS if options.smoke else SCRIPTED_TASKS
    seeds = range(FIRST_SEED, FIRST_SEED + (2 if options.smoke else options.seeds))
    report, log = Report("scripted"), EpisodeLog(options.episodes) if options.episodes else None
    with Progress().phase("playing", len(tasks) * len(seeds)) as bar:
        report.add(*measure(tasks, seeds, workers=options.workers, log=log, bar=bar))
    return 0 if report.finish(options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
