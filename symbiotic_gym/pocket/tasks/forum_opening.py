"""Getting around in the forum: boards, their order, members, subscriptions."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.forum_tools import open_board, open_member, some_member
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class OpenBoard(Template):
    """One link in a table."""

    site, name, level, split = "forum", "open-board", 1, "train"
    start = "/boards"
    wordings = ("Open the board {board}.", "Go to the forum's board {board}.", "Show me what is posted on {board}.")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(world.rows("SELECT * FROM forum_boards ORDER BY id"), 2)
        return Instance(params={"board": wanted["name"]}, url=f"/b/{wanted['slug']}", near={"board": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(p["board"], f"The table has a link to {p['board']}.", "link")
        yield done(f"The board {p['board']} is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        board = instance.params["board"]
        return {
            "another board": misheard(self.oracle, board=instance.near["board"]),
            "not opened": half_done(self.oracle, board),
        }


class SortBoard(Template):
    """A board, then its order."""

    site, name, level, split = "forum", "sort-board", 2, "train"
    wordings = (
        "Show the posts on {board} in the order “{order}”.",
        "Sort the board {board} by “{order}”.",
        "List the posts on {board} by “{order}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        board = rng.choice(world.rows("SELECT * FROM forum_boards ORDER BY id"))
        order, other = rng.sample(("New", "Top"), 2)
        return Instance(
            params={"board": board["name"], "order": order},
            url=f"/b/{board['slug']}?sort={order.lower()}",
            near={"order": other},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_board(page, p["board"])
        yield page.click(p["order"], f"The board can be sorted by {p['order']}.", "link")
        yield done(f"{p['board']} is sorted by {p['order']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another order": misheard(self.oracle, order=instance.near["order"]),
            "not sorted": half_done(self.oracle, instance.params["order"]),
        }


class OpenProfile(Template):
    """A name in a list of several pages."""

    site, name, level, split = "forum", "open-profile", 2, "test"
    wordings = (
        "Open the profile of the member {member}.",
        "Go to {member}'s page in the forum.",
        "Show me who {member} is: open the profile.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_member(world, rng)
        other = some_member(world, rng, "u.id <> ?", wanted["id"])
        return Instance(
            params={"member": wanted["username"]}, url=f"/u/{wanted['username']}", near={"member": other["username"]}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield from open_member(page, p["member"])
        yield done(f"The profile of {p['member']} is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        member = instance.params["member"]
        return {
            "another member": misheard(self.oracle, member=instance.near["member"]),
            "not opened": half_done(self.oracle, member),
        }


class Subscribe(Template):
    """One button in a table."""

    site, name, level, split = "forum", "subscribe", 1, "train"
    start = "/boards"
    wordings = ("Subscribe me to the board {board}.", "I want to follow {board}; subscribe to it.", "Add {board} to my boards.")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        free = world.rows(
            "SELECT * FROM forum_boards WHERE id NOT IN (SELECT board_id FROM forum_subscriptions WHERE person_id = 1) "
            "ORDER BY id"
        )
        wanted, other = rng.sample(free, 2)
        effect = [("INSERT INTO forum_subscriptions (person_id, board_id) VALUES (1, ?)", (wanted["id"],))]
        return Instance(params={"board": wanted["name"]}, effect=effect, near={"board": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(f"Subscribe to {p['board']}", f"This button subscribes to {p['board']}.", "button")
        yield done(f"The page says that {p['board']} is subscribed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        button = f"Subscribe to {instance.params['board']}"
        return {
            "another board": misheard(self.oracle, board=instance.near["board"]),
            "not pressed": half_done(self.oracle, button),
        }


class Unsubscribe(Template):
    """One button in a short table."""

    site, name, level, split = "forum", "unsubscribe", 1, "dev"
    start = "/subscriptions"
    wordings = (
        "Cancel my subscription to the board {board}.",
        "I no longer want to follow {board}; unsubscribe from it.",
        "Take {board} off my boards.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        mine = world.rows(
            "SELECT * FROM forum_boards WHERE id IN (SELECT board_id FROM forum_subscriptions WHERE person_id = 1) ORDER BY id"
        )
        wanted, other = rng.sample(mine, 2)
        effect = [("DELETE FROM forum_subscriptions WHERE person_id = 1 AND board_id = ?", (wanted["id"],))]
        return Instance(params={"board": wanted["name"]}, effect=effect, near={"board": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(f"Unsubscribe from {p['board']}", f"This button ends the subscription to {p['board']}.", "button")
        yield done(f"{p['board']} is no longer subscribed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        button = f"Unsubscribe from {instance.params['board']}"
        return {
            "another board": misheard(self.oracle, board=instance.near["board"]),
            "not pressed": half_done(self.oracle, button),
        }


class UnsubscribeSmall(Template):
    """Every row of a table that fits a bound, with rows that fit and are not mine."""

    site, name, level, split = "forum", "unsubscribe-small", 4, "test"
    wordings = (
        "Unsubscribe me from all my boards that have fewer than {least} members.",
        "Of the boards I follow, leave only those with at least {least} members.",
        "I want out of every board I am subscribed to that counts under {least} members.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        boards = world.rows(
            "SELECT b.id, count(*) AS members, max(s.person_id = 1) AS mine FROM forum_boards b "
            "JOIN forum_subscriptions s ON s.board_id = b.id GROUP BY b.id ORDER BY b.id"
        )
        counts = sorted(board["members"] for board in boards if board["mine"])
        place = next(n for n in (2, 3, 1, 4) if counts[n - 1] < counts[n])  # a bound between two counts, some below, some above
        least = counts[place]
        leaving = [board["id"] for board in boards if board["mine"] and board["members"] < least]
        effect = [("DELETE FROM forum_subscriptions WHERE person_id = 1 AND board_id = ?", (board,)) for board in leaving]
        return Instance(
            params={"least": str(least)}, effect=effect, near={"least": str(counts[0]), "most": str(counts[-1] + 1)}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("My boards", "The boards I follow are listed there.", "link")
        small = [row.cells[0] for row in page.rows()[1:] if int(row.cells[2]) < int(p["least"])]
        for board in small:
            why = f"{board} has fewer than {p['least']} members."
            page = yield page.click(f"Unsubscribe from {board}", why, "button")
        yield done(f"What is left has at least {p['least']} members.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "none of them": misheard(self.oracle, least=instance.near["least"]),
            "all of them": misheard(self.oracle, least=instance.near["most"]),
        }


TEMPLATES = (OpenBoard(), SortBoard(), OpenProfile(), Subscribe(), Unsubscribe(), UnsubscribeSmall())
