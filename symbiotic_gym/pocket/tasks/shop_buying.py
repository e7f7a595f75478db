"""Filling the cart, and changing what is in it."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard, saying
from symbiotic_gym.pocket.reading import Page, done, infeasible
from symbiotic_gym.pocket.tasks.shop_tools import (
    in_cart,
    names,
    open_product,
    plain_products,
    some_product,
)
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class AddThis(Template):
    """One button of the page that is open."""

    site, name, level, split = "shop", "add-this", 1, "train"
    wordings = (
        "Put the {product} on this page into the cart.",
        "Add this {product} to my cart.",
        "Into the cart with this {product}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        (wanted,) = plain_products(world, rng, 1)
        return Instance(params={"product": wanted["name"]}, start=f"/product/{wanted['id']}", effect=[in_cart(wanted["id"])])

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click("Add to cart", f"This puts the {p['product']} into the cart.", "button")
        yield done("It is in the cart.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def twice(page: Page, p: Params) -> Play:
            page = yield page.fill("Quantity", "2", "Two are better than one.")
            yield from self.oracle(page, p)

        return {"two of them": twice, "not pressed": half_done(self.oracle, "Add to cart")}


class AddSome(Template):
    """Finding a product, a quantity and one option."""

    site, name, level, split = "shop", "add-some", 3, "train"
    wordings = (
        "Put {quantity} of the {product} into my cart ({option}: {value}).",
        "Add {quantity} pieces of the {product} to the cart, with {option} {value}.",
        "I want {quantity} of the {product} in my cart; choose {value} for {option}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        single = "(SELECT product_id FROM shop_options GROUP BY product_id HAVING count(DISTINCT name) = 1)"
        wanted = some_product(world, rng, f"stock > 9 AND id IN {single}")
        rows = world.rows("SELECT * FROM shop_options WHERE product_id = ? ORDER BY id", wanted["id"])
        option, other = rng.sample(rows, 2)
        quantity = rng.randrange(2, 6)
        return Instance(
            params={
                "product": wanted["name"],
                "quantity": str(quantity),
                "option": option["name"],
                "value": option["value"],
            },
            effect=[in_cart(wanted["id"], quantity, f"{option['name']}: {option['value']}")],
            near={"value": other["value"], "quantity": str(quantity + 1)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_product(page, p["product"])
        page = yield page.select(p["option"], p["value"], f"The goal asks for {p['option']} {p['value']}.")
        page = yield page.fill("Quantity", p["quantity"], f"The goal asks for {p['quantity']} of them.")
        yield page.click("Add to cart", "Option and quantity are set.", "button")
        yield done("They are in the cart.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another option": misheard(self.oracle, value=instance.near["value"]),
            "one too many": misheard(self.oracle, quantity=instance.near["quantity"]),
            "not added": half_done(self.oracle, "Add to cart"),
        }


class AddMissing(Template):
    """Asks for what the shop does not have."""

    site, name, level, split = "shop", "add-missing", 3, "train"
    wordings = (
        "Put a {product} into my cart; it has to be exactly that.",
        "I want exactly a {product}, nothing like it. Add one to my cart.",
        "Add a {product} to the cart. No other product will do.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        styles = [row["name"].removesuffix(f" {row['kind']}") for row in world.rows("SELECT * FROM shop_products ORDER BY id")]
        plain = "SELECT kind, name, id FROM shop_products WHERE stock > 5 AND id NOT IN (SELECT product_id FROM shop_options)"
        near = rng.choice(world.rows(f"{plain} ORDER BY id"))
        sold = names(world)
        missing = [name for style in styles if (name := f"{style} {near['kind']}") not in sold]
        return Instance(params={"product": rng.choice(missing)}, infeasible=True, near={"product": near["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.fill("Search products", p["product"], f"Searching shows whether there is a {p['product']}.")
        page = yield page.click("Search", "This starts the search.", "button")
        if not page.offers(p["product"], "link"):
            yield infeasible(f"The shop has no {p['product']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def another(page: Page, p: Params) -> Play:
            page = yield from open_product(page, instance.near["product"])
            yield page.click("Add to cart", "This is nearly the same.", "button")
            yield done("It is in the cart.")

        return {"another product": another, "said to be done": saying(self.oracle, "Done.")}


class RemoveFromCart(Template):
    """One button out of several of the same name."""

    site, name, level, split, start = "shop", "remove-from-cart", 1, "train", "/cart"
    wordings = (
        "Take the {product} out of my cart.",
        "Remove the {product} from the cart.",
        "I do not want the {product} in my cart any more.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        products = plain_products(world, rng, rng.randrange(2, 4))
        wanted, other = rng.sample(products, 2)
        return Instance(
            params={"product": wanted["name"]},
            before=[in_cart(product["id"], rng.randrange(1, 4)) for product in products],
            effect=[("DELETE FROM shop_cart WHERE person_id = 1 AND product_id = ?", (wanted["id"],))],
            near={"product": other["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.row(p["product"]).page.click("Remove", f"This is in the row of the {p['product']}.", "button")
        yield done("It is out of the cart.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another product": misheard(self.oracle, product=instance.near["product"]),
            "not removed": half_done(self.oracle, "Remove"),
        }


class ChangeQuantity(Template):
    """A field and its button in the right row."""

    site, name, level, split, start = "shop", "change-quantity", 2, "train", "/cart"
    wordings = (
        "Change the quantity of the {product} in my cart to {quantity}.",
        "I need {quantity} of the {product} that is in my cart; correct the number.",
        "Make it {quantity} of the {product} in the cart.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        products = plain_products(world, rng, rng.randrange(2, 4))
        wanted, other = rng.sample(products, 2)
        quantity = rng.randrange(2, 6)
        return Instance(
            params={"product": wanted["name"], "quantity": str(quantity)},
            before=[in_cart(product["id"]) for product in products],
            effect=[("UPDATE shop_cart SET quantity = ? WHERE person_id = 1 AND product_id = ?", (quantity, wanted["id"]))],
            near={"product": other["name"], "quantity": str(quantity - 1 or 6)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.fill(f"Quantity of {p['product']}", p["quantity"], f"The {p['product']} has its own field.")
        yield page.row(p["product"]).page.click("Update", "The number counts once it is updated.", "button")
        yield done(f"There are {p['quantity']} of them in the cart.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another product": misheard(self.oracle, product=instance.near["product"]),
            "not updated": half_done(self.oracle, "Update"),
        }


class EmptyCart(Template):
    """The same action until nothing is left."""

    site, name, level, split = "shop", "empty-cart", 2, "dev"
    wordings = ("Empty my cart.", "Take everything out of my cart.", "Remove all the things that are in my cart.")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        products = plain_products(world, rng, rng.randrange(2, 5))
        return Instance(
            params={},
            before=[in_cart(product["id"], rng.randrange(1, 4)) for product in products],
            effect=[("DELETE FROM shop_cart WHERE person_id = 1", ())],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Cart (", "The cart has to be open.", "link")
        while page.offers("Remove", "button"):
            page = yield page.click("Remove", "There is still something in the cart.", "button")
        yield done("The cart is empty.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def one_only(page: Page, p: Params) -> Play:
            page = yield page.click("Cart (", "The cart has to be open.", "link")
            yield page.click("Remove", "This takes it out.", "button")
            yield done("The cart is empty.")

        return {"only one removed": one_only, "nothing removed": half_done(self.oracle, "Remove")}


TEMPLATES = (
    AddThis(),
    AddSome(),
    AddMissing(),
    RemoveFromCart(),
    ChangeQuantity(),
    EmptyCart(),
)
