"""Questions about the person's own orders."""

import random
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount, Day, Name, Number
from symbiotic_gym.pocket.plays import given_up, saying
from symbiotic_gym.pocket.reading import Page, answer, back, money, through
from symbiotic_gym.pocket.tasks.shop_tools import my_orders, open_account, open_order
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


_STATUSES = ("Pending", "Processing", "Shipped", "Delivered", "Cancelled")


class OrderStatus(Template):
    """One value of one order."""

    site, name, level, split = "shop", "order-status", 2, "train"
    wordings = (
        "What is the status of my order {number}?",
        "How far is my order {number}? Give its status.",
        "Look up the status of order {number} for me.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        order = rng.choice(my_orders(world))
        others = tuple(status for status in _STATUSES if status != order["status"])
        also = ("canceled",) if order["status"] == "Cancelled" else ()
        return Instance(
            params={"number": order["number"]},
            answer=Name(order["status"], others, also),
            near={"status": rng.choice(others)},
            private=(order["number"],),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_order(page, p["number"])
        status = page.match(r"^Status\n(\w+)$")[1]
        yield answer(status, f"The order's page gives its status as {status}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        other = instance.near["status"]
        return {"another status": saying(self.oracle, other), "two": saying(self.oracle, lambda right: f"{right} or {other}")}


class LatestTotal(Template):
    """The first row of a list."""

    site, name, level, split = "shop", "latest-total", 2, "train"
    wordings = (
        "How much was my latest order in total?",
        "What did I pay altogether for my most recent order?",
        "Give me the total of the last order that I placed.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        orders = my_orders(world)
        other = next(order["total"] for order in orders if order["total"] != orders[0]["total"])
        return Instance(
            params={},
            start=rng.choice(("/", "/account/orders", "/account")),
            answer=Amount(orders[0]["total"]),
            near={"before": Amount(other).say(), "goods": Amount(orders[0]["total"] + 490).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        if not page.has("My orders"):
            page = yield page.click("My account", "The account shows the latest orders.", "link")
        row = next(row for row in page.rows() if len(row.cells) == 4 and row.cells[0].isdecimal())
        yield answer(row.cells[3], f"Order {row.cells[0]} is the first of the list, which has the latest on top.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another order": saying(self.oracle, instance.near["before"]),
            "other delivery": saying(self.oracle, instance.near["goods"]),
        }


class OrdersWithStatus(Template):
    """Counting the rows of a filtered list."""

    site, name, level, split = "shop", "orders-with-status", 3, "train"
    wordings = (
        "How many of my orders are {status}?",
        "Count my orders that have the status {status}.",
        "In my list of orders, how many are marked {status}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        status = rng.choice(_STATUSES)
        count = len(my_orders(world, "status = ?", status))
        return Instance(
            params={"status": status},
            answer=Number(count),
            near={"all": str(len(my_orders(world))), "fewer": str(count + 1)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_account(page, "My orders")
        page = yield page.select("Status", p["status"], f"Only orders that are {p['status']} count.")
        pages = yield from through(page)
        count = sum(row.cells[0].isdecimal() for found in pages for row in found.rows())
        yield answer(str(count), f"The list of {p['status']} orders has so many rows.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "all orders": saying(self.oracle, instance.near["all"]),
            "one more": saying(self.oracle, instance.near["fewer"]),
        }


class WhenOrdered(Template):
    """Looking through orders for a product."""

    site, name, level, split = "shop", "when-ordered", 4, "test"
    wordings = (
        "On which day did I order the {product}?",
        "When was it that I bought the {product}? Give the date.",
        "Find the order with the {product} and tell me its date.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        once = world.rows(
            "SELECT p.name, o.at, o.number FROM shop_orders o JOIN shop_order_items i ON i.order_id = o.id "
            "JOIN shop_products p ON p.id = i.product_id WHERE o.person_id = 1 GROUP BY p.id HAVING count(*) = 1 ORDER BY p.id"
        )
        wanted = rng.choice(once)
        day = date.fromisoformat(wanted["at"][:10])
        other = next(order for order in my_orders(world) if order["at"][:10] != wanted["at"][:10])
        return Instance(
            params={"product": wanted["name"]},
            answer=Day(day),
            near={"day": Day(date.fromisoformat(other["at"][:10])).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_account(page, "My orders")
        seen: set[str] = set()
        while True:
            numbers = [row.cells[0] for row in page.rows() if row.cells[0].isdecimal()]
            left = [number for number in numbers if number not in seen]
            if not left:
                page = yield page.click("Next page", "None of the orders so far has it; the list goes on.", "link")
                continue
            seen.add(left[0])
            page = yield page.click(left[0], f"Order {left[0]} may have it.", "link")
            if page.offers(p["product"], "link"):
                day = page.match(r"^Ordered on\n(.+)$")[1]
                yield answer(day, f"This order has the {p['product']}; it is of {day}.")
                return
            page = yield back("This order does not have it.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"another order's": saying(self.oracle, instance.near["day"]), "given up": given_up}


class SpentInYear(Template):
    """A sum over all pages of a list, with rows to leave out."""

    site, name, level, split = "shop", "spent-in-year", 5, "test"
    wordings = (
        "How much were all my orders of {year} together, without the cancelled ones?",
        "Add up the totals of the orders I placed in {year}; cancelled orders do not count.",
        "What is the sum of my {year} orders that were not cancelled?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        years = sorted({order["at"][:4] for order in my_orders(world, "status <> 'Cancelled'")})
        year = rng.choice(years)
        of_year = my_orders(world, "substr(at, 1, 4) = ?", year)
        total = sum(order["total"] for order in of_year if order["status"] != "Cancelled")
        first = of_year[0]["total"]
        every = sum(order["total"] for order in my_orders(world))
        return Instance(
            params={"year": year},
            answer=Amount(total),
            near={"less": Amount(total - first if total != first else total + 490).say(), "ever": Amount(every + 490).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_account(page, "My orders")
        pages = yield from through(page)
        rows = [row.cells for found in pages for row in found.rows() if row.cells[0].isdecimal()]
        total = sum(money(cells[3]) for cells in rows if cells[1].endswith(p["year"]) and cells[2] != "Cancelled")
        yield answer(Amount(total).say(), f"This is the sum of the orders of {p['year']} that were not cancelled.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "one left out": saying(self.oracle, instance.near["less"]),
            "all years": saying(self.oracle, instance.near["ever"]),
        }


TEMPLATES = (
    OrderStatus(),
    LatestTotal(),
    OrdersWithStatus(),
    WhenOrdered(),
    SpentInYear(),
)
