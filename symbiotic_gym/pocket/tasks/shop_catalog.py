"""Tasks on the shop's catalogue: opening, finding and comparing products."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount
from symbiotic_gym.pocket.plays import half_done, misheard, saying
from symbiotic_gym.pocket.reading import Page, answer, done, money
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class OpenCategory(Template):
    """The easiest one: a link on the start page."""

    site, name, level, split = "shop", "open-category", 1, "train"
    wordings = (
        "Open the {category} category.",
        "Go to the page of all {category} products.",
        "Show me what there is under {category}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(world.rows("SELECT * FROM shop_categories ORDER BY id"), 2)
        return Instance(params={"category": wanted["name"]}, url=f"/c/{wanted['slug']}", near={"category": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(p["category"], f"The menu has a link to {p['category']}.", "link")
        yield done(f"The {p['category']} category is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another category": misheard(self.oracle, category=instance.near["category"]),
            "not opened": half_done(self.oracle, instance.params["category"]),
        }


class PriceOfProduct(Template):
    """Reading one value off a page."""

    site, name, level, split = "shop", "price-of-product", 2, "train"
    wordings = (
        "How much does the {product} in {category} cost?",
        "What is the price of the {product}? It is in the category {category}.",
        "Tell me the price of the {product} ({category}).",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        category = rng.choice(world.rows("SELECT * FROM shop_categories ORDER BY id"))
        products = world.rows("SELECT * FROM shop_products WHERE category_id = ? ORDER BY name, id LIMIT 12", category["id"])
        wanted = rng.choice(products)
        return Instance(
            params={"category": category["name"], "product": wanted["name"]},
            answer=Amount(wanted["price"]),
            near={"said": Amount(wanted["price"] + 100).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click(p["category"], f"The product is in {p['category']}.", "link")
        page = yield page.click(p["product"], "This is the product that is asked for.", "link")
        price = money(page.section(p["product"], "Add to cart").plain)
        yield answer(Amount(price).say(), "The product's page shows its price.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "a dollar more": saying(self.oracle, instance.near["said"]),
            "no answer": saying(self.oracle, "I found it."),
        }


TEMPLATES = (OpenCategory(), PriceOfProduct())
