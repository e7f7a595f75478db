"""Tasks that begin on the code site and need another: the map, or the shop."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount
from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done, goto, money
from symbiotic_gym.pocket.tasks.code_steps import WORK, open_part, project_with
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class LocationFromMap(Template):
    """The town of a place, into the profile."""

    site, name, level, split = "code", "location-from-map", 4, "train"
    also = ("map",)
    wordings = (
        "Set my location on Treeline to the town in which {place} is. The map Waymark knows it.",
        "Find out on Waymark in which town {place} is, and make that my location on Treeline.",
        "My Treeline profile should have the town of {place} as the location; look it up on Waymark.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        mine = world.value("SELECT location FROM code_profiles WHERE person_id = 1")
        found = world.rows(
            "SELECT p.name, t.name AS town FROM map_places p JOIN map_towns t ON t.id = p.town_id "
            "WHERE p.owner_id IS NULL AND instr(p.name, t.name) = 0 AND t.name <> ? ORDER BY p.id",
            mine,
        )
        place = rng.choice(found)
        other = rng.choice([row for row in found if row["town"] != place["town"]])
        return Instance(
            params={"place": place["name"]},
            near={"place": other["name"]},
            effect=[("UPDATE code_profiles SET location = ? WHERE person_id = 1", (place["town"],))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield goto("http://map.pocket/", "The map knows where the place is.")
        page = yield page.fill("Search places", p["place"], "The search finds places by their name.")
        page = yield page.press("Search places", "Enter", "Now the search is made.")
        town = page.row(p["place"]).cells[2].rpartition(", ")[2]
        page = yield goto("http://code.pocket/profile", f"The place is in {town}; the location is part of the profile.")
        page = yield page.fill("Location", town, f"The town is {town}.")
        yield page.click("Save profile", "The new location has to be saved.", "button")
        yield done("The location is set.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another place": misheard(self.oracle, place=instance.near["place"]),
            "not saved": half_done(self.oracle, "Save profile"),
        }


class IssueWithPrice(Template):
    """A price from the shop, into an issue."""

    site, name, level, split = "code", "issue-with-price", 5, "dev"
    also = ("shop",)
    wordings = (
        "Open an issue called “{title}” in {project}. Its description is only the price of the {product} (under "
        "{category} in the shop).",
        "Create the issue “{title}” in {project}, and as the description give what the {product} costs. It is in "
        "the shop's category {category}.",
        "In {project}, report “{title}” with nothing but the shop's price of the {product}, from the category "
        "{category}, as the description.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *WORK)
        product = rng.choice(
            world.rows(
                "SELECT p.*, c.name AS category FROM shop_products p JOIN shop_categories c ON c.id = p.category_id "
                "WHERE p.active ORDER BY p.id"
            )
        )
        other = rng.choice(
            world.rows(
                "SELECT * FROM shop_products WHERE active AND category_id = ? AND price <> ? ORDER BY id",
                product["category_id"],
                product["price"],
            )
        )
        title = rng.choice(("Something to buy", "Costs of new equipment", "For the next budget"))
        effect = [
            (
                "INSERT INTO code_issues (project_id, number, title, body, author_id, status, at) "
                "SELECT ?, max(number) + 1, ?, ?, 1, 'open', '' FROM code_issues WHERE project_id = ?",
                (project["id"], title, Amount(product["price"]).say(), project["id"]),
            )
        ]
        params = {"title": title, "project": project["name"], "product": product["name"], "category": product["category"]}
        return Instance(params=params, effect=effect, near={"product": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield goto("http://shop.pocket/", "The price is in the shop.")
        page = yield page.click(p["category"], f"The product is in {p['category']}.", "link")
        while not page.offers(p["product"], "link"):
            page = yield page.click("Next page", "It is further down the list.", "link")
        page = yield page.click(p["product"], "This is the product.", "link")
        price = Amount(money(page.match(r"^\$[\d,.]+$")[0])).say()
        page = yield goto("http://code.pocket/", f"The price is {price}; the issue belongs here.")
        page = yield from open_part(page, p["project"], "Issues (")
        page = yield page.click("New issue", "Issues are opened here.", "link")
        page = yield page.fill("Title", p["title"], "This is the title that is wanted.")
        page = yield page.fill("Description", price, "The description is the price.")
        yield page.click("Save issue", "The form is complete.", "button")
        yield done("The issue is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another product": misheard(self.oracle, product=instance.near["product"]),
            "not saved": half_done(self.oracle, "Save issue"),
        }


TEMPLATES = (LocationFromMap(), IssueWithPrice())
