"""Suites: how a task id becomes something a browser can play.

A task id is `SUITE.TASK` (`miniwob.click-test`). A suite lists its tasks without loading a browser, opens what they are
served by (a `Site`), and makes BrowserGym task objects. It runs in the environment's worker process.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

from symbiotic_gym.browser.site_faults import Sign
from symbiotic_gym.errors import ConfigError, UnknownNameError, explain, nearest

__all__ = [
    "SUITES",
    "VERSION",
    "Elsewhere",
    "JudgedAtTheEnd",
    "NeedsArguments",
    "Site",
    "Suite",
    "check_arguments",
    "check_task",
    "load_suite",
    "register_suite",
    "registered_suites",
]

VERSION = "v0"
"""Of every task so far; another one is registered where results could change."""
_VERSION = re.compile(r"-(v\d+)$")


@dataclass
class Site:
    """What a suite's tasks are served by, and the only thing their browser can reach.

    Attributes:
        suite: name of the suite; of a placed one, its own.
        hosts: `name` or `name:port` as it stands in URLs -> `address:port` it is served at (`symbiotic_gym.browser.fence`).
        close: stops the servers.
        signs: how the sites show that they, not the policy, are at fault.
    """

    suite: str
    hosts: Mapping[str, str] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None
    signs: Sequence[Sign] = ()


@runtime_checkable
class JudgedAtTheEnd(Protocol):
    """A task whose verdict is costly and asked for once: its `validate` only says whether the policy has stopped."""

    def conclude(self, page: Any, chat: list[dict[str, Any]]) -> tuple[float, list[list[dict[str, str]]]]:
        """The verdict, and the chats that a judge has yet to answer before it holds; without any it is final."""
        ...

    def settle(self, page: Any, chat: list[dict[str, Any]], answers: list[str]) -> float:
        """The verdict, given the judge's answers to the chats of `conclude`, in their order."""
        ...


class Suite(Protocol):
    """One family of tasks."""

    name: str

    def tasks(self) -> tuple[str, ...]:
        """Names of all tasks, without the suite's; loads no browser. Empty where any name may be one."""
        ...

    def open(self) -> Site:
        """Start what serves the tasks."""
        ...

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        """A BrowserGym task (`browsergym.core.task.AbstractBrowserTask`)."""
        ...


@runtime_checkable
class Elsewhere(Protocol):
    """A suite whose sites are not its own: where they are depends on the task's arguments and on this machine's settings."""

    def placed(self, task_kwargs: Mapping[str, Any]) -> Suite:
        """The same suite on certain sites. Suites of one `name` share a site, and with it the browser."""
        ...


@runtime_checkable
class NeedsArguments(Protocol):
    """A suite whose tasks are not whole without `task_kwargs`."""

    def check_arguments(self, task_kwargs: Mapping[str, Any]) -> None:
        """Raises ConfigError where one is missing."""
        ...


def _miniwob() -> Suite:
    from symbiotic_gym.suites.miniwob import MiniWoB

    return MiniWoB()


def _pocket() -> Suite:
    from symbiotic_gym.suites.pocket import Pocket

    return Pocket()


def _webarena() -> Suite:
    from symbiotic_gym.suites.webarena import WebArena

    return WebArena()


def _webarena_lite() -> Suite:
    from symbiotic_gym.suites.webarena import WebArenaLite

    return WebArenaLite()


def _webarena_verified() -> Suite:
    from symbiotic_gym.suites.webarena import WebArenaVerified

    return WebArenaVerified()


def _openended() -> Suite:
    from symbiotic_gym.suites.openended import OpenEnded

    return OpenEnded()


def _browsergym() -> Suite:
    from symbiotic_gym.suites.any_browsergym import AnyBrowserGym

    return AnyBrowserGym()


SUITES: Mapping[str, Callable[[], Suite]] = {
    "miniwob": _miniwob,
    "pocket": _pocket,
    "webarena": _webarena,
    "webarena_lite": _webarena_lite,
    "webarena_verified": _webarena_verified,
    "openended": _openended,
    "browsergym": _browsergym,
}

_REGISTERED: dict[str, str] = {}


def register_suite(name: str, entry_point: str) -> None:
    """Make a suite of your own known, so that `WebEnv("NAME.TASK")` plays it.

    Args:
        name: what stands before the dot in its task ids.
        entry_point: `package.module:Class`, importable in the environment's worker process too; called without arguments.
    """
    _REGISTERED[name] = entry_point


def registered_suites() -> dict[str, str]:
    """Suites that `register_suite` made known: name -> entry point."""
    return dict(_REGISTERED)


def load_suite(name: str) -> Suite:
    """The suite of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if name in _REGISTERED:
        module, _, attribute = _REGISTERED[name].partition(":")
        suite: Suite = getattr(import_module(module), attribute)()
        return suite
    if name not in SUITES:
        raise UnknownNameError(
            explain(
                f"there is no task suite {name!r} ({nearest(name, SUITES)})",
                "a task id of the form SUITE.TASK, such as miniwob.click-test",
                "the suite decides which site is started and how success is judged",
                "list all ids with `symbiotic-gym tasks`",
            )
        )
    return SUITES[name]()


def check_task(task: str) -> str:
    """The id `SUITE.TASK` of the task that `task` names.

    The registered form, `symbiotic/SUITE.TASK-v0`, and BrowserGym's own ids, `browsergym/NAME`, will do too.

    Raises:
        UnknownNameError: it names none, or another version than there is; the message has the nearest names.
        ConfigError: it is no text.
    """
    if not isinstance(task, str):
        raise ConfigError(
            explain(
                f"the task is {task!r}",
                "a task id, SUITE.TASK, such as miniwob.click-test",
                "nothing can be played without one",
                "list all ids with `symbiotic-gym tasks`",
            )
        )
    version = _VERSION.search(task) if task.startswith("symbiotic/") else None
    name = _known(task.removeprefix("symbiotic/")[: -len(version[0]) if version else None])
    if version and version[1] != VERSION:
        raise UnknownNameError(
            explain(
                f"{task!r} asks for version {version[1]} (nearest: symbiotic/{name}-{VERSION})",
                f"{VERSION}, the only version there is",
                "a version stands for what its results mean, so another one cannot be put in its place",
                f"write symbiotic/{name}-{VERSION}",
            )
        )
    return name


def check_arguments(task: str, task_kwargs: Mapping[str, Any]) -> None:
    """Whether the task `SUITE.TASK` has the arguments that it cannot do without.

    Raises:
        ConfigError: one is missing.
    """
    suite = load_suite(task.partition(".")[0])
    if isinstance(suite, NeedsArguments):
        suite.check_arguments(task_kwargs)


def _known(task: str) -> str:
    if task.startswith("browsergym/"):
        task = task.replace("/", ".", 1)
    suite_name, dot, name = task.partition(".")
    if not dot and task not in SUITES:
        raise _without_suite(task)
    known = load_suite(suite_name).tasks()
    if (known and name not in known) or (suite_name == "browsergym" and not name):
        raise UnknownNameError(
            explain(
                f"{suite_name} has no task {name!r} ({nearest(name, known)})",
                "the id of a task",
                "nothing can be played without one",
                f"list them with `symbiotic-gym tasks --suite {suite_name}`",
            )
        )
    return task


def _without_suite(name: str) -> UnknownNameError:
    known = {task: f"{suite}.{task}" for suite in SUITES for task in load_suite(suite).tasks()}
    meant = f"did you mean {known[name]}?" if name in known else nearest(name, known.values())
    return UnknownNameError(
        explain(
            f"{name!r} does not say its suite ({meant})",
            "a task id of the form SUITE.TASK, such as miniwob.click-test",
            "the suite decides which site is started and how success is judged",
            "list all ids with `symbiotic-gym tasks`",
        )
    )
