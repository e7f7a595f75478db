"""People of the code site: their pages, the visitor's own profile, and who is a member of a project in which role."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.apps.code_project import VISIBLE, Project, in_project, pairs
from symbiotic_gym.pocket.web import Context, SiteApp
from symbiotic_gym.pocket.world.code_projects import ROLES

__all__ = ["add"]

_BASE = "/{owner}/{slug}/-/project_members"
_GIVEN = ROLES[:-1]
NOTIFY = ("All activity", "Only mentions", "Nothing")


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/users/{username}")(person)
    site.form("/profile", login=True)(profile)
    site.get("/people/suggest")(suggest)
    site.get(_BASE)(members)
    site.form(f"{_BASE}/invite", login=True)(invite)
    site.post(f"{_BASE}/{{id:int}}/role", login=True)(change_role)
    site.post(f"{_BASE}/{{id:int}}/remove", login=True)(remove)
    site.post("/{owner}/{slug}/-/leave", login=True)(leave)


def person(c: Context) -> Response:
    found = c.rows(
        "SELECT p.*, f.status, f.bio, f.location FROM people p JOIN code_profiles f ON f.person_id = p.id WHERE username = ?",
        c.values["username"],
    )
    if not found:
        return c.not_found("This person")
    visible = VISIBLE.replace(":me", str(c.user_id if c.user else 0))
    projects = c.rows(
        f"SELECT l.*, m.role FROM code_listed l JOIN code_members m ON m.project_id = l.id WHERE m.person_id = ? AND "
        f"l.id IN (SELECT id FROM code_listed WHERE {visible}) ORDER BY l.name, l.id",
        found[0]["id"],
    )
    return c.render("person.html", person=found[0], projects=projects)


def profile(c: Context) -> Response:
    if c.method == "POST":
        values = [c.form.get(name, "")[:200] for name in ("status", "bio", "location")]
        notify = c.form.get("notify", "")
        if notify not in NOTIFY:
            c.errors["notify"] = "Choose one of the three."
        if not c.errors:
            c.db.execute(
                "UPDATE code_profiles SET status = ?, bio = ?, location = ?, notify = ? WHERE person_id = ?",
                (*values, notify, c.user_id),
            )
            c.flash("Your profile was saved.")
            return c.redirect("/profile")
    row = c.one("SELECT * FROM code_profiles WHERE person_id = ?", c.user_id)
    return c.render("profile.html", form={**dict(row), **c.form}, notify=pairs(NOTIFY))


def suggest(c: Context) -> Response:
    wanted = c.query.get("q", "").lower()
    found = c.rows(
        "SELECT name, username FROM people WHERE instr(lower(name || ' ' || username), ?) ORDER BY name, id LIMIT 6", wanted
    )
    return c.json([{"label": f"{row['name']} ({row['username']})", "value": row["username"]} for row in found])


@in_project()
def members(c: Context, project: Project) -> Response:
    found = c.rows(
        "SELECT m.*, p.name, p.username FROM code_members m JOIN people p ON p.id = m.person_id WHERE m.project_id "
        "= ? ORDER BY p.name, p.id",
        project.id,
    )
    return project.show(c, "members.html", members=found, roles=_GIVEN)


@in_project("Maintainer")
def invite(c: Context, project: Project) -> Response:
    if c.method == "POST":
        username, role = c.require("username", "Username"), c.form.get("role", "")
        found = c.rows("SELECT * FROM people WHERE username = ?", username)
        if role not in _GIVEN:
            c.errors["role"] = "Choose a role."
        if username and not found:
            c.errors["username"] = "There is no account of that name."
        if found and c.rows("SELECT 1 FROM code_members WHERE project_id = ? AND person_id = ?", project.id, found[0]["id"]):
            c.errors["username"] = "This person is a member already."
        if not c.errors:
            c.db.execute(
                "INSERT INTO code_members (project_id, person_id, role, at) VALUES (?, ?, ?, ?)",
                (project.id, found[0]["id"], role, c.now.isoformat(sep=" ")),
            )
            c.flash(f"{found[0]['name']} is now a member.")
            return c.redirect(f"{project.url}/-/project_members")
    return project.show(c, "invite.html", form=c.form, roles=pairs(_GIVEN))


def _member(c: Context, project: Project) -> Any:
    """The membership that the address names, unless it is the owner's."""
    found = c.rows(
        "SELECT m.*, p.name FROM code_members m JOIN people p ON p.id = m.person_id "
        "WHERE m.project_id = ? AND m.id = ? AND m.role <> 'Owner'",
        project.id,
        c.values["id"],
    )
    return found[0] if found else None


@in_project("Maintainer")
def change_role(c: Context, project: Project) -> Response:
    member, role = _member(c, project), c.form.get("role", "")
    if member is None or role not in _GIVEN:
        return c.not_found("This membership")
    c.db.execute("UPDATE code_members SET role = ? WHERE id = ?", (role, member["id"]))
    c.flash(f"{member['name']} is now {role}.")
    return c.redirect(f"{project.url}/-/project_members")


@in_project("Maintainer")
def remove(c: Context, project: Project) -> Response:
    member = _member(c, project)
    if member is None:
        return c.not_found("This membership")
    c.db.execute("DELETE FROM code_members WHERE id = ?", (member["id"],))
    c.flash(f"{member['name']} was removed from {project.row['name']}.")
    return c.redirect(f"{project.url}/-/project_members")


@in_project("Guest")
def leave(c: Context, project: Project) -> Response:
    if project.may("Owner"):
        c.flash("The owner cannot leave a project.", "error")
        return c.redirect(project.url)
    c.db.execute("DELETE FROM code_members WHERE project_id = ? AND person_id = ?", (project.id, c.user_id))
    c.flash(f"You left {project.row['name']}.")
    return c.redirect("/")
