"""The issues of a project: the list with its filters, an issue with its comments, writing and sorting them."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.apps.code_project import Project, comments, in_project, pairs
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

_BASE = "/{owner}/{slug}/-/issues"
PER_PAGE = 10
SORTS = {
    "new": ("Newest first", "i.at DESC, i.id"),
    "old": ("Oldest first", "i.at, i.id"),
    "talk": ("Most comments", "comments DESC, i.id"),
    "title": ("Title", "i.title, i.id"),
}
_LISTED = (
    "SELECT i.*, w.name AS author, w.username AS author_username, a.name AS assignee, s.title AS milestone, "
    "(SELECT group_concat(name, ', ') FROM (SELECT l.name FROM code_issue_labels x JOIN code_labels l ON l.id = x.label_id "
    "WHERE x.issue_id = i.id ORDER BY l.name)) AS labels, "
    "(SELECT count(*) FROM code_comments k WHERE k.project_id = i.project_id AND k.kind = 'issue' AND k.number = "
    "i.number) AS comments "
    "FROM code_issues i JOIN people w ON w.id = i.author_id LEFT JOIN people a ON a.id = i.assignee_id "
    "LEFT JOIN code_milestones s ON s.id = i.milestone_id WHERE i.project_id = ?"
)


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get(_BASE)(issues)
    site.form(f"{_BASE}/new", login=True)(new)
    site.get(f"{_BASE}/{{number:int}}")(issue)
    site.form(f"{_BASE}/{{number:int}}/edit", login=True)(edit)
    site.post(f"{_BASE}/{{number:int}}/comment", login=True)(comment)
    site.post(f"{_BASE}/{{number:int}}/status", login=True)(status)
    site.post(f"{_BASE}/{{number:int}}/delete", login=True)(delete)


@in_project()
def issues(c: Context, project: Project) -> Response:
    sql = _LISTED
    values: list[int | str] = [project.id]
    wanted = c.query.get("status", "open")
    if wanted != "all":
        sql += " AND i.status = ?"
        values.append(wanted)
    for name, condition in (
        (
            "label",
            "EXISTS (SELECT 1 FROM code_issue_labels x JOIN code_labels l ON l.id = x.label_id WHERE x.issue_id = "
            "i.id AND l.name = ?)",
        ),
        ("assignee", "coalesce(a.username, '-') = ?"),
        ("author", "w.username = ?"),
        ("milestone", "coalesce(s.title, '-') = ?"),
        ("q", "instr(lower(i.title || ' ' || i.body), lower(?))"),
    ):
        if c.query.get(name):
            sql += f" AND {condition}"
            values.append(c.query[name])
    order = SORTS.get(c.query.get("sort", ""), SORTS["new"])[1]
    found = c.paged(f"{sql} ORDER BY {order}", *values, per_page=PER_PAGE)
    counts = {
        row["status"]: row["n"]
        for row in c.rows(
            "SELECT status, count(*) AS n FROM code_issues WHERE project_id = ? GROUP BY status ORDER BY status", project.id
        )
    }
    authors = c.rows(
        "SELECT DISTINCT p.username, p.name FROM code_issues i JOIN people p ON p.id = i.author_id WHERE "
        "i.project_id = ? ORDER BY p.name",
        project.id,
    )
    sorts = [(key, label) for key, (label, _) in SORTS.items()]
    return project.show(
        c,
        "issues.html",
        issues=found,
        state=wanted,
        counts=counts,
        sorts=sorts,
        authors=_pairs(authors),
        **_choices(c, project),
    )


def _pairs(rows: list[Any]) -> list[tuple[str, str]]:
    return [(row["username"], row["name"]) for row in rows]


def _choices(c: Context, project: Project) -> dict[str, Any]:
    """What an issue of this project can have."""
    people = c.rows(
        "SELECT p.username, p.name FROM code_members m JOIN people p ON p.id = m.person_id WHERE m.project_id = ? "
        "ORDER BY p.name",
        project.id,
    )
    return {
        "labels": pairs(
            row["name"] for row in c.rows("SELECT name FROM code_labels WHERE project_id = ? ORDER BY name", project.id)
        ),
        "milestones": pairs(
            row["title"]
            for row in c.rows("SELECT title FROM code_milestones WHERE project_id = ? ORDER BY due, id", project.id)
        ),
        "members": _pairs(people),
    }


def _issue(c: Context, project: Project) -> Any:
    found = c.rows(f"{_LISTED} AND i.number = ?", project.id, c.values["number"])
    return found[0] if found else None


def _may_edit(c: Context, project: Project, row: Any) -> bool:
    return project.may("Reporter") or (c.user is not None and row["author_id"] == c.user_id)


@in_project()
def issue(c: Context, project: Project) -> Response:
    row = _issue(c, project)
    if row is None:
        return c.not_found("This issue")
    said = comments(c, project, "issue", row["number"])
    return project.show(c, "issue.html", issue=row, comments=said, may_edit=_may_edit(c, project, row))


@in_project()
def new(c: Context, project: Project) -> Response:
    if c.method == "POST":
        title = c.require("title", "Title", longest=120)
        if not c.errors:
            number = c.value("SELECT coalesce(max(number), 0) + 1 FROM code_issues WHERE project_id = ?", project.id)
            cursor = c.db.execute(
                "INSERT INTO code_issues (project_id, number, title, body, author_id, status, at) VALUES (?, ?, ?, "
                "?, ?, 'open', ?)",
                (project.id, number, title, c.form.get("body", ""), c.user_id, c.now.isoformat(sep=" ")),
            )
            if project.may("Reporter"):
                _sort(c, project, int(cursor.lastrowid or 0))
            c.flash(f"Issue #{number} was opened.")
            return c.redirect(f"{project.url}/-/issues/{number}")
    return project.show(
        c,
        "edit_issue.html",
        heading="New issue",
        form=c.form,
        chosen=c.many("labels"),
        may_sort=project.may("Reporter"),
        **_choices(c, project),
    )


@in_project()
def edit(c: Context, project: Project) -> Response:
    row = _issue(c, project)
    if row is None:
        return c.not_found("This issue")
    if not _may_edit(c, project, row):
        return c.forbidden("Only members with the role Reporter or above and the author may edit this issue.")
    if c.method == "POST":
        title = c.require("title", "Title", longest=120)
        if not c.errors:
            c.db.execute("UPDATE code_issues SET title = ?, body = ? WHERE id = ?", (title, c.form.get("body", ""), row["id"]))
            if project.may("Reporter"):
                _sort(c, project, row["id"])
            c.flash(f"Issue #{row['number']} was saved.")
            return c.redirect(f"{project.url}/-/issues/{row['number']}")
    assignee = c.rows("SELECT username FROM people WHERE id = ?", row["assignee_id"])
    form = {
        "title": row["title"],
        "body": row["body"],
        "milestone": row["milestone"] or "",
        "assignee": assignee[0]["username"] if assignee else "",
    }
    chosen = c.many("labels") if c.method == "POST" else (row["labels"] or "").split(", ")
    return project.show(
        c,
        "edit_issue.html",
        heading=f"Edit issue #{row['number']}",
        form={**form, **c.form},
        chosen=chosen,
        may_sort=project.may("Reporter"),
        **_choices(c, project),
    )


def _sort(c: Context, project: Project, issue_id: int) -> None:
    """Give the issue the assignee, milestone and labels of the form."""
    assignee = c.rows(
        "SELECT p.id FROM people p JOIN code_members m ON m.person_id = p.id WHERE m.project_id = ? AND p.username = ?",
        project.id,
        c.form.get("assignee", ""),
    )
    milestone = c.rows(
        "SELECT id FROM code_milestones WHERE project_id = ? AND title = ?", project.id, c.form.get("milestone", "")
    )
    c.db.execute(
        "UPDATE code_issues SET assignee_id = ?, milestone_id = ? WHERE id = ?",
        (assignee[0]["id"] if assignee else None, milestone[0]["id"] if milestone else None, issue_id),
    )
    c.db.execute("DELETE FROM code_issue_labels WHERE issue_id = ?", (issue_id,))
    for name in dict.fromkeys(c.many("labels")):
        c.db.execute(
            "INSERT INTO code_issue_labels (issue_id, label_id) SELECT ?, id FROM code_labels WHERE project_id = ? "
            "AND name = ?",
            (issue_id, project.id, name),
        )


@in_project()
def comment(c: Context, project: Project) -> Response:
    row = _issue(c, project)
    if row is None:
        return c.not_found("This issue")
    body = c.require("body", "Comment")
    if c.errors:
        said = comments(c, project, "issue", row["number"])
        return project.show(c, "issue.html", issue=row, comments=said, may_edit=_may_edit(c, project, row))
    c.db.execute(
        "INSERT INTO code_comments (project_id, kind, number, person_id, body, at) VALUES (?, 'issue', ?, ?, ?, ?)",
        (project.id, row["number"], c.user_id, body, c.now.isoformat(sep=" ")),
    )
    c.flash("Your comment was added.")
    return c.redirect(f"{project.url}/-/issues/{row['number']}")


@in_project()
def status(c: Context, project: Project) -> Response:
    row = _issue(c, project)
    if row is None:
        return c.not_found("This issue")
    if not _may_edit(c, project, row):
        return c.forbidden("Only members with the role Reporter or above and the author may close this issue.")
    wanted = "closed" if row["status"] == "open" else "open"
    c.db.execute("UPDATE code_issues SET status = ? WHERE id = ?", (wanted, row["id"]))
    c.flash(f"Issue #{row['number']} was {'closed' if wanted == 'closed' else 'reopened'}.")
    return c.redirect(f"{project.url}/-/issues/{row['number']}")


@in_project("Owner")
def delete(c: Context, project: Project) -> Response:
    row = _issue(c, project)
    if row is None:
        return c.not_found("This issue")
    c.db.execute("DELETE FROM code_issue_labels WHERE issue_id = ?", (row["id"],))
    c.db.execute(
        "DELETE FROM code_comments WHERE project_id = ? AND kind = 'issue' AND number = ?", (project.id, row["number"])
    )
    c.db.execute("DELETE FROM code_issues WHERE id = ?", (row["id"],))
    c.flash(f"Issue #{row['number']} was deleted.")
    return c.redirect(f"{project.url}/-/issues")
