"""A run folder made of episodes that were played elsewhere or chosen from other runs."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from symbiotic_gym.errors import StoreError, explain
from symbiotic_gym.exchange.agentlab_import import import_agentlab
from symbiotic_gym.store.episodes import EpisodeLog, Problem
from symbiotic_gym.store.folder import RunFolder, write_json
from symbiotic_gym.store.tally import Tally
from symbiotic_gym.types import Trajectory

__all__ = ["record_imported", "record_run"]


def record_imported(root: Path, out: Path, *, allow: Sequence[str] = ()) -> tuple[Tally, list[Problem]]:
    """Make a run of AgentLab's experiment folders.

    Args:
        root: where they are.
        out: the folder of the new run.
        allow: further names that their pickles may hold.

    Returns:
        What the episodes came down to, and which folders were left out, with the reason.

    Raises:
        StoreError: `out` is in use, not empty, or of another run; or there is nothing to import.
    """
    _check_new(out)
    found = list(import_agentlab(root, allow=allow))
    if not found:
        raise StoreError(
            explain(
                f"{root} has no exp_args.pkl in it or below",
                "an AgentLab study",
                "there is nothing to import",
                "name the folder that AgentLab wrote, usually below ~/agentlab_results",
            )
        )
    problems = [item for item in found if isinstance(item, Problem)]
    config = {"agent": "AgentLab", "imported": str(root), "allow": list(allow)}
    return record_run((item for item in found if isinstance(item, Trajectory)), out, config), problems


def record_run(trajectories: Iterable[Trajectory], out: Path, config: Mapping[str, Any]) -> Tally:
    """Write episodes into a new run folder.

    Raises:
        StoreError: `out` is in use, not empty, or of another run.
    """
    _check_new(out)
    tally = Tally()
    with RunFolder(out, config):
        log = EpisodeLog(out / "episodes.jsonl")
        for trajectory in trajectories:
            log.add(trajectory)
            tally.add(trajectory)
        write_json(out / "metrics.json", tally.to_json() | {"finished": True})
    return tally


def _check_new(out: Path) -> None:
    if (out / "run.json").exists():
        raise StoreError(
            explain(
                f"{out} has a run already",
                "a new folder, or an empty one",
                "episodes that would not be chosen today would stay among the new ones",
                "name another folder with --out, or remove that one",
            )
        )
