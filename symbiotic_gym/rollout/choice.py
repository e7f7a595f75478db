"""Which tasks and seeds a command means."""

import re
from collections.abc import Sequence

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.suites import check_task
from symbiotic_gym.suites.catalog import list_tasks

__all__ = ["choose_tasks", "read_seeds"]

_MOST = 1_000_000


def choose_tasks(
    named: Sequence[str],
    *,
    contains: str = "",
    suite: str | None = None,
    site: str | None = None,
    split: str | None = None,
) -> list[str]:
    """The tasks that are named, or else those that fit every condition.

    Raises:
        ConfigError: tasks are named and conditions too, or nothing was said or fits.
        UnknownNameError: a name or condition does not exist.
    """
    conditions = contains or suite or site or split
    if named and not conditions:
        return [check_task(task) for task in named]
    found = [] if named or not conditions else list_tasks(suite=suite, site=site, split=split)
    tasks = [info.task for info in found if contains in info.id]
    if not tasks:
        raise ConfigError(
            explain(
                "tasks were named and conditions given too" if named else "no task fits" if conditions else "no task was named",
                "task ids, or conditions that some tasks fit",
                "without a task nothing is played",
                "name them (miniwob.click-test), or say --suite, --site, --split, --contains; `symbiotic-gym tasks` lists them",
            )
        )
    return tasks


def read_seeds(text: str) -> list[int]:
    """`0-9` or `1,5,7` or both joined by commas.

    Raises:
        ConfigError: it has another form, or names a seed twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last < first + _MOST:
            raise _no_seeds(text, f"{part!r} is no range")
        seeds += range(first, last + 1)
    if len(set(seeds)) < len(seeds):
        raise _no_seeds(text, "one is named twice")
    return seeds


def _no_seeds(text: str, problem: str) -> ConfigError:
    return ConfigError(
        explain(
            f"seeds = {text!r}: {problem}",
            "numbers and ranges such as 0-9 or 1,5,7-9, each seed once",
            "a seed fixes an instance, and an episode counts once",
            "correct the list",
        )
    )
