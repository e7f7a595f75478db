"""Tasks that need the shop beside the forum, and tasks that cannot be done."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount, Name
from symbiotic_gym.pocket.plays import half_done, saying
from symbiotic_gym.pocket.reading import Page, answer, back, done, infeasible, money
from symbiotic_gym.pocket.tasks.forum_tools import find_post, open_member, open_own_post, some_member, some_post
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


def _picks(world: "World", post_id: int) -> list[tuple[int, str, int]]:
    """The products recommended below a post, the most recommended first: id, name, price."""
    rows = world.rows(
        "SELECT p.id, p.name, p.price FROM forum_comments c JOIN shop_products p ON p.id = c.product_id WHERE c.post_id = ? "
        "GROUP BY p.id ORDER BY count(*) DESC, p.id",
        post_id,
    )
    return [(row["id"], row["name"], row["price"]) for row in rows]


def _price(page: Page, product: str) -> int:
    return money(page.section(product, "Details").plain)


class ProductPrice(Template):
    """A link from the forum into the shop."""

    site, name, level, split = "forum", "product-price", 3, "train"
    also = ("shop",)
    wordings = (
        "The forum post “{title}” is about a product. What does that product cost in the shop?",
        "Find the post “{title}” and tell me the shop's price of the product it is about.",
        "What would I pay in the shop for the product that “{title}” is about?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = some_post(world, rng, "product_id IS NOT NULL AND kind <> 'sale' AND person_id > 1")
        price = world.value("SELECT price FROM shop_products WHERE id = ?", post["product_id"])
        return Instance(params={"title": post["title"]}, answer=Amount(price), near={"said": Amount(price + 500).say()})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        product = page.match(r"^About this product:\n(.+)$")[1]
        page = yield page.click(product, "The post links to the product in the shop.", "link", below="About this product:")
        yield answer(Amount(_price(page, product)).say(), "The product's page shows its price.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another price": saying(self.oracle, instance.near["said"]),
            "no price": saying(self.oracle, "The post does not say."),
        }


class BelowNew(Template):
    """A difference between two sites."""

    site, name, level, split = "forum", "below-new", 4, "dev"
    also = ("shop",)
    wordings = (
        "How much less does the post “{title}” ask than the same product costs new in the shop?",
        "The post “{title}” sells a used product. By how much is the asking price below the shop's price?",
        "What do I save if I buy from the post “{title}” instead of new from the shop? Leave delivery out of it.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = some_post(world, rng, "kind = 'sale'")
        price = world.value("SELECT price FROM shop_products WHERE id = ?", post["product_id"])
        near = {"asking": Amount(post["asking"]).say(), "new": Amount(price).say()}
        return Instance(params={"title": post["title"]}, answer=Amount(price - post["asking"]), near=near)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        asking = money(page.match(r"^Asking price: (\S+)$")[1])
        product = page.match(r"^About this product:\n(.+)$")[1]
        page = yield page.click(product, f"The asking price is {Amount(asking).say()}; the shop has the other one.", "link",
                                below="About this product:")  # fmt: skip
        price = _price(page, product)
        yield answer(Amount(price - asking).say(), f"New it costs {Amount(price).say()}, which is that much more.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the asking price": saying(self.oracle, instance.near["asking"]),
            "the price of a new one": saying(self.oracle, instance.near["new"]),
        }


class CheapestRecommended(Template):
    """Several products of a discussion, each looked up in the shop."""

    site, name, level, split = "forum", "cheapest-recommended", 5, "test"
    also = ("shop",)
    wordings = (
        "Of all the products recommended below the forum post “{title}”, which one is the cheapest in the shop?",
        "People recommend products in the discussion “{title}”. Compare their prices in the shop and name the cheapest.",
        "Which of the recommendations on the post “{title}” costs the least in the shop?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        posts = world.rows("SELECT * FROM forum_listed WHERE kind = 'pick' ORDER BY id")
        rng.shuffle(posts)
        for post in posts:
            picks = sorted(_picks(world, post["id"]), key=lambda pick: (pick[2], pick[0]))
            if len(picks) > 2 and picks[0][2] < picks[1][2]:
                break
        names = [name for _, name, _ in picks]
        return Instance(params={"title": post["title"]}, answer=Name(names[0], tuple(names[1:])), near={"said": names[1]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        names = dict.fromkeys(product for (product,) in page.matches(r"^Recommends:\n(.+)$"))
        prices = {}
        for product in names:
            page = yield page.click(
                product, f"The {product} is recommended; the shop has its price.", "link", below="Recommends:"
            )
            prices[product] = _price(page, product)
            page = yield back(f"It costs {Amount(prices[product]).say()}; there are others to look up.")
        cheapest = min(prices, key=lambda product: prices[product])
        yield answer(cheapest, f"With {Amount(prices[cheapest]).say()} it is the cheapest of the {len(prices)}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"the second": saying(self.oracle, said), "two": saying(self.oracle, lambda right: f"{right} or {said}")}


class WishRecommended(Template):
    """Counting on one site, acting on the other."""

    site, name, level, split = "forum", "wish-recommended", 5, "train"
    also = ("shop",)
    wordings = (
        "Put the product that most comments on “{title}” recommend on my wish list in the shop.",
        "Read the discussion “{title}” and add the product recommended most often there to my wish list in the shop.",
        "Whatever is recommended the most below the post “{title}” belongs on my shop wish list. Put it there.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wished = {row["product_id"] for row in world.rows("SELECT product_id FROM shop_wishes WHERE person_id = 1")}
        posts = world.rows("SELECT * FROM forum_listed WHERE kind = 'pick' ORDER BY id")
        rng.shuffle(posts)
        for post in posts:
            picks = _picks(world, post["id"])
            if len(picks) > 1 and not wished & {number for number, _, _ in picks}:
                break
        effect = [("INSERT INTO shop_wishes (person_id, product_id) VALUES (1, ?)", (picks[0][0],))]
        return Instance(params={"title": post["title"]}, effect=effect)

    def oracle(self, page: Page, p: Params) -> Play:
        yield from self._wish(page, p, most=True)

    def _wish(self, page: Page, p: Params, *, most: bool) -> Play:
        page = yield from find_post(page, p["title"])
        picks = [product for (product,) in page.matches(r"^Recommends:\n(.+)$")]
        best = (max if most else min)(dict.fromkeys(picks), key=picks.count)
        why = f"{picks.count(best)} comments recommend the {best}."
        page = yield page.click(best, why, "link", below="Recommends:")
        yield page.click("Add to wish list", "This puts it on the wish list.", "button")
        yield done(f"The {best} is on the wish list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def least(page: Page, p: Params) -> Play:
            yield from self._wish(page, p, most=False)

        return {"the least recommended": least, "not added": half_done(self.oracle, "Add to wish list")}


def _only_says_so(page: Page, p: Params) -> Play:
    yield done("It is done.")


class EditOthersPost(Template):
    """Only the writer can change a post."""

    site, name, level, split = "forum", "edit-others-post", 2, "train"
    wordings = (
        "Change the title of {member}'s post “{title}” to “{other}”.",
        "{member}'s post “{title}” should be called “{other}”. Rename it.",
        "Edit the post “{title}” by {member} so that its title is “{other}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = some_post(world, rng, "person_id > 1")
        other = rng.choice(("Solved", "Please close", "Outdated"))
        return Instance(params={"member": post["username"], "title": post["title"], "other": other}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        yield from find_post(page, p["title"])
        yield infeasible(f"The post is by {p['member']}, and its page has nothing to edit it with.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def commented(page: Page, p: Params) -> Play:
            page = yield from find_post(page, p["title"])
            page = yield page.fill("Your comment", p["other"], "This tells the writer.")
            yield page.click("Post comment", "This posts the comment.", "button")
            yield infeasible("I could only leave a comment.")

        return {"said to be done": _only_says_so, "left a comment": commented}


class NewBoard(Template):
    """Members cannot make boards."""

    site, name, level, split = "forum", "new-board", 2, "test"
    wordings = (
        "Create a new board called “{name}” in the forum.",
        "The forum needs a board “{name}”. Set it up.",
        "Open up a further board named “{name}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        name = rng.choice(("Bicycles", "Bread and Baking", "Board Games", "Bird Watching", "Night Sky"))
        return Instance(params={"name": name}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click("Boards", "All boards are listed there.", "link")
        yield infeasible("The list of boards has nothing to create a board with.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def posted(page: Page, p: Params) -> Play:
            page = yield page.click("Boards", "All boards are listed there.", "link")
            page = yield page.click("Town Square", "This board is for anything.", "link")
            page = yield page.click("New post", "This starts a new post.", "link")
            page = yield page.fill("Title", p["name"], "This is the name.")
            page = yield page.fill("Text", "A new board.", "This says what it is.")
            yield page.click("Publish post", "Everything is filled in.", "button")
            yield done("It is there.")

        return {"said to be done": _only_says_so, "posted instead": posted}


class BlockMember(Template):
    """There is no blocking."""

    site, name, level, split = "forum", "block-member", 3, "dev"
    wordings = (
        "Block the member {member} so that they cannot write to me any more.",
        "I do not want messages from {member}. Put {member} on my block list.",
        "Make it impossible for {member} to send me private messages.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        return Instance(params={"member": some_member(world, rng)["username"]}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_member(page, p["member"])
        yield page.click("Settings", "The profile has nothing to block somebody with; the settings may.", "link")
        yield infeasible("Neither the profile nor the settings have anything to block a member with.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def hidden(page: Page, p: Params) -> Play:
            page = yield page.click("Settings", "The settings may help.", "link")
            on = "checked" not in page.find("Hide me from the list of members", "checkbox").line
            page = yield page.check("Hide me from the list of members", "Nobody will find me.", on=on)
            yield page.click("Save settings", "The change has to be saved.", "button")
            yield infeasible("I could only change the list of members.")

        return {"said to be done": _only_says_so, "changed a setting": hidden}


class AttachPicture(Template):
    """Posts are text only."""

    site, name, level, split = "forum", "attach-picture", 3, "train"
    wordings = (
        "Attach a picture to my post “{title}”.",
        "Add a photo to the post “{title}”, which I wrote.",
        "My post “{title}” needs a picture. Upload one there.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        return Instance(params={"title": some_post(world, rng, "person_id = 1")["title"]}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_own_post(page, p["title"])
        yield page.click("Edit post", "If pictures can be added, then here.", "link")
        yield infeasible("A post has a title and a text; there is nothing to add a picture with.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def saved(page: Page, p: Params) -> Play:
            page = yield from open_own_post(page, p["title"])
            page = yield page.click("Edit post", "The post is edited here.", "link")
            page = yield page.fill("Text", "[picture]", "This stands for the picture.")
            yield page.click("Save changes", "The change has to be saved.", "button")
            yield done("The picture is there.")

        return {"said to be done": _only_says_so, "wrote about a picture": saved}


TEMPLATES = (
    ProductPrice(), BelowNew(), CheapestRecommended(), WishRecommended(), EditOthersPost(), NewBoard(), BlockMember(),
    AttachPicture(),
)  # fmt: skip
