"""Drawing an instance, and judging an episode's end by the world's database, the open page and what was said."""

import random
import sqlite3
from dataclasses import dataclass
from urllib.parse import parse_qsl, urljoin, urlsplit

from symbiotic_gym.pocket.tasks import templates
from symbiotic_gym.pocket.template import Instance, Template
from symbiotic_gym.pocket.world import Private, Snapshot, World, changes, snapshot, world_seed

__all__ = ["Drawn", "draw", "judge", "manifest"]


@dataclass(frozen=True)
class Drawn:
    """An instance with its goal and the world it plays in."""

    template: Template
    instance: Instance
    goal: str
    world: Snapshot


def draw(name: str, seed: int) -> Drawn:
    """The instance of a template (`shop.cheapest-in-category`) that a seed fixes."""
    template = templates()[name]
    world = snapshot(world_seed(seed))
    rng = random.Random(f"{name}:{seed}")
    db = world.restore()
    instance = template.draw(World(db), rng)
    db.close()
    return Drawn(template, instance, template.goal(instance, rng), world)


def manifest(name: str, seed: int) -> tuple[tuple[Private, bool], ...]:
    """The private values of an instance's world, each with whether this task cannot do without it."""
    drawn = draw(name, seed)
    db = drawn.world.restore()
    entries = World(db).manifest()
    db.close()
    return tuple((entry, entry.value in drawn.instance.private) for entry in entries)


def judge(drawn: Drawn, db: sqlite3.Connection, *, said: str | None, reported: bool, url: str) -> str:
    """Say what is wrong with an episode's end; an empty text where nothing is.

    Args:
        drawn: what was played.
        db: the world as it is now.
        said: the last thing the agent said; None when it said nothing.
        reported: whether it was said by reporting the task infeasible.
        url: the page that is open.
    """
    instance = drawn.instance
    if reported != instance.infeasible:
        return "it was reported infeasible" if reported else "it was not reported infeasible"
    if said is None:
        return "nothing was said at the end"
    if instance.answer is not None and not instance.answer.accepts(said):
        return f"the answer {said!r} is not {instance.answer.say()!r}"
    if instance.url is not None and not _same_page(url, urljoin(f"http://{drawn.template.site}.pocket/", instance.url)):
        return f"{url} is open, not {instance.url}"
    return _difference(drawn, db)


def _difference(drawn: Drawn, db: sqlite3.Connection) -> str:
    expected = drawn.world.restore()
    try:
        for statement, values in (*drawn.instance.before, *drawn.instance.effect):
            expected.execute(statement, tuple(values))
        for name, wanted, found in changes(expected, db):
            missing = [row for row in wanted if row not in found]
            extra = [row for row in found if row not in wanted]
            return f"{name} should have {missing[:3]} and not {extra[:3]}"
    finally:
        expected.close()
    return ""


def _same_page(url: str, other: str) -> bool:
    """Whether two addresses are the same page: the order of the query and what stands after # say nothing."""
    a, b = urlsplit(url), urlsplit(other)
    return (a.netloc, a.path.rstrip("/"), sorted(parse_qsl(a.query))) == (
        b.netloc,
        b.path.rstrip("/"),
        sorted(parse_qsl(b.query)),
    )
