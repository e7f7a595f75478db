"""Questions that a category's list answers, or several products beside each other."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount, Name, Number, rivals
from symbiotic_gym.pocket.plays import saying
from symbiotic_gym.pocket.reading import Page, answer, money
from symbiotic_gym.pocket.tasks.shop_tools import names, open_category, open_product, some_product
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class CountInCategory(Template):
    """A number above a list."""

    site, name, level, split = "shop", "count-in-category", 2, "train"
    wordings = (
        "How many products are there in {category}?",
        "Count the products of the {category} category.",
        "Tell me the number of products under {category}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        category = rng.choice(world.rows("SELECT * FROM shop_categories ORDER BY id"))
        count = world.value("SELECT count(*) FROM shop_products WHERE active AND category_id = ?", category["id"])
        return Instance(params={"category": category["name"]}, answer=Number(count), near={"shown": str(min(count - 1, 12))})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_category(page, p["category"])
        count = page.match(r"^(\d+) products?$")[1]
        yield answer(count, "Above the list stands how many products there are.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"the first page's": saying(self.oracle, instance.near["shown"]), "no number": saying(self.oracle, "Many.")}


class CheaperOfTwo(Template):
    """Comparing two products."""

    site, name, level, split = "shop", "cheaper-of-two", 3, "train"
    wordings = (
        "Which one is cheaper: the {one} or the {other}?",
        "I need either the {one} or the {other}. Name the cheaper one.",
        "Compare the prices of the {one} and the {other}: which is lower? Give the product's name.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        one, other = rng.sample(world.rows("SELECT * FROM shop_listed WHERE active ORDER BY id"), 2)
        while one["price"] == other["price"] or one["name"] in other["name"]:
            other = some_product(world, rng)
        cheap, dear = sorted((one, other), key=lambda product: product["price"])
        return Instance(
            params={"one": one["name"], "other": other["name"]},
            answer=Name(cheap["name"], (dear["name"],)),
            near={"dear": dear["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_product(page, p["one"])
        one = money(page.section(p["one"], "Details").plain)
        page = yield from open_product(page, p["other"])
        other = money(page.section(p["other"], "Details").plain)
        yield answer(
            p["one"] if one < other else p["other"],
            f"The {p['one']} costs {Amount(one).say()}, the {p['other']} {Amount(other).say()}.",
        )

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the dearer one": saying(self.oracle, instance.near["dear"]),
            "both": saying(self.oracle, f"{instance.params['one']} and {instance.params['other']}"),
        }


class TotalOfTwo(Template):
    """Adding two prices."""

    site, name, level, split = "shop", "total-of-two", 4, "dev"
    wordings = (
        "What do {count} pieces of the {one} and one {other} cost together?",
        "I want {count} of the {one} and a single {other}. What is that in total, without delivery?",
        "Add up {count} times the {one} and once the {other}: how much is it?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        one, other = rng.sample(world.rows("SELECT * FROM shop_listed WHERE active ORDER BY id"), 2)
        count = rng.randrange(2, 5)
        total = count * one["price"] + other["price"]
        return Instance(
            params={"one": one["name"], "other": other["name"], "count": str(count)},
            answer=Amount(total),
            near={"single": Amount(one["price"] + other["price"]).say(), "shipped": Amount(total + 490).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_product(page, p["one"])
        one = money(page.section(p["one"], "Details").plain)
        page = yield from open_product(page, p["other"])
        other = money(page.section(p["other"], "Details").plain)
        total = int(p["count"]) * one + other
        yield answer(Amount(total).say(), f"{p['count']} times {Amount(one).say()} and {Amount(other).say()}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "one of each": saying(self.oracle, instance.near["single"]),
            "with delivery": saying(self.oracle, instance.near["shipped"]),
        }


class CheapestInCategory(Template):
    """An extreme of a sorted list."""

    site, name, level, split = "shop", "cheapest-in-category", 3, "train"
    wordings = (
        "What is the cheapest product in {category}?",
        "Name the {category} product with the lowest price.",
        "Of everything in {category}, which product costs the least?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        by_price = "SELECT * FROM shop_listed WHERE active AND category = ? ORDER BY price, id"
        lists = [world.rows(by_price, row["name"]) for row in world.rows("SELECT name FROM shop_categories ORDER BY id")]
        products = rng.choice([found for found in lists if found[0]["price"] < found[1]["price"]])
        wanted = products[0]
        return Instance(
            params={"category": wanted["category"]},
            answer=Name(wanted["name"], rivals([row["name"] for row in products], wanted["name"])),
            near={"second": products[1]["name"], "dearest": products[-1]["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_category(page, p["category"])
        page = yield page.select("Sort by", "Price: low to high", "Sorted by price, the cheapest comes first.")
        first = page.match(r"^\d+ products?\n(.+)\n\$")[1]
        yield answer(first, f"The list begins with the {first}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the second": saying(self.oracle, instance.near["second"]),
            "the dearest": saying(self.oracle, instance.near["dearest"]),
        }


class BestRated(Template):
    """An extreme under a condition that the list does not filter by."""

    site, name, level, split = "shop", "best-rated", 5, "test"
    wordings = (
        "Which product in {category} has the best rating among those with at least {least} reviews?",
        "Leaving out what has fewer than {least} reviews, what is the best rated product in {category}?",
        "Name the {category} product with the highest rating; it must have {least} reviews or more.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        found = []
        for category in world.rows("SELECT name FROM shop_categories ORDER BY id"):
            for least in (2, 3, 4):
                rated = world.rows(
                    "SELECT * FROM shop_listed WHERE active AND category = ? AND reviews >= ? ORDER BY rating DESC, id",
                    category["name"],
                    least,
                )
                if len(rated) > 2 and rated[0]["rating"] > rated[1]["rating"]:
                    found.append((category["name"], least, rated))
        category, least, rated = rng.choice(found)
        everything = names(world, "category = ?", category)
        return Instance(
            params={"category": category, "least": str(least)},
            answer=Name(rated[0]["name"], rivals(everything, rated[0]["name"])),
            near={"second": rated[1]["name"], "last": rated[-1]["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_category(page, p["category"])
        page = yield page.select("Sort by", "Best rated", "The best rated come first.")
        while True:
            for name, reviews in page.matches(r"^(.+)\n\$.*\((\d+) reviews?\)"):
                if int(reviews) >= int(p["least"]):
                    yield answer(name, f"The {name} is the first of the list with at least {p['least']} reviews.")
                    return
            page = yield page.click("Next page", "None on this page has enough reviews.", "link")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the second": saying(self.oracle, instance.near["second"]),
            "the last": saying(self.oracle, instance.near["last"]),
        }


class BrandInStock(Template):
    """Counting over the whole shop, with a search that brings up too much."""

    site, name, level, split = "shop", "brand-in-stock", 4, "test"
    wordings = (
        "How many products of the brand {brand} are in stock?",
        "Count the {brand} products that can be ordered right now.",
        "Over all categories, how many things by {brand} are in stock?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        brand = rng.choice(world.rows("SELECT DISTINCT brand FROM shop_products WHERE stock > 0 ORDER BY brand"))["brand"]
        count = world.value("SELECT count(*) FROM shop_products WHERE active AND brand = ? AND stock > 0", brand)
        every = world.value("SELECT count(*) FROM shop_products WHERE active AND brand = ?", brand)
        return Instance(
            params={"brand": brand},
            answer=Number(count),
            near={"every": str(every + (every == count)), "fewer": str(count - 1)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.fill("Search products", p["brand"], f"Searching finds what is by {p['brand']}.")
        page = yield page.click("Search", "This starts the search.", "button")
        page = yield page.select("Brand", p["brand"], "What only mentions the brand does not count.")
        page = yield page.check("In stock only", "It has to be in stock.")
        page = yield page.click("Apply filters", "The filters work once they are applied.", "button")
        count = page.match(r"^(\d+) products?$")[1]
        yield answer(count, "Above the list stands how many are left.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "in stock or not": saying(self.oracle, instance.near["every"]),
            "one fewer": saying(self.oracle, instance.near["fewer"]),
        }


TEMPLATES = (
    CountInCategory(),
    CheaperOfTwo(),
    TotalOfTwo(),
    CheapestInCategory(),
    BestRated(),
    BrandInStock(),
)
