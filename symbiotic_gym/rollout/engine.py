"""The rollout engine: many environments at once, agents decided together, every finished episode kept.

Episodes are played in waves of as many as there are environments. Within a wave everybody decides together (one call of
`act_batch` where the agent has it), then all environments step at the same time. The rounding of a local model's batch can
depend on who else is in it; with `whole_waves` a wave is therefore the unit of repetition too, and an interrupted run that
goes on gets the very episodes it would have got.

An episode that the infrastructure spoiled is tried again in a fresh browser, and is on record as *invalid* when that does not
help. A model that is out of reach for everybody ends the run instead: what is not on record is played when it goes on.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError, InfrastructureError, ModelError, explain
from symbiotic_gym.policies import Recorder, act_all, agent_name, as_agent, check_maker
from symbiotic_gym.protocols import Agent
from symbiotic_gym.store.episodes import EpisodeLog
from symbiotic_gym.store.folder import versions
from symbiotic_gym.suites import check_task
from symbiotic_gym.types import Decision, Observation, Outcome, Step, Trajectory

__all__ = ["Episode", "Rollouts", "rollout"]

MakeAgent = Callable[[], Any]
"""Makes an agent, or anything that `symbiotic_gym.policies.as_agent` can make one of."""


@dataclass(frozen=True)
class Episode:
    """What to play: a task id (`miniwob.click-test`) and the seed of its instance."""

    task: str
    seed: int


@dataclass(frozen=True)
class _Limits:
    """When an episode is cut short."""

    steps: int
    refused: int | None

    def reached(self, steps: Sequence[Step]) -> bool:
        lately = steps[-self.refused :] if self.refused else []
        return len(steps) >= self.steps or (len(lately) == self.refused and all(step.error for step in lately))


@dataclass
class _Slot:
    """One environment's place in a wave."""

    episode: Episode
    env: WebEnv
    agent: Agent
    attempt: int = 0
    observation: Observation | None = None
    steps: list[Step] = field(default_factory=list)
    outcome: Outcome | None = None


class Rollouts:
    """Environments that are kept from one batch of episodes to the next. Use as a context manager.

    Args:
        workers: how many environments play at once, each with its own browser.
        make_env: makes one environment that can play any task through `reset(options={"task": ...})`.
        retries: further tries of an episode that came out invalid.

    Raises:
        ConfigError: `workers` is no number of environments.
    """

    def __init__(self, workers: int = 2, *, make_env: Callable[[str], WebEnv] = WebEnv, retries: int = 2) -> None:
        if workers < 1:
            raise ConfigError(
                explain(
                    f"workers = {workers}",
                    "a whole number from 1 on",
                    "so many environments play at once, and without one nothing is played",
                    "pass workers=1 to play one episode after the other",
                )
            )
        self.workers = workers
        self.retries = retries
        self._make_env = make_env
        self._envs: list[WebEnv] = []
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="rollout")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all browsers."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for env in self._envs:
            env.close()
        self._envs.clear()

    def run(
        self,
        episodes: Sequence[Episode],
        make_agent: MakeAgent,
        *,
        name: str,
        max_steps: int = 20,
        max_refused: int | None = None,
        log: EpisodeLog | None = None,
        on_episode: Callable[[Trajectory], None] = lambda trajectory: None,
        whole_waves: bool = False,
    ) -> list[Trajectory]:
        """Play all episodes and return them in order.

        Args:
            episodes: what to play; each (task, seed) once.
            make_agent: makes one agent per environment.
            name: the agent's name on record.
            max_steps: after so many steps an episode is truncated.
            max_refused: so is one after so many refused actions in a row; None: not for that reason.
            log: finished episodes go here as they end; those in it already are not played again.
            on_episode: called for every episode when it is there, those from the log included.
            whole_waves: play a wave of which an episode is missing whole again; the log keeps what it has.

        Raises:
            ModelError: the model's endpoint is out; what had ended by then is in the log.
        """
        found: dict[Episode, Trajectory] = {}
        agents: list[Agent] = []
        for start in range(0, len(episodes), self.workers):
            wave = episodes[start : start + self.workers]
            done = {e: log[e.task, e.seed] for e in wave if log is not None and (e.task, e.seed) in log}
            missing = [e for e in wave if e not in done]
            todo = wave if missing and whole_waves else missing
            while len(agents) < len(todo):
                agents.append(as_agent(make_agent()))
            for trajectory in done.values():
                on_episode(trajectory)
            for trajectory in self._play(todo, agents, name, _Limits(max_steps, max_refused)):
                episode = Episode(trajectory.task, trajectory.seed)
                if episode in done:
                    continue
                if log is not None:
                    log.add(trajectory)
                done[episode] = trajectory
                on_episode(trajectory)
            found |= done
        return [found[episode] for episode in episodes]

    def _play(self, wave: Sequence[Episode], agents: Sequence[Agent], name: str, limits: _Limits) -> Iterator[Trajectory]:
        """The wave's episodes in the order they end, each as soon as its round is over."""
        while len(self._envs) < len(wave):
            self._envs.append(self._make_env(wave[len(self._envs)].task))
        slots = [_Slot(e, env, agent) for e, env, agent in zip(wave, self._envs, agents, strict=False)]
        list(self._pool.map(self._begin, slots))
        going = slots
        while going:
            yield from (_record(slot, name) for slot in going if slot.outcome is not None)
            going = [slot for slot in going if slot.outcome is None]
            if going:
                self._round(going, limits)

    def _round(self, active: list[_Slot], limits: _Limits) -> None:
        started = perf_counter()
        try:
            decisions = act_all([slot.agent for slot in active], [_seen(slot) for slot in active])
        except InfrastructureError as error:
            if isinstance(error, ModelError) and error.outage:
                raise
            for slot in active:
                self._spoil(slot, error)
            return
        act_s = (perf_counter() - started) / len(active)
        list(self._pool.map(lambda pair: self._step(pair[0], pair[1], act_s, limits), zip(active, decisions, strict=True)))

    def _begin(self, slot: _Slot) -> None:
        slot.steps, slot.outcome = [], None
        try:
            slot.observation, _ = slot.env.reset(seed=slot.episode.seed, options={"task": slot.episode.task})
        except InfrastructureError as error:
            self._spoil(slot, error)
            return
        slot.agent.reset(slot.observation["goal"], seed=slot.episode.seed)

    def _step(self, slot: _Slot, decision: Decision, act_s: float, limits: _Limits) -> None:
        before, started = _seen(slot), perf_counter()
        observation, reward, terminated, truncated, info = slot.env.step(decision.action)
        slot.observation = observation
        slot.steps.append(
            Step(
                observation=_texts(before),
                decision=decision,
                reward=reward,
                error=observation["last_action_error"],
                act_s=round(act_s, 4),
                step_s=round(perf_counter() - started, 4),
            )
        )
        if "error_kind" in info:
            self._spoil(slot, info["error"], info["error_kind"])
        elif terminated or truncated:
            slot.outcome = Outcome(status=info["outcome"])
        elif limits.reached(slot.steps):
            self._cut(slot)

    def _cut(self, slot: _Slot) -> None:
        """End an episode at its limit; a task that is judged once, at the end, is judged as it stands."""
        reward, info = slot.env.conclude()
        slot.steps[-1] = replace(slot.steps[-1], reward=reward)
        if "error_kind" in info:
            self._spoil(slot, info["error"], info["error_kind"])
        else:
            slot.outcome = Outcome(status=info["outcome"])

    def _spoil(self, slot: _Slot, error: InfrastructureError | str, kind: str = "") -> None:
        """Try the episode again from its start, or put it on record as invalid."""
        if slot.attempt < self.retries:
            slot.attempt += 1
            self._begin(slot)
            return
        kind = error.kind if isinstance(error, InfrastructureError) else kind
        slot.outcome = Outcome(status="invalid", kind=kind, message=str(error))


def rollout(
    tasks: Sequence[str],
    agent: MakeAgent,
    seeds: Sequence[int],
    *,
    workers: int = 2,
    max_steps: int = 20,
    log: EpisodeLog | None = None,
    on_episode: Callable[[Trajectory], None] = lambda trajectory: None,
) -> list[Trajectory]:
    """Play every task with every seed.

    Args:
        tasks: ids, `miniwob.click-test`.
        agent: a function or class that makes an agent; called without arguments, once per environment.
        seeds: of the task instances.
        workers: environments at once.
        max_steps: after so many steps an episode is truncated.
        log: where finished episodes are kept; those in it are not played again.
        on_episode: called with each finished episode.

    Returns:
        One trajectory per task and seed, tasks outermost.

    Raises:
        ConfigError: `agent` makes no agents, or `workers` is no number of environments.
        UnknownNameError: there is no such task.
    """
    check_maker(agent)
    episodes = [Episode(check_task(task), seed) for task in tasks for seed in seeds]
    with Rollouts(workers) as rollouts:
        first = agent()  # asked for its name, then the first to play
        unused = [first]
        return rollouts.run(
            episodes,
            lambda: unused.pop() if unused else agent(),
            name=agent_name(first),
            max_steps=max_steps,
            log=log,
            on_episode=on_episode,
        )


def _seen(slot: _Slot) -> Observation:
    assert slot.observation is not None  # an active slot has been begun
    return slot.observation


def _texts(observation: Observation) -> dict[str, str]:
    return {key: value for key, value in observation.items() if isinstance(value, str) and key != "goal"}


def _record(slot: _Slot, name: str) -> Trajectory:
    assert slot.outcome is not None  # the wave is over
    seen: Any = slot.observation or {}
    trajectory = Trajectory(
        task=slot.episode.task,
        seed=slot.episode.seed,
        goal=seen.get("goal", ""),
        agent=name,
        steps=tuple(slot.steps),
        outcome=slot.outcome,
        final=_texts(seen),
        attempt=slot.attempt,
        versions={key: versions()[key] for key in ("symbiotic-gym", "browsergym-core") if key in versions()},
    )
    return slot.agent.record(trajectory) if isinstance(slot.agent, Recorder) else trajectory
