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
from symbiotic_gym.errors import UnknownNameError, explain, nearest

__all__ = [
    "SUITES",
    "Elsewhere",
    "JudgedAtTheEnd",
    "Site",
    "Suite",
    "check_task",
    "load_suite",
    "register_suite",
    "registered_suites",
]

_VERSION = re.compile(r"-v\d+$")


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
        UnknownNameError: it names none; the message has the nearest names.
    """
    if task.startswith("symbiotic/"):
        task = _VERSION.sub("", task.removeprefix("symbiotic/"))
    if task.startswith("browsergym/"):
        task = task.replace("/", ".", 1)
    suite_name, dot, name = task.partition(".")
    if not dot and task not in SUITES:
        raise _without_suite(task)
    suite = load_suite(suite_name)
    known = suite.tasks()
    if known and name not in known:
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
