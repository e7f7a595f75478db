"""Agents across: BrowserGym's and AgentLab's in our environments, ours in BrowserGym's loop and AgentLab's studies, unchanged.

    env = gym.make("symbiotic/miniwob.click-test-v0", observe=KEYS)
    agent = BrowserGymPolicy(GenericAgentArgs(...))          # theirs, here

    ExpArgs(agent_args=PolicyArgs(MyPolicy), env_args=EnvArgs("miniwob.click-test")).run()    # ours, there
    make_study(benchmark="miniwob", agent_args=[PolicyArgs(MyPolicy)]).run()

Needs the package browsergym-experiments (the extra `interop`); AgentLab itself is not imported. AgentLab 0.4 wants openai 1.x
and some gigabytes beside it, so it gets an environment of its own: `make interop`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symbiotic_gym.agents.browsergym_observations import KEYS, from_browsergym, to_browsergym
from symbiotic_gym.agents.parsing import mend_call
from symbiotic_gym.errors import ConfigError, MissingDependencyError, explain
from symbiotic_gym.policies import agent_name as name_of
from symbiotic_gym.policies import as_agent
from symbiotic_gym.types import Decision, Observation, Usage

try:
    from browsergym.core.action import functions
    from browsergym.core.action.highlevel import HighLevelActionSet
    from browsergym.core.action.parsers import highlevel_action_parser
    from browsergym.experiments.agent import Agent as TheirAgent
    from browsergym.experiments.agent import AgentInfo
    from browsergym.experiments.loop import AbstractAgentArgs
except ModuleNotFoundError as error:
    raise MissingDependencyError(
        explain(
            f"BrowserGym's agents need the module {error.name}, which is not installed",
            "the package browsergym-experiments",
            "it defines what an agent is to BrowserGym and AgentLab",
            "pip install 'symbiotic-gym[interop]'",
        )
    ) from error

__all__ = ["KEYS", "BrowserGymPolicy", "PolicyAgent", "PolicyArgs"]


class BrowserGymPolicy:
    """An agent of BrowserGym or AgentLab as an `Agent` of ours; the environment has to be made with `observe=KEYS`.

    Where it answers with several calls, they are run one a step, and it is asked again after the last. Where it gives up, it
    waits for the step limit, as giving up is no answer to the task.

    Args:
        agent: their agent, or the arguments that make one: then every episode gets a fresh one.

    Raises:
        ConfigError: it is neither.
    """

    def __init__(self, agent: Any) -> None:
        self._make: Callable[[], Any] | None = getattr(agent, "make_agent", None)
        if self._make is None and not callable(getattr(agent, "get_action", None)):
            raise ConfigError(
                explain(
                    f"{agent!r:.80}, where an agent of BrowserGym is needed",
                    "an object with get_action, or agent arguments with make_agent",
                    "nothing else can choose an action",
                    "pass GenericAgentArgs(...), or the agent it makes",
                )
            )
        self.name = str(getattr(agent, "agent_name", None) or type(agent).__name__)
        self._agent: Any = agent if self._make is None else None
        self.reset("")

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Start an episode with a fresh agent, or reset the one there is."""
        self._fresh = True
        self._seed = seed
        self._left: list[str] = []
        self._started = time.monotonic()

    def act(self, observation: Observation) -> Decision:
        """The agent's next call."""
        if self._fresh:
            self._begin()
        if self._left:
            return Decision(action=self._left.pop(0), reason="the next call of the same answer", source=self.name)
        seen = to_browsergym(observation, elapsed_s=time.monotonic() - self._started)
        text, info = self._agent.get_action(self._agent.obs_preprocessor(seen))
        thought = str(_get(info, "think") or "")
        if text is None:
            return Decision(action="noop(1000)", reason=thought or "the agent gave up", source=self.name)
        first, *self._left = _calls(text)
        return Decision(action=first, reason=thought, usage=_usage(info), source=self.name)

    def _begin(self) -> None:
        self._fresh = False
        if self._make is not None:
            self._agent = self._make()
        elif callable(getattr(self._agent, "reset", None)):
            self._agent.reset(self._seed)


def _calls(text: str) -> list[str]:
    """The calls of an answer in our normal form; an answer that has none is passed on, for the environment to refuse."""
    matches = highlevel_action_parser.search_string(text)  # as BrowserGym finds them
    found = [mend_call(f"{name}({', '.join(map(repr, arguments))})") for match in matches for name, arguments in match]
    return [call for call in found if call] or [text]


def _usage(info: Any) -> Usage:
    stats = _get(info, "stats") or {}
    return Usage(
        requests=1,
        prompt_tokens=int(stats.get("input_tokens", 0)),
        completion_tokens=int(stats.get("output_tokens", 0)),
        cost_usd=float(stats.get("cost", 0.0)),
    )


def _get(info: Any, key: str) -> Any:
    return info.get(key) if hasattr(info, "get") else getattr(info, key, None)


class PolicyAgent(TheirAgent):  # type: ignore[misc] # BrowserGym ships no types
    """An agent of ours as BrowserGym's.

    Args:
        agent: whatever `symbiotic_gym.policies.as_agent` takes.
        seed: of the decisions it samples.
    """

    action_set = HighLevelActionSet(
        subsets=["chat", "infeas", "bid", "coord", "nav", "tab", "custom"],
        custom_actions=[functions.check, functions.uncheck],  # theirs, and in none of their subsets
        multiaction=False,
    )

    def __init__(self, agent: Any, *, seed: int | None = None) -> None:
        self._agent = as_agent(agent)
        self._seed = seed

    def obs_preprocessor(self, obs: dict[str, Any]) -> dict[str, Any]:
        """What is recorded and shown: our texts, and their picture."""
        return {**from_browsergym(obs), "screenshot": obs["screenshot"], "goal_object": obs["goal_object"]}

    def get_action(self, obs: dict[str, Any]) -> tuple[str, Any]:
        """Our agent's decision, and what it cost."""
        observation: Observation = {key: obs[key] for key in _TEXTS}  # type: ignore[assignment] # the keys of a TypedDict
        if not obs["last_action"]:  # so BrowserGym begins an episode
            self._agent.reset(obs["goal"], seed=self._seed)
        decision = self._agent.act(observation)
        stats = {
            "input_tokens": decision.usage.prompt_tokens,
            "output_tokens": decision.usage.completion_tokens,
            "cost": decision.usage.cost_usd,
        }
        return decision.action, AgentInfo(think=decision.reason, stats=stats, extra_info={"source": decision.source})


_TEXTS = ("goal", "page", "url", "title", "tabs", "last_action", "last_action_error")


@dataclass(init=False)
class PolicyArgs(AbstractAgentArgs):  # type: ignore[misc] # BrowserGym ships no types
    """What makes agents of ours for `ExpArgs` and for AgentLab's studies, which pickle it: `make` must be importable by name.

    Args:
        make: a class or function that makes an agent when called with `kwargs`; one is made per episode.
        agent_name: what tables call it; by default what `make` is called.
        kwargs: for `make`.
        seed: of the decisions it samples.

    Raises:
        ConfigError: `make` cannot be called.
    """

    make: Callable[..., Any]
    kwargs: dict[str, Any]
    seed: int | None

    def __init__(
        self,
        make: Callable[..., Any],
        *,
        agent_name: str = "",
        kwargs: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> None:
        if not callable(make):
            raise ConfigError(
                explain(
                    f"PolicyArgs({make!r:.80})",
                    "a class or function that makes an agent",
                    "every episode gets an agent of its own, in a process of its own",
                    "pass PolicyArgs(MyPolicy, kwargs={...})",
                )
            )
        self.make, self.kwargs, self.seed = make, kwargs or {}, seed
        self.agent_name = agent_name or name_of(make)

    def make_agent(self) -> PolicyAgent:
        """An agent for one episode."""
        return PolicyAgent(self.make(**self.kwargs), seed=self.seed)

    def set_benchmark(self, benchmark: Any, demo_mode: bool) -> None:
        """AgentLab says which benchmark follows; nothing of ours depends on it."""

    def set_reproducibility_mode(self) -> None:
        """Fix what is sampled."""
        self.seed = 0 if self.seed is None else self.seed
