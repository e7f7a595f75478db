"""What can still be done with an order that was placed: cancelling it, ordering the same again."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard, saying
from symbiotic_gym.pocket.reading import Page, done, infeasible
from symbiotic_gym.pocket.tasks.shop_tools import in_cart, my_orders, open_order
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class CancelOrder(Template):
    """A button with a question behind it."""

    site, name, level, split = "shop", "cancel-order", 3, "train"
    wordings = (
        "Cancel my order {number}.",
        "I no longer want order {number}; please cancel it.",
        "Please withdraw the order {number} that I placed.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(my_orders(world, "status = 'Pending'"), 2)
        return Instance(
            params={"number": wanted["number"]},
            effect=[("UPDATE shop_orders SET status = 'Cancelled' WHERE id = ?", (wanted["id"],))],
            near={"number": other["number"]},
            private=(wanted["number"],),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_order(page, p["number"])
        page = yield page.click("Cancel order", "The order is still pending, so it can be cancelled.", "button")
        yield page.click("Confirm", "The page asks whether that is meant.", "button")
        yield done("The order is cancelled.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another order": misheard(self.oracle, number=instance.near["number"]),
            "not confirmed": half_done(self.oracle, "Confirm"),
        }


class CancelLateOrder(Template):
    """Asks for what the shop no longer allows."""

    site, name, level, split = "shop", "cancel-late-order", 3, "test"
    wordings = (
        "Cancel order {number} for me.",
        "I have changed my mind about order {number}; cancel it.",
        "Please see to it that order {number} is cancelled.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = rng.choice(my_orders(world, "status IN ('Processing', 'Shipped', 'Delivered')"))
        pending = rng.choice(my_orders(world, "status = 'Pending'"))
        return Instance(params={"number": wanted["number"]}, infeasible=True, near={"number": pending["number"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_order(page, p["number"])
        status = page.match(r"^Status\n(\w+)$")[1]
        yield infeasible(f"Order {p['number']} is {status}, and only pending orders can be cancelled.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def cancel_another(page: Page, p: Params) -> Play:
            yield from CancelOrder().oracle(page, {"number": instance.near["number"]})

        return {"said to be done": saying(self.oracle, "Done."), "another one cancelled": cancel_another}


class OrderAgain(Template):
    """Putting an order's things into the cart."""

    site, name, level, split = "shop", "order-again", 3, "dev"
    wordings = (
        "Put everything from my order {number} into the cart again.",
        "I want the same as in order {number}: fill my cart with it, but do not order yet.",
        "Add the things of order {number} to my cart once more.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        items = (
            "SELECT i.*, p.stock, p.active FROM shop_order_items i JOIN shop_products p "
            "ON p.id = i.product_id WHERE order_id = ?"
        )
        found = []
        for order in my_orders(world):
            lines = world.rows(f"{items} ORDER BY i.id", order["id"])
            if all(line["active"] and line["stock"] >= line["quantity"] for line in lines):
                found.append((order, lines))
        order, lines = rng.choice(found)
        other = next(row for row in my_orders(world) if row["id"] != order["id"])
        return Instance(
            params={"number": order["number"]},
            effect=[in_cart(line["product_id"], line["quantity"], line["options"]) for line in lines],
            near={"number": other["number"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_order(page, p["number"])
        yield page.click("Order again", "This puts the order's things into the cart.", "button")
        yield done("The cart has what the order had.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another order": misheard(self.oracle, number=instance.near["number"]),
            "not pressed": half_done(self.oracle, "Order again"),
        }


TEMPLATES = (
    CancelOrder(),
    CancelLateOrder(),
    OrderAgain(),
)
