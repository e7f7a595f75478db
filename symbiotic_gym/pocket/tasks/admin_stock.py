"""How much is left, in the back office: reading it, and filling it up."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done, goto
from symbiotic_gym.pocket.tasks.admin_tools import find_product
from symbiotic_gym.pocket.tasks.shop_tools import some_product
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class StockHere(Template):
    """A field and a button of the page that is open."""

    site, name, level, split = "admin", "stock-here", 1, "train"
    wordings = (
        "The form of the {product} is open. Set its stock to {stock}.",
        "Enter a stock of {stock} for the {product} on this page.",
        "There are {stock} of this {product} now; correct its stock.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng)
        stock = wanted["stock"] + rng.randrange(1, 60)
        return Instance(
            params={"product": wanted["name"], "stock": str(stock)},
            start=f"/products/{wanted['id']}",
            effect=[("UPDATE shop_products SET stock = ? WHERE id = ?", (stock, wanted["id"]))],
            near={"stock": str(stock * 10)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.fill("Stock", p["stock"], f"The stock is to be {p['stock']}.")
        yield page.click("Save product", "The number counts once it is saved.", "button")
        yield done("The stock is saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "ten times as many": misheard(self.oracle, stock=instance.near["stock"]),
            "not saved": half_done(self.oracle, "Save product"),
        }


class RestockCategory(Template):
    """The same change to every product that a condition holds for."""

    site, name, level, split = "admin", "restock-category", 5, "test"
    wordings = (
        "Set the stock of every {category} product that is out of stock to {stock}.",
        "All things in {category} that are sold out have come in again: {stock} of each. Enter that.",
        "Enter a stock of {stock} for each product of {category} that has none left.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        categories = world.rows("SELECT * FROM shop_categories ORDER BY id")
        category = rng.choice(categories)
        members = world.rows("SELECT * FROM shop_products WHERE category_id = ? ORDER BY id", category["id"])
        out = rng.sample(members, rng.randrange(2, 4))
        stock = rng.randrange(12, 48)
        some = "UPDATE shop_products SET stock = 7 WHERE category_id = ? AND stock = 0"
        return Instance(
            params={"category": category["name"], "stock": str(stock)},
            before=[
                (some, (category["id"],)),
                *(("UPDATE shop_products SET stock = 0 WHERE id = ?", (p["id"],)) for p in out),
            ],
            effect=[("UPDATE shop_products SET stock = ? WHERE category_id = ? AND stock = 0", (stock, category["id"]))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        while True:
            page = yield page.click("Products", "All products are listed there.", "link")
            page = yield page.select("Category", p["category"], f"Only {p['category']} matters.")
            page = yield page.select("Stock", "Out of stock", "Only what is out of stock is to be changed.")
            page = yield page.click("Filter", "This leaves what is still out of stock.", "button")
            if page.has("0 products"):
                break
            name = next(row.cells[0] for row in page.rows() if p["category"] in row.cells)
            page = yield page.click(name, f"The {name} is out of stock.", "link")
            page = yield page.fill("Stock", p["stock"], f"There are {p['stock']} of it now.")
            page = yield page.click("Save product", "The number counts once it is saved.", "button")
        yield done("Nothing of the category is out of stock any more.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def first_only(page: Page, p: Params) -> Play:
            steps = self.oracle(page, p)
            move, saved = next(steps), False
            while not saved:
                saved = "once it is saved" in move.reason
                page = yield move
                move = steps.send(page)
            yield done("It is entered.")

        return {"the first only": first_only, "not saved": half_done(self.oracle, "Save product")}


class RestockWish(Template):
    """A wish of the shop's account decides what is changed in the back office."""

    site, name, level, split = "admin", "restock-wish", 5, "train"
    also = ("shop",)
    wordings = (
        "One product on my wish list in the shop (http://shop.pocket/) is out of stock. Set its stock to {stock} here.",
        "Look at my wish list at http://shop.pocket/ for what is out of stock, and enter a "
        "stock of {stock} for it in the back office.",
        "Of my wishes in the shop, http://shop.pocket/, one is sold out. Give that product a stock of {stock}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wishes = [row["product_id"] for row in world.rows("SELECT product_id FROM shop_wishes WHERE person_id = 1 ORDER BY id")]
        wanted, other = rng.sample(wishes, 2)
        stock = rng.randrange(12, 60)
        return Instance(
            params={"stock": str(stock)},
            before=[("UPDATE shop_products SET stock = 0 WHERE id = ?", (wanted,))],
            effect=[("UPDATE shop_products SET stock = ? WHERE id = ?", (stock, wanted))],
            near={"stock": str(stock + 1), "product": world.value("SELECT name FROM shop_products WHERE id = ?", other)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield goto("http://shop.pocket/account/wishes", "The wish list is in the shop.")
        name = page.row("out of stock").cells[0]
        page = yield goto("http://admin.pocket/", f"The {name} is out of stock; that is changed in the back office.")
        page = yield from find_product(page, name)
        yield from StockHere().oracle(page, p)

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def another(page: Page, p: Params) -> Play:
            page = yield from find_product(page, instance.near["product"])
            yield from StockHere().oracle(page, p)

        return {
            "another wish": another,
            "one more": misheard(self.oracle, stock=instance.near["stock"]),
            "not saved": half_done(self.oracle, "Save product"),
        }


TEMPLATES = (
    StockHere(),
    RestockCategory(),
    RestockWish(),
)
