"""Rollouts on a real Ray cluster of several nodes on this machine: same results, deaths survived. Skipped without Ray."""

import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from symbiotic_gym.benchmarks.toy import TASKS, ToyAgent, ToyEnv
from symbiotic_gym.errors import BrowserError, ConfigError, MissingDependencyError
from symbiotic_gym.rollout import Episode, Rollouts, rollout
from symbiotic_gym.rollout.run import environments
from symbiotic_gym.store import EpisodeLog
from symbiotic_gym.store.timeless import timeless
from symbiotic_gym.types import Trajectory

EPISODES = [Episode(task, seed) for task in TASKS for seed in range(20)]


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingDependencyError, match="extra ray"):
        environments("ray")


@pytest.fixture
def nodes() -> Iterator[Any]:
    """Three nodes with two browsers each; the first is the head, where this process is."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "resources": {"browser": 2}})
    for _ in range(2):
        cluster.add_node(num_cpus=1, resources={"browser": 2})
    ray.init(address=cluster.address, log_to_driver=False)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()  # type: ignore[no-untyped-call]


def played(make_env: Any, workers: int, log: EpisodeLog | None = None, **options: Any) -> list[Trajectory]:
    with Rollouts(workers, make_env=make_env) as rollouts:
        return rollouts.run(EPISODES, ToyAgent, name="toy", log=log, **options)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_node_dies_and_nothing_is_lost(nodes: Any, tmp_path: Path) -> None:
    from symbiotic_gym.rollout.cluster import Cluster

    log, ended = EpisodeLog(tmp_path / "e.jsonl"), 0

    def kill_at_ten(trajectory: Trajectory) -> None:
        nonlocal ended
        ended += 1
        if ended == 10:
            threading.Thread(
                target=nodes.remove_node, args=(nodes.list_all_nodes()[-1],), kwargs={"allow_graceful": False}
            ).start()

    cluster = Cluster({"step_s": 0.1}, env_class=ToyEnv, room_timeout_s=3.0)
    trajectories = played(cluster.make_env, 6, log, on_episode=kill_at_ten)
    here = played(partial(ToyEnv, step_s=0.0), 3)
    assert [timeless(t) for t in trajectories] == [timeless(t) for t in here], "the backends do not agree"
    assert len(log) == 60
    spoiled = log.spoiled()
    assert spoiled and {str(t.outcome) for t in spoiled} == {"invalid(node)"}, "no environment was lost with its node"
    assert {t.outcome.status for t in trajectories} == {"success", "failure"}


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_cluster_without_room_says_so(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    from symbiotic_gym.rollout.cluster import Cluster

    ray.init(num_cpus=1, resources={"browser": 1}, include_dashboard=False, log_to_driver=False)
    try:
        cluster = Cluster({}, env_class=ToyEnv, room_timeout_s=1.0)
        trajectories = played(cluster.make_env, 3)
        assert [t.outcome.status for t in trajectories] != [] and len(trajectories) == 60, "the one place did not play them all"
        hoarder = cluster.make_env("toy.short")
        with pytest.raises(BrowserError, match="no machine left"):
            played(cluster.make_env, 2)
        hoarder.close()
    finally:
        ray.shutdown()
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        with pytest.raises(ConfigError, match="declares 'browser'"):
            Cluster({})
    finally:
        ray.shutdown()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_an_environment_that_cannot_be_made_ends_the_run_as_it_does_here() -> None:
    ray = pytest.importorskip("ray")
    from symbiotic_gym.rollout.cluster import Cluster

    wrong = {"viewport": (0, 0)}
    with pytest.raises(ConfigError, match="viewport"):
        rollout(["miniwob.click-test"], ToyAgent, [0], env_kwargs=wrong)
    ray.init(num_cpus=1, resources={"browser": 1}, include_dashboard=False, log_to_driver=False)
    try:
        cluster = Cluster(wrong, room_timeout_s=5.0)
        for _ in range(2):  # the place is free again
            with pytest.raises(ConfigError, match="viewport"):
                cluster.make_env("miniwob.click-test")
    finally:
        ray.shutdown()


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_real_browsers_on_a_cluster_do_what_they_do_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    from symbiotic_gym.agents import ScriptedAgent

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    kwargs = {"step_timeout_s": 60.0, "reset_timeout_s": 120.0}
    tasks, seeds = ["miniwob.click-test-2", "miniwob.click-link"], range(2)
    try:
        there = rollout(tasks, ScriptedAgent, seeds, workers=1, backend="ray", env_kwargs=kwargs)
    finally:
        ray.shutdown()
    here = rollout(tasks, ScriptedAgent, seeds, workers=1, env_kwargs=kwargs)
    assert [timeless(t) for t in there] == [timeless(t) for t in here]
    assert all(t.success for t in here)


def test_a_put_back_episode_is_taken_over() -> None:
    """One of two workers loses its place for ever; the other plays everything."""
    from symbiotic_gym.rollout.player import NoRoomError

    made = 0

    def make(task: str) -> ToyEnv:
        nonlocal made
        made += 1
        if made > 1:
            raise NoRoomError
        time.sleep(0.1)
        return ToyEnv(task)

    assert len(played(make, 2)) == 60
