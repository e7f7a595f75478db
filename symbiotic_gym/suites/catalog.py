"""What is known of every task without loading it: its site, template, evaluators and splits, for choosing among them.

`webarena.csv` holds, for WebArena's 812 tasks, what libwebarena, browsergym-experiments, browsergym-webarenalite and
webarena-verified say of them; a test compares it with those packages. It is shipped so that tasks can be listed without them.

Splits: `train` and `test` are BrowserGym's. They share most of their templates, so a policy can meet at test time the very
question it was trained on with another name filled in; `template-train` and `template-test` share none. `hard` is
WebArena-Verified's subset of 258.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from symbiotic_gym.errors import UnknownNameError, explain, nearest
from symbiotic_gym.suites import VERSION

__all__ = ["SPLITS", "TaskInfo", "count_tasks", "find_info", "list_tasks", "template_split", "webarena_tasks"]

SPLITS = ("train", "test", "template-train", "template-test", "hard")


@dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """One task.

    Attributes:
        task: its id, `SUITE.TASK`.
        sites: the sites it is played on; empty where the suite brings its own.
        template: the `intent_template_id` it was made from, if it was.
        evaluators: how success is judged: `exact_match`, `must_include`, `fuzzy_match`, `url_match`, `program_html`,
            `agent_response`, `network_event`; empty where the page itself does it.
        splits: of `SPLITS`, those it is in.
    """

    task: str
    sites: tuple[str, ...] = ()
    template: int | None = None
    evaluators: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()

    @property
    def suite(self) -> str:
        return self.task.partition(".")[0]

    @property
    def id(self) -> str:
        """What `gymnasium.make` takes."""
        return f"symbiotic/{self.task}-{VERSION}"


def list_tasks(
    *,
    suite: str | None = None,
    site: str | None = None,
    template: int | None = None,
    split: str | None = None,
    evaluator: str | None = None,
) -> list[TaskInfo]:
    """All tasks that fit every given condition, suites in the order they are registered in, then by number or name.

    Raises:
        UnknownNameError: no task has such a suite, site, template, split or evaluator.
    """
    _check("suite", suite, {info.suite for info in _all()})
    _check("site", site, {name for info in _all() for name in info.sites})
    _check("template", template, {info.template for info in _all() if info.template is not None})
    _check("split", split, SPLITS)
    _check("evaluator", evaluator, {name for info in _all() for name in info.evaluators})
    return [
        info
        for info in _all()
        if suite in (None, info.suite)
        and (site is None or site in info.sites)
        and template in (None, info.template)
        and (split is None or split in info.splits)
        and (evaluator is None or evaluator in info.evaluators)
    ]


def find_info(task: str) -> TaskInfo:
    """What is known of the task with the id `SUITE.TASK`; nothing but its id where it is not listed."""
    return _by_task().get(task) or TaskInfo(task=task)


def count_tasks(tasks: Sequence[TaskInfo]) -> list[tuple[str, int]]:
    """How many of these tasks each suite, site, evaluator and split has, and from how many templates they were made."""
    counts = Counter(label for info in tasks for label in _labels(info))
    templates = {info.template for info in tasks if info.template is not None}
    return [*counts.items(), *([("templates", len(templates))] if templates else [])]


def _labels(info: TaskInfo) -> list[str]:
    labels = [f"suite {info.suite}"]
    for kind, names in (("site", info.sites), ("evaluator", info.evaluators), ("split", info.splits)):
        labels += [f"{kind} {name}" for name in names]
    return labels


def template_split(template: int) -> str:
    """Which side of the template-disjoint split a template is on: a coin whose toss is the hash of its number."""
    return ("template-test", "template-train")[hashlib.sha256(f"0:{template}".encode()).digest()[0] % 2]


def webarena_tasks(suite: str) -> tuple[str, ...]:
    """The names of the tasks of one of the three WebArena suites."""
    return tuple(row["task"] for row in _rows() if row[_COLUMN[suite]])


_COLUMN = {"webarena": "evaluators", "webarena_lite": "lite", "webarena_verified": "verified"}


@cache
def _rows() -> list[dict[str, str]]:
    with resources.files(__package__).joinpath("webarena.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def _by_task() -> dict[str, TaskInfo]:
    return {info.task: info for info in _all()}


@cache
def _all() -> tuple[TaskInfo, ...]:
    return tuple(_list())


def _list() -> Iterator[TaskInfo]:
    from symbiotic_gym.suites import SUITES, load_suite

    for suite in SUITES:
        if suite in _COLUMN:
            for row in _rows():
                if row[_COLUMN[suite]]:
                    yield _info(suite, row)
        else:
            for name in load_suite(suite).tasks():
                yield TaskInfo(task=f"{suite}.{name}")


def _check(what: str, given: str | int | None, known: Iterable[str | int]) -> None:
    names = sorted(str(name) for name in known)
    if given is not None and str(given) not in names:
        raise UnknownNameError(
            explain(
                f"no task has the {what} {str(given)!r} ({nearest(str(given), names)})",
                f"one of {', '.join(names[:20])}{', …' if len(names) > 20 else ''}",
                "an empty list would look as if there were no such tasks",
                f"correct the {what}",
            )
        )


def _info(suite: str, row: dict[str, str]) -> TaskInfo:
    template = int(row["template"])
    hard = ("hard",) if row["hard"] and suite == "webarena_verified" else ()
    return TaskInfo(
        task=f"{suite}.{row['task']}",
        sites=tuple(row["sites"].split("+")),
        template=template,
        evaluators=tuple(row[_COLUMN[suite]].split("+")),
        splits=(row["split"], template_split(template), *hard),
    )
