"""The merge requests of a project: the list, one with its changes and comments, and what can be done with it."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.apps.code_project import Project, comments, in_project
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

_BASE = "/{owner}/{slug}/-/merge_requests"
_LISTED = (
    "SELECT m.*, w.name AS author, w.username AS author_username, r.name AS reviewer FROM code_merges m "
    "JOIN people w ON w.id = m.author_id LEFT JOIN people r ON r.id = m.reviewer_id WHERE m.project_id = ?"
)


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get(_BASE)(merges)
    site.get(f"{_BASE}/{{number:int}}")(merge)
    site.post(f"{_BASE}/{{number:int}}/comment", login=True)(comment)
    site.post(f"{_BASE}/{{number:int}}/change", login=True)(change)
    site.post(f"{_BASE}/{{number:int}}/reviewer", login=True)(reviewer)


@in_project()
def merges(c: Context, project: Project) -> Response:
    sql = _LISTED
    values: list[int | str] = [project.id]
    status = c.query.get("status", "open")
    if status != "all":
        sql += " AND m.status = ?"
        values.append(status)
    found = c.paged(f"{sql} ORDER BY m.at DESC, m.id", *values, per_page=10)
    return project.show(c, "merges.html", merges=found, state=status)


def _merge(c: Context, project: Project) -> Any:
    found = c.rows(f"{_LISTED} AND m.number = ?", project.id, c.values["number"])
    return found[0] if found else None


def _show(c: Context, project: Project, row: Any) -> Response:
    members = c.rows(
        "SELECT p.username, p.name FROM code_members m JOIN people p ON p.id = m.person_id "
        "WHERE m.project_id = ? AND m.person_id <> ? ORDER BY p.name",
        project.id,
        row["author_id"],
    )
    chosen = c.rows("SELECT username FROM people WHERE id = ?", row["reviewer_id"])
    return project.show(
        c,
        "merge.html",
        merge=row,
        comments=comments(c, project, "merge", row["number"]),
        members=[(member["username"], member["name"]) for member in members],
        reviewer=chosen[0]["username"] if chosen else "",
    )


@in_project()
def merge(c: Context, project: Project) -> Response:
    row = _merge(c, project)
    return c.not_found("This merge request") if row is None else _show(c, project, row)


@in_project()
def comment(c: Context, project: Project) -> Response:
    row = _merge(c, project)
    if row is None:
        return c.not_found("This merge request")
    body = c.require("body", "Comment")
    if c.errors:
        return _show(c, project, row)
    c.db.execute(
        "INSERT INTO code_comments (project_id, kind, number, person_id, body, at) VALUES (?, 'merge', ?, ?, ?, ?)",
        (project.id, row["number"], c.user_id, body, c.now.isoformat(sep=" ")),
    )
    c.flash("Your comment was added.")
    return c.redirect(f"{project.url}/-/merge_requests/{row['number']}")


_CHANGES = {
    "merge": ("status = 'merged'", "merged"),
    "close": ("status = 'closed'", "closed"),
    "reopen": ("status = 'open'", "reopened"),
    "ready": ("draft = 0", "marked as ready"),
    "draft": ("draft = 1", "marked as a draft"),
}


@in_project("Developer")
def change(c: Context, project: Project) -> Response:
    row = _merge(c, project)
    what = c.form.get("what", "")
    if row is None or what not in _CHANGES:
        return c.not_found("This merge request")
    url = f"{project.url}/-/merge_requests/{row['number']}"
    if (what == "reopen") != (row["status"] == "closed") or (what == "merge" and row["draft"]):
        c.flash("This is not possible in its present state.", "error")
        return c.redirect(url)
    c.db.execute(f"UPDATE code_merges SET {_CHANGES[what][0]} WHERE id = ?", (row["id"],))
    c.flash(f"Merge request !{row['number']} was {_CHANGES[what][1]}.")
    return c.redirect(url)


@in_project("Developer")
def reviewer(c: Context, project: Project) -> Response:
    row = _merge(c, project)
    if row is None:
        return c.not_found("This merge request")
    found = c.rows(
        "SELECT p.id, p.name FROM people p JOIN code_members m ON m.person_id = p.id WHERE m.project_id = ? AND p.username = ?",
        project.id,
        c.form.get("reviewer", ""),
    )
    c.db.execute("UPDATE code_merges SET reviewer_id = ? WHERE id = ?", (found[0]["id"] if found else None, row["id"]))
    c.flash(f"{found[0]['name']} is asked to review." if found else "Nobody is asked to review.")
    return c.redirect(f"{project.url}/-/merge_requests/{row['number']}")
