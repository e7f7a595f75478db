"""Questions that one product's page answers."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount, Items, Name, Number, YesNo, rivals
from symbiotic_gym.pocket.plays import given_up, saying
from symbiotic_gym.pocket.reading import Page, answer, money
from symbiotic_gym.pocket.tasks.shop_tools import open_product, some_product
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
            "SELECT p.first FROM shop_reviews r JOIN people p ON p.id = r.person_id WHERE "
            "r.product_id = ? AND r.status = 'approved' "
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


TEMPLATES = (
    PriceHere(),
    PriceOf(),
    BrandOf(),
    InStock(),
    StockLeft(),
    OptionsOf(),
    RatingsWithStars(),
    ReviewerOf(),
)
