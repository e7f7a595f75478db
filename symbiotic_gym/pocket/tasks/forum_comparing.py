"""Questions that lists of the forum answer: the first, the number, the least, the sum."""

import random
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount, Name, Number, rivals
from symbiotic_gym.pocket.plays import given_up, saying
from symbiotic_gym.pocket.reading import Page, answer, money, through
from symbiotic_gym.pocket.tasks.forum_tools import find_post, open_board, open_member, some_member, some_post
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class TopPost(Template):
    """The first of a list, in the right order."""

    site, name, level, split = "forum", "top-post", 2, "train"
    wordings = (
        "Which post on the board {board} has the most points? Give its title.",
        "What is the title of the post with the highest score on {board}?",
        "Name the best rated post of the board {board}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        boards = world.rows("SELECT * FROM forum_boards ORDER BY id")
        rng.shuffle(boards)
        for board in boards:
            posts = world.rows("SELECT * FROM forum_listed WHERE board_id = ? ORDER BY score DESC, id", board["id"])
            if posts[0]["score"] > posts[1]["score"]:
                break
        titles = [post["title"] for post in posts]
        return Instance(
            params={"board": board["name"]}, answer=Name(titles[0], rivals(titles, titles[0])), near={"said": titles[1]}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_board(page, p["board"])
        page = yield page.click("Top", "This order has the most points first.", "link")
        title = page.rows()[1].cells[1]
        yield answer(title, f"It is the first of the list, with {page.rows()[1].cells[0]} points.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"the second": saying(self.oracle, said), "two": saying(self.oracle, lambda right: f"{right} and {said}")}


class SearchCount(Template):
    """A count that stands on a page of results."""

    site, name, level, split = "forum", "search-count", 3, "dev"
    wordings = (
        "In how many posts on the board {board} does the forum's search find the word “{word}”?",
        "Search the forum for “{word}”. How many of the posts found are on {board}?",
        "How many posts about “{word}” does a search bring up on the board {board}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        board = rng.choice(world.rows("SELECT * FROM forum_boards WHERE department <> '' ORDER BY id"))
        kind = world.value(
            "SELECT lower(p.kind) FROM forum_posts f JOIN shop_products p ON p.id = f.product_id WHERE f.board_id = ? "
            "ORDER BY f.id DESC",
            board["id"],
        )
        word = kind.split()[-1]
        where = "(title LIKE ? OR body LIKE ?)"
        found = world.value(
            f"SELECT count(*) FROM forum_listed WHERE {where} AND board_id = ?", f"%{word}%", f"%{word}%", board["id"]
        )
        return Instance(params={"board": board["name"], "word": word}, answer=Number(found), near={"said": str(found + 1)})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.fill("Search posts", p["word"], "This is the word to search for.")
        page = yield page.click("Search", "This starts the search.", "button")
        page = yield page.select("Board", p["board"], f"Only posts on {p['board']} count.")
        count = page.match(r"^(\d+) posts? found$")[1]
        yield answer(count, f"The search found {count} posts on this board.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"one more": saying(self.oracle, instance.near["said"]), "no count": saying(self.oracle, "Quite a few.")}


class CheapestOffer(Template):
    """Several posts to find in a long list, open and compare."""

    site, name, level, split = "forum", "cheapest-offer", 4, "test"
    wordings = (
        "On the board {board}, which of the posts that sell something asks for the least money? Give the title.",
        "Some members sell things on {board}. What is the title of the cheapest offer there?",
        "Compare the asking prices of everything for sale on the board {board} and name the post with the lowest one.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        boards = world.rows("SELECT * FROM forum_boards WHERE department <> '' ORDER BY id")
        rng.shuffle(boards)
        for board in boards:
            offers = world.rows(
                "SELECT * FROM forum_listed WHERE board_id = ? AND kind = 'sale' ORDER BY asking, id", board["id"]
            )
            if len(offers) > 1 and offers[0]["asking"] < offers[1]["asking"]:
                break
        titles = [post["title"] for post in offers]
        return Instance(
            params={"board": board["name"]}, answer=Name(titles[0], rivals(titles, titles[0])), near={"said": titles[1]}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_board(page, p["board"])
        pages = yield from through(page)
        sale = re.compile(r"^(?:For sale: |Selling my )|looking for a new home$")
        titles = [row.cells[1] for one in pages for row in one.rows()[1:] if sale.search(row.cells[1])]
        prices = {}
        page = pages[-1]
        for title in titles:
            page = yield from find_post(page, title)
            prices[title] = money(page.match(r"^Asking price: (\S+)$")[1])
        cheapest = min(prices, key=lambda title: prices[title])
        yield answer(cheapest, f"Its asking price of {Amount(prices[cheapest]).say()} is the lowest of {len(prices)}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"the second": saying(self.oracle, said), "two": saying(self.oracle, lambda right: f"{right} or {said}")}


class MostRecommended(Template):
    """Counting over a long discussion, in which regrets name products, too."""

    site, name, level, split = "forum", "most-recommended", 4, "train"
    wordings = (
        "Which product do most comments on the post “{title}” recommend?",
        "Read the discussion “{title}” and tell me the product that is recommended most often.",
        "Below “{title}”, people recommend products. Which one gets the most recommendations?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = some_post(world, rng, "kind = 'pick'")
        found = world.rows(
            "SELECT p.name FROM forum_comments c JOIN shop_products p ON p.id = c.product_id WHERE c.post_id = ? "
            "GROUP BY p.id ORDER BY count(*) DESC, p.id",
            post["id"],
        )
        names = [row["name"] for row in found]
        return Instance(params={"title": post["title"]}, answer=Name(names[0], tuple(names[1:])), near={"said": names[-1]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        picks = [product for (product,) in page.matches(r"^Recommends:\n(.+)$")]
        best = max(dict.fromkeys(picks), key=picks.count)
        yield answer(best, f"{picks.count(best)} comments recommend it, more than any other.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"another one": saying(self.oracle, said), "two": saying(self.oracle, lambda right: f"{right} and {said}")}


class PointsOfMember(Template):
    """A sum over a member's posts."""

    site, name, level, split = "forum", "points-of-member", 4, "train"
    wordings = (
        "How many points do all posts of the member {member} have together?",
        "Add up the points of everything that {member} has posted.",
        "What is the sum of the points of {member}'s posts?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        member = some_member(world, rng, "(SELECT count(*) FROM forum_listed p WHERE p.person_id = u.id) > 2")
        posts = world.rows("SELECT score FROM forum_listed WHERE person_id = ? ORDER BY at", member["id"])
        total = sum(post["score"] for post in posts)
        return Instance(
            params={"member": member["username"]}, answer=Number(total), near={"said": str(total - posts[0]["score"] - 1)}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_member(page, p["member"])
        pages = yield from through(page)
        points = [int(row.cells[0]) for one in pages for row in one.rows()[1:]]
        yield answer(str(sum(points)), f"The points of the {len(points)} posts add up to {sum(points)}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"without the oldest": saying(self.oracle, instance.near["said"]), "given up": given_up}


TEMPLATES = (TopPost(), SearchCount(), CheapestOffer(), MostRecommended(), PointsOfMember())
