"""Products and coupons in the back office: prices, stock, and what the shop shows."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount
from symbiotic_gym.pocket.plays import half_done, misheard, saying
from symbiotic_gym.pocket.reading import Page, done, goto, infeasible
from symbiotic_gym.pocket.tasks.shop_tools import Walk, some_product
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


def find_product(page: Page, name: str) -> Walk:
    """Open a product's form by its name."""
    page = yield page.click("Products", "All products are listed there.", "link")
    page = yield page.fill("Name, SKU or brand", name, "The filter takes a product's name.")
    page = yield page.click("Filter", "This leaves what is called so.", "button")
    return (yield page.click(name, f"This is the {name}.", "link"))


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


class SwitchCoupon(Template):
    """One button of the right row."""

    site, name, level, split, start = "admin", "switch-coupon", 1, "train", "/coupons"
    wordings = (
        "Switch the coupon {code} off.",
        "End the coupon {code} for now.",
        "The coupon {code} should not work any more: switch it off.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(["WELCOME10", "SPRING15", "BULK20"], 2)
        return Instance(
            params={"code": wanted},
            effect=[("UPDATE shop_coupons SET active = 0 WHERE code = ?", (wanted,))],
            near={"code": other},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.row(p["code"]).page.click("Switch off", f"This is in the row of {p['code']}.", "button")
        yield done("The coupon is off.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def on_again(page: Page, p: Params) -> Play:
            page = yield page.row(p["code"]).page.click("Switch off", "This is in its row.", "button")
            yield page.row(p["code"]).page.click("Switch on", "This is in its row.", "button")
            yield done("The coupon is off.")

        return {"another coupon": misheard(self.oracle, code=instance.near["code"]), "on again": on_again}


class MakeCoupon(Template):
    """A form of three fields."""

    site, name, level, split = "admin", "make-coupon", 3, "train"
    wordings = (
        "Make a coupon {code} that gives {percent} % off orders from ${least} on.",
        "Customers shall get {percent} % off with the code {code} when they order for ${least} or more. Make that coupon.",
        "Create the coupon {code}: {percent} %, smallest order ${least}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        code = rng.choice(["AUTUMN", "THANKS", "GARDEN", "HELLO", "NIGHT"]) + str(rng.randrange(10, 99))
        percent, least = rng.randrange(1, 9) * 5, rng.randrange(2, 20) * 5
        return Instance(
            params={"code": code, "percent": str(percent), "least": str(least)},
            effect=[
                ("INSERT INTO shop_coupons (code, percent, least, active) VALUES (?, ?, ?, 1)", (code, percent, least * 100))
            ],
            near={"percent": str(percent + 5), "least": "0"},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Coupons", "Coupons are made there.", "link")
        page = yield page.click("Make a coupon", "A new one is wanted.", "link")
        page = yield page.fill("Code", p["code"], "The goal gives the code.")
        page = yield page.fill("Percent", p["percent"], f"It gives {p['percent']} % off.")
        page = yield page.fill("Smallest order ($)", p["least"], f"It is for orders from ${p['least']} on.")
        yield page.click("Make coupon", "The form is filled.", "button")
        yield done("The coupon is made.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another discount": misheard(self.oracle, percent=instance.near["percent"]),
            "for any order": misheard(self.oracle, least=instance.near["least"]),
            "not made": half_done(self.oracle, "Make coupon"),
        }


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
    SetPrice(),
    LowerPrice(),
    HideProduct(),
    RestockCategory(),
    DeleteProduct(),
    SwitchCoupon(),
    MakeCoupon(),
    RestockWish(),
)
