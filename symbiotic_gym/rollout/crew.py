"""The threads that work off a list of jobs, and what comes of it: every attempt, in the order they end."""

import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic

from symbiotic_gym.errors import BrowserError, explain
from symbiotic_gym.policies import as_agent, decides_alone
from symbiotic_gym.rollout.deciding import Together
from symbiotic_gym.rollout.player import Limits, MakeAgent, NoRoomError, Player, Seat, StoppedError
from symbiotic_gym.rollout.schedule import Job, Schedule
from symbiotic_gym.store.blobs import Blobs
from symbiotic_gym.types import Trajectory

__all__ = ["Team", "play"]

_LEAVE_S = 10.0
"""How long to wait for a worker that was told to stop: a step may take that long, a model call that hangs for ever."""

Ended = tuple[int, Trajectory, bool]
"""A job's position, an attempt at it, and whether it is the last."""


@dataclass(frozen=True)
class Team:
    """What all workers share."""

    make_agent: MakeAgent
    name: str
    limits: Limits
    blobs: Blobs | None


def play(
    seats: Sequence[Seat], jobs: Sequence[Job], team: Team, retries: int, *, in_step: bool = False
) -> Generator[Ended, None, None]:
    """Every attempt at every job as it ends, and whether it is the last one at its job.

    Args:
        seats: for the workers' environments; no more are used than there are jobs.
        jobs: what to play.
        team: who plays.
        retries: further tries of what came out invalid.
        in_step: ask a model that batches when all workers wait for it.

    Raises:
        ModelError: the model is out for everybody; so is whatever else the agent raises.
        BrowserError: there is no machine left to play on.
    """
    if not jobs:
        return
    crew = _Crew(seats[: len(jobs)], jobs, team, retries, in_step)
    try:
        yield from crew.ended()
    finally:
        crew.leave()


class _Crew:
    def __init__(self, seats: Sequence[Seat], jobs: Sequence[Job], team: Team, retries: int, in_step: bool) -> None:
        self._team = team
        self._retries = retries
        self._schedule = Schedule(jobs)
        self._expected = len(jobs)
        self._ended: queue.Queue[Ended | BaseException | None] = queue.Queue(len(seats))
        first = as_agent(team.make_agent())  # asked how it wants to be asked; then it is the first to play
        self._unused = [first]
        self._together = None if decides_alone(first) else Together(len(seats) if in_step else 0)
        self._threads = [
            threading.Thread(target=self._work, args=(seat,), name=f"rollout-{number}", daemon=True)
            for number, seat in enumerate(seats)
        ]
        for thread in self._threads:
            thread.start()

    def ended(self) -> Iterator[Ended]:
        working, expected = len(self._threads), self._expected
        while working:
            item = self._ended.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                working -= 1
                continue
            expected -= item[2]
            yield item
        if expected:
            raise BrowserError(
                explain(
                    f"{expected} episodes were not played: there is no machine left for an environment",
                    "a cluster on which at least one browser has room",
                    "what was played is on record, the rest is not",
                    "add machines, then run the same command again: it goes on",
                )
            )

    def leave(self) -> None:
        """Stop whoever still works."""
        self._schedule.stop()
        deadline = monotonic() + _LEAVE_S
        while monotonic() < deadline and any(thread.is_alive() for thread in self._threads):
            with suppress(queue.Empty):  # a worker may wait for room in the queue
                self._ended.get(timeout=0.02)
        if self._together is not None:
            self._together.close()

    def _agent(self) -> object:
        try:
            return self._unused.pop()
        except IndexError:
            return self._team.make_agent()

    def _work(self, seat: Seat) -> None:
        team, schedule = self._team, self._schedule
        player = Player(
            seat,
            self._agent,
            team.name,
            team.limits,
            together=self._together,
            blobs=team.blobs,
            stopped=lambda: schedule.stopped,
        )
        step = _Step(self._together)
        try:
            while (job := schedule.take(seat.instance, on_wait=step.out)) is not None:
                step.back()
                if not self._play(player, job):
                    return
        except StoppedError:
            pass
        except BaseException as error:
            schedule.stop()
            self._ended.put(error)
        finally:
            player.close()
            step.out()
            self._ended.put(None)

    def _play(self, player: Player, job: Job) -> bool:
        """All attempts at a job; False when this worker has no place to play any more."""
        while True:
            try:
                trajectory = player.play(job)
            except NoRoomError:
                self._schedule.put_back(job)
                return False
            last = trajectory.outcome.scored or job.attempt >= self._retries
            self._ended.put((job.position, trajectory, last))
            if last:
                self._schedule.finish(job)
                return True
            job = replace(job, attempt=job.attempt + 1)


class _Step:
    """Whether a worker keeps step: one that waits for a job must not be waited for, or nobody would ever end."""

    def __init__(self, together: Together | None) -> None:
        self._together = together
        self._in = True

    def out(self) -> None:
        if self._in and self._together is not None:
            self._together.leave()
        self._in = False

    def back(self) -> None:
        if not self._in and self._together is not None:
            self._together.join()
        self._in = True
