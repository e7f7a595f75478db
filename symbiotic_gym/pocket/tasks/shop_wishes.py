"""The wish list."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Number
from symbiotic_gym.pocket.plays import half_done, misheard, saying
from symbiotic_gym.pocket.reading import Page, answer, done, money
from symbiotic_gym.pocket.tasks.shop_tools import open_account, some_product
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


_WISH = "INSERT INTO shop_wishes (person_id, product_id) VALUES (1, ?)"


class WishThis(Template):
    """One button of the page that is open."""

    site, name, level, split = "shop", "wish-this", 1, "train"
    wordings = (
        "Put this {product} on my wish list.",
        "Remember the {product} on my wish list.",
        "I wish for this {product}: note it on my list.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng, "id NOT IN (SELECT product_id FROM shop_wishes WHERE person_id = 1)")
        return Instance(params={"product": wanted["name"]}, start=f"/product/{wanted['id']}", effect=[(_WISH, (wanted["id"],))])

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click("Add to wish list", f"This notes the {p['product']}.", "button")
        yield done("It is on the wish list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def removed_again(page: Page, p: Params) -> Play:
            page = yield page.click("Add to wish list", "This notes it.", "button")
            page = yield from open_account(page, "Wish list")
            yield page.row(p["product"]).page.click("Remove", "This tidies the list.", "button")
            yield done("It is on the wish list.")

        return {"not pressed": half_done(self.oracle, "Add to wish list"), "removed again": removed_again}


class UnwishOne(Template):
    """One button out of several of the same name."""

    site, name, level, split, start = "shop", "unwish-one", 1, "train", "/account/wishes"
    wordings = (
        "Take the {product} off my wish list.",
        "Remove the {product} from my wish list.",
        "I do not wish for the {product} any more; strike it off the list.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wishes = world.rows(
            "SELECT p.* FROM shop_wishes w JOIN shop_products p ON p.id = w.product_id WHERE w.person_id = 1 ORDER BY w.id"
        )
        wanted, other = rng.sample(wishes, 2)
        return Instance(
            params={"product": wanted["name"]},
            effect=[("DELETE FROM shop_wishes WHERE person_id = 1 AND product_id = ?", (wanted["id"],))],
            near={"product": other["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.row(p["product"]).page.click("Remove", f"This is in the row of the {p['product']}.", "button")
        yield done("It is off the wish list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another wish": misheard(self.oracle, product=instance.near["product"]),
            "not removed": half_done(self.oracle, "Remove"),
        }


class WishesAbove(Template):
    """Counting rows by a condition."""

    site, name, level, split = "shop", "wishes-above", 3, "dev"
    wordings = (
        "How many things on my wish list cost more than ${limit}?",
        "Count what is on my wish list for over ${limit}.",
        "On my wish list, how many products have a price above ${limit}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wished = "SELECT p.price FROM shop_wishes w JOIN shop_products p ON p.id = w.product_id WHERE w.person_id = 1"
        prices = [row["price"] for row in world.rows(f"{wished} ORDER BY p.price, p.id")]
        limit = prices[rng.randrange(len(prices) - 1)] // 100 + 1
        count = sum(price > limit * 100 for price in prices)
        return Instance(
            params={"limit": str(limit)}, answer=Number(count), near={"more": str(count + 1), "below": str(count + 2)}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_account(page, "Wish list")
        prices = [money(row.cells[1]) for row in page.rows() if len(row.cells) > 2 and row.cells[1].startswith("$")]
        count = sum(price > int(p["limit"]) * 100 for price in prices)
        yield answer(str(count), f"Of {len(prices)} wishes, {count} cost more than ${p['limit']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"one more": saying(self.oracle, instance.near["more"]), "two more": saying(self.oracle, instance.near["below"])}


TEMPLATES = (
    WishThis(),
    UnwishOne(),
    WishesAbove(),
)
