"""Environments on the machines of a Ray cluster; everything else (agents, order, run folder) stays where `rollout` was called.

Each environment is an actor that keeps its browser from episode to episode. It takes one of the resource `browser`, which a
machine declares with as many as its memory allows: `ray start --address=HEAD:6379 --resources='{"browser": 8}'`. With
`RAY_ADDRESS` set that cluster is joined, else a local one is started.

An actor or a machine that dies makes the episode at hand *invalid* (`node`), and it is played again on another machine; where
no machine has room, whoever has one takes the episode over. When this process dies the actors end with it, and the run folder
says what is left to play.
"""

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

from symbiotic_gym import errors
from symbiotic_gym.env import EVALUATION_TIMEOUT_S, WebEnv
from symbiotic_gym.errors import BrowserError, ConfigError, DeadlineError, MissingDependencyError, explain
from symbiotic_gym.rollout.player import NoRoomError
from symbiotic_gym.types import Observation

__all__ = ["Cluster", "RemoteEnv"]

RESOURCE = "browser"
MARGIN_S = 30.0
"""Beyond what an environment itself allows for a call: the way there and back, and a fresh worker process."""
ROOM_TIMEOUT_S = 30.0
"""Where all places are this run's own and taken, another is not counted on after this time."""
START_TIMEOUT_S = 300.0
"""A cluster may be starting machines, or others may play on it: no place is waited for any longer than that."""


class Cluster:
    """A Ray cluster that environments are made on.

    Args:
        env_kwargs: arguments of `WebEnv`.
        env_class: what plays there; made with a task and `env_kwargs`.
        room_timeout_s: seconds to wait for a place where all there are are taken by this run.

    Raises:
        MissingDependencyError: Ray is not installed.
        ConfigError: no machine of the cluster declares browsers.
    """

    def __init__(
        self, env_kwargs: Mapping[str, Any], *, env_class: type[Any] = WebEnv, room_timeout_s: float = ROOM_TIMEOUT_S
    ) -> None:
        self._ray = _import_ray()
        self._kwargs = dict(env_kwargs)
        self._class = env_class
        self._room_timeout_s = room_timeout_s
        self._taken = 0
        self._lock = threading.Lock()
        if not self._ray.is_initialized():
            if os.environ.get("RAY_ADDRESS"):
                self._ray.init(address="auto", log_to_driver=False)
            else:
                self._ray.init(resources={RESOURCE: os.cpu_count() or 1}, include_dashboard=False, log_to_driver=False)
        self._check_resource()

    def make_env(self, task: str, instance: str | None = None) -> "RemoteEnv":
        """An environment somewhere on the cluster.

        Raises:
            NoRoomError: no machine has room.
            ConfigError: an argument has an unusable value; so is whatever else `env_class` raises.
        """
        kwargs = self._kwargs | ({"instance": instance} if instance else {})
        actor = self._ray.remote(num_cpus=0, resources={RESOURCE: 1}, max_restarts=0)(_Player)
        remote = actor.remote()
        self._wait_for(remote)
        self._count(1)
        env = RemoteEnv(self._ray, remote, kwargs, on_close=lambda: self._count(-1))
        try:
            env.make(self._class, task, kwargs)
        except BaseException:
            env.close()
            raise
        return env

    def _wait_for(self, remote: Any) -> None:
        ready, began = remote.ready.remote(), monotonic()
        while not self._ray.wait([ready], timeout=1.0)[0]:
            waited = monotonic() - began
            full = self._taken >= self._ray.cluster_resources().get(RESOURCE, 0)
            if waited > START_TIMEOUT_S or (full and waited > self._room_timeout_s):
                self._ray.kill(remote)
                raise NoRoomError

    def _count(self, change: int) -> None:
        with self._lock:
            self._taken += change

    def _check_resource(self) -> None:
        if not self._ray.cluster_resources().get(RESOURCE):
            raise ConfigError(
                explain(
                    f"no machine of the Ray cluster at {self._ray.get_runtime_context().gcs_address} declares {RESOURCE!r}",
                    f"machines started with --resources='{{\"{RESOURCE}\": N}}'",
                    "a browser takes up to some gigabytes; without a number a machine would get too many",
                    "start the machines of the cluster so, with N as many browsers as each has memory for",
                )
            )


class RemoteEnv:
    """The handle on an environment elsewhere, with `WebEnv`'s own manners: faults end the episode as invalid, none raises.

    Args:
        ray: the module.
        actor: a `_Player` of the cluster.
        kwargs: what its environment was made with.
        on_close: called once when the place is free again.
    """

    def __init__(self, ray: Any, actor: Any, kwargs: Mapping[str, Any], *, on_close: Callable[[], None]) -> None:
        self._on_close: Callable[[], None] | None = on_close
        self._ray = ray
        self._actor = actor
        self._reset_s = float(kwargs.get("reset_timeout_s", 60.0)) + MARGIN_S
        self._step_s = float(kwargs.get("step_timeout_s", 30.0)) + EVALUATION_TIMEOUT_S * 2 + MARGIN_S
        self._last: Observation = {}

    def make(self, env_class: type[Any], task: str, kwargs: Mapping[str, Any]) -> None:
        """Make the environment there, in a call of its own: an actor whose constructor raises dies like one that lost its node.

        Raises:
            ConfigError: an argument has an unusable value.
            InfrastructureError: the machine does not work.
        """
        self._call("make", self._reset_s, env_class, task, dict(kwargs))

    def reset(self, *, seed: int, options: dict[str, str]) -> tuple[Observation, dict[str, Any]]:
        """Start an episode.

        Raises:
            InfrastructureError: the browser, the site or the machine does not work.
        """
        observation, info = self._call("reset", self._reset_s, seed=seed, options=options)
        self._last = observation
        return observation, info

    def step(self, action: str) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Run one action; never raises for what the machine does."""
        try:
            result = self._call("step", self._step_s, action)
        except BrowserError as error:
            self._last = {**self._last, "last_action": action, "last_action_error": str(error).splitlines()[0]}
            return self._last, 0.0, False, True, _invalid(error)
        self._last = result[0]
        observation, reward, terminated, truncated, info = result
        return observation, reward, terminated, truncated, info

    def conclude(self) -> tuple[float, dict[str, Any]]:
        """End the episode and have it judged as it stands."""
        try:
            reward, info = self._call("conclude", self._step_s)
        except BrowserError as error:
            return 0.0, _invalid(error)
        return reward, info

    def close(self) -> None:
        """End the environment and give its place back."""
        with suppress(BrowserError):
            self._call("close", MARGIN_S)
        with suppress(Exception):  # the cluster may be gone, and the place with it
            self._ray.kill(self._actor)
        if self._on_close is not None:
            self._on_close()
            self._on_close = None

    def _call(self, name: str, timeout_s: float, *arguments: Any, **keywords: Any) -> Any:
        try:
            answer = self._ray.get(self._actor.call.remote(name, arguments, keywords), timeout=timeout_s)
        except self._ray.exceptions.GetTimeoutError:
            self._ray.kill(self._actor)
            raise DeadlineError(f"the environment's machine did not answer {name} within {timeout_s:g} s") from None
        except self._ray.exceptions.RayTaskError:
            raise  # a mistake in the program, not a fault of the cluster
        except self._ray.exceptions.RayError as error:
            gone = BrowserError(f"the environment's machine was lost during {name}: {type(error).__name__}")
            gone.kind = "node"
            raise gone from error
        if "error" in answer:
            raise _rebuilt(answer["error"])
        return answer["result"]


class _Player:
    """Runs in the actor: an environment, and its errors as plain data."""

    def __init__(self) -> None:
        self._env: Any = None

    def ready(self) -> bool:
        return True

    def make(self, env_class: type[Any], task: str, kwargs: dict[str, Any]) -> None:
        self._env = env_class(task, **kwargs)

    def close(self) -> None:
        if self._env is not None:
            self._env.close()

    def call(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"result": getattr(self if name in ("make", "close") else self._env, name)(*arguments, **keywords)}
        except errors.SymbioticError as error:
            kind = error.kind if isinstance(error, errors.InfrastructureError) else ""
            return {"error": {"type": type(error).__name__, "kind": kind, "message": str(error)}}


def _rebuilt(described: Mapping[str, str]) -> errors.SymbioticError:
    error: errors.SymbioticError = getattr(errors, described["type"])(described["message"])
    if isinstance(error, errors.InfrastructureError) and described["kind"]:
        error.kind = described["kind"]
    return error


def _invalid(error: errors.InfrastructureError) -> dict[str, Any]:
    return {"outcome": f"invalid({error.kind})", "error": str(error), "error_kind": error.kind}


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError(
            explain(
                f"backend 'ray' cannot be used: {error}",
                "the extra ray",
                "it plays on the machines of a Ray cluster",
                "pip install 'symbiotic-gym[ray]', or backend='threads' to play on this machine",
            )
        ) from error
    return ray
