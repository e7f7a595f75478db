"""Ordering: address, shipping, payment and coupons."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import given_up, half_done, misheard, saying
from symbiotic_gym.pocket.reading import Page, back, done, infeasible
from symbiotic_gym.pocket.tasks.shop_tools import (
    Walk,
    in_cart,
    open_category,
    open_product,
    ordered,
    plain_products,
)
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


def _order(page: Page, shipping: str, payment: str, *, address: str = "", coupon: str = "") -> Walk:
    """From the cart to the page on which the order is placed or what is wrong is said."""
    page = yield page.click("Go to checkout", "Everything that is to be ordered is in the cart.", "link")
    if address:
        page = yield page.check(f"{address}:", f"It is to go to the address “{address}”.")
    page = yield page.check(shipping, f"The delivery is to be {shipping}.")
    page = yield page.check(payment, f"It is to be paid by {payment}.")
    if coupon:
        page = yield page.fill("Coupon code", coupon, f"The goal gives the code {coupon}.")
    return (yield page.click("Review order", "Everything is chosen.", "button"))


class Checkout(Template):
    """Three pages of a form."""

    site, name, level, split = "shop", "checkout", 4, "train"
    wordings = (
        "Order what is in my cart. Delivery: {shipping}; payment: {payment}.",
        "Buy everything in my cart with delivery “{shipping}” and payment by “{payment}”.",
        "Place an order of my cart as it is, delivered {shipping} and paid with {payment}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        lines = [(product, rng.randrange(1, 3)) for product in plain_products(world, rng, rng.randrange(1, 3))]
        shipping, other = rng.sample(["Standard", "Express", "Pick up in store"], 2)
        payment = rng.choice(["Card", "Invoice", "Gift card"])
        address = world.one("SELECT * FROM shop_addresses WHERE person_id = 1 AND main")
        return Instance(
            params={"shipping": shipping, "payment": payment},
            before=[in_cart(product["id"], quantity) for product, quantity in lines],
            effect=ordered(lines, address, shipping, payment),
            near={"shipping": other},
            private=(f"{address['street']}, {address['postcode']} {address['city']}",),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Cart (", "What is to be ordered is in the cart.", "link")
        page = yield from _order(page, p["shipping"], p["payment"])
        yield page.click("Place order", "The summary shows what was asked for.", "button")
        yield done("The order is placed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "other delivery": misheard(self.oracle, shipping=instance.near["shipping"]),
            "not placed": half_done(self.oracle, "Place order"),
        }


class CheckoutWithCoupon(Template):
    """The same with another address and a code."""

    site, name, level, split = "shop", "checkout-with-coupon", 5, "test"
    wordings = (
        "Send what is in my cart to my address “{label}”, {shipping} delivery, paid by {payment}, with the coupon {coupon}.",
        "Use the coupon {coupon} and order my cart to “{label}” with {shipping} delivery; pay by {payment}.",
        "Order my cart. It goes to “{label}”, delivery is {shipping}, payment is by {payment}, and I have the code {coupon}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        lines = [(product, 1) for product in plain_products(world, rng, 2)]
        shipping, payment = rng.choice(["Standard", "Express"]), rng.choice(["Card", "Invoice"])
        address = world.one("SELECT * FROM shop_addresses WHERE person_id = 1 AND NOT main")
        return Instance(
            params={"label": address["label"], "shipping": shipping, "payment": payment, "coupon": "WELCOME10"},
            before=[in_cart(product["id"]) for product, _ in lines],
            effect=ordered(lines, address, shipping, payment, coupon="WELCOME10", percent=10),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Cart (", "What is to be ordered is in the cart.", "link")
        page = yield from _order(page, p["shipping"], p["payment"], address=p["label"], coupon=p["coupon"])
        yield page.click("Place order", "The summary shows what was asked for.", "button")
        yield done("The order is placed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "without the coupon": misheard(self.oracle, coupon=""),
            "to the main address": misheard(self.oracle, label=""),
            "not placed": half_done(self.oracle, "Place order"),
        }


class CheckoutWithBadCoupon(Template):
    """Asks for a discount that the shop does not give."""

    site, name, level, split = "shop", "checkout-with-bad-coupon", 4, "train"
    wordings = (
        "Order my cart with the coupon {coupon}, delivery {shipping}, payment by "
        "{payment}. Without the discount I do not want it.",
        "With the code {coupon}, but only with it, order what is in my cart: delivery {shipping}, payment by {payment}.",
        "Buy my cart if the coupon {coupon} is taken; delivery {shipping}, payment by {payment}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        code = rng.choice(["SUMMER25", "FRIENDS30", "BULK20"])
        products = world.rows("SELECT * FROM shop_listed WHERE stock > 5 AND price < 9000 ORDER BY id")
        plain = [row for row in products if not world.rows("SELECT 1 FROM shop_options WHERE product_id = ?", row["id"])]
        return Instance(
            params={"coupon": code, "shipping": rng.choice(["Standard", "Express"]), "payment": "Invoice"},
            before=[in_cart(rng.choice(plain)["id"])],
            infeasible=True,
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Cart (", "What is to be ordered is in the cart.", "link")
        page = yield from _order(page, p["shipping"], p["payment"], coupon=p["coupon"])
        refused = page.match(r"^(There is no coupon .*|.* is for orders from .*)$")[1]
        yield infeasible(f"The shop does not take the coupon: {refused}")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def without(page: Page, p: Params) -> Play:
            yield from Checkout().oracle(page, p)

        return {"ordered without it": without, "said to be done": saying(self.oracle, "Done.")}


class BuyCheapest(Template):
    """Finding by a condition, then buying."""

    site, name, level, split = "shop", "buy-cheapest", 5, "test"
    wordings = (
        "Buy one of the cheapest thing in {category} that is in stock and comes without "
        "options; {shipping} delivery, pay by {payment}.",
        "In {category}, find the cheapest product in stock that has no options to choose, "
        "and order one: {shipping} delivery, {payment}.",
        "Order a single piece of the least expensive {category} product that is in stock and "
        "has no options. {shipping}, paid by {payment}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        found = []
        for category in world.rows("SELECT name FROM shop_categories ORDER BY id"):
            rows = world.rows(
                "SELECT * FROM shop_listed WHERE active AND stock > 0 AND category = ? ORDER BY price, id", category["name"]
            )
            plain = [r for r in rows if not world.rows("SELECT 1 FROM shop_options WHERE product_id = ?", r["id"])]
            if len(plain) > 1 and plain[0]["price"] < plain[1]["price"] and rows.index(plain[0]) < 7:
                found.append((category["name"], plain))
        category, plain = rng.choice(found)
        shipping, payment = rng.choice(["Standard", "Express"]), rng.choice(["Card", "Invoice"])
        address = world.one("SELECT * FROM shop_addresses WHERE person_id = 1 AND main")
        return Instance(
            params={"category": category, "shipping": shipping, "payment": payment},
            effect=ordered([(plain[0], 1)], address, shipping, payment),
            near={"product": plain[1]["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_category(page, p["category"])
        page = yield page.select("Sort by", "Price: low to high", "The cheapest comes first then.")
        page = yield page.check("In stock only", "It has to be in stock.")
        page = yield page.click("Apply filters", "The filters work once they are applied.", "button")
        for (name,) in page.matches(r"^(.+)\n\$"):
            page = yield page.click(name, f"The {name} is the cheapest that was not looked at yet.", "link")
            if "Choose…" not in page.plain:
                break
            page = yield back("It has options to choose, so the search goes on in the sorted list.")
        page = yield page.click("Add to cart", "This is the cheapest without options.", "button")
        page = yield from _order(page, p["shipping"], p["payment"])
        yield page.click("Place order", "The summary shows what was asked for.", "button")
        yield done("The order is placed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def second(page: Page, p: Params) -> Play:
            page = yield from open_product(page, instance.near["product"])
            page = yield page.click("Add to cart", "This looks cheap.", "button")
            page = yield from _order(page, p["shipping"], p["payment"])
            yield page.click("Place order", "The summary shows it.", "button")
            yield done("The order is placed.")

        return {"the second cheapest": second, "not placed": half_done(self.oracle, "Place order"), "given up": given_up}


TEMPLATES = (
    Checkout(),
    CheckoutWithCoupon(),
    CheckoutWithBadCoupon(),
    BuyCheapest(),
)
