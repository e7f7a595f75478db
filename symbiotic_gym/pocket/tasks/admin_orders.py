"""Orders in the back office: finding them, and what their pages say."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Name, Number, rivals
from symbiotic_gym.pocket.plays import given_up, half_done, misheard, saying
from symbiotic_gym.pocket.reading import Page, answer, done
from symbiotic_gym.pocket.tasks.admin_tools import all_orders, find_order
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class OpenSection(Template):
    """A link of the menu."""

    site, name, level, split = "admin", "open-section", 1, "train"
    wordings = ("Open “{section}” in the back office.", "Go to “{section}”.", "Bring up the section “{section}”.")
    _SECTIONS: Mapping[str, str] = {
        "Orders": "/orders", "Products": "/products", "Customers": "/customers", "Messages": "/messages",
        "Sales report": "/reports/sales", "Best sellers": "/reports/best-sellers", "Coupons": "/coupons",
    }  # fmt: skip

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(sorted(self._SECTIONS), 2)
        return Instance(params={"section": wanted}, url=self._SECTIONS[wanted], near={"section": other})

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(p["section"], f"The menu has “{p['section']}”.", "link")
        yield done(f"“{p['section']}” is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"another section": misheard(self.oracle, section=instance.near["section"]), "given up": given_up}


class OpenOrder(Template):
    """Finding an order by its number."""

    site, name, level, split = "admin", "open-order", 2, "train"
    wordings = ("Open order {number}.", "Show me the page of order {number}.", "Find order {number} and leave it open.")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(all_orders(world), 2)
        return Instance(
            params={"number": wanted["number"]}, url=f"/orders/{wanted['number']}", near={"number": other["number"]}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield from find_order(page, p["number"])
        yield done(f"Order {p['number']} is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another order": misheard(self.oracle, number=instance.near["number"]),
            "only found": half_done(self.oracle, instance.params["number"]),
        }


class CustomerOfOrder(Template):
    """One name of one order."""

    site, name, level, split = "admin", "customer-of-order", 2, "train"
    wordings = (
        "Which customer placed order {number}?",
        "Who does order {number} belong to?",
        "Name the customer of order {number}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        order = rng.choice(all_orders(world))
        people = [row["name"] for row in world.rows("SELECT name FROM people ORDER BY id")]
        others = rivals(people, order["name"])
        return Instance(
            params={"number": order["number"]},
            answer=Name(order["name"], others),
            near={"name": rng.choice(others)},
            private=(order["name"], order["number"]),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_order(page, p["number"])
        who = page.match(r"^Customer\n(.+)$")[1]
        yield answer(who, f"The order's page names {who} as the customer.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        other = instance.near["name"]
        return {"another name": saying(self.oracle, other), "two names": saying(self.oracle, lambda right: f"{right}, {other}")}


class OrdersInState(Template):
    """A number of the start page."""

    site, name, level, split = "admin", "orders-in-state", 1, "dev"
    wordings = (
        "How many orders are {status} at the moment?",
        "Read off the dashboard how many orders are {status}.",
        "Give me the number of {status} orders.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        rows = world.rows("SELECT status, count(*) AS count FROM shop_orders GROUP BY status ORDER BY status")
        wanted = rng.choice(rows)
        other = next(row["count"] for row in rows if row["count"] != wanted["count"])
        return Instance(
            params={"status": wanted["status"]},
            answer=Number(wanted["count"]),
            near={"other": str(other), "all": str(sum(row["count"] for row in rows))},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        count = page.row(p["status"]).cells[1]
        yield answer(count, f"The dashboard counts {count} orders that are {p['status']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another row": saying(self.oracle, instance.near["other"]),
            "all orders": saying(self.oracle, instance.near["all"]),
        }


TEMPLATES = (
    OpenSection(),
    OpenOrder(),
    CustomerOfOrder(),
    OrdersInState(),
)
