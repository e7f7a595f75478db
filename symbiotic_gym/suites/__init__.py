"""Suites: how a task id becomes something a browser can play.

A task id is `SUITE.TASK` (`miniwob.click-test`). A suite lists its tasks without loading a browser, opens what they are
served by (a `Site`), and makes BrowserGym task objects. It runs in the environment's worker process.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from symbiotic_gym.errors import UnknownNameError, explain, nearest

__all__ = ["SUITES", "Site", "Suite", "check_task", "load_suite"]

_VERSION = re.compile(r"-v\d+$")


@dataclass
class Site:
    """What a suite's tasks are served by, and the only thing their browser can reach.

    Attributes:
        suite: name of the suite.
        hosts: host name as it stands in URLs -> `address:port` it is served at.
        close: stops the servers.
    """

    suite: str
    hosts: Mapping[str, str] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None

    def resolver_rules(self) -> str:
        """Chromium's --host-resolver-rules: the site's hosts, and nothing else resolves."""
        return ", ".join([f"MAP {host} {address}" for host, address in self.hosts.items()] + ["MAP * ~NOTFOUND"])


class Suite(Protocol):
    """One family of tasks."""

    name: str

    def tasks(self) -> tuple[str, ...]:
        """Names of all tasks, without the suite's; loads no browser."""
        ...

    def open(self) -> Site:
        """Start what serves the tasks."""
        ...

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        """A BrowserGym task (`browsergym.core.task.AbstractBrowserTask`)."""
        ...


def _miniwob() -> Suite:
    from symbiotic_gym.suites.miniwob import MiniWoB

    return MiniWoB()


def _pocket() -> Suite:
    from symbiotic_gym.suites.pocket import Pocket

    return Pocket()


SUITES: Mapping[str, Callable[[], Suite]] = {"miniwob": _miniwob, "pocket": _pocket}


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
    """The id `SUITE.TASK` of the task that `task` names; the registered form, `symbiotic/SUITE.TASK-v0`, will do too.

    Raises:
        UnknownNameError: it names none; the message has the nearest names.
    """
    if task.startswith("symbiotic/"):
        task = _VERSION.sub("", task.removeprefix("symbiotic/"))
    suite_name, dot, name = task.partition(".")
    if not dot and task not in SUITES:
        raise _without_suite(task)
    suite = load_suite(suite_name)
    if name not in suite.tasks():
        raise UnknownNameError(
            explain(
                f"{suite_name} has no task {name!r} ({nearest(name, suite.tasks())})",
                "the id of a task",
                "nothing can be played without one",
                f"list them with `symbiotic-gym tasks {suite_name}`",
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
