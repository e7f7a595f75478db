"""A rollout into a run folder: begun once, gone on with by the same call, in the end equal to an uninterrupted one."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from symbiotic_gym.policies import agent_name, check_maker
from symbiotic_gym.progress import Progress
from symbiotic_gym.rollout.engine import Rollouts
from symbiotic_gym.rollout.player import Limits, MakeAgent
from symbiotic_gym.rollout.run import Backend, environments
from symbiotic_gym.rollout.schedule import Episode, check_once
from symbiotic_gym.store.blobs import Blobs
from symbiotic_gym.store.clock import PhaseClock
from symbiotic_gym.store.episodes import EpisodeLog
from symbiotic_gym.store.folder import RunFolder, write_json
from symbiotic_gym.store.tally import Tally
from symbiotic_gym.suites import check_task

__all__ = ["RolloutConfig", "record_rollout"]

_METRICS_EVERY_S = 2.0


@dataclass(frozen=True, kw_only=True)
class RolloutConfig:
    """What a run consists of; a folder that was begun with another is refused.

    Where it is played, how many at once, and how often an invalid episode is tried again are no part of it.

    Attributes:
        tasks: ids, `miniwob.click-test`.
        agent: how the agent was named.
        seeds: of the task instances.
        max_steps: after so many steps an episode is truncated.
        act_timeout_s: seconds for one decision.
        episode_timeout_s: seconds for an episode.
        record_screenshots: keep a picture of every step.
        env_kwargs: further arguments of `WebEnv`, JSON values.

    Raises:
        UnknownNameError: there is no such task.
        ConfigError: a task or a seed is there twice, or a limit is not above 0.
    """

    tasks: Sequence[str]
    agent: str
    seeds: Sequence[int]
    max_steps: int = 20
    act_timeout_s: float = 600.0
    episode_timeout_s: float = 3600.0
    record_screenshots: bool = False
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tasks", [check_task(task) for task in self.tasks])
        object.__setattr__(self, "seeds", list(self.seeds))
        check_once(self.episodes)
        Limits(steps=self.max_steps, act_timeout_s=self.act_timeout_s, episode_timeout_s=self.episode_timeout_s)

    @property
    def episodes(self) -> list[Episode]:
        """What to play: every task with every seed."""
        return [Episode(task, seed) for task in self.tasks for seed in self.seeds]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def record_rollout(
    config: RolloutConfig,
    make_agent: MakeAgent,
    out: Path,
    *,
    workers: int = 2,
    retries: int = 2,
    backend: Backend = "threads",
    instances: Sequence[str] = (),
    progress: Progress | None = None,
) -> Tally:
    """Play every task with every seed into a run folder, or go on with it where it was interrupted.

    Args:
        config: what to play.
        make_agent: makes one agent per environment.
        out: the run folder. Holds `run.json`, `episodes.jsonl`, `blobs/` where pictures are recorded, `metrics.json`.
        workers: environments at once.
        retries: further tries of an episode that came out invalid, those of earlier calls included: with more of them a run
            that had ended plays its invalid episodes again.
        backend: `threads` or `ray`.
        instances: names of the WebArenas to spread the environments over.
        progress: where to tell how far it is; silent when None.

    Returns:
        What the episodes came down to, those of earlier calls included.

    Raises:
        StoreError: the folder is in use, damaged, or of another run; before any work starts.
        ConfigError: an argument has an unusable value.
        ModelError: the model is out of reach; what had ended is in the folder, and the same call goes on.
    """
    check_maker(make_agent)
    make_env = environments(backend, record_screenshots=config.record_screenshots, env_kwargs=config.env_kwargs)
    episodes = config.episodes
    players = Rollouts(workers, make_env=make_env, retries=retries, instances=instances)
    tally, clock = Tally(), PhaseClock(out / "seconds.json")
    with (
        RunFolder(out, config.to_json()),
        players as rollouts,
        clock.phase("rollout"),
        (progress or Progress(quiet=True)).phase(f"{config.agent} plays", len(episodes)) as bar,
    ):
        first = make_agent()  # asked for its name, then the first to play
        unused = [first]
        written = time.monotonic()
        for trajectory in rollouts.stream(
            episodes,
            lambda: unused.pop() if unused else make_agent(),
            name=agent_name(first),
            max_steps=config.max_steps,
            act_timeout_s=config.act_timeout_s,
            episode_timeout_s=config.episode_timeout_s,
            log=EpisodeLog(out / "episodes.jsonl"),
            blobs=Blobs(out / "blobs") if config.record_screenshots else None,
        ):
            tally.add(trajectory)
            clock.tick()
            bar.advance(_note(tally))
            if time.monotonic() - written > _METRICS_EVERY_S:
                written = time.monotonic()
                write_json(out / "metrics.json", tally.to_json() | {"finished": False})
        write_json(out / "metrics.json", tally.to_json() | {"finished": True})
    return tally


def _note(tally: Tally) -> str:
    invalid = sum(tally.invalid.values())
    return f"{tally.total['success']} succeeded" + (f", {invalid} invalid" if invalid else "")
