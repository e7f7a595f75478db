"""Which tasks are the same, or instances of one template, across suites: what leak control goes by.

Ids alone do not say it. `webarena.27`, `webarena_lite.27` and `webarena_verified.27` ask the same thing of the same site, and
MiniWoB has variants (`click-tab`, `click-tab-2-hard`) that a memory of one of them solves all of. Where it is not certain, two
tasks count as kin: a memory that is held back costs little, one that leaks spoils a result.
"""

from functools import cache

from symbiotic_gym.suites.catalog import webarena_tasks

__all__ = ["instance_of", "same_questions", "template_of"]

_WEBARENA = ("webarena", "webarena_lite", "webarena_verified")


def template_of(task: str) -> str:
    """The name of what a task is an instance of; equal for kin, whatever suite they are in.

    WebArena: its intent template. MiniWoB: the shortest task name that this one goes on from after a dash. Else the task, of
    which the seed makes the instance.

    >>> template_of("miniwob.click-tab-2-hard"), template_of("pocket.shop.cheapest-in-category")
    ('miniwob.click-tab', 'pocket.shop.cheapest-in-category')
    """
    suite, _, name = task.partition(".")
    if suite in _WEBARENA and name in _webarena_templates():
        return f"webarena template {_webarena_templates()[name]}"
    if suite == "miniwob":
        return f"miniwob.{_shortest(name)}"
    return task


def instance_of(task: str, seed: int) -> str:
    """The name of what exactly is asked: task and seed, or the task alone where the seed changes nothing."""
    suite, _, name = task.partition(".")
    return f"webarena.{name}" if suite in _WEBARENA else f"{task} #{seed}"


def same_questions(task: str) -> bool:
    """Whether every seed of a task asks the same thing."""
    return task.partition(".")[0] in _WEBARENA


@cache
def _webarena_templates() -> dict[str, int]:
    from symbiotic_gym.suites.catalog import list_tasks

    found = {info.task.partition(".")[2]: info.template for suite in _WEBARENA for info in list_tasks(suite=suite)}
    assert set(found) >= set(webarena_tasks("webarena"))
    return {name: template for name, template in found.items() if template is not None}


@cache
def _shortest(name: str) -> str:
    from symbiotic_gym.suites import load_suite

    known = load_suite("miniwob").tasks()
    return min((other for other in known if name.startswith(other + "-")), key=len, default=name)
