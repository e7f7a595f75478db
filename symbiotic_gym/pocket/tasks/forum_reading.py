"""Questions that one page of the forum answers."""

import random
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Amount, Day, Name, Number, Text, rivals
from symbiotic_gym.pocket.plays import given_up, saying
from symbiotic_gym.pocket.reading import Page, answer
from symbiotic_gym.pocket.tasks.forum_tools import find_post, open_member, some_member, some_post
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
            params={"title": post["title"]},
            start=f"/post/{post['id']}",
            answer=Amount(post["asking"]),
            near={"new": Amount(price).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        asking = page.match(r"^Asking price: (\S+)$")[1]
        yield answer(asking, f"The post says: asking price {asking}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        new = instance.near["new"]
        return {
            "the price of a new one": saying(self.oracle, new),
            "both": saying(self.oracle, lambda right: f"{right} or {new}"),
        }


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
        return Instance(
            params={"title": post["title"]}, answer=Name(post["username"], others), near={"said": rng.choice(others)}
        )

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
        return {
            "another code": saying(self.oracle, instance.near["said"]),
            "no code": saying(self.oracle, "It is in the message."),
        }


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
        return {
            "that of another town": saying(self.oracle, said),
            "both": saying(self.oracle, lambda right: f"{right}, or {said}"),
        }


def _meeting(body: str) -> date:
    return datetime.strptime(re.findall(r"on (\w+ \d+, \d{4}) at", body)[0], "%B %d, %Y").date()


TEMPLATES = (BoardMembers(), AskingPrice(), WrittenBy(), JoinedOn(), CodeInMessage(), MeetUpDay())
