"""Questions that one product's page or one category's list answers."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount, Items, Name, Number, YesNo, rivals
from symbiotic_gym.pocket.plays import given_up, saying
from symbiotic_gym.pocket.reading import Page, answer, money
from symbiotic_gym.pocket.tasks.shop_tools import names, open_category, open_product, some_product
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class PriceHere(Template):
    """Reading one value off the page that is open."""

    site, name, level, split = "shop", "price-here", 1, "train"
    wordings = (
        "The page of the {product} is open. How much does it cost?",
        "This is the page of the {product}. What is its price?",
        "Read me the price of this {product}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng)
        return Instance(
            params={"product": wanted["name"]},
            start=f"/product/{wanted['id']}",
            answer=Amount(wanted["price"]),
            near={"said": Amount(wanted["price"] + 100).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        price = money(page.section(p["product"], "Details").plain)
        yield answer(Amount(price).say(), f"The page shows the price of the {p['product']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"a dollar more": saying(self.oracle, instance.near["said"]), "given up": given_up}


class PriceOf(Template):
    """Finding a product and reading one value."""

    site, name, level, split = "shop", "price-of", 2, "train"
    wordings = (
        "How much does the {product} cost?",
        "What is the price of the {product}?",
        "Find the {product} in the shop and tell me what it costs.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng)
        return Instance(
            params={"product": wanted["name"]},
            answer=Amount(wanted["price"]),
            near={"said": Amount(wanted["price"] - 100).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_product(page, p["product"])
        yield answer(Amount(money(page.section(p["product"], "Details").plain)).say(), "The product's page shows its price.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"a dollar less": saying(self.oracle, instance.near["said"]), "no price": saying(self.oracle, "I found it.")}


class BrandOf(Template):
    """Finding a product and reading a name."""

    site, name, level, split = "shop", "brand-of", 2, "train"
    wordings = ("Which brand makes the {product}?", "Who is the {product} made by?", "Name the brand of the {product}.")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng)
        brands = [row["brand"] for row in world.rows("SELECT DISTINCT brand FROM shop_products ORDER BY brand")]
        others = rivals(brands, wanted["brand"])
        return Instance(
            params={"product": wanted["name"]}, answer=Name(wanted["brand"], others), near={"brand": rng.choice(others)}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_product(page, p["product"])
        brand = page.match(r"^by (.+?) ·")[1]
        yield answer(brand, f"Under its name stands that it is by {brand}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        other = instance.near["brand"]
        return {
            "another brand": saying(self.oracle, other),
            "two brands": saying(self.oracle, lambda right: f"{right} or {other}"),
        }


class InStock(Template):
    """Yes or no."""

    site, name, level, split = "shop", "in-stock", 2, "dev"
    wordings = (
        "Is the {product} in stock?",
        "Can the {product} be ordered at the moment?",
        "Check if there is any {product} left.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng, "stock = 0" if rng.random() < 0.5 else "stock > 0")
        return Instance(
            params={"product": wanted["name"]},
            answer=YesNo(wanted["stock"] > 0),
            near={"said": YesNo(wanted["stock"] == 0).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_product(page, p["product"])
        there = not page.section(p["product"], "Details").has("Out of stock")
        yield answer("Yes" if there else "No", f"Its page says that it is {'in stock' if there else 'out of stock'}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"the contrary": saying(self.oracle, said), "both": saying(self.oracle, "Yes and no.")}


class StockLeft(Template):
    """A count that only scarce products show."""

    site, name, level, split = "shop", "stock-left", 2, "test"
    wordings = (
        "How many pieces of the {product} are left?",
        "The {product} is nearly sold out. How many are there still?",
        "Tell me how many of the {product} the shop has left.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng, "stock BETWEEN 1 AND 5")
        return Instance(
            params={"product": wanted["name"]}, answer=Number(wanted["stock"]), near={"said": str(wanted["stock"] + 1)}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_product(page, p["product"])
        left = page.match(r"Only (\d+) left")[1]
        yield answer(left, f"Its page says that only {left} are left.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"one more": saying(self.oracle, instance.near["said"]), "no number": saying(self.oracle, "Only a few.")}


class OptionsOf(Template):
    """A list of values."""

    site, name, level, split = "shop", "options-of", 3, "train"
    wordings = (
        "Which values can be chosen for “{option}” with the {product}?",
        "What does the {product} come in, as to “{option}”? List all.",
        "List every “{option}” of the {product}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng, "stock > 0 AND id IN (SELECT product_id FROM shop_options)")
        rows = world.rows("SELECT name, value FROM shop_options WHERE product_id = ? ORDER BY id", wanted["id"])
        option = rng.choice([row["name"] for row in rows])
        values = tuple(row["value"] for row in rows if row["name"] == option)
        return Instance(
            params={"product": wanted["name"], "option": option},
            answer=Items(values),
            near={"said": ", ".join(values[:-1])},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_product(page, p["product"])
        values = [value for value in page.options(p["option"]) if value != "Choose…"]
        yield answer(", ".join(values), f"These are what the list “{p['option']}” offers.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"one left out": saying(self.oracle, said), "none": saying(self.oracle, "There are several.")}


class RatingsWithStars(Template):
    """Counting in a list that a tab hides."""

    site, name, level, split = "shop", "ratings-with-stars", 4, "train"
    wordings = (
        "How many customers gave the {product} exactly {stars} of 5?",
        "Count the reviews of the {product} that rate it {stars} of 5.",
        "Among the reviews of the {product}, how many have a rating of {stars} of 5?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng, "reviews >= 3")
        count = "SELECT count(*) FROM shop_reviews WHERE product_id = ? AND status = 'approved' AND rating = ?"
        counts = {stars: world.value(count, wanted["id"], stars) for stars in (1, 2, 3, 4, 5)}
        stars = rng.choice([stars for stars, number in counts.items() if number])
        return Instance(
            params={"product": wanted["name"], "stars": str(stars)},
            answer=Number(counts[stars]),
            near={"all": str(wanted["reviews"] + (wanted["reviews"] == counts[stars])), "one more": str(counts[stars] + 1)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_product(page, p["product"])
        page = yield page.click("Reviews (", "The reviews are behind this tab.", "tab")
        count = sum(line.startswith(f"{p['stars']} of 5 ·") for line in page.plain.split("\n"))
        yield answer(str(count), f"So many reviews begin with {p['stars']} of 5.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "all reviews": saying(self.oracle, instance.near["all"]),
            "one more": saying(self.oracle, instance.near["one more"]),
        }


class ReviewerOf(Template):
    """Finding one review among others."""

    site, name, level, split = "shop", "reviewer-of", 4, "test"
    wordings = (
        "Who wrote the review “{title}” of the {product}?",
        "The {product} has a review with the title “{title}”. Which customer is it from?",
        "Name the customer whose review of the {product} is called “{title}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        alone = world.rows(
            "SELECT r.*, o.name AS product, p.first || ' ' || substr(p.last, 1, 1) AS who, p.name, p.first FROM shop_reviews r "
            "JOIN shop_listed o ON o.id = r.product_id JOIN people p ON p.id = r.person_id "
            "WHERE o.active AND o.reviews > 3 AND r.status = 'approved' AND NOT EXISTS (SELECT 1 FROM shop_reviews t "
            "WHERE t.product_id = r.product_id AND t.status = 'approved' AND t.title = r.title AND t.id <> r.id) ORDER BY r.id"
        )
        review = rng.choice(alone)
        reviewers = world.rows(
            "SELECT p.first FROM shop_reviews r JOIN people p ON p.id = r.person_id WHERE r.product_id = ? AND r.status = 'approved' "
            "ORDER BY r.id",
            review["product_id"],
        )
        others = rivals([row["first"] for row in reviewers], review["first"])
        return Instance(
            params={"product": review["product"], "title": review["title"]},
            answer=Name(review["who"], others, also=(review["name"], review["first"])),
            near={"who": rng.choice(others)},
            private=(review["name"],),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_product(page, p["product"])
        page = yield page.click("Reviews (", "The reviews are behind this tab.", "tab")
        who = page.section(p["title"]).match(r"of 5 · (.+?) ·")[1]
        yield answer(who, f"Under “{p['title']}” stands {who}")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"another customer": saying(self.oracle, instance.near["who"]), "nobody": saying(self.oracle, "A customer.")}


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
    PriceHere(),
    PriceOf(),
    BrandOf(),
    InStock(),
    StockLeft(),
    OptionsOf(),
    RatingsWithStars(),
    ReviewerOf(),
    CountInCategory(),
    CheaperOfTwo(),
    TotalOfTwo(),
    CheapestInCategory(),
    BestRated(),
    BrandInStock(),
)
