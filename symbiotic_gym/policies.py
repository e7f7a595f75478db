"""What counts as an agent: anything with `act`, and plain functions too.

`as_agent` turns every accepted shape into the one the rest of the project works with (`reset`, `act` -> `Decision`); `act_all`
asks many agents at once where their model prefers that.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.protocols import Agent, BatchAgent
from symbiotic_gym.types import Decision, Observation, Trajectory

__all__ = [
    "NOT_KEPT",
    "Concurrent",
    "Observer",
    "Recorder",
    "Retelling",
    "act_all",
    "agent_name",
    "as_agent",
    "check_maker",
    "decides_alone",
]


@runtime_checkable
class Concurrent(Protocol):
    """A model, or an agent on one, that answers several callers at once as fast as one: an endpoint's."""

    concurrent: bool


@runtime_checkable
class Observer(Protocol):
    """An agent that wants to see the steps which something else decided, because it keeps a history."""

    def observe(self, observation: Observation) -> None:
        """Take note of an observation for which no decision is asked."""
        ...


NOT_KEPT = "(not kept: a detector failed on this page)"
"""What stands on record for a page of which nobody knows what is private in it."""


@runtime_checkable
class Recorder(Protocol):
    """An agent that has a say in what is put on record of its episodes, because some of it must not lie on a disk."""

    def record(self, trajectory: Trajectory) -> Trajectory:
        """The episode as it may be kept, logged and trained on."""
        ...

    def record_picture(self, observation: Observation) -> NDArray[np.uint8] | None:
        """The observation's screenshot as it may be kept; None: not at all."""
        ...


@runtime_checkable
class Retelling(Protocol):
    """An agent whose memory of the episode can be said anew, because something in it must not be said any more."""

    def retell(self, rewrite: Callable[[str], str]) -> None:
        """Put every text that is remembered through `rewrite`."""
        ...


class _Adapted:
    """An agent around anything less: no `reset`, a bare string as the answer, or a plain function."""

    def __init__(self, act: Callable[[Observation], Any], reset: Callable[..., Any] | None, name: str) -> None:
        self.name = name
        self._act = act
        self._reset = reset

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        if self._reset is not None:
            self._reset(goal, seed=seed)

    def act(self, observation: Observation) -> Decision:
        answer = self._act(observation)
        if isinstance(answer, Decision):
            return answer
        if isinstance(answer, str):
            return Decision(action=answer, source=self.name)
        raise ConfigError(
            explain(
                f"{self.name}.act returned {answer!r:.80}, a {type(answer).__name__}",
                'a Decision, or a bare action string such as click("12")',
                "an answer of another type cannot be run or put on record",
                "return the action's text, or symbiotic_gym.types.Decision(action=..., reason=...)",
            )
        )


class _AdaptedRecorder(_Adapted):
    """The same around one that has a say in what is put on record."""

    def __init__(
        self, act: Callable[[Observation], Any], reset: Callable[..., Any] | None, name: str, recorder: Recorder
    ) -> None:
        super().__init__(act, reset, name)
        self.record = recorder.record
        self.record_picture = recorder.record_picture


def as_agent(thing: Any) -> Agent:
    """Make an `Agent` of whatever can choose actions.

    Args:
        thing: an `Agent`; an object with only `act(observation)`; or a function of the observation. The answer may be a
            `Decision` or a bare action string.

    Returns:
        `thing` itself when it is a `BatchAgent` (whose answers are decisions by contract), else a thin wrapper around it.

    Raises:
        ConfigError: `thing` is none of these, for instance an agent's class instead of an agent.
    """
    if isinstance(thing, _Adapted):
        return thing
    if not isinstance(thing, type):
        if isinstance(thing, BatchAgent):
            return thing
        act = getattr(thing, "act", None)
        if callable(act):
            parts = (act, getattr(thing, "reset", None), agent_name(thing))
            return _AdaptedRecorder(*parts, thing) if isinstance(thing, Recorder) else _Adapted(*parts)
        if callable(thing):
            return _Adapted(thing, None, agent_name(thing))
    given = f"the class {thing.__name__}" if isinstance(thing, type) else f"{thing!r:.80}, a {type(thing).__name__}"
    raise ConfigError(
        explain(
            f"{given}, where an agent is needed",
            "an object with act(observation), or a function of the observation",
            "nothing else can choose an action",
            f"make an object of it: {thing.__name__}(...)"
            if isinstance(thing, type)
            else "wrap a language model in LargeAgent(model) or SmallAgent(model); give your own object an act method",
        )
    )


def agent_name(agent: Any) -> str:
    """What tables and records call an agent: its `name` if that is a text, else the name of its function or class."""
    name = getattr(agent, "name", None)
    if isinstance(name, str) and name:
        return name
    return str(getattr(agent, "__name__", type(agent).__name__))


def act_all(agents: Sequence[Agent], observations: Sequence[Observation]) -> list[Decision]:
    """One decision per agent, in order; in one call when all are batch agents of one class.

    Args:
        agents: all of one model and one configuration, if they are batch agents.
        observations: one per agent.
    """
    first = agents[0] if agents else None
    if isinstance(first, BatchAgent):
        batch = [agent for agent in agents if isinstance(agent, BatchAgent) and type(agent) is type(first)]
        if len(batch) == len(agents):
            return type(first).act_batch(batch, observations)
    return [agent.act(observation) for agent, observation in zip(agents, observations, strict=True)]


def decides_alone(agent: Agent) -> bool:
    """Whether asking it together with others gains nothing: it has no batch, or its model answers all callers at once."""
    return not isinstance(agent, BatchAgent) or (isinstance(agent, Concurrent) and agent.concurrent)


def check_maker(agent: Any) -> None:
    """Make sure that a rollout can make agents by calling `agent` without arguments.

    Raises:
        ConfigError: it is an agent itself, a function of the observation, or nothing that can be called.
    """
    if not isinstance(agent, type) and callable(getattr(agent, "act", None)):
        given, do = f"the agent {agent_name(agent)}", "what makes agents instead of one"
    elif not callable(agent):
        given, do = f"{agent!r:.80}, a {type(agent).__name__}", "a function or class that makes an agent"
    elif not _takes_nothing(agent):
        given, do = f"{agent_name(agent)}, which cannot be called without arguments", "a function that needs none"
    else:
        return
    raise ConfigError(
        explain(
            f"{given}, as the agent of a rollout",
            "a function or class that makes an agent when it is called without arguments",
            "environments play at the same time, and each needs an agent with a memory of its own",
            f"pass {do}: rollout(tasks, MyPolicy, seeds); for a function of the observation rollout(tasks, lambda: act, seeds)",
        )
    )


def _takes_nothing(call: Callable[..., Any]) -> bool:
    try:
        inspect.signature(call).bind()
    except TypeError:
        return False
    except ValueError:  # built-in, and does not say what it takes
        return True
    return True
