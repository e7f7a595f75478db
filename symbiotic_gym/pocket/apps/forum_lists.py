"""Lists of the forum: boards, and posts by board, by subscription, saved ones, and found by words."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

_AGE = "(julianday((SELECT value FROM meta WHERE key = 'now')) - julianday(at) + 3)"
SORTS = {
    "hot": ("Hot", f"score * 1.0 / {_AGE} DESC, id"),
    "new": ("New", "at DESC, id DESC"),
    "top": ("Top", "score DESC, id"),
}
PER_PAGE = 10


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/")(home)
    site.get("/boards")(boards)
    site.get("/b/{slug}")(board)
    site.post("/b/{slug}/subscribe", login=True)(subscribe)
    site.get("/subscriptions", login=True)(subscriptions)
    site.get("/feed", login=True)(feed)
    site.get("/saved", login=True)(saved)
    site.get("/search")(search)


def _posts(c: Context, where: str, values: list[Any], *, default: str = "hot") -> dict[str, Any]:
    """What every list of posts shows: its page, and the ways to sort it."""
    chosen = c.query.get("sort", default)
    chosen = chosen if chosen in SORTS else default
    posts = c.paged(f"SELECT * FROM forum_listed WHERE {where} ORDER BY {SORTS[chosen][1]}", *values, per_page=PER_PAGE)
    sorts = [(label, key == chosen, c.here(sort=key, p=None)) for key, (label, _) in SORTS.items()]
    return {"posts": posts, "sorts": sorts}


def home(c: Context) -> Response:
    return c.render("list.html", heading="Front page", about="What all boards talk about", **_posts(c, "1", []))


def _boards(c: Context, where: str = "1", *values: Any) -> list[Any]:
    me = c.user_id if c.user is not None else 0
    return c.rows(
        "SELECT b.*, (SELECT count(*) FROM forum_posts p WHERE p.board_id = b.id AND NOT p.deleted) AS posts, "
        "(SELECT count(*) FROM forum_subscriptions s WHERE s.board_id = b.id) AS members, "
        "(SELECT count(*) FROM forum_subscriptions s WHERE s.board_id = b.id AND s.person_id = ?) AS subscribed "
        f"FROM forum_boards b WHERE {where} ORDER BY b.name",
        me,
        *values,
    )


def boards(c: Context) -> Response:
    return c.render("boards.html", heading="Boards", boards=_boards(c))


def subscriptions(c: Context) -> Response:
    return c.render("boards.html", heading="My boards", boards=[row for row in _boards(c) if row["subscribed"]])


def board(c: Context) -> Response:
    found = _boards(c, "b.slug = ?", c.values["slug"])
    if not found:
        return c.not_found("This board")
    return c.render("board.html", board=found[0], **_posts(c, "board_id = ?", [found[0]["id"]]))


def subscribe(c: Context) -> Response:
    found = c.rows("SELECT * FROM forum_boards WHERE slug = ?", c.values["slug"])
    if not found:
        return c.not_found("This board")
    if c.form.get("on") == "1":
        c.db.execute(
            "INSERT OR IGNORE INTO forum_subscriptions (person_id, board_id) VALUES (?, ?)", (c.user_id, found[0]["id"])
        )
        c.flash(f"You are subscribed to {found[0]['name']} now.")
    else:
        c.db.execute("DELETE FROM forum_subscriptions WHERE person_id = ? AND board_id = ?", (c.user_id, found[0]["id"]))
        c.flash(f"You are no longer subscribed to {found[0]['name']}.", "info")
    places = {"boards": "/boards", "mine": "/subscriptions"}
    return c.redirect(places.get(c.form.get("from", ""), f"/b/{found[0]['slug']}"))


def feed(c: Context) -> Response:
    where = "board_id IN (SELECT board_id FROM forum_subscriptions WHERE person_id = ?)"
    return c.render(
        "list.html", heading="My feed", about="Posts of the boards you are subscribed to", **_posts(c, where, [c.user_id])
    )


def saved(c: Context) -> Response:
    where = "id IN (SELECT post_id FROM forum_saved WHERE person_id = ?)"
    return c.render(
        "list.html", heading="Saved posts", about="What you put aside", **_posts(c, where, [c.user_id], default="new")
    )


def search(c: Context) -> Response:
    words = c.query.get("q", "").split()
    where = ["(title LIKE ? ESCAPE '\\' OR body LIKE ? ESCAPE '\\')"] * len(words)
    values: list[Any] = [f"%{_literal(word)}%" for word in words for _ in range(2)]
    if c.query.get("board"):
        where.append("slug = ?")
        values.append(c.query["board"])
    names = [("", "All boards"), *((row["slug"], row["name"]) for row in c.rows("SELECT * FROM forum_boards ORDER BY name"))]
    shown = _posts(c, " AND ".join(where) if words else "0", values, default="new")
    return c.render("search.html", words=" ".join(words), names=names, **shown)


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
