"""Opening pages of the shop: the easiest tasks, a link or two away."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from symbiotic_gym.pocket.plays import given_up, half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.shop_tools import open_category, some_product
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class OpenCategory(Template):
    """A link of the menu."""

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
        yield from open_category(page, p["category"])
        yield done(f"The {p['category']} category is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another category": misheard(self.oracle, category=instance.near["category"]),
            "not opened": half_done(self.oracle, instance.params["category"]),
        }


class OpenNewProduct(Template):
    """A link of the start page."""

    site, name, level, split = "shop", "open-new-product", 1, "train"
    wordings = (
        "Open the page of the {product}, which is new.",
        "Among the new products, open the {product}.",
        "Let me see the {product} from the list of new things.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        newest = world.rows("SELECT * FROM shop_listed WHERE active ORDER BY added_at DESC, id LIMIT 6")
        wanted, other = rng.sample(newest, 2)
        return Instance(params={"product": wanted["name"]}, url=f"/product/{wanted['id']}", near={"product": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(p["product"], f"The list of new products has the {p['product']}.", "link")
        yield done(f"The page of the {p['product']} is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another product": misheard(self.oracle, product=instance.near["product"]),
            "not opened": half_done(self.oracle, instance.params["product"]),
        }


class OpenPage(Template):
    """A link above or below the text."""

    site, name, level, split = "shop", "open-page", 1, "dev"
    wordings = (
        "Open the page “{page}”.",
        "Take me to “{page}”.",
        "I would like to see the page called “{page}”.",
    )
    _PAGES: Mapping[str, str] = {
        "Delivery and returns": "/help",
        "Contact us": "/contact",
        "My account": "/account",
        "Cart": "/cart",
    }

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(sorted(self._PAGES), 2)
        return Instance(params={"page": wanted}, url=self._PAGES[wanted], near={"page": other})

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(p["page"], f"This link leads to “{p['page']}”.", "link")
        yield done(f"“{p['page']}” is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"another page": misheard(self.oracle, page=instance.near["page"]), "given up": given_up}


class SearchFor(Template):
    """Typing into the search field."""

    site, name, level, split = "shop", "search-for", 1, "train"
    wordings = (
        "Search the shop for “{words}”.",
        "Use the search to look for “{words}”.",
        "Find out what a search for “{words}” brings up; leave the results open.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        kinds = [row["kind"] for row in world.rows("SELECT DISTINCT kind FROM shop_products ORDER BY kind")]
        wanted, other = (word.lower() for word in rng.sample(kinds, 2))
        return Instance(params={"words": wanted}, url=f"/search?q={quote_plus(wanted)}", near={"words": other})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.fill("Search products", p["words"], "The words go into the search field.")
        yield page.click("Search", "This starts the search.", "button")
        yield done(f"The results for “{p['words']}” are shown.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "other words": misheard(self.oracle, words=instance.near["words"]),
            "typed, not searched": half_done(self.oracle, "Search"),
        }


class SortCategory(Template):
    """A category in another order."""

    site, name, level, split = "shop", "sort-category", 2, "train"
    wordings = (
        "Show the {category} category sorted by “{order}”.",
        "Open {category} and sort it: {order}.",
        "List the {category} products in the order “{order}”.",
    )
    _ORDERS: Mapping[str, str] = {
        "Price: low to high": "price", "Price: high to low": "dear", "Best rated": "rating", "Newest": "new",
    }  # fmt: skip

    def draw(self, world: "World", rng: random.Random) -> Instance:
        category = rng.choice(world.rows("SELECT * FROM shop_categories ORDER BY id"))
        wanted, other = rng.sample(sorted(self._ORDERS), 2)
        return Instance(
            params={"category": category["name"], "order": wanted},
            url=f"/c/{category['slug']}?sort={self._ORDERS[wanted]}",
            near={"order": other},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_category(page, p["category"])
        yield page.select("Sort by", p["order"], f"“{p['order']}” is one of the orders of the list.")
        yield done("The list is in the wanted order.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another order": misheard(self.oracle, order=instance.near["order"]),
            "not sorted": half_done(self.oracle, "Sort by"),
        }


class FilterByBrand(Template):
    """A category with a filter."""

    site, name, level, split = "shop", "filter-by-brand", 3, "dev"
    wordings = (
        "Show only what {brand} makes in {category}.",
        "Filter the {category} category by the brand {brand}.",
        "In {category}, leave only the products of {brand} on the list.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        product = some_product(world, rng)
        others = world.rows(
            "SELECT DISTINCT brand FROM shop_listed WHERE slug = ? AND brand <> ? ORDER BY brand",
            product["slug"],
            product["brand"],
        )
        return Instance(
            params={"category": product["category"], "brand": product["brand"]},
            url=f"/c/{product['slug']}?brand={quote_plus(product['brand'])}",
            near={"brand": rng.choice(others)["brand"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_category(page, p["category"])
        page = yield page.select("Brand", p["brand"], f"Only {p['brand']} is wanted.")
        yield page.click("Apply filters", "The filter works once it is applied.", "button")
        yield done(f"Only {p['brand']} is left on the list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another brand": misheard(self.oracle, brand=instance.near["brand"]),
            "not applied": half_done(self.oracle, "Apply filters"),
        }


class FilterByPriceAndStock(Template):
    """A category with three filters and an order."""

    site, name, level, split = "shop", "filter-by-price-and-stock", 4, "test"
    wordings = (
        "In {category}, show what is in stock and costs from ${least} up to ${most}, cheapest first.",
        "List the {category} products between ${least} and ${most} that are in stock, with the cheapest one first.",
        "Narrow {category} down to things in stock for ${least} to ${most}, sorted by rising price.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        category = rng.choice(world.rows("SELECT * FROM shop_categories ORDER BY id"))
        least, width = rng.randrange(1, 9) * 5, rng.randrange(3, 12) * 10
        query = f"sort=price&min={least}&max={least + width}&stock=1"
        return Instance(
            params={"category": category["name"], "least": str(least), "most": str(least + width)},
            url=f"/c/{category['slug']}?{query}",
            near={"most": str(least + width + 10)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_category(page, p["category"])
        page = yield page.select("Sort by", "Price: low to high", "The cheapest is to come first.")
        page = yield page.fill("Price from ($)", p["least"], f"Nothing below ${p['least']} is wanted.")
        page = yield page.fill("Price up to ($)", p["most"], f"Nothing above ${p['most']} is wanted.")
        page = yield page.check("In stock only", "It has to be in stock.")
        yield page.click("Apply filters", "The filters work once they are applied.", "button")
        yield done("The list is narrowed down and sorted.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another limit": misheard(self.oracle, most=instance.near["most"]),
            "not applied": half_done(self.oracle, "Apply filters"),
            "only sorted": half_done(self.oracle, "Price from ($)"),
        }


TEMPLATES = (
    OpenCategory(),
    OpenNewProduct(),
    OpenPage(),
    SearchFor(),
    SortCategory(),
    FilterByBrand(),
    FilterByPriceAndStock(),
)
