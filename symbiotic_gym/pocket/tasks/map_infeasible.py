"""Tasks on the map that cannot be done, for a reason that the pages show."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import saying
from symbiotic_gym.pocket.reading import Page, infeasible
from symbiotic_gym.pocket.tasks.map_steps import open_place, places, two_places
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class BusTime(Template):
    """A way to travel that the site does not know."""

    site, name, level, split = "map", "bus-time", 2, "train"
    wordings = (
        "How long is the bus ride from {start} to {end}?",
        "What does Waymark say about going by bus from {start} to {end}: how many minutes is it?",
        "Look up how long I sit on the bus between {start} and {end}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        start, end = two_places(world, rng)
        return Instance(params={"start": start["name"], "end": end["name"]}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click("Directions", "Ways are found there.", "link")
        yield infeasible("The directions are for driving and walking only; there is nothing about buses.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "made up": saying(self.oracle, "40 min"),
            "said instead of reported": saying(self.oracle, "There are no buses."),
        }


class BookTable(Template):
    """Something that a place's page could offer."""

    site, name, level, split = "map", "book-table", 3, "test"
    wordings = (
        "Book a table for {count} at {place} on Waymark.",
        "Reserve a table for {count} people at {place}.",
        "Make a reservation at {place} for {count}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        place = rng.choice(places(world, "Restaurant"))
        return Instance(params={"place": place["name"], "count": str(rng.randrange(2, 9))}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        yield from open_place(page, p["place"])
        yield infeasible("The restaurant's page offers no reservations.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"said done": saying(self.oracle, "Done."), "said instead of reported": saying(self.oracle, "Please call them.")}


TEMPLATES = (BusTime(), BookTable())
