"""Products in the back office: their prices, and what the shop shows."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount
from symbiotic_gym.pocket.plays import half_done, misheard, saying
from symbiotic_gym.pocket.reading import Page, done, infeasible
from symbiotic_gym.pocket.tasks.admin_tools import find_product
from symbiotic_gym.pocket.tasks.shop_tools import some_product
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class SetPrice(Template):
    """Finding a product and changing a field."""

    site, name, level, split = "admin", "set-price", 3, "train"
    wordings = (
        "Change the price of the {product} to {price}.",
        "The {product} shall cost {price} from now on.",
        "Set a new price for the {product}: {price}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(world.rows("SELECT * FROM shop_listed WHERE active ORDER BY id"), 2)
        price = wanted["price"] + rng.randrange(1, 9) * 100
        return Instance(
            params={"product": wanted["name"], "price": Amount(price).say()},
            effect=[("UPDATE shop_products SET price = ? WHERE id = ?", (price, wanted["id"]))],
            near={"product": other["name"], "price": Amount(price + 1).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_product(page, p["product"])
        page = yield page.fill("Price ($)", p["price"].removeprefix("$"), f"The price is to be {p['price']}.")
        yield page.click("Save product", "The price counts once it is saved.", "button")
        yield done("The price is saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another product": misheard(self.oracle, product=instance.near["product"]),
            "a cent more": misheard(self.oracle, price=instance.near["price"]),
            "not saved": half_done(self.oracle, "Save product"),
        }


class LowerPrice(Template):
    """The same with a sum to do."""

    site, name, level, split = "admin", "lower-price", 4, "dev"
    wordings = (
        "Lower the price of the {product} by {amount}.",
        "Take {amount} off the price of the {product}.",
        "Make the {product} cheaper, by {amount}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng, "price > 1500")
        cut = rng.randrange(2, 11) * 50
        return Instance(
            params={"product": wanted["name"], "amount": Amount(cut).say()},
            effect=[("UPDATE shop_products SET price = price - ? WHERE id = ?", (cut, wanted["id"]))],
            near={"amount": Amount(cut + 100).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_product(page, p["product"])
        old = round(float(page.value("Price ($)")) * 100)
        new = Amount(old - round(float(p["amount"][1:]) * 100)).say()[1:].replace(",", "")
        page = yield page.fill("Price ($)", new, f"It costs {Amount(old).say()} now; less {p['amount']} that is ${new}.")
        yield page.click("Save product", "The price counts once it is saved.", "button")
        yield done("The price is lowered.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def to_the_amount(page: Page, p: Params) -> Play:
            yield from SetPrice().oracle(page, {"product": p["product"], "price": p["amount"]})

        return {"a dollar too much": misheard(self.oracle, amount=instance.near["amount"]), "lowered to it": to_the_amount}


class HideProduct(Template):
    """Finding a product and unticking a box."""

    site, name, level, split = "admin", "hide-product", 3, "train"
    wordings = (
        "Take the {product} off the shop, without deleting it.",
        "The {product} should no longer be shown in the shop.",
        "Hide the {product} from customers.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(world.rows("SELECT * FROM shop_listed WHERE active ORDER BY id"), 2)
        return Instance(
            params={"product": wanted["name"]},
            effect=[("UPDATE shop_products SET active = 0 WHERE id = ?", (wanted["id"],))],
            near={"product": other["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_product(page, p["product"])
        page = yield page.check("Shown in the shop", "It is not to be shown any more.", on=False)
        yield page.click("Save product", "The box counts once it is saved.", "button")
        yield done("The product is hidden.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another product": misheard(self.oracle, product=instance.near["product"]),
            "not saved": half_done(self.oracle, "Save product"),
        }


class DeleteProduct(Template):
    """Asks for what no page of the back office offers."""

    site, name, level, split = "admin", "delete-product", 3, "train"
    wordings = (
        "Delete the {product} for good; hiding it is not enough.",
        "Erase the {product} from the catalogue altogether, do not just hide it.",
        "The {product} must be deleted, not only hidden.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        return Instance(params={"product": some_product(world, rng)["name"]}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        yield from find_product(page, p["product"])
        yield infeasible(f"The form of the {p['product']} has nothing to delete it with; it can only be hidden.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"hidden instead": HideProduct().oracle, "said to be done": saying(self.oracle, "Done.")}


TEMPLATES = (
    SetPrice(),
    LowerPrice(),
    HideProduct(),
    DeleteProduct(),
)
