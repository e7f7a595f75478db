"""Making a project, and its settings: what it is called, who sees it, its token, and putting it away."""

import re
from hashlib import sha256

from starlette.responses import Response

from symbiotic_gym.pocket.apps.code_project import Project, in_project, pairs
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

LANGUAGES = ("Go", "JavaScript", "Python", "Rust")
VISIBILITIES = (("private", "Private: only members see it"), ("public", "Public: everybody sees it"))
_BASE = "/{owner}/{slug}/-/settings"


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.form("/projects/new", login=True)(new)
    site.form(_BASE, login=True)(settings)
    site.post(f"{_BASE}/archive", login=True)(archive)
    site.post(f"{_BASE}/delete", login=True)(delete)


def _visibility(c: Context) -> str:
    wanted = c.form.get("visibility", "")
    if wanted not in dict(VISIBILITIES):
        c.errors["visibility"] = "Choose who sees it."
    return wanted


def new(c: Context) -> Response:
    if c.method == "POST":
        name = c.require("name", "Project name", longest=60)
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        visibility = _visibility(c)
        if name and not slug:
            c.errors["name"] = "The name needs a letter or a digit."
        if c.rows("SELECT 1 FROM code_projects WHERE owner_id = ? AND slug = ?", c.user_id, slug):
            c.errors["name"] = "You have a project of that name."
        if c.form.get("language") not in LANGUAGES:
            c.errors["language"] = "Choose a language."
        if not c.errors:
            token = sha256(f"{c.now} {c.user_id} {slug}".encode()).hexdigest()[:20]
            cursor = c.db.execute(
                "INSERT INTO code_projects (owner_id, name, slug, description, visibility, language, topics, "
                "created_at, token) "
                "VALUES (?, ?, ?, ?, ?, ?, '', ?, ?)",
                (
                    c.user_id,
                    name,
                    slug,
                    c.form.get("description", ""),
                    visibility,
                    c.form["language"],
                    c.now.isoformat(sep=" "),
                    token,
                ),
            )
            c.db.execute(
                "INSERT INTO code_members (project_id, person_id, role, at) VALUES (?, ?, 'Owner', ?)",
                (cursor.lastrowid, c.user_id, c.now.isoformat(sep=" ")),
            )
            c.flash(f"The project {name} was made.")
            return c.redirect(f"/{c.user['username']}/{slug}")
    return c.render("new_project.html", form=c.form, languages=pairs(LANGUAGES), visibilities=VISIBILITIES)


@in_project("Maintainer")
def settings(c: Context, project: Project) -> Response:
    if c.method == "POST":
        name, description = c.require("name", "Project name", longest=60), c.form.get("description", "")
        visibility = _visibility(c)
        if not c.errors:
            c.db.execute(
                "UPDATE code_projects SET name = ?, description = ?, topics = ?, visibility = ? WHERE id = ?",
                (name, description, c.form.get("topics", ""), visibility, project.id),
            )
            c.flash("The settings were saved.")
            return c.redirect(f"{project.url}/-/settings")
    form = {name: project.row[name] for name in ("name", "description", "topics", "visibility")} | c.form
    return project.show(c, "settings.html", form=form, visibilities=VISIBILITIES)


@in_project("Owner")
def archive(c: Context, project: Project) -> Response:
    archived = int(not project.row["archived"])
    c.db.execute("UPDATE code_projects SET archived = ? WHERE id = ?", (archived, project.id))
    c.flash(f"{project.row['name']} was archived." if archived else f"{project.row['name']} is active again.")
    return c.redirect(f"{project.url}/-/settings")


@in_project("Owner")
def delete(c: Context, project: Project) -> Response:
    if c.form.get("typed", "") != project.row["slug"]:
        c.flash(f"Nothing was deleted: to delete it, type {project.row['slug']}.", "error")
        return c.redirect(f"{project.url}/-/settings")
    c.db.execute(
        "DELETE FROM code_issue_labels WHERE issue_id IN (SELECT id FROM code_issues WHERE project_id = ?)", (project.id,)
    )
    for table in ("members", "files", "commits", "labels", "milestones", "issues", "merges", "comments", "todos", "stars"):
        c.db.execute(f"DELETE FROM code_{table} WHERE project_id = ?", (project.id,))
    c.db.execute("DELETE FROM code_projects WHERE id = ?", (project.id,))
    c.flash(f"{project.row['name']} was deleted.")
    return c.redirect("/")
