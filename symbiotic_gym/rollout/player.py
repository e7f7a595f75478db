"""One worker's part: an environment that is kept, an agent, and an episode played to its end or to the fault that ended it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic, perf_counter
from typing import Any, Protocol

from symbiotic_gym.errors import ConfigError, DeadlineError, InfrastructureError, ModelError, explain
from symbiotic_gym.policies import Recorder, as_agent
from symbiotic_gym.protocols import Agent
from symbiotic_gym.rollout.deciding import Hand, Together
from symbiotic_gym.rollout.schedule import Job
from symbiotic_gym.store.blobs import Blobs
from symbiotic_gym.store.folder import versions
from symbiotic_gym.types import Decision, Observation, Outcome, Step, Trajectory

__all__ = ["Environment", "Limits", "MakeAgent", "NoRoomError", "Player", "Seat", "StoppedError"]

MakeAgent = Callable[[], Any]
"""Makes an agent, or anything that `symbiotic_gym.policies.as_agent` can make one of."""


class Environment(Protocol):
    """What is used of `WebEnv`."""

    def reset(self, *, seed: int, options: dict[str, str]) -> tuple[Observation, dict[str, Any]]: ...
    def step(self, action: str) -> tuple[Observation, float, bool, bool, dict[str, Any]]: ...
    def conclude(self) -> tuple[float, dict[str, Any]]: ...
    def close(self) -> None: ...


class StoppedError(Exception):
    """The run ends; the episode at hand is not on record and will be played when it goes on."""


class NoRoomError(Exception):
    """There is no machine left for another environment; somebody else plays the episode."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When an episode is cut short.

    Attributes:
        steps: after so many it is truncated.
        refused: so is one after so many refused actions in a row; None: not for that reason.
        act_timeout_s: seconds for one decision; one that takes longer makes the episode invalid.
        episode_timeout_s: seconds for a whole episode; one that is not over by then is invalid and not truncated, since a limit
            of time would single out the longest ones.

    Raises:
        ConfigError: one is not above 0.
    """

    steps: int = 20
    refused: int | None = None
    act_timeout_s: float = 600.0
    episode_timeout_s: float = 3600.0

    def __post_init__(self) -> None:
        numbers: dict[str, float] = {
            "max_steps": self.steps,
            "act_timeout_s": self.act_timeout_s,
            "episode_timeout_s": self.episode_timeout_s,
        }
        if self.refused is not None:
            numbers["max_refused"] = self.refused
        for name, number in numbers.items():
            if not number > 0:  # NaN is no limit either
                raise ConfigError(
                    explain(
                        f"{name} = {number}",
                        "a number above 0",
                        "no episode could come to an end of its own",
                        "leave it out for the usual limit",
                    )
                )

    def reached(self, steps: Sequence[Step]) -> bool:
        lately = steps[-self.refused :] if self.refused else []
        return len(steps) >= self.steps or (len(lately) == self.refused and all(step.error for step in lately))


class Seat:
    """A place for one environment, which stays from episode to episode until one is spoiled.

    Args:
        make_env: makes one that can play any task through `reset(options={"task": ...})`.
        instance: which instance of the sites it plays on.
    """

    def __init__(self, make_env: Callable[[str], Environment], instance: str) -> None:
        self.instance = instance
        self._make_env = make_env
        self._env: Environment | None = None

    def env(self, task: str) -> Environment:
        """The environment; the first call makes it, for `task`."""
        if self._env is None:
            self._env = self._make_env(task)
        return self._env

    def clear(self) -> None:
        """End the environment; the next one is a fresh one."""
        env, self._env = self._env, None
        if env is not None:
            env.close()


class Player:
    """Plays jobs on a seat.

    Args:
        seat: where the environment is.
        make_agent: makes the agent; asked again when one was left behind in a call that did not return.
        name: the agent's on record.
        limits: when to cut an episode short.
        together: what asks the agents of several players at once; None: each is asked for itself.
        blobs: where screenshots are kept; None: they are not.
        stopped: whether to end.
    """

    def __init__(
        self,
        seat: Seat,
        make_agent: MakeAgent,
        name: str,
        limits: Limits,
        *,
        together: Together | None,
        blobs: Blobs | None,
        stopped: Callable[[], bool],
    ) -> None:
        self._seat = seat
        self._make_agent = make_agent
        self._name = name
        self._limits = limits
        self._together = together
        self._blobs = blobs
        self._stopped = stopped
        self._agent: Agent | None = None
        self._hand: Hand | None = None

    def play(self, job: Job) -> Trajectory:
        """One attempt at an episode.

        Raises:
            ModelError: the model is out for everybody.
            NoRoomError: the environment is gone and there is no place for another.
            StoppedError: the run ends.
        """
        attempt = _Attempt(job)
        try:
            self._run(attempt, monotonic() + self._limits.episode_timeout_s)
        except InfrastructureError as error:
            if isinstance(error, ModelError) and error.outage:
                raise
            attempt.outcome = Outcome(status="invalid", kind=error.kind, message=str(error))
        if not attempt.outcome.scored:
            self._seat.clear()
        return self._record(attempt)

    def close(self) -> None:
        """Let go of the agent."""
        if self._hand is not None:
            self._hand.close()

    def _run(self, attempt: "_Attempt", deadline: float) -> None:
        episode = attempt.job.episode
        env = self._seat.env(episode.task)
        attempt.seen, _ = env.reset(seed=episode.seed, options={"task": episode.task})
        self._begin(attempt)
        while True:
            if self._stopped():
                raise StoppedError
            if monotonic() > deadline:
                raise _overdue(self._limits.episode_timeout_s)
            before = attempt.seen
            decision, act_s = self._decide(attempt.job, before, deadline)
            started = perf_counter()
            attempt.seen, reward, terminated, truncated, info = env.step(decision.action)
            attempt.steps.append(
                Step(
                    observation=_texts(before),
                    decision=decision,
                    reward=reward,
                    error=attempt.seen["last_action_error"],
                    act_s=round(act_s, 4),
                    step_s=round(perf_counter() - started, 4),
                    screenshot=self._keep(before, attempt.recorder),
                    box=info.pop("box", None),
                )
            )
            if not (terminated or truncated) and self._limits.reached(attempt.steps):
                reward, info = env.conclude()  # a task that is judged once, at the end, is judged as it stands
                attempt.steps[-1] = replace(attempt.steps[-1], reward=reward)
                terminated = True
            if terminated or truncated:
                attempt.outcome = _outcome(info)
                return

    def _begin(self, attempt: "_Attempt") -> None:
        goal, seed = attempt.seen["goal"], attempt.job.episode.seed
        if self._agent is None or self._hand is None:
            self.close()
            self._hand = Hand(f"{threading.current_thread().name}-agent")
            self._agent = self._hand.call(lambda: as_agent(self._make_agent()), self._limits.act_timeout_s)
        agent = self._agent
        attempt.recorder = agent if isinstance(agent, Recorder) else None
        self._ask(lambda: agent.reset(goal, seed=seed), self._limits.act_timeout_s)

    def _decide(self, job: Job, observation: Observation, deadline: float) -> tuple[Decision, float]:
        agent, started = self._agent, perf_counter()
        assert agent is not None  # _begin made it
        timeout_s = min(self._limits.act_timeout_s, max(0.001, deadline - monotonic()))
        if self._together is not None:
            try:
                return self._together.decide(agent, observation, job.position, timeout_s)
            except ModelError:
                self._agent = None  # it may still be in that call
                raise
        return self._ask(lambda: agent.act(observation), timeout_s), perf_counter() - started

    def _ask(self, function: Callable[[], Any], timeout_s: float) -> Any:
        assert self._hand is not None  # _begin made it
        try:
            return self._hand.call(function, timeout_s)
        except ModelError:
            self._hand.close()
            self._hand = self._agent = None
            raise

    def _keep(self, observation: Observation, recorder: Recorder | None) -> str:
        if self._blobs is None or "screenshot" not in observation:
            return ""
        picture = observation["screenshot"] if recorder is None else recorder.record_picture(observation)
        return "" if picture is None else self._blobs.add_picture(picture)

    def _record(self, attempt: "_Attempt") -> Trajectory:
        job, seen, known, recorder = attempt.job, attempt.seen, versions(), attempt.recorder
        trajectory = Trajectory(
            task=job.episode.task,
            seed=job.episode.seed,
            goal=seen.get("goal", ""),
            agent=self._name,
            steps=tuple(attempt.steps),
            outcome=attempt.outcome,
            final=_texts(seen),
            final_screenshot=self._keep(seen, recorder),
            attempt=job.attempt,
            versions={key: known[key] for key in ("symbiotic-gym", "browsergym-core") if key in known},
        )
        return trajectory if recorder is None else recorder.record(trajectory)


class _Attempt:
    """What is known of an episode while it is played."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.seen: Observation = {}
        self.steps: list[Step] = []
        self.outcome = Outcome(status="invalid", kind="infrastructure")
        self.recorder: Recorder | None = None
        """The agent, where it has a say in what is kept; it stays here when the player lets go of a stuck agent."""


def _outcome(info: dict[str, Any]) -> Outcome:
    if "error_kind" in info:
        return Outcome(status="invalid", kind=info["error_kind"], message=info["error"])
    return Outcome(status=info["outcome"])


def _overdue(timeout_s: float) -> DeadlineError:
    return DeadlineError(
        explain(
            f"the episode was not over after {timeout_s:g} s",
            "an end in time",
            "what a slow machine, site or model cuts off says nothing about the policy: the episode counts as invalid",
            "see which of its steps took long (act_s and step_s on record), or raise episode_timeout_s",
        )
    )


def _texts(observation: Observation) -> dict[str, str]:
    return {key: value for key, value in observation.items() if isinstance(value, str) and key != "goal"}
