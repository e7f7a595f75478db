"""`rollout`: every task with every seed, on this machine or on a cluster, by one code path.

A cluster changes where the environments are and nothing else: agents, the order of jobs and the run folder stay here.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.policies import agent_name, check_maker
from symbiotic_gym.rollout.engine import Rollouts
from symbiotic_gym.rollout.player import Environment, MakeAgent
from symbiotic_gym.rollout.schedule import Episode
from symbiotic_gym.store.blobs import Blobs
from symbiotic_gym.store.episodes import EpisodeLog
from symbiotic_gym.suites import check_task
from symbiotic_gym.types import Trajectory

__all__ = ["Backend", "environments", "rollout"]

Backend = Literal["threads", "ray"]


def environments(
    backend: Backend, *, record_screenshots: bool = False, env_kwargs: Mapping[str, Any] | None = None
) -> Callable[..., Environment]:
    """What makes the environments of a backend.

    Args:
        backend: `threads` plays here, a browser per worker; `ray` on the machines of a Ray cluster.
        record_screenshots: have the picture in every observation, for the record; agents are shown it too.
        env_kwargs: further arguments of `WebEnv`.

    Raises:
        ConfigError: there is no such backend.
        MissingDependencyError: Ray is not installed.
    """
    kwargs = dict(env_kwargs or {})
    if record_screenshots:
        kwargs["observe"] = tuple({*kwargs.get("observe", ()), "screenshot"})
    if backend == "threads":
        return partial(WebEnv, **kwargs)
    if backend == "ray":
        from symbiotic_gym.rollout.cluster import Cluster

        return Cluster(kwargs).make_env
    raise ConfigError(
        explain(
            f"backend = {backend!r}",
            "'threads' or 'ray'",
            "it says on which machines the browsers run",
            "pass backend='threads' to play on this one",
        )
    )


def rollout(
    tasks: Sequence[str],
    agent: MakeAgent,
    seeds: Sequence[int],
    *,
    workers: int = 2,
    backend: Backend = "threads",
    max_steps: int = 20,
    retries: int = 2,
    act_timeout_s: float = 600.0,
    episode_timeout_s: float = 3600.0,
    instances: Sequence[str] = (),
    env_kwargs: Mapping[str, Any] | None = None,
    log: EpisodeLog | None = None,
    blobs: Blobs | None = None,
    on_episode: Callable[[Trajectory], None] = lambda trajectory: None,
) -> list[Trajectory]:
    """Play every task with every seed.

    Args:
        tasks: ids, `miniwob.click-test`.
        agent: a function or class that makes an agent; called without arguments, once per environment.
        seeds: of the task instances.
        workers: environments at once.
        backend: `threads`: on this machine; `ray`: on a Ray cluster, the one that RAY_ADDRESS names if it is set.
        max_steps: after so many steps an episode is truncated.
        retries: further tries of an episode that came out invalid, each in a fresh environment.
        act_timeout_s: seconds for one decision, after which the episode is invalid.
        episode_timeout_s: seconds for an episode, after which it is invalid.
        instances: names of the WebArenas to spread the environments over.
        env_kwargs: further arguments of `WebEnv`.
        log: where finished episodes are kept; those in it are not played again.
        blobs: where to keep a screenshot of every step.
        on_episode: called with each finished episode.

    Returns:
        One trajectory per task and seed, tasks outermost. They do not depend on `workers` or `backend` where the agent's
        decisions depend on its seed and what it sees alone; a local model's can depend on who shares its batch.

    Raises:
        ConfigError: `agent` makes no agents, or another argument has an unusable value.
        UnknownNameError: there is no such task.
        ModelError: the model is out of reach; what had ended is in the log.
    """
    check_maker(agent)
    episodes = [Episode(check_task(task), seed) for task in tasks for seed in seeds]
    make_env = environments(backend, record_screenshots=blobs is not None, env_kwargs=env_kwargs)
    with Rollouts(workers, make_env=make_env, retries=retries, instances=instances) as rollouts:
        first = agent()  # asked for its name, then the first to play
        unused = [first]
        return rollouts.run(
            episodes,
            lambda: unused.pop() if unused else agent(),
            name=agent_name(first),
            max_steps=max_steps,
            act_timeout_s=act_timeout_s,
            episode_timeout_s=episode_timeout_s,
            log=log,
            blobs=blobs,
            on_episode=on_episode,
        )
