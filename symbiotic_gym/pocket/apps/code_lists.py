"""Lists over all projects of the code site: the visitor's own, explore, search, assigned issues, reviews and to-dos."""

from starlette.responses import Response

from symbiotic_gym.pocket.apps.code_project import VISIBLE, pairs
from symbiotic_gym.pocket.web import Context, Paged, SiteApp

__all__ = ["add"]

PER_PAGE = 15
SORTS = {
    "changed": ("Last changed", "changed_at DESC, id"),
    "stars": ("Most stars", "stars DESC, id"),
    "name": ("Name", "name, id"),
    "new": ("Newest", "created_at DESC, id"),
}
SCOPES = ("projects", "issues", "merge requests", "people")


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/")(home)
    site.get("/explore")(explore)
    site.get("/starred", login=True)(starred)
    site.get("/search")(search)
    site.get("/dashboard/issues", login=True)(assigned)
    site.get("/dashboard/merge_requests", login=True)(reviews)
    site.get("/dashboard/todos", login=True)(todos)
    site.post("/dashboard/todos/{id:int}", login=True)(todo_done)
    site.post("/dashboard/todos/all", login=True)(todos_done)


def _me(c: Context) -> int:
    return 0 if c.user is None else c.user_id


def _visible(c: Context) -> str:
    return VISIBLE.replace(":me", str(_me(c)))


def home(c: Context) -> Response:
    if c.user is None:
        return c.redirect("/explore")
    projects = c.rows(
        "SELECT l.*, m.role FROM code_listed l JOIN code_members m ON m.project_id = l.id WHERE m.person_id = ? "
        "ORDER BY l.name, l.id",
        c.user_id,
    )
    return c.render("home.html", projects=projects)


def explore(c: Context) -> Response:
    where, values = _visible(c), []
    if c.query.get("language"):
        where += " AND language = ?"
        values.append(c.query["language"])
    order = SORTS.get(c.query.get("sort", ""), SORTS["changed"])[1]
    projects = c.paged(f"SELECT * FROM code_listed WHERE {where} ORDER BY {order}", *values, per_page=8)
    languages = pairs(row["language"] for row in c.rows("SELECT DISTINCT language FROM code_projects ORDER BY language"))
    sorts = [(key, label) for key, (label, _) in SORTS.items()]
    return c.render("explore.html", projects=projects, languages=languages, sorts=sorts)


def starred(c: Context) -> Response:
    projects = c.rows(
        f"SELECT * FROM code_listed WHERE {_visible(c)} AND id IN (SELECT project_id FROM code_stars WHERE person_id = ?) "
        "ORDER BY name, id",
        c.user_id,
    )
    return c.render("starred.html", projects=projects)


def search(c: Context) -> Response:
    words = c.query.get("q", "").split()
    scope = c.query.get("scope", "projects")
    scope = scope if scope in SCOPES else "projects"
    results = _search(c, scope, words) if words else None
    return c.render("search.html", scope=scope, scopes=SCOPES, results=results)


def _search(c: Context, scope: str, words: list[str]) -> Paged:
    """What has every word, in its name or description."""
    mine = f"SELECT id FROM code_listed WHERE {_visible(c)}"
    sql, text, order = {
        "projects": (
            f"SELECT * FROM code_listed WHERE id IN ({mine})",
            "name || ' ' || description || ' ' || topics",
            "name, id",
        ),
        "issues": (
            "SELECT i.*, l.path, l.name AS project FROM code_issues i JOIN code_listed l ON l.id = i.project_id "
            f"WHERE i.project_id IN ({mine})",
            "i.title || ' ' || i.body",
            "i.at DESC, i.id",
        ),
        "merge requests": (
            "SELECT i.*, l.path, l.name AS project FROM code_merges i JOIN code_listed l ON l.id = i.project_id "
            f"WHERE i.project_id IN ({mine})",
            "i.title || ' ' || i.body",
            "i.at DESC, i.id",
        ),
        "people": ("SELECT * FROM people WHERE 1", "name || ' ' || username", "name, id"),
    }[scope]
    wanted = "".join(f" AND instr(lower({text}), ?)" for _ in words)
    return c.paged(f"{sql}{wanted} ORDER BY {order}", *(word.lower() for word in words), per_page=PER_PAGE)


def assigned(c: Context) -> Response:
    status = c.query.get("status", "open")
    issues = c.paged(
        "SELECT i.*, l.path, l.name AS project FROM code_issues i JOIN code_listed l ON l.id = i.project_id "
        "WHERE i.assignee_id = ? AND (? = 'all' OR i.status = ?) ORDER BY i.at DESC, i.id",
        c.user_id,
        status,
        status,
        per_page=PER_PAGE,
    )
    return c.render("assigned.html", issues=issues, state=status)


def reviews(c: Context) -> Response:
    status = c.query.get("status", "open")
    merges = c.paged(
        "SELECT m.*, l.path, l.name AS project, p.name AS author FROM code_merges m JOIN code_listed l ON l.id = m.project_id "
        "JOIN people p ON p.id = m.author_id "
        "WHERE (m.reviewer_id = ? OR m.author_id = ?) AND (? = 'all' OR m.status = ?) ORDER BY m.at DESC, m.id",
        c.user_id,
        c.user_id,
        status,
        status,
        per_page=PER_PAGE,
    )
    return c.render("reviews.html", merges=merges, state=status)


def todos(c: Context) -> Response:
    done = int(c.query.get("state", "") == "done")
    found = c.rows(
        "SELECT t.*, l.path, l.name AS project, p.name AS author, coalesce(i.title, m.title) AS title FROM code_todos t "
        "JOIN code_listed l ON l.id = t.project_id JOIN people p ON p.id = t.author_id "
        "LEFT JOIN code_issues i ON t.kind = 'issue' AND i.project_id = t.project_id AND i.number = t.number "
        "LEFT JOIN code_merges m ON t.kind = 'merge' AND m.project_id = t.project_id AND m.number = t.number "
        "WHERE t.person_id = ? AND t.done = ? ORDER BY t.at DESC, t.id",
        c.user_id,
        done,
    )
    return c.render("todos.html", todos=found, done=done)


def todo_done(c: Context) -> Response:
    done = int(c.form.get("done", "1") == "1")
    c.db.execute("UPDATE code_todos SET done = ? WHERE id = ? AND person_id = ?", (done, c.values["id"], c.user_id))
    c.flash("The to-do is done." if done else "The to-do is back on the list.")
    return c.redirect("/dashboard/todos" + ("" if done else "?state=done"))


def todos_done(c: Context) -> Response:
    c.db.execute("UPDATE code_todos SET done = 1 WHERE person_id = ?", (c.user_id,))
    c.flash("All to-dos are done.")
    return c.redirect("/dashboard/todos")
