"""What the reports of the back office say."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.answers import Amount, Name, Number, rivals
from symbiotic_gym.pocket.plays import saying
from symbiotic_gym.pocket.reading import Page, answer, money
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template
from symbiotic_gym.pocket.written import month

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


def _months(world: "World") -> list[Any]:
    return world.rows(
        "SELECT substr(at, 1, 7) AS month, count(*) AS orders, sum(total) AS total FROM "
        "shop_orders WHERE status <> 'Cancelled' "
        "GROUP BY month ORDER BY month"
    )


class SalesOfMonth(Template):
    """One cell of one table."""

    site, name, level, split = "admin", "sales-of-month", 2, "train"
    wordings = (
        "How much were the sales of {month}?",
        "According to the sales report, what did the shop sell in {month}, in dollars?",
        "Give me the sales total for {month}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(_months(world), 2)
        return Instance(
            params={"month": month(wanted["month"] + "-01")},
            answer=Amount(wanted["total"]),
            near={"other": Amount(other["total"]).say(), "orders": f"${wanted['orders']}"},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Sales report", "The report has the sales by month.", "link")
        yield answer(page.row(p["month"]).cells[2], f"The row {p['month']} has the sales in its third column.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another month": saying(self.oracle, instance.near["other"]),
            "orders": saying(self.oracle, instance.near["orders"]),
        }


class BestMonth(Template):
    """The extreme of a column."""

    site, name, level, split = "admin", "best-month", 4, "test"
    wordings = (
        "In which month were the sales the highest?",
        "Name the best month of the shop by its sales.",
        "Which month has the largest sum in the sales report?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        months = sorted(_months(world), key=lambda row: -row["total"])
        called = [month(row["month"] + "-01") for row in months]
        return Instance(
            params={},
            start=rng.choice(("/", "/reports/sales", "/products")),
            answer=Name(called[0], rivals(called, called[0])),
            near={"second": called[1], "last": called[-1]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Sales report", "The report has the sales by month.", "link")
        rows = [row.cells for row in page.rows() if len(row.cells) == 4 and row.cells[2].startswith("$")]
        best = max(rows, key=lambda cells: money(cells[2]))
        yield answer(best[0], f"With {best[2]}, {best[0]} has the largest sum.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the second": saying(self.oracle, instance.near["second"]),
            "the worst": saying(self.oracle, instance.near["last"]),
        }


class BestSeller(Template):
    """A report with a choice to make first."""

    site, name, level, split = "admin", "best-seller", 3, "train"
    wordings = (
        "Which product sold best in {month}?",
        "What was the best seller of {month}?",
        "Name the product that the shop sold most pieces of in {month}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        found = []
        for row in _months(world):
            sold = world.rows(
                "SELECT p.name, sum(i.quantity) AS sold FROM shop_order_items i JOIN shop_orders o ON o.id = i.order_id "
                "JOIN shop_products p ON p.id = i.product_id WHERE o.status <> 'Cancelled' AND substr(o.at, 1, 7) = ? "
                "GROUP BY p.id ORDER BY sold DESC, p.id",
                row["month"],
            )
            if len(sold) > 2 and sold[0]["sold"] > sold[1]["sold"]:
                found.append((row["month"], sold))
        wanted, sold = rng.choice(found)
        return Instance(
            params={"month": month(wanted + "-01")},
            answer=Name(sold[0]["name"], rivals([row["name"] for row in sold], sold[0]["name"])),
            near={"second": sold[1]["name"], "last": sold[-1]["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Best sellers", "The report has what sells best.", "link")
        page = yield page.select("Month", p["month"], f"Only {p['month']} is meant.")
        first = next(row for row in page.rows() if row.cells[0] == "1")
        yield answer(first.cells[1], f"It has the first rank, with {first.cells[3]} sold.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the second": saying(self.oracle, instance.near["second"]),
            "the last": saying(self.oracle, instance.near["last"]),
        }


class OrdersSince(Template):
    """A sum over several rows."""

    site, name, level, split = "admin", "orders-since", 4, "train"
    wordings = (
        "How many orders were there from {first} to {last}, both included, without cancelled ones?",
        "Add up the orders of the months {first} to {last} in the sales report.",
        "By the sales report, how many orders came in between the start of {first} and the end of {last}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        months = _months(world)
        start = rng.randrange(len(months) - 3)
        chosen = months[start : start + rng.randrange(2, 4)]
        count = sum(row["orders"] for row in chosen)
        return Instance(
            params={"first": month(chosen[0]["month"] + "-01"), "last": month(chosen[-1]["month"] + "-01")},
            answer=Number(count),
            near={"without the last": str(count - chosen[-1]["orders"]), "all": str(sum(row["orders"] for row in months))},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Sales report", "The report has the orders by month.", "link")
        rows = [row.cells for row in page.rows() if len(row.cells) == 4 and row.cells[2].startswith("$")]
        called = [cells[0] for cells in rows]  # the latest month stands first
        counts = [int(cells[1]) for cells in rows[called.index(p["last"]) : called.index(p["first"]) + 1]]
        yield answer(str(sum(counts)), f"{' + '.join(map(str, reversed(counts)))} orders in these months.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "without the last": saying(self.oracle, instance.near["without the last"]),
            "all months": saying(self.oracle, instance.near["all"]),
        }


TEMPLATES = (SalesOfMonth(), BestMonth(), BestSeller(), OrdersSince())
