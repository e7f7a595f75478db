"""Questions that one page of the forum, or one list, answers."""

import random
import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount, Day, Name, Number, Text, rivals
from symbiotic_gym.pocket.plays import given_up, saying
from symbiotic_gym.pocket.reading import Page, answer, money, through
from symbiotic_gym.pocket.tasks.forum_tools import find_post, open_board, open_member, some_member, some_post
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class BoardMembers(Template):
    """One cell of a short table."""

    site, name, level, split = "forum", "board-members", 1, "train"
    start = "/boards"
    wordings = (
        "How many members does the board {board} have?",
        "Tell me the number of members of {board}.",
        "How many people are members of the forum's board {board}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        board = rng.choice(world.rows("SELECT * FROM forum_boards ORDER BY id"))
        members = world.value("SELECT count(*) FROM forum_subscriptions WHERE board_id = ?", board["id"])
        return Instance(params={"board": board["name"]}, answer=Number(members), near={"said": str(members + 1)})

    def oracle(self, page: Page, p: Params) -> Play:
        row = next(row for row in page.rows() if row.cells[0] == p["board"])
        yield answer(row.cells[2], f"The table counts {row.cells[2]} members for {p['board']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"one more": saying(self.oracle, instance.near["said"]), "given up": given_up}


class AskingPrice(Template):
    """One line of the open page."""

    site, name, level, split = "forum", "asking-price", 1, "dev"
    wordings = (
        "Somebody is selling something in the post “{title}”, which is open. What is the asking price?",
        "How much is asked for in the open post “{title}”?",
        "Read me the asking price in this post, “{title}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = some_post(world, rng, "kind = 'sale' AND comments < 6")
        price = world.value("SELECT price FROM shop_products WHERE id = ?", post["product_id"])
        return Instance(
            params={"title": post["title"]}, start=f"/post/{post['id']}", answer=Amount(post["asking"]), near={"new": Amount(price).say()}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        asking = page.match(r"^Asking price: (\S+)$")[1]
        yield answer(asking, f"The post says: asking price {asking}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        new = instance.near["new"]
        return {"the price of a new one": saying(self.oracle, new), "both": saying(self.oracle, lambda right: f"{right} or {new}")}


class WrittenBy(Template):
    """Finding a post, and who wrote it."""

    site, name, level, split = "forum", "written-by", 2, "train"
    wordings = (
        "Which member wrote the post “{title}”?",
        "Who posted “{title}” in the forum? Give the user name.",
        "Find the post “{title}” and tell me the user name of its author.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = some_post(world, rng, "person_id > 1")
        names = [row["username"] for row in world.rows("SELECT username FROM people ORDER BY id")]
        others = rivals(names, post["username"])
        return Instance(params={"title": post["title"]}, answer=Name(post["username"], others), near={"said": rng.choice(others)})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        lines = page.plain.split("\n")
        writer = lines[next(n for n, line in enumerate(lines) if re.search(r"points? · in .* · by$", line)) + 1]
        yield answer(writer, f"Below the title stands that it is by {writer}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"another member": saying(self.oracle, said), "two": saying(self.oracle, lambda right: f"{right} or {said}")}


class JoinedOn(Template):
    """A date on a profile."""

    site, name, level, split = "forum", "joined-on", 2, "test"
    wordings = (
        "When did {member} join the forum?",
        "On which day did the member {member} sign up to the forum?",
        "Since when has {member} been a member of The Commons?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        member = some_member(world, rng)
        joined = date.fromisoformat(member["joined"])
        other = date(joined.year, joined.month % 12 + 1, min(joined.day, 28))
        return Instance(params={"member": member["username"]}, answer=Day(joined), near={"said": Day(other).say()})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_member(page, p["member"])
        joined = page.match(r"^Joined (.+?) ·")[1]
        yield answer(joined, f"The profile says that {p['member']} joined on {joined}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"another month": saying(self.oracle, instance.near["said"]), "no date": saying(self.oracle, "Some years ago.")}


class CodeInMessage(Template):
    """A private value in a private message."""

    site, name, level, split = "forum", "code-in-message", 2, "test"
    wordings = (
        "{member} sent me a code in the message “{subject}”. Which code is it?",
        "Look into the message “{subject}” from {member} and tell me the code.",
        "What is the code that {member} wrote to me under “{subject}”?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        found = world.rows(
            "SELECT m.*, u.username FROM forum_messages m JOIN people u ON u.id = m.from_id "
            "WHERE m.to_id = 1 AND (m.body LIKE '%code for the door is%' OR m.body LIKE '%opens with%') ORDER BY m.id"
        )
        wanted = rng.choice(found)
        code = re.findall(r"\d{4}", wanted["body"])[0]
        return Instance(
            params={"member": wanted["username"], "subject": wanted["subject"]}, answer=Text(code),
            private=(wanted["body"], code), near={"said": f"{(int(code) + 9) % 10000:04}"},
        )  # fmt: skip

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Messages", "What members write to me is in my messages.", "link")
        page = yield page.click(p["subject"], f"This is the message from {p['member']}.", "link")
        code = page.match(r"(?:door is|opens with) (\d{4})")[1]
        yield answer(code, "The message says which code it is.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"another code": saying(self.oracle, instance.near["said"]), "no code": saying(self.oracle, "It is in the message.")}


class MeetUpDay(Template):
    """A date in running text."""

    site, name, level, split = "forum", "meet-up-day", 2, "train"
    wordings = (
        "On which day is the meet-up in {town}?",
        "When do people from the forum meet in {town}? Tell me the date.",
        "Find the announcement of the meet-up in {town} and give me its date.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        posts = world.rows("SELECT * FROM forum_posts WHERE kind = 'meetup' ORDER BY id")
        wanted, other = rng.sample(posts, 2)
        days = [_meeting(post["body"]) for post in (wanted, other)]
        return Instance(
            params={"town": wanted["title"].removeprefix("Meet-up in ")}, answer=Day(days[0]), near={"said": Day(days[1]).say()}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, f"Meet-up in {p['town']}")
        day = page.match(r"We meet on (\w+ \d+, \d{4}) at")[1]
        yield answer(day, f"The post says that the meeting is on {day}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"that of another town": saying(self.oracle, said), "both": saying(self.oracle, lambda right: f"{right}, or {said}")}


def _meeting(body: str) -> date:
    months = "January February March April May June July August September October November December".split()
    month, day, year = re.findall(r"on (\w+) (\d+), (\d{4}) at", body)[0]
    return date(int(year), months.index(month) + 1, int(day))


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
            "SELECT lower(p.kind) FROM forum_posts f JOIN shop_products p ON p.id = f.product_id WHERE f.board_id = ? ORDER BY f.id DESC",
            board["id"],
        )
        word = kind.split()[-1]
        where = "(title LIKE ? OR body LIKE ?)"
        found = world.value(f"SELECT count(*) FROM forum_listed WHERE {where} AND board_id = ?", f"%{word}%", f"%{word}%", board["id"])
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
            offers = world.rows("SELECT * FROM forum_listed WHERE board_id = ? AND kind = 'sale' ORDER BY asking, id", board["id"])
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


TEMPLATES = (
    BoardMembers(), AskingPrice(), WrittenBy(), JoinedOn(), CodeInMessage(), MeetUpDay(), TopPost(), SearchCount(), CheapestOffer(),
    MostRecommended(), PointsOfMember(),
)  # fmt: skip
