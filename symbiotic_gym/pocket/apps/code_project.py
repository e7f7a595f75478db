"""What every page of a project begins with: finding it, and what the visitor may do in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, Handler
from symbiotic_gym.pocket.world.code_projects import LEVELS, ROLES

__all__ = ["VISIBLE", "Project", "comments", "in_project", "pairs"]

VISIBLE = "(visibility = 'public' OR id IN (SELECT project_id FROM code_members WHERE person_id = :me) OR owner_id = :me)"
"""The projects in `code_listed` that the visitor `:me` may see."""


@dataclass(frozen=True)
class Project:
    """A project, as the visitor sees it."""

    row: Any
    """Of `code_listed`."""
    level: int
    """The number of the visitor's role, from 1; 0 for who is no member."""

    @property
    def id(self) -> int:
        return int(self.row["id"])

    @property
    def url(self) -> str:
        return f"/{self.row['path']}"

    def may(self, role: str) -> bool:
        """Whether the visitor has at least this role."""
        return self.level >= LEVELS[role]

    def show(self, c: Context, template: str, **values: Any) -> Response:
        """A page of the project."""
        return c.render(template, project=self.row, may=self.may, url=self.url, **values)


def in_project(least: str = "") -> Callable[[Callable[[Context, Project], Response]], Handler]:
    """Make a page of the project that the address names; with `least`, only for those with at least this role."""

    def wrap(page: Callable[[Context, Project], Response]) -> Handler:
        def handle(c: Context) -> Response:
            found = c.rows("SELECT * FROM code_listed WHERE owner = ? AND slug = ?", c.values["owner"], c.values["slug"])
            level = _level(c, found[0]["id"]) if found else 0
            if not found or (found[0]["visibility"] == "private" and not level):
                return c.not_found("This project")
            if least and level < LEVELS[least]:
                yours = f"you are {ROLES[level - 1]}" if level else "you are not a member"
                return c.forbidden(f"This needs the role {least} or above in {found[0]['name']}; {yours}.")
            return page(c, Project(found[0], level))

        return handle

    return wrap


def _level(c: Context, project_id: int) -> int:
    if c.user is None:
        return 0
    found = c.rows("SELECT role FROM code_members WHERE project_id = ? AND person_id = ?", project_id, c.user_id)
    return LEVELS[found[0]["role"]] if found else 0


def comments(c: Context, project: Project, kind: str, number: int) -> list[Any]:
    """What was said on an issue or a merge request, oldest first."""
    return c.rows(
        "SELECT k.*, p.name, p.username FROM code_comments k JOIN people p ON p.id = k.person_id "
        "WHERE k.project_id = ? AND k.kind = ? AND k.number = ? ORDER BY k.at, k.id",
        project.id,
        kind,
        number,
    )


def pairs(values: Iterable[str]) -> list[tuple[str, str]]:
    """Options of a list that are called what they are."""
    return [(value, value) for value in values]
