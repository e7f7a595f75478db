"""How agents are asked: each in a thread of its own, or several in one call of their model; with a deadline either way.

A model call that does not come back cannot be interrupted. It is left behind in its daemon thread, the episode is *invalid*,
and whoever goes on does so with a new thread and a new agent.

Together means: whenever the model is free it gets all that wait for it. In step means: it is asked only when everybody who
plays waits, so that who is in a batch does not depend on who was faster. The rounding of a local model's batch depends on who
is in it, so that is what makes its episodes repeatable.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

from symbiotic_gym.errors import ConfigError, ModelError, explain
from symbiotic_gym.policies import act_all
from symbiotic_gym.protocols import Agent
from symbiotic_gym.types import Decision, Observation

__all__ = ["Hand", "Together"]

T = TypeVar("T")


class Hand:
    """A daemon thread that makes one call after another; an agent lives in one, since some keep to the thread they began in."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def call(self, function: Callable[[], T], timeout_s: float) -> T:
        """Call it there.

        Raises:
            ModelError: it did not come back within `timeout_s`; this hand is of no use any more.
        """
        future: Future[T] = Future()
        self._calls.put((future, function))
        return _awaited(future, timeout_s)

    def close(self) -> None:
        """Let the thread end, when its call does."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            future, function = call
            try:
                future.set_result(function())
            except BaseException as error:
                future.set_exception(error)


@dataclass(order=True)
class _Request:
    position: int
    agent: Agent = field(compare=False)
    observation: Observation = field(compare=False)
    answer: "Future[tuple[Decision, float]]" = field(compare=False, default_factory=Future)


class Together:
    """Asks the agents of several episodes in one call of `act_all`.

    Args:
        in_step: how many play; the model is asked when all of them wait. 0: whenever it is free.
    """

    def __init__(self, in_step: int = 0) -> None:
        self._players = in_step
        self._in_step = in_step > 0
        self._waiting: list[_Request] = []
        self._changed = threading.Condition()
        self._closed = False
        self._start()

    def decide(self, agent: Agent, observation: Observation, position: int, timeout_s: float) -> tuple[Decision, float]:
        """The agent's decision, and its share of the seconds that the call took.

        Args:
            agent: who is asked.
            observation: about what.
            position: the episode's, by which a batch is ordered.
            timeout_s: how long to wait for the answer.

        Raises:
            ModelError: there was none in time, or the model failed.
        """
        request = _Request(position, agent, observation)
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()
        try:
            return _awaited(request.answer, timeout_s)
        except ModelError:
            with self._changed:
                if request in self._waiting:  # the model is busy with others, and stays so
                    self._waiting.remove(request)
                if not request.answer.done():
                    self._start()
            raise

    def join(self) -> None:
        """One more plays in step."""
        with self._changed:
            self._players += 1

    def leave(self) -> None:
        """One of those in step has nothing to play, for now or for good."""
        with self._changed:
            self._players -= 1
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._work, name="rollout-model", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._closed or self._ready()):
                    self._changed.wait()
                if self._closed or self._thread is not threading.current_thread():  # left behind by a missed deadline
                    return
                batch, self._waiting = sorted(self._waiting), []
            _answer(batch)

    def _ready(self) -> bool:
        if self._thread is not threading.current_thread():
            return True
        return bool(self._waiting) and (not self._in_step or len(self._waiting) >= self._players)


def _answer(batch: list[_Request]) -> None:
    started = perf_counter()
    try:
        decisions = act_all([request.agent for request in batch], [request.observation for request in batch])
        _check(decisions, batch)
    except BaseException as error:
        for request in batch:
            request.answer.set_exception(error)
        return
    share = (perf_counter() - started) / len(batch)
    for request, decision in zip(batch, decisions, strict=True):
        request.answer.set_result((decision, share))


def _check(decisions: Sequence[object], batch: Sequence[_Request]) -> None:
    """Make sure that there is a decision for each that asked: nobody else would ever be answered."""
    if len(decisions) != len(batch) or not all(isinstance(decision, Decision) for decision in decisions):
        raise ConfigError(
            explain(
                f"{type(batch[0].agent).__name__}.act_batch returned {decisions!r:.80}",
                f"{len(batch)} Decisions, one per agent, in order",
                "an answer of another kind cannot be run or put on record",
                "return [Decision(action=...), ...]",
            )
        )


def _awaited(future: "Future[T]", timeout_s: float) -> T:
    try:
        return future.result(timeout_s)
    except FutureTimeout:
        if future.done():  # the call itself raised a TimeoutError
            raise
        raise ModelError(
            explain(
                f"the agent did not decide within {timeout_s:.4g} s",
                "a decision in time",
                "a model that hangs says nothing about the policy: the episode counts as invalid",
                "see whether the model is up; raise act_timeout_s if it is just slow",
            )
        ) from None
