"""Steps that several oracles on the map share, and the places their instances are drawn from."""

import random
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.reading import Page
from symbiotic_gym.types import Candidate

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["directions", "minutes_of", "open_place", "places", "time_between", "two_places"]

Steps = Generator[Candidate, Page, Page]


def places(world: "World", *kinds: str) -> list[Any]:
    """The places that everybody sees, of these kinds or all."""
    rows = world.rows(
        "SELECT p.*, t.name AS town, t.slug FROM map_places p JOIN map_towns t ON t.id = p.town_id WHERE p.owner_id "
        "IS NULL ORDER BY p.id"
    )
    return [row for row in rows if not kinds or row["kind"] in kinds]


def two_places(world: "World", rng: random.Random) -> tuple[Any, Any]:
    """Two places in different towns."""
    start = rng.choice(places(world))
    return start, rng.choice([place for place in places(world) if place["town_id"] != start["town_id"]])


def time_between(world: "World", start: Any, end: Any, mode: str) -> int:
    """Whole minutes from place to place, as the directions say."""
    from symbiotic_gym.pocket.apps.map_graph import route

    way = route(world, start["junction_id"], end["junction_id"], mode)
    if way is None:
        raise LookupError(f"no way from {start['name']} to {end['name']} by {mode}")
    return way.minutes


def open_place(page: Page, name: str) -> Steps:
    """From any page to a place, by the search."""
    page = yield page.fill("Search places", name, f"The search finds places by their name, as {name}.")
    page = yield page.press("Search places", "Enter", "Now the search is made.")
    return (yield page.click(name, "This result has just that name.", "link"))


def directions(page: Page, start: str, end: str, mode: str) -> Steps:
    """From any page to the way between two places."""
    page = yield page.click("Directions", "Ways are found there.", "link")
    page = yield page.fill("From", start, f"The way begins at {start}.")
    page = yield page.fill("To", end, f"It leads to {end}.")
    page = yield page.select("Travel by", mode.capitalize(), f"It is about {mode}.")
    return (yield page.click("Get directions", "All three fields are filled in.", "button"))


def minutes_of(text: str) -> int:
    """`1 h 5 min` as minutes."""
    hours, _, rest = text.rpartition(" h ")
    return int(hours or 0) * 60 + int(rest.removesuffix(" min"))
