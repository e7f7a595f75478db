"""Steps that several oracles on the code site share, and the projects their instances are drawn from."""

import json
import random
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.reading import Page
from symbiotic_gym.types import Candidate

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["WORK", "find_issue", "in_field", "issues_of", "joined", "open_part", "open_project", "project_with"]

Steps = Generator[Candidate, Page, Page]

WORK = ("Reporter", "Developer", "Maintainer", "Owner")
"""Roles that may sort issues."""


def joined(world: "World", *roles: str) -> list[Any]:
    """The projects that the person at the keyboard is a member of, in one of these roles."""
    marks = ", ".join("?" * len(roles))
    return world.rows(
        "SELECT l.*, m.role FROM code_listed l JOIN code_members m ON m.project_id = l.id "
        f"WHERE m.person_id = 1 AND m.role IN ({marks}) ORDER BY l.id",
        *roles,
    )


def issues_of(world: "World", project: Any, status: str = "open") -> list[Any]:
    """The issues of a project in this state."""
    return world.rows("SELECT * FROM code_issues WHERE project_id = ? AND status = ? ORDER BY id", project["id"], status)


def project_with(world: "World", rng: random.Random, *roles: str) -> Any:
    """One of these projects."""
    return rng.choice(joined(world, *roles))


def open_project(page: Page, name: str) -> Steps:
    """From the start page to a project of one's own."""
    return (yield page.click(name, f"{name} is among my projects.", "link"))


def open_part(page: Page, project: str, part: str) -> Steps:
    """From the start page to one of a project's pages, by the project's menu."""
    page = yield from open_project(page, project)
    return (yield page.click(part, f"The project's menu has a link to {part.lower().rstrip(' (')}.", "link"))


def find_issue(page: Page, project: str, title: str) -> Steps:
    """From the start page to an issue, open or closed, by its title."""
    page = yield from open_part(page, project, "Issues (")
    page = yield page.click("All", "The issue may be open or closed, so all of them are looked through.", "link")
    page = yield page.fill("Words", title, "The title is known, so the list can be narrowed down to it.")
    page = yield page.click("Apply filters", "Only the issue with this title is left then.", "button")
    return (yield page.click(title, "This is the issue.", "link"))


def in_field(page: Page, name: str) -> str:
    """What stands in a field of several lines."""
    line = page.find(name, "textbox").line
    start = line.index(" value=") + len(" value=")
    return str(json.JSONDecoder().raw_decode(line[start:])[0])
