"""What the commands `export` and `curate` do with run folders."""

from collections.abc import Sequence
from pathlib import Path

from symbiotic_gym.errors import StoreError, UnknownNameError, explain, nearest
from symbiotic_gym.exchange.recording import record_run
from symbiotic_gym.store import Blobs, Run, open_run
from symbiotic_gym.store.blobs import copy_blobs
from symbiotic_gym.trainers.chats import export_chats
from symbiotic_gym.trainers.curation import curate, filters
from symbiotic_gym.types import Trajectory

__all__ = ["FORMATS", "curate_runs", "export"]

FORMATS = ("agentlab", "openenv", "parquet", "messages", "prompt-completion")


def export(run: Path, to: str, out: Path) -> int:
    """Write the episodes of a run in one of `FORMATS`, by task and seed, and return how many rows there are.

    Raises:
        StoreError: the run is damaged.
        UnknownNameError: there is no such format.
        MissingDependencyError: a package that the format needs is not installed.
    """
    if to not in FORMATS:
        raise UnknownNameError(
            explain(
                f"there is no format {to!r} ({nearest(to, FORMATS)})",
                ", ".join(FORMATS),
                "another program has to read it",
                "choose one of them",
            )
        )
    whole = _whole(run)
    if to == "agentlab":
        from symbiotic_gym.exchange.agentlab_export import export_agentlab

        return export_agentlab(whole.episodes(), out, blobs=Blobs(run / "blobs"))
    if to == "messages" or to == "prompt-completion":
        return export_chats(whole.episodes(), out, "messages" if to == "messages" else "prompt-completion")
    from symbiotic_gym.exchange.tables import export_openenv, export_parquet

    return (export_openenv if to == "openenv" else export_parquet)(whole.episodes(), out)


def curate_runs(
    paths: Sequence[Path],
    out: Path,
    *,
    success: bool = False,
    no_refusals: bool = False,
    max_steps: int | None = None,
    dedup: bool = False,
    like: Path | None = None,
    keep: int | None = None,
    max_per_task: int | None = None,
) -> tuple[int, list[tuple[str, int]]]:
    """Choose episodes of several runs and make a run of them; see `curation.filters`.

    Args:
        paths: the runs; of an episode that several have, the first one's is taken that is not invalid.
        out: the folder of the new run.
        success: only what reached its goal.
        no_refusals: only what had no action refused.
        max_steps: only what has so few steps.
        dedup: each doing once.
        like: a run whose successful episodes are the reference.
        keep: how many of the closest to it.
        max_per_task: no more of one task.

    Returns:
        How many are kept, and how many each filter dropped.

    Raises:
        StoreError: a run is damaged, or `out` is not empty.
        ConfigError: the reference has too few episodes, or a filter's number is unusable.
    """
    found: dict[tuple[str, int], Trajectory] = {}
    given = 0
    runs = [_whole(path) for path in paths]
    for run in runs:
        for trajectory in run.episodes():
            given += 1
            known = found.setdefault((trajectory.task, trajectory.seed), trajectory)
            if trajectory.outcome.scored and not known.outcome.scored:
                found[trajectory.task, trajectory.seed] = trajectory
    reference = [t for t in _whole(like).episodes() if t.success] if like is not None else None
    wanted = filters(
        success=success,
        no_refusals=no_refusals,
        max_steps=max_steps,
        dedup=dedup,
        like=reference,
        keep=keep,
        max_per_task=max_per_task,
    )
    kept, dropped = curate([found[key] for key in sorted(found)], wanted)
    config = {"agent": "curated", "runs": [str(path) for path in paths], "filters": [name for name, _ in wanted]}
    record_run(kept, out, config)
    _copy_pictures(kept, runs, out / "blobs")
    return len(kept), [("in several runs", given - len(found)), *dropped]


def _copy_pictures(trajectories: Sequence[Trajectory], runs: Sequence[Run], target: Path) -> None:
    names = {name for trajectory in trajectories for name in trajectory.screenshots}
    for run in runs:
        copy_blobs(names, run.path / "blobs", target)


def _whole(path: Path) -> Run:
    run = open_run(path)
    if run.problems:
        raise StoreError(
            explain(
                f"{run.problems[0]}",
                "a run that is whole",
                "what does not read would silently be missing",
                f"repair it first: symbiotic-gym runs repair {path}",
            )
        )
    return run
