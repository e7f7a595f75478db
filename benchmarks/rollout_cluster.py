"""A machine of a Ray cluster dies in the middle of a run, for the benchmark `rollout_faults`."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from symbiotic_gym.agents import ScriptedAgent
from symbiotic_gym.benchmarks.report import Row
from symbiotic_gym.env import WebEnv
from symbiotic_gym.progress import Bar
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.store import EpisodeLog
from symbiotic_gym.store.timeless import timeless
from symbiotic_gym.types import Trajectory

__all__ = ["cluster_rows"]

TASKS = ("miniwob.click-test-2", "miniwob.click-link", "miniwob.click-button", "miniwob.enter-text", "miniwob.click-checkboxes")
NODES = 3
_PATIENT: dict[str, Any] = {"step_timeout_s": 60.0, "reset_timeout_s": 120.0}
"""Three browsers on a small machine, while a node is being lost."""


def cluster_rows(folder: Path, episodes: int, bar: Bar) -> list[Row]:
    """Play so many episodes on three nodes, kill the last node after a sixth of them, and play the same here."""
    jobs = [Episode(TASKS[i % len(TASKS)], i // len(TASKS)) for i in range(episodes)]
    here = EpisodeLog(folder / "threads.jsonl")
    _play(Rollouts(2, make_env=partial(WebEnv, **_PATIENT)), jobs, here, bar, "threads")
    (folder / "cluster.jsonl").unlink(missing_ok=True)  # a run that no node died in shows nothing
    there = EpisodeLog(folder / "cluster.jsonl")
    with _nodes() as (cluster, make_env):
        victim = cluster.list_all_nodes()[-1]
        kill = threading.Thread(target=cluster.remove_node, args=(victim,), kwargs={"allow_graceful": False})
        _play(Rollouts(NODES, make_env=make_env), jobs, there, bar, "cluster", at=episodes // 6, then=kill.start)
        kill.join()
    keys = [(job.task, job.seed) for job in jobs]
    same = sum(key in there and timeless(there[key]) == timeless(here[key]) for key in keys)
    lost = sum(t.outcome.kind == "node" for t in there.spoiled())
    return [
        Row(name="cluster/accounted", value=len(there), unit="episodes", n=episodes, target=episodes),
        Row(name="cluster/scored", value=sum(t.outcome.scored for t in there), unit="episodes", n=episodes, target=episodes),
        Row(name="cluster/same-as-threads", value=same, unit="episodes", n=episodes, target=episodes),
        Row(name="cluster/attempts-lost-with-the-node", value=lost, unit="attempts", n=episodes, target=1),
    ]


def _play(
    rollouts: Rollouts, jobs: Sequence[Episode], log: EpisodeLog, bar: Bar, what: str, *, at: int = 0, then: Any = None
) -> None:
    ended = 0

    def note(trajectory: Trajectory) -> None:
        nonlocal ended
        ended += 1
        bar.set(ended, len(jobs), what)
        if ended == at:
            then()

    with rollouts:
        rollouts.run(jobs, ScriptedAgent, name="scripted", log=log, on_episode=note)


@contextmanager
def _nodes() -> Iterator[tuple[Any, Any]]:
    """A cluster with one browser a node, the first of which is where this process is, and what makes environments on it."""
    import ray
    from ray.cluster_utils import Cluster as LocalCluster

    from symbiotic_gym.rollout.cluster import Cluster

    nodes = LocalCluster(initialize_head=True, head_node_args={"num_cpus": 1, "resources": {"browser": 1}})
    try:
        for _ in range(NODES - 1):
            nodes.add_node(num_cpus=1, resources={"browser": 1})
        ray.init(address=nodes.address, log_to_driver=False)
        nodes.wait_for_nodes()
        yield nodes, Cluster(_PATIENT, room_timeout_s=10.0).make_env
    finally:
        ray.shutdown()
        nodes.shutdown()  # type: ignore[no-untyped-call]
