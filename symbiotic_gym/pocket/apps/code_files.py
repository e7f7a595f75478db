"""A project's own page, its files, and their history. A file is changed by a form that makes a commit."""

from hashlib import sha1
from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.apps.code_project import Project, in_project
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

_BASE = "/{owner}/{slug}"
LONGEST_FILE = 20_000  # characters


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get(f"{_BASE}/-/commits")(commits)
    site.get(f"{_BASE}/-/commit/{{sha}}")(commit)
    site.get(f"{_BASE}/-/tree/{{folder:path}}")(tree)
    site.get(f"{_BASE}/-/blob/{{file:path}}")(blob)
    site.form(f"{_BASE}/-/edit/{{file:path}}", login=True)(edit)
    site.form(f"{_BASE}/-/new_file", login=True)(new_file)
    site.post(f"{_BASE}/-/delete_file/{{file:path}}", login=True)(delete_file)
    site.post(f"{_BASE}/-/star", login=True)(star)
    site.get(_BASE)(overview)


def _entries(c: Context, project: Project, folder: str) -> list[dict[str, str]]:
    """What lies in a folder: folders first, then files."""
    start = f"{folder}/" if folder else ""
    names: dict[str, dict[str, str]] = {}
    for row in c.rows("SELECT path FROM code_files WHERE project_id = ? ORDER BY path, id", project.id):
        if row["path"].startswith(start):
            name, slash, _ = row["path"][len(start) :].partition("/")
            kind = "tree" if slash else "blob"
            names[name] = {"name": name, "kind": kind, "url": f"{project.url}/-/{kind}/{start}{name}"}
    return sorted(names.values(), key=lambda entry: (entry["kind"] == "blob", entry["name"].lower()))


@in_project()
def overview(c: Context, project: Project) -> Response:
    readme = c.rows("SELECT content FROM code_files WHERE project_id = ? AND path = 'README.md'", project.id)
    last = c.rows(
        "SELECT k.*, p.name FROM code_commits k JOIN people p ON p.id = k.person_id WHERE project_id = ? ORDER BY "
        "at DESC, k.id DESC LIMIT 1",
        project.id,
    )
    stars = (
        c.value("SELECT count(*) FROM code_stars WHERE project_id = ? AND person_id = ?", project.id, c.user_id)
        if c.user
        else 0
    )
    return project.show(
        c,
        "overview.html",
        entries=_entries(c, project, ""),
        readme=_blocks(readme[0]["content"]) if readme else [],
        last=last[0] if last else None,
        starred=bool(stars),
    )


def _blocks(text: str) -> list[tuple[str, str]]:
    """A README as headings, points and paragraphs."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("#"):
            found.append(("heading", line.lstrip("# ")))
        elif line.startswith("- "):
            found.append(("point", line[2:]))
        elif line.strip():
            found.append(("text", line))
    return found


@in_project()
def star(c: Context, project: Project) -> Response:
    taken = c.db.execute("DELETE FROM code_stars WHERE project_id = ? AND person_id = ?", (project.id, c.user_id)).rowcount
    if not taken:
        c.db.execute("INSERT INTO code_stars (project_id, person_id) VALUES (?, ?)", (project.id, c.user_id))
    c.flash(f"{project.row['name']} is no longer among your stars." if taken else f"You starred {project.row['name']}.")
    return c.redirect(project.url)


@in_project()
def tree(c: Context, project: Project) -> Response:
    folder = c.values["folder"].strip("/")
    entries = _entries(c, project, folder)
    if not entries:
        return c.not_found("This folder")
    return project.show(c, "tree.html", folder=folder, entries=entries)


def _file(c: Context, project: Project) -> Any:
    found = c.rows("SELECT * FROM code_files WHERE project_id = ? AND path = ?", project.id, c.values["file"])
    return found[0] if found else None


@in_project()
def blob(c: Context, project: Project) -> Response:
    file = _file(c, project)
    if file is None:
        return c.not_found("This file")
    return project.show(c, "blob.html", file=file, lines=file["content"].splitlines())


def _commit(c: Context, project: Project, message: str, before: str, after: str) -> None:
    old, new = before.splitlines(), after.splitlines()
    sha = sha1(f"{project.id} {c.now} {message} {after}".encode()).hexdigest()
    c.db.execute(
        "INSERT INTO code_commits (project_id, sha, person_id, message, at, added, removed) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            project.id,
            sha,
            c.user_id,
            message,
            c.now.isoformat(sep=" "),
            sum(line not in old for line in new),
            sum(line not in new for line in old),
        ),
    )


@in_project("Developer")
def edit(c: Context, project: Project) -> Response:
    file = _file(c, project)
    if file is None:
        return c.not_found("This file")
    if c.method == "POST":
        content = c.require("content", "Content", longest=LONGEST_FILE)
        message = c.require("message", "Commit message", longest=120)
        if not c.errors:
            c.db.execute("UPDATE code_files SET content = ? WHERE id = ?", (content.replace("\r\n", "\n") + "\n", file["id"]))
            _commit(c, project, message, file["content"], content)
            c.flash(f"Your changes to {file['path']} were committed.")
            return c.redirect(f"{project.url}/-/blob/{file['path']}")
    return project.show(
        c, "edit_file.html", heading=f"Edit {file['path']}", form={"content": file["content"], **c.form}, path=file["path"]
    )


@in_project("Developer")
def new_file(c: Context, project: Project) -> Response:
    if c.method == "POST":
        path = c.require("path", "File name", longest=100).strip("/")
        content = c.require("content", "Content", longest=LONGEST_FILE)
        message = c.require("message", "Commit message", longest=120)
        if c.rows("SELECT 1 FROM code_files WHERE project_id = ? AND path = ?", project.id, path):
            c.errors["path"] = "There is a file of that name."
        if not c.errors:
            c.db.execute(
                "INSERT INTO code_files (project_id, path, content) VALUES (?, ?, ?)",
                (project.id, path, content.replace("\r\n", "\n") + "\n"),
            )
            _commit(c, project, message, "", content)
            c.flash(f"{path} was added.")
            return c.redirect(f"{project.url}/-/blob/{path}")
    return project.show(c, "edit_file.html", heading="New file", form=c.form, path="")


@in_project("Developer")
def delete_file(c: Context, project: Project) -> Response:
    file = _file(c, project)
    if file is None:
        return c.not_found("This file")
    c.db.execute("DELETE FROM code_files WHERE id = ?", (file["id"],))
    _commit(c, project, f"Delete {file['path']}", file["content"], "")
    c.flash(f"{file['path']} was deleted.")
    return c.redirect(project.url)


@in_project()
def commits(c: Context, project: Project) -> Response:
    author = c.query.get("author", "")
    found = c.paged(
        "SELECT k.*, p.name, p.username FROM code_commits k JOIN people p ON p.id = k.person_id "
        "WHERE k.project_id = ? AND (? = '' OR p.username = ?) ORDER BY k.at DESC, k.id DESC",
        project.id,
        author,
        author,
        per_page=20,
    )
    authors = c.rows(
        "SELECT DISTINCT p.username, p.name FROM code_commits k JOIN people p ON p.id = k.person_id WHERE "
        "k.project_id = ? ORDER BY p.name",
        project.id,
    )
    return project.show(c, "commits.html", commits=found, authors=[(row["username"], row["name"]) for row in authors])


@in_project()
def commit(c: Context, project: Project) -> Response:
    found = c.rows(
        "SELECT k.*, p.name, p.username FROM code_commits k JOIN people p ON p.id = k.person_id "
        "WHERE k.project_id = ? AND k.sha = ?",
        project.id,
        c.values["sha"],
    )
    if not found:
        return c.not_found("This commit")
    return project.show(c, "commit.html", commit=found[0])
