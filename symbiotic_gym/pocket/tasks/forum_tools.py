"""What the forum's templates share: choosing posts, getting to them, and reading the lists they stand in."""

import random
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.reading import Page
from symbiotic_gym.types import Candidate

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["COMMENT", "Walk", "comments", "find_post", "open_board", "open_member", "open_own_post", "some_member", "some_post"]

Walk = Generator[Candidate, Page, Page]
"""Part of a play that returns the page it ends on."""

COMMENT = r"^Comment by "


# --- drawing ---


def some_post(world: "World", rng: random.Random, where: str = "1", *values: Any) -> Any:
    """One of the posts of which something holds; none that stands on two boards."""
    return rng.choice(world.rows(f"SELECT * FROM forum_listed WHERE kind <> 'twice' AND {where} ORDER BY id", *values))


def some_member(world: "World", rng: random.Random, where: str = "1", *values: Any) -> Any:
    """One of the members on the list, never the person at the keyboard."""
    return rng.choice(
        world.rows(
            "SELECT u.*, f.joined FROM people u JOIN forum_profiles f ON f.person_id = u.id "
            f"WHERE u.id > 1 AND NOT f.hidden AND {where} ORDER BY u.id",
            *values,
        )
    )


# --- walking ---


def find_post(page: Page, title: str) -> Walk:
    """Find a post by searching for its title."""
    page = yield page.fill("Search posts", title, "Searching for the words of the title finds the post.")
    page = yield page.click("Search", "This starts the search.", "button")
    while not page.offers(title, "link"):
        page = yield page.click("Next page", "The post is not on this page of the results.", "link")
    return (yield page.click(title, "This is the post.", "link", below="Results for"))


def open_board(page: Page, board: str) -> Walk:
    """Open a board from any page."""
    page = yield page.click("Boards", f"The list of boards has {board}.", "link")
    return (yield page.click(board, f"This is the board {board}.", "link"))


def open_member(page: Page, username: str) -> Walk:
    """Open a member's profile, looking through the pages of the list."""
    page = yield page.click("Members", "The list of members links to their profiles.", "link")
    while not page.offers(username, "link"):
        page = yield page.click("Next page", f"{username} is not on this page of the list.", "link")
    return (yield page.click(username, f"This is {username}.", "link"))


def open_own_post(page: Page, title: str) -> Walk:
    """Open a post of the person at the keyboard."""
    page = yield page.click("My profile", "My posts are listed on my profile.", "link")
    return (yield page.click(title, "This is the post.", "link"))


# --- reading ---


def comments(page: Page) -> list[tuple[str, Page]]:
    """Who wrote each comment below a post, and the part of the page it takes."""
    return [(card.match(COMMENT + r"(\S+)$")[1], card) for card in page.cards(COMMENT)]
