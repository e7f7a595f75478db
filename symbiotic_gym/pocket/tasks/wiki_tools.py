"""What the wiki's templates share: choosing articles and facts, getting to them, and reading their boxes."""

import random
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.reading import Page
from symbiotic_gym.types import Candidate

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["Walk", "box", "fact", "open_article", "open_list", "plain_number", "some_article", "titles"]

Walk = Generator[Candidate, Page, Page]
"""Part of a play that returns the page it ends on."""


# --- drawing ---


def some_article(world: "World", rng: random.Random, where: str = "1", *values: Any) -> Any:
    """One of the articles of which something holds."""
    return rng.choice(world.rows(f"SELECT * FROM wiki_articles WHERE {where} ORDER BY id", *values))


def titles(world: "World", kind: str) -> list[str]:
    """The titles of all articles of a kind: `town`, `landmark`, `company`, `object`, `person`."""
    return [row["title"] for row in world.rows("SELECT title FROM wiki_articles WHERE kind = ? ORDER BY id", kind)]


def fact(world: "World", title: str, name: str) -> str:
    """What the box of an article says."""
    return str(
        world.value(
            "SELECT f.value FROM wiki_facts f JOIN wiki_articles a ON a.id = f.article_id WHERE a.title = ? AND f.name = ?",
            title,
            name,
        )
    )


def plain_number(text: str) -> int:
    """`12,345`, `88 m` or `52 km²` as a number."""
    return int(text.split()[0].replace(",", ""))


# --- walking ---


def open_article(page: Page, title: str) -> Walk:
    """Open an article by searching for its exact title."""
    page = yield page.fill("Search the almanac", title, f"This is the title of the article on {title}.")
    return (yield page.click("Search", "A search for an exact title opens the article.", "button"))


def open_list(page: Page, title: str) -> Walk:
    """Open one of the lists that the main page links to."""
    if not page.offers(title, "link"):
        page = yield page.click("Main page", "The main page has links to the lists.", "link")
    return (yield page.click(title, f"The {title.lower()} has a row for each of them.", "link"))


# --- reading ---


def box(page: Page, name: str) -> str:
    """What the open article's box says under that name."""
    rows = [row for row in page.rows() if len(row.cells) == 2 and row.cells[0] == name]
    return rows[0].cells[1] if rows else page.row(name).cells[1]
