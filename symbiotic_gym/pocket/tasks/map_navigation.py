"""Tasks on the map: getting to a page."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.map_steps import open_place, places
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template
from symbiotic_gym.pocket.world.map_places import KINDS

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class OpenTown(Template):
    """A link on the start page."""

    site, name, level, split = "map", "open-town", 1, "train"
    wordings = ("Show me the town {town} on Waymark.", "Open Waymark's page of {town}.", "Go to the town of {town} on the map.")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(world.rows("SELECT * FROM map_towns ORDER BY id"), 2)
        return Instance(params={"town": wanted["name"]}, url=f"/town/{wanted['slug']}", near={"town": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(p["town"], f"The start page has a link to {p['town']}.", "link")
        yield done(f"The page of {p['town']} is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another town": misheard(self.oracle, town=instance.near["town"]),
            "not opened": half_done(self.oracle, instance.params["town"]),
        }


class OpenKind(Template):
    """A link of another list on the start page."""

    site, name, level, split = "map", "open-kind", 1, "train"
    wordings = (
        "List all {kind} on the map.",
        "Show me every one of the {kind} that Waymark knows.",
        "Open Waymark's list of {kind}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(KINDS, 2)
        address = wanted.name.replace(" ", "%20").replace("é", "%C3%A9")
        return Instance(params={"kind": wanted.many}, url=f"/search?kind={address}", near={"kind": other.many})

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(p["kind"], f"The start page has a link to {p['kind']}.", "link")
        yield done("The list is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another kind": misheard(self.oracle, kind=instance.near["kind"]),
            "not opened": half_done(self.oracle, instance.params["kind"]),
        }


class OpenPlace(Template):
    """A search with one result that has the very name."""

    site, name, level, split = "map", "open-place", 2, "train"
    wordings = (
        "Find the place {place} on Waymark and open its page.",
        "Open the page of {place} on the map.",
        "Look up {place} on Waymark.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(places(world), 2)
        return Instance(params={"place": wanted["name"]}, url=f"/place/{wanted['id']}", near={"place": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        yield from open_place(page, p["place"])
        yield done("The place's page is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another place": misheard(self.oracle, place=instance.near["place"]),
            "only searched": half_done(self.oracle, instance.params["place"]),
        }


TEMPLATES = (OpenTown(), OpenKind(), OpenPlace())
