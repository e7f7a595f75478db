"""Tasks that begin on the map and need another site: the shop, or the code site."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Duration
from symbiotic_gym.pocket.plays import saying
from symbiotic_gym.pocket.reading import Page, answer, goto
from symbiotic_gym.pocket.tasks.map_steps import directions, places, time_between
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class DriveToMaker(Template):
    """Who makes a product stands in the shop, where they work on the map."""

    site, name, level, split = "map", "drive-to-maker", 5, "test"
    also = ("shop",)
    wordings = (
        "How long is the drive from {start} to the workshop of the brand that makes the {product}? The shop sells "
        "it under {category}.",
        "The shop has the {product} in its category {category}. How long do I drive from {start} to its maker's workshop?",
        "Find out who makes the {product} ({category} in the shop), and the driving time from {start} to that "
        "brand's workshop.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        product = rng.choice(
            world.rows(
                "SELECT p.*, c.name AS category FROM shop_products p JOIN shop_categories c ON c.id = p.category_id "
                "WHERE p.active ORDER BY p.id"
            )
        )
        workshop = world.one("SELECT * FROM map_places WHERE name = ?", f"{product['brand']} Workshop")
        start = rng.choice(
            [place for place in places(world) if place["town_id"] != workshop["town_id"] and place["kind"] != "Workshop"]
        )
        minutes = time_between(world, start, workshop, "driving")
        return Instance(
            params={"start": start["name"], "product": product["name"], "category": product["category"]},
            answer=Duration(minutes),
            near={"said": Duration(minutes + 9).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield goto("http://shop.pocket/", "The shop says who makes it.")
        page = yield page.click(p["category"], f"The product is in {p['category']}.", "link")
        while not page.offers(p["product"], "link"):
            page = yield page.click("Next page", "It is further down the list.", "link")
        page = yield page.click(p["product"], "This is the product.", "link")
        brand = page.match(r"^by ([^·\n]+?)(?: ·.*)?$")[1]
        page = yield goto("http://map.pocket/", f"The brand is {brand}; the way is on the map.")
        page = yield from directions(page, p["start"], f"{brand} Workshop", "driving")
        yield answer(page.match(r"^Time: (.+)$")[1], "The directions give the time.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "a few minutes more": saying(self.oracle, instance.near["said"]),
            "only the brand": saying(self.oracle, "To the workshop of the brand."),
        }


class DriveToPerson(Template):
    """Where somebody is stands in the profile on the code site."""

    site, name, level, split = "map", "drive-to-person", 4, "train"
    also = ("code",)
    wordings = (
        "How long is the drive from {start} to the town hall of the town that {username} gives as the location on Treeline?",
        "{username} on Treeline names a town as the location. How long do I drive there, to its town hall, from {start}?",
        "Look up where {username} is located according to Treeline, and tell me the driving time from {start} to "
        "that town's town hall.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        person = rng.choice(
            world.rows(
                "SELECT p.username, f.location FROM people p JOIN code_profiles f ON f.person_id = p.id WHERE p.id "
                "> 1 ORDER BY p.id"
            )
        )
        hall = world.one("SELECT * FROM map_places WHERE name = ?", f"{person['location']} Town Hall")
        start = rng.choice([place for place in places(world) if place["town_id"] != hall["town_id"]])
        minutes = time_between(world, start, hall, "driving")
        return Instance(
            params={"start": start["name"], "username": person["username"]},
            answer=Duration(minutes),
            near={"said": Duration(minutes + 9).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield goto(f"http://code.pocket/users/{p['username']}", "The profile on Treeline has the location.")
        town = page.match(r"^Location\n(.+)$")[1]
        page = yield goto("http://map.pocket/", f"The town is {town}; the way is on the map.")
        page = yield from directions(page, p["start"], f"{town} Town Hall", "driving")
        yield answer(page.match(r"^Time: (.+)$")[1], "The directions give the time.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "a few minutes more": saying(self.oracle, instance.near["said"]),
            "no time": saying(self.oracle, "It is the town hall."),
        }


TEMPLATES = (DriveToMaker(), DriveToPerson())
