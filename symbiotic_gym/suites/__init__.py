"""Suites: how a task id becomes something a browser can play.

A task id is `SUITE.TASK` (`miniwob.click-test`). A suite lists its tasks without loading a browser, opens what they are
served by (a `Site`), and makes BrowserGym task objects. It runs in the environment's worker process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from symbiotic_gym.errors import UnknownNameError, explain, nearest

__all__ = ["SUITES", "JudgedAtTheEnd", "Site", "Suite", "check_task", "load_suite"]

ANYWHERE = "*"
"""As a reachable host: no fence. Only a user's own `allow_hosts` may say so."""


@dataclass
class Site:
    """What a suite's tasks are served by, and the only thing their browser can reach.

    Attributes:
        suite: the `site_key` it was opened for: tasks with the same key share the site and its browser.
        hosts: host name as it stands in URLs -> `address:port` it is served at.
        reachable: hosts that exist outside of this process and resolve as usual.
        close: stops the servers.
    """

    suite: str
    hosts: Mapping[str, str] = field(default_factory=dict)
    reachable: tuple[str, ...] = ()
    close: Callable[[], None] = lambda: None

    def resolver_rules(self) -> str:
        """Chromium's --host-resolver-rules: the site's hosts, and nothing else resolves."""
        rules = [f"MAP {host} {address}" for host, address in self.hosts.items()]
        if ANYWHERE in self.reachable:
            return ", ".join(rules)
        return ", ".join(rules + ["MAP * ~NOTFOUND"] + [f"EXCLUDE {host}" for host in self.reachable])


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

    def site_key(self, task_kwargs: Mapping[str, Any]) -> str:
        """Names the site that tasks with these arguments are played on."""
        ...

    def open(self, task_kwargs: Mapping[str, Any]) -> Site:
        """Start what serves the tasks."""
        ...

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        """A BrowserGym task (`browsergym.core.task.AbstractBrowserTask`)."""
        ...


def _miniwob() -> Suite:
    from symbiotic_gym.suites.miniwob import MiniWoB

    return MiniWoB()


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
    "webarena": _webarena,
    "webarena_lite": _webarena_lite,
    "webarena_verified": _webarena_verified,
    "openended": _openended,
    "browsergym": _browsergym,
}


def load_suite(name: str) -> Suite:
    """The suite of that name.

    Raises:
        UnknownNameError: there is none.
    """
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
    """Return `task` if it names a task, `SUITE.TASK`; BrowserGym's own ids (`browsergym/NAME`) may be written as they are.

    Raises:
        UnknownNameError: it does not; the message has the nearest names.
    """
    task = task.replace("browsergym/", "browsergym.", 1) if task.startswith("browsergym/") else task
    suite_name, _, name = task.partition(".")
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
