"""A project's labels and milestones."""

from datetime import date

from starlette.responses import Response

from symbiotic_gym.pocket.apps.code_project import Project, in_project
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

_BASE = "/{owner}/{slug}/-"


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get(f"{_BASE}/labels")(labels)
    site.form(f"{_BASE}/labels/new", login=True)(new_label)
    site.post(f"{_BASE}/labels/{{id:int}}/delete", login=True)(delete_label)
    site.get(f"{_BASE}/milestones")(milestones)
    site.form(f"{_BASE}/milestones/new", login=True)(new_milestone)
    site.form(f"{_BASE}/milestones/{{id:int}}/edit", login=True)(edit_milestone)


@in_project()
def labels(c: Context, project: Project) -> Response:
    found = c.rows(
        "SELECT l.*, (SELECT count(*) FROM code_issue_labels x JOIN code_issues i ON i.id = x.issue_id "
        "WHERE x.label_id = l.id AND i.status = 'open') AS open FROM code_labels l WHERE l.project_id = ? ORDER BY l.name",
        project.id,
    )
    return project.show(c, "labels.html", labels=found)


@in_project("Reporter")
def new_label(c: Context, project: Project) -> Response:
    if c.method == "POST":
        name = c.require("name", "Name", longest=40)
        if c.rows("SELECT 1 FROM code_labels WHERE project_id = ? AND lower(name) = lower(?)", project.id, name):
            c.errors["name"] = "There is a label of that name."
        if not c.errors:
            c.db.execute(
                "INSERT INTO code_labels (project_id, name, description) VALUES (?, ?, ?)",
                (project.id, name, c.form.get("description", "")),
            )
            c.flash(f"The label {name} was added.")
            return c.redirect(f"{project.url}/-/labels")
    return project.show(c, "new_label.html", form=c.form)


@in_project("Reporter")
def delete_label(c: Context, project: Project) -> Response:
    found = c.rows("SELECT * FROM code_labels WHERE project_id = ? AND id = ?", project.id, c.values["id"])
    if not found:
        return c.not_found("This label")
    c.db.execute("DELETE FROM code_issue_labels WHERE label_id = ?", (found[0]["id"],))
    c.db.execute("DELETE FROM code_labels WHERE id = ?", (found[0]["id"],))
    c.flash(f"The label {found[0]['name']} was deleted.")
    return c.redirect(f"{project.url}/-/labels")


@in_project()
def milestones(c: Context, project: Project) -> Response:
    found = c.rows(
        "SELECT s.*, (SELECT count(*) FROM code_issues i WHERE i.milestone_id = s.id AND i.status = 'open') AS open, "
        "(SELECT count(*) FROM code_issues i WHERE i.milestone_id = s.id AND i.status = 'closed') AS closed "
        "FROM code_milestones s WHERE s.project_id = ? ORDER BY s.due, s.id",
        project.id,
    )
    return project.show(c, "milestones.html", milestones=found)


def _due(c: Context) -> str:
    due = c.require("due", "Due date")
    try:
        return date.fromisoformat(due).isoformat() if due else ""
    except ValueError:
        c.errors["due"] = "Write the date as 2026-12-31."
        return ""


@in_project("Reporter")
def new_milestone(c: Context, project: Project) -> Response:
    if c.method == "POST":
        title, due = c.require("title", "Title", longest=60), _due(c)
        if not c.errors:
            c.db.execute("INSERT INTO code_milestones (project_id, title, due) VALUES (?, ?, ?)", (project.id, title, due))
            c.flash(f"The milestone {title} was added.")
            return c.redirect(f"{project.url}/-/milestones")
    return project.show(c, "milestone.html", heading="New milestone", form=c.form)


@in_project("Reporter")
def edit_milestone(c: Context, project: Project) -> Response:
    found = c.rows("SELECT * FROM code_milestones WHERE project_id = ? AND id = ?", project.id, c.values["id"])
    if not found:
        return c.not_found("This milestone")
    if c.method == "POST":
        title, due = c.require("title", "Title", longest=60), _due(c)
        if not c.errors:
            c.db.execute("UPDATE code_milestones SET title = ?, due = ? WHERE id = ?", (title, due, found[0]["id"]))
            c.flash(f"The milestone {title} was saved.")
            return c.redirect(f"{project.url}/-/milestones")
    form = {"title": found[0]["title"], "due": found[0]["due"], **c.form}
    return project.show(c, "milestone.html", heading=f"Edit {found[0]['title']}", form=form)
