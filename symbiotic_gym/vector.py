"""Many web environments as one, each stepping when it likes.

Language models answer at different times, and a page takes a tenth of a second or ten: in lock-step everybody waits for the
slowest. `send` starts actions in some environments, `recv` returns whichever are ready; `step` and `reset` are Gymnasium's
lock-step calls over the same environments, so both styles can be mixed. `gym.make_vec("symbiotic/...-v0", n)` makes one.
"""

import queue
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array
from numpy.typing import NDArray

from symbiotic_gym.browser.worker_process import MEMORY_LIMIT_MB, WorkerProcess
from symbiotic_gym.checks import check_count
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError, DeadlineError, explain
from symbiotic_gym.types import Observation

__all__ = ["Ready", "WebVectorEnv"]

_Result = tuple[Observation, float, bool, bool, dict[str, Any]]


class Ready(NamedTuple):
    """What `recv` returns: one entry an environment, in the order in which they finished."""

    env_ids: NDArray[np.int64]
    observations: list[Observation]
    rewards: NDArray[np.float64]
    terminations: NDArray[np.bool_]
    truncations: NDArray[np.bool_]
    infos: list[dict[str, Any]]


class WebVectorEnv(VectorEnv[Any, Any, Any]):
    """`num_envs` web environments, each with a browser of its own.

    Args:
        num_envs: how many.
        envs_per_worker: how many share a worker process, that is Python and Playwright's driver, for less memory. A browser
            that hangs or dies still ends no episode but its own; what blocks the worker (a site that answers an evaluator's own
            request late) holds up all that share it, and what kills it ends their episodes as invalid.
        max_episode_steps: after how many steps an episode is truncated; None never.
        autoreset_mode: `NEXT_STEP` (an environment whose episode is over ignores its next action and resets) or `DISABLED`.
        **kwargs: those of `WebEnv`, for all of them.

    Raises:
        ConfigError: an argument has an unusable value, such as another autoreset mode.
        UnknownNameError: there is no such task.
    """

    def __init__(
        self,
        num_envs: int = 1,
        *,
        envs_per_worker: int = 1,
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        **kwargs: Any,
    ) -> None:
        num_envs = check_count("num_envs", num_envs, 1)
        if max_episode_steps is not None:
            check_count("max_episode_steps", max_episode_steps, 1)
        modes = {str(mode.value): mode for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED)}
        mode = autoreset_mode.value if isinstance(autoreset_mode, AutoresetMode) else autoreset_mode
        if mode not in modes:
            raise ConfigError(
                explain(
                    f"autoreset_mode is {mode!r}",
                    "NextStep or Disabled",
                    "a reset inside a step would make the others wait for a whole page load",
                    "leave autoreset_mode out",
                )
            )
        self.autoreset_mode = modes[mode]
        self.num_envs = num_envs
        self.envs: list[gym.Env[Observation, str]] = []
        workers = _workers(num_envs, check_count("envs_per_worker", envs_per_worker, 1), kwargs)
        for worker in workers:
            env = WebEnv(**kwargs, worker=worker)
            env.last_step = max_episode_steps  # a task that is judged at the end is judged there
            self.envs.append(env if max_episode_steps is None else gym.wrappers.TimeLimit(env, max_episode_steps))
        first = self.envs[0]
        self.metadata = {**first.metadata, "autoreset_mode": self.autoreset_mode}
        self.render_mode = first.render_mode
        self.single_observation_space, self.single_action_space = first.observation_space, first.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._pool = ThreadPoolExecutor(num_envs, thread_name_prefix="web-env")
        self._ready: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._running: dict[int, Future[_Result]] = {}
        self._last: list[_Result | None] = [None] * num_envs

    # --- each at its own pace ---

    def send(self, actions: Sequence[str], env_ids: Sequence[int] | NDArray[np.int64]) -> None:
        """Start one action in each of `env_ids`; returns at once.

        Raises:
            ConfigError: the two are not equally long, or an environment is still busy with its last action.
            gymnasium.error.ResetNeeded: an environment was never reset, or its episode is over and nothing resets it.
        """
        self._check(actions, env_ids)
        self._check_idle(env_ids)
        for index in env_ids:
            self._start_check(int(index))
        for index, action in zip(env_ids, actions, strict=True):
            self._start(int(index), partial(self._step_one, int(index), str(action)))

    def send_reset(
        self,
        env_ids: Sequence[int] | NDArray[np.int64],
        *,
        seeds: Sequence[int | None] | None = None,
        options: Sequence[Mapping[str, Any] | None] | None = None,
    ) -> None:
        """Start a reset in each of `env_ids`; returns at once. Their results come by `recv` with reward 0.

        Args:
            env_ids: which.
            seeds: one an environment.
            options: one an environment, such as `{"task": "miniwob.click-link"}`.

        Raises:
            ConfigError: the lengths differ, or an environment is still busy.
        """
        seeds = [None] * len(env_ids) if seeds is None else seeds
        options = [None] * len(env_ids) if options is None else options
        self._check(seeds, env_ids)
        self._check(options, env_ids)
        self._check_idle(env_ids)
        for index, seed, option in zip(env_ids, seeds, options, strict=True):
            self._start(int(index), partial(self._reset_one, int(index), seed, option))

    def recv(self, min_envs: int = 1, *, timeout_s: float | None = None) -> Ready:
        """Wait until at least `min_envs` of the environments that were sent something are ready, and take all that are.

        Raises:
            ConfigError: fewer than `min_envs` are busy, so the wait would never end.
            DeadlineError: they were not ready within `timeout_s`; none is taken.
            InfrastructureError: a reset failed. A step never fails: its episode ends as *invalid*.
        """
        if len(self._running) < min_envs:
            raise ConfigError(
                explain(
                    f"recv waits for {min_envs} environments, and {len(self._running)} are busy",
                    "at least as many sent as waited for",
                    "the call would never return",
                    "send actions first, or lower min_envs",
                )
            )
        ids: list[int] = []
        ends = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            while len(ids) < min_envs:
                ids.append(self._ready.get(timeout=None if ends is None else max(ends - time.monotonic(), 0)))
        except queue.Empty:
            for index in ids:
                self._ready.put(index)
            raise DeadlineError(f"{len(ids)} of {min_envs} environments were ready within {timeout_s:g} s") from None
        while not self._ready.empty():
            ids.append(self._ready.get())
        return self._take(ids)

    # --- Gymnasium's lock-step ---

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset all, or with `options={"reset_mask": [...]}` those marked.

        Args:
            seed: environment i gets `seed + i`, or the i-th of a sequence.
            options: those of `WebEnv.reset`; a list as `task` gives each environment its own.
        """
        super().reset(seed=seed if isinstance(seed, int) else None)
        shared = dict(options or {})
        marked = np.asarray(shared.pop("reset_mask", np.ones(self.num_envs)), dtype=bool)
        tasks = shared.pop("task", None)
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else list(seed or [None] * self.num_envs)
        self._check(seeds, range(self.num_envs))
        own: list[dict[str, Any]] = []
        for i in range(self.num_envs):
            task = tasks if tasks is None or isinstance(tasks, str) else tasks[i]
            own.append(shared if task is None else {**shared, "task": task})
        ids = np.flatnonzero(marked)
        self.send_reset(ids, seeds=[seeds[i] for i in ids], options=[own[i] for i in ids])
        observations, _, _, _, infos = self._gather(ids)
        return observations, infos

    def step(
        self, actions: Sequence[str]
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One action in every environment; returns when all have stepped."""
        ids = np.arange(self.num_envs)
        self.send(actions, ids)
        return self._gather(ids)

    def render(self) -> tuple[Any, ...] | None:
        """One picture an environment; None without `render_mode`."""
        return None if self.render_mode is None else tuple(self._pool.map(lambda env: env.render(), self.envs))

    def close_extras(self, **kwargs: Any) -> None:
        """End all browsers, at the same time."""
        for _ in self._pool.map(lambda env: env.close(), self.envs):
            pass
        self._pool.shutdown()

    # --- parts ---

    def _step_one(self, index: int, action: str) -> _Result:
        if self._over(index):
            return self._reset_one(index, None, None)
        return self.envs[index].step(action)  # type: ignore[return-value] # gymnasium's reward is SupportsFloat; ours is a float

    def _reset_one(self, index: int, seed: int | None, options: Mapping[str, Any] | None) -> _Result:
        observation, info = self.envs[index].reset(seed=seed, options=dict(options or {}))
        return observation, 0.0, False, False, info

    def _over(self, index: int) -> bool:
        last = self._last[index]
        return last is not None and (last[2] or last[3])

    def _start_check(self, index: int) -> None:
        if self._last[index] is None or (self._over(index) and self.autoreset_mode is AutoresetMode.DISABLED):
            raise gym.error.ResetNeeded(f"environment {index}: call reset() or send_reset() before the next action")

    def _check_idle(self, env_ids: Sequence[int] | NDArray[np.int64]) -> None:
        ids = [int(index) for index in env_ids]
        for index in ids:  # before anything is started, so that nothing is when one of them is wrong
            if index in self._running or ids.count(index) > 1 or not 0 <= index < self.num_envs:
                raise ConfigError(
                    explain(
                        f"environment {index} was sent something while it is busy, or there is no such environment",
                        f"numbers from 0 to {self.num_envs - 1}, each once, of environments that recv() has returned",
                        "its answers could not be told apart",
                        "keep its next action until recv() names it",
                    )
                )

    def _start(self, index: int, work: Any) -> None:
        future = self._running[index] = self._pool.submit(work)
        future.add_done_callback(lambda _: self._ready.put(index))

    def _take(self, ids: Sequence[int]) -> Ready:
        failed = [index for index in ids if self._running[index].exception() is not None]
        if failed:
            for index in set(ids) - set(failed[:1]):
                self._ready.put(index)  # the next call returns them
            error = self._running.pop(failed[0]).exception()
            assert error is not None  # that is how it was chosen
            error.add_note(f"in environment {failed[0]}")
            raise error
        results = []
        for index in ids:
            result = self._last[index] = self._running.pop(index).result()
            results.append(result)
        return Ready(
            np.array(ids, dtype=np.int64),
            [result[0] for result in results],
            np.array([result[1] for result in results], dtype=np.float64),
            np.array([result[2] for result in results], dtype=np.bool_),
            np.array([result[3] for result in results], dtype=np.bool_),
            [result[4] for result in results],
        )

    def _gather(
        self, ids: NDArray[np.int64]
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        errors = []
        while self._running:  # all of them, also where some fail: the next reset finds none busy
            try:
                self.recv(len(self._running))
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]
        if any(last is None for last in self._last):
            raise gym.error.ResetNeeded("some environments were never reset: the first reset() must not leave any out")
        last = [result for result in self._last if result is not None]
        empty: Any = create_empty_array(self.single_observation_space, self.num_envs)
        infos: dict[str, Any] = {}
        for index in ids:
            infos = self._add_info(infos, last[index][4], int(index))
        return (
            concatenate(self.single_observation_space, [result[0] for result in last], empty),
            np.array([result[1] for result in last], dtype=np.float64),
            np.array([result[2] for result in last], dtype=np.bool_),
            np.array([result[3] for result in last], dtype=np.bool_),
            infos,
        )

    @staticmethod
    def _check(given: Sequence[Any], env_ids: Sequence[int] | NDArray[np.int64]) -> None:
        if len(given) != len(env_ids):
            raise ConfigError(
                explain(
                    f"{len(given)} values for {len(env_ids)} environments",
                    "one an environment",
                    "the rest would silently be left out",
                    "pass as many as env_ids",
                )
            )


def _workers(num_envs: int, envs_per_worker: int, kwargs: Mapping[str, Any]) -> list[WorkerProcess | None]:
    """The worker of each environment; None for one of its own."""
    if envs_per_worker == 1:
        return [None] * num_envs
    limit = check_count("memory_limit_mb", kwargs.get("memory_limit_mb", MEMORY_LIMIT_MB), 0)
    shared = [WorkerProcess(sessions=envs_per_worker, memory_limit_mb=limit) for _ in range(0, num_envs, envs_per_worker)]
    return [shared[i // envs_per_worker] for i in range(num_envs)]
