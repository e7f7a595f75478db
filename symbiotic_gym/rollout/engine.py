"""The rollout engine: many environments at once, every finished episode kept, every fault told apart.

Each worker plays one episode after the other at its own pace; no environment waits for another's model call. Agents whose
model is cheaper for many at once are asked together (`deciding.py`). With `whole_waves` episodes are played in waves of as
many as there are workers, and a model that batches is asked in step: an interrupted run that goes on gets the very episodes
it would have got.

An episode that the infrastructure spoiled is on record with the reason and tried again in a fresh environment; the last try
counts. A model that is out of reach for everybody ends the run instead: what is not on record is played when it goes on.

What has ended waits in a short queue until it is on disk and `on_episode` has returned; workers that are faster wait.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self

from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.rollout.crew import Team, play
from symbiotic_gym.rollout.leases import claim_of
from symbiotic_gym.rollout.player import Environment, Limits, MakeAgent, Seat
from symbiotic_gym.rollout.schedule import Episode, Job, check_once
from symbiotic_gym.store.blobs import Blobs
from symbiotic_gym.store.episodes import EpisodeLog
from symbiotic_gym.types import Trajectory

__all__ = ["Episode", "Rollouts"]


class Rollouts:
    """Environments that are kept from one batch of episodes to the next. Use as a context manager.

    Args:
        workers: how many environments play at once, each with its own browser.
        make_env: makes one environment that can play any task through `reset(options={"task": ...})`; called with `instance`
            when there are several.
        retries: further tries of an episode that came out invalid.
        instances: names of the WebArenas to spread the workers over (`symbiotic_gym.suites.instances`); empty: the first one
            that is known, if a task needs one.

    Raises:
        ConfigError: `workers` is no number of environments, or fewer than there are instances; or `retries` is below 0.
    """

    def __init__(
        self,
        workers: int = 2,
        *,
        make_env: Callable[..., Environment] = WebEnv,
        retries: int = 2,
        instances: Sequence[str] = (),
    ) -> None:
        _check(workers, instances)
        _check_retries(retries)
        self.workers = workers
        self.retries = retries
        names = list(instances) or [""]
        self._seats = [Seat(_on(make_env, names[i % len(names)]), names[i % len(names)]) for i in range(workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all browsers."""
        for seat in self._seats:
            seat.clear()

    def run(self, episodes: Sequence[Episode], make_agent: MakeAgent, *, name: str, **options: Any) -> list[Trajectory]:
        """Play all episodes and return them in order: `stream`, gathered.

        Raises:
            ModelError: the model's endpoint is out; what had ended by then is in the log.
        """
        found = {Episode(t.task, t.seed): t for t in self.stream(episodes, make_agent, name=name, **options)}
        return [found[episode] for episode in episodes]

    def stream(
        self,
        episodes: Sequence[Episode],
        make_agent: MakeAgent,
        *,
        name: str,
        max_steps: int = 20,
        max_refused: int | None = None,
        act_timeout_s: float = 600.0,
        episode_timeout_s: float = 3600.0,
        log: EpisodeLog | None = None,
        blobs: Blobs | None = None,
        on_episode: Callable[[Trajectory], None] = lambda trajectory: None,
        whole_waves: bool = False,
    ) -> Generator[Trajectory, None, None]:
        """Play all episodes; each comes out when it is finished, and on disk.

        Args:
            episodes: what to play; each (task, seed) once.
            make_agent: makes one agent per worker.
            name: the agent's name on record.
            max_steps: after so many steps an episode is truncated.
            max_refused: so is one after so many refused actions in a row; None: not for that reason.
            act_timeout_s: seconds for one decision, after which the episode is invalid.
            episode_timeout_s: seconds for an episode, after which it is invalid.
            log: every attempt goes here as it ends; what is finished in it already is not played again.
            blobs: where to keep screenshots, of environments that observe them.
            on_episode: called for every episode when it is there, those from the log included.
            whole_waves: play in waves, one of which an episode is missing whole again; the log keeps what it has.

        Raises:
            ConfigError: an episode is there twice, or a limit is not above 0.
            ModelError: the model's endpoint is out; what had ended by then is in the log.
        """
        check_once(episodes)
        jobs = [Job(episode, position, claim_of(episode.task)) for position, episode in enumerate(episodes)]
        limits = Limits(steps=max_steps, refused=max_refused, act_timeout_s=act_timeout_s, episode_timeout_s=episode_timeout_s)
        team = Team(make_agent, name, limits, blobs)
        for start in range(0, len(jobs), self.workers if whole_waves else max(1, len(jobs))):
            wave = jobs[start : start + self.workers] if whole_waves else jobs
            done = set()
            for job in wave:
                if log is not None and log.finished(*_key(job), self.retries):
                    done.add(job.position)
                    on_episode(trajectory := log[_key(job)])
                    yield trajectory
            todo = wave if whole_waves and len(done) < len(wave) else [job for job in wave if job.position not in done]
            if log is not None:
                todo = [job if job.position in done else replace(job, attempt=log.attempts(*_key(job))) for job in todo]
            with closing(play(self._seats, todo, team, self.retries, in_step=whole_waves)) as played:
                for position, trajectory, last in played:
                    if position in done:
                        continue
                    if log is not None:
                        log.add(trajectory)
                    if last:
                        on_episode(trajectory)
                        yield trajectory


def _key(job: Job) -> tuple[str, int]:
    return job.episode.task, job.episode.seed


def _on(make_env: Callable[..., Environment], instance: str) -> Callable[[str], Environment]:
    return partial(make_env, instance=instance) if instance else make_env


def _check(workers: int, instances: Sequence[str]) -> None:
    if workers < max(1, len(instances)):
        raise ConfigError(
            explain(
                f"workers = {workers}" + (f" for {len(instances)} instances" if instances else ""),
                f"a whole number from {max(1, len(instances))} on",
                "so many environments play at once; without one nothing is played, and each instance needs one",
                f"pass workers={max(1, len(instances))}, which plays one episode after the other{' on each' * bool(instances)}",
            )
        )


def _check_retries(retries: int) -> None:
    if retries < 0:
        raise ConfigError(
            explain(
                f"retries = {retries}", "0 or more", "so often an invalid episode is tried again", "pass retries=0 for never"
            )
        )
