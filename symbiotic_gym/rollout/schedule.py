"""What is to be played, handed out one by one to whoever is free.

The order is that of the list, except for tasks on shared sites: those go by (seed, number), the benchmark's own order, and one
that has to wait for a site lets others pass that it does not conflict with. Nothing overtakes what it conflicts with, so no
task waits for ever, and on every instance conflicting tasks are played in the benchmark's order. While one plays on instance
one, the next may play on instance two.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.rollout.leases import Claim, Leases

__all__ = ["Episode", "Job", "Schedule", "check_once"]


@dataclass(frozen=True)
class Episode:
    """What to play: a task id (`miniwob.click-test`) and the seed of its instance."""

    task: str
    seed: int


@dataclass(frozen=True)
class Job:
    """An episode's turn."""

    episode: Episode
    position: int
    """In the list of episodes; decides ties, so that nothing depends on who was faster."""
    claim: Claim = Claim()  # noqa: RUF009 - frozen
    attempt: int = 0
    """How many invalid tries came before."""


def check_once(episodes: Sequence[Episode]) -> None:
    """Make sure that no episode is there twice.

    Raises:
        ConfigError: one is.
    """
    twice = next((episode for episode, n in Counter(episodes).items() if n > 1), None)
    if twice is not None:
        raise ConfigError(
            explain(
                f"{twice.task} with seed {twice.seed} is asked for twice",
                "each task and each seed once",
                "an episode counts once, and is on record once",
                "name it once; other seeds give other instances of the task",
            )
        )


class Schedule:
    """Jobs that wait, jobs that run, and the leases between them. Safe for many threads."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._waiting = {job.position: job for job in sorted(jobs, key=_turn)}
        self._running: dict[int, str] = {}
        self._leases = Leases()
        self._changed = threading.Condition()
        self._stopped = False

    @property
    def stopped(self) -> bool:
        return self._stopped

    def take(self, instance: str = "", *, on_wait: Callable[[], None] = lambda: None) -> Job | None:
        """The next job that can be played on `instance`; waits for one.

        Args:
            instance: where the one who asks plays.
            on_wait: called, once or several times, when there is none yet, but may be later.

        Returns:
            None when all jobs are finished, or the schedule was stopped. As long as any runs it may come back.
        """
        with self._changed:
            while not self._stopped and (self._waiting or self._running):
                job = self._first(instance)
                if job is not None:
                    del self._waiting[job.position]
                    self._running[job.position] = instance
                    self._leases.take(instance, job.claim)
                    return job
                on_wait()
                self._changed.wait()
        return None

    def finish(self, job: Job) -> None:
        """The job is done with."""
        with self._changed:
            self._leases.give_back(self._running.pop(job.position), job.claim)
            self._changed.notify_all()

    def put_back(self, job: Job) -> None:
        """The job was not played to an end: somebody else shall take it, before all others."""
        with self._changed:
            self._leases.give_back(self._running.pop(job.position), job.claim)
            self._waiting = {job.position: job} | self._waiting
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _first(self, instance: str) -> Job | None:
        read: set[str] = set()
        written: set[str] = set()
        for job in self._waiting.values():
            claim = job.claim
            overtakes = claim.sites & (read | written if claim.writes else written)
            if not overtakes and self._leases.free(instance, claim):
                return job
            (written if claim.writes else read).update(claim.sites)
        return None


def _turn(job: Job) -> tuple[int, int, int, int]:
    number = job.episode.task.rpartition(".")[2]
    if job.claim.sites and number.isdecimal():
        return 0, job.episode.seed, int(number), job.position
    return 1, 0, 0, job.position
