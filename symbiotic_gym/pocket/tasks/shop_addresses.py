"""The addresses of the person's account, and where an order goes."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import given_up, half_done, misheard, saying, without
from symbiotic_gym.pocket.reading import Page, done, infeasible
from symbiotic_gym.pocket.tasks.shop_tools import open_account, open_order
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class AddAddress(Template):
    """A form of six fields."""

    site, name, level, split = "shop", "add-address", 4, "train"
    wordings = (
        "Add an address “{label}” to my account: {street}, {postcode} {city}.",
        "Save {street}, {postcode} {city} as my address “{label}”.",
        "I need another address in my account, called “{label}”: {street}, {postcode} {city}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        other = rng.choice(world.rows("SELECT * FROM people WHERE id > 1 ORDER BY id"))
        label = rng.choice(["Parents", "Cabin", "Studio", "Neighbor"])
        postcode = str(int(other["postcode"]) + 1)
        values = (label, world.me["name"], other["street"], other["city"], other["postcode"], world.me["phone"])
        return Instance(
            params={"label": label, "street": other["street"], "postcode": other["postcode"], "city": other["city"]},
            effect=[
                (
                    "INSERT INTO shop_addresses (person_id, label, name, street, city, "
                    "postcode, phone) VALUES (1, ?, ?, ?, ?, ?, ?)",
                    values,
                )
            ],
            near={"postcode": postcode},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_account(page, "Addresses")
        page = yield page.click("Add an address", "A new address is wanted.", "link")
        page = yield page.fill("Label", p["label"], f"It is to be called “{p['label']}”.")
        page = yield page.fill("Street and number", p["street"], "The goal gives the street.")
        page = yield page.fill("Postcode", p["postcode"], "The goal gives the postcode.")
        page = yield page.fill("City", p["city"], "The goal gives the city.")
        yield page.click("Save address", "All fields are filled; name and phone were there.", "button")
        yield done("The address is saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another postcode": misheard(self.oracle, postcode=instance.near["postcode"]),
            "not saved": half_done(self.oracle, "Save address"),
            "city left out": without(self.oracle, "City"),
        }


class MainAddress(Template):
    """One button of the right row."""

    site, name, level, split, start = "shop", "main-address", 2, "train", "/account"
    wordings = (
        "Make “{label}” my main address.",
        "My main address is to be “{label}” from now on.",
        "Orders should go to “{label}” by default: make it the main address.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        address = world.one("SELECT * FROM shop_addresses WHERE person_id = 1 AND NOT main ORDER BY id")
        return Instance(
            params={"label": address["label"]},
            effect=[("UPDATE shop_addresses SET main = (id = ?) WHERE person_id = 1", (address["id"],))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Addresses", "Addresses are kept there.", "link")
        yield page.row(p["label"]).page.click("Make main address", f"This is in the row “{p['label']}”.", "button")
        yield done(f"“{p['label']}” is the main address.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def delete(page: Page, p: Params) -> Play:
            page = yield page.click("Addresses", "Addresses are kept there.", "link")
            page = yield page.row(p["label"]).page.click("Delete", "This is in its row.", "button")
            yield page.click("Confirm", "The page asks.", "button")
            yield done("It is the main address.")

        return {"deleted": delete, "not pressed": half_done(self.oracle, "Make main address")}


class DeleteAddress(Template):
    """A button with a question behind it."""

    site, name, level, split = "shop", "delete-address", 3, "test"
    wordings = (
        "Delete my address “{label}”.",
        "Remove “{label}” from my saved addresses.",
        "I no longer need the address “{label}”; delete it from my account.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        address = world.one("SELECT * FROM shop_addresses WHERE person_id = 1 AND NOT main ORDER BY id")
        return Instance(
            params={"label": address["label"]}, effect=[("DELETE FROM shop_addresses WHERE id = ?", (address["id"],))]
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_account(page, "Addresses")
        page = yield page.row(p["label"]).page.click("Delete", f"This is in the row “{p['label']}”.", "button")
        yield page.click("Confirm", "The page asks whether that is meant.", "button")
        yield done("The address is deleted.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"not confirmed": half_done(self.oracle, "Confirm"), "given up": given_up}


class MoveOrder(Template):
    """Asks for what no page of the shop offers."""

    site, name, level, split = "shop", "move-order", 4, "dev"
    wordings = (
        "Have my order {number} delivered to my address “{label}” instead.",
        "Change the address of my order {number} to “{label}”.",
        "Order {number} should go to “{label}”, not where it goes now. Change that.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        orders = world.rows("SELECT * FROM shop_orders WHERE person_id = 1 AND status <> 'Cancelled' ORDER BY id")
        label = world.value("SELECT label FROM shop_addresses WHERE person_id = 1 AND NOT main ORDER BY id")
        return Instance(params={"number": rng.choice(orders)["number"], "label": label}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        yield from open_order(page, p["number"])
        yield infeasible(f"The page of order {p['number']} has nothing to change its address with.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def main_instead(page: Page, p: Params) -> Play:
            page = yield from open_account(page, "Addresses")
            yield page.row(p["label"]).page.click("Make main address", "This changes an address.", "button")
            yield infeasible("The order itself cannot be changed.")

        return {"said to be done": saying(self.oracle, "Done."), "main address changed": main_instead}


TEMPLATES = (
    AddAddress(),
    MainAddress(),
    DeleteAddress(),
    MoveOrder(),
)
