"""A post: reading it with its comments, writing, changing and deleting it, voting, saving and reporting."""

import sqlite3
from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add", "post_of", "vote_on"]

REASONS = ("Spam", "Unkind", "Off topic", "Wrong board")


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/post/{id:int}")(post)
    site.form("/b/{slug}/new", login=True)(new)
    site.form("/post/{id:int}/edit", login=True)(edit)
    site.post("/post/{id:int}/delete", login=True)(delete)
    site.post("/post/{id:int}/vote", login=True)(vote)
    site.post("/post/{id:int}/save", login=True)(save)
    site.form("/post/{id:int}/report", login=True)(report)


def post_of(c: Context) -> Any:
    """The post that the address names; None when there is none or it was deleted."""
    found = c.rows("SELECT * FROM forum_listed WHERE id = ?", c.values["id"])
    return found[0] if found else None


def _votes(c: Context, kind: str) -> dict[int, int]:
    if c.user is None:
        return {}
    rows = c.rows(
        "SELECT target_id, value FROM forum_votes WHERE person_id = ? AND kind = ? ORDER BY target_id", c.user_id, kind
    )
    return {row["target_id"]: row["value"] for row in rows}


def post(c: Context) -> Response:
    found = post_of(c)
    if found is None:
        return c.not_found("This post")
    product = c.rows("SELECT id, name FROM shop_products WHERE id = ?", found["product_id"])
    saved = c.user is not None and bool(
        c.rows("SELECT 1 FROM forum_saved WHERE person_id = ? AND post_id = ?", c.user_id, found["id"])
    )
    return c.render(
        "post.html", post=found, product=product[0] if product else None, comments=_thread(c, found["id"]), saved=saved,
        vote=_votes(c, "post").get(found["id"], 0), votes=_votes(c, "comment"),
    )  # fmt: skip


def _thread(c: Context, post_id: int) -> list[tuple[int, sqlite3.Row]]:
    """The comments with how deep each stands, an answer below what it answers."""
    rows = c.rows(
        "SELECT c.*, u.username, s.name AS product, o.username AS answered, c.points + (SELECT coalesce(sum(v.value), 0) "
        "FROM forum_votes v WHERE v.kind = 'comment' AND v.target_id = c.id) AS score FROM forum_comments c "
        "JOIN people u ON u.id = c.person_id LEFT JOIN shop_products s ON s.id = c.product_id "
        "LEFT JOIN forum_comments q ON q.id = c.parent_id LEFT JOIN people o ON o.id = q.person_id "
        "WHERE c.post_id = ? ORDER BY c.at, c.id",
        post_id,
    )
    answers: dict[int | None, list[sqlite3.Row]] = {}
    for row in rows:
        answers.setdefault(row["parent_id"], []).append(row)
    found: list[tuple[int, sqlite3.Row]] = []
    waiting = [(0, row) for row in reversed(answers.get(None, []))]
    while waiting:
        depth, row = waiting.pop()
        below = answers.get(row["id"], [])
        if not row["deleted"] or below:
            found.append((depth, row))
        waiting += [(depth + 1, answer) for answer in reversed(below)]
    return found


def new(c: Context) -> Response:
    found = c.rows("SELECT * FROM forum_boards WHERE slug = ?", c.values["slug"])
    if not found:
        return c.not_found("This board")
    if c.method == "POST":
        title, body = c.require("title", "Title", longest=120), c.require("body", "Text", longest=4000)
        if not c.errors:
            cursor = c.db.execute(
                "INSERT INTO forum_posts (board_id, person_id, title, body, kind, points, at) VALUES (?, ?, ?, ?, 'own', 1, ?)",
                (found[0]["id"], c.user_id, title, body, c.now.isoformat(sep=" ")),
            )
            c.flash("Your post was published.")
            return c.redirect(f"/post/{cursor.lastrowid}")
    return c.render("write.html", heading="New post", board=found[0], title="", body="", button="Publish post")


def edit(c: Context) -> Response:
    found = post_of(c)
    if found is None:
        return c.not_found("This post")
    if found["person_id"] != c.user_id:
        return c.forbidden("Only the person who wrote a post can change it.")
    if c.method == "POST":
        title, body = c.require("title", "Title", longest=120), c.require("body", "Text", longest=4000)
        if not c.errors:
            c.db.execute("UPDATE forum_posts SET title = ?, body = ? WHERE id = ?", (title, body, found["id"]))
            c.flash("Your post was changed.")
            return c.redirect(f"/post/{found['id']}")
    board = c.one("SELECT * FROM forum_boards WHERE id = ?", found["board_id"])
    return c.render(
        "write.html", heading="Edit post", board=board, title=found["title"], body=found["body"], button="Save changes"
    )


def delete(c: Context) -> Response:
    found = post_of(c)
    if found is None:
        return c.not_found("This post")
    if found["person_id"] != c.user_id:
        return c.forbidden("Only the person who wrote a post can delete it.")
    c.db.execute("UPDATE forum_posts SET deleted = 1 WHERE id = ?", (found["id"],))
    c.flash("Your post was deleted.", "info")
    return c.redirect(f"/b/{found['slug']}")


def vote_on(c: Context, kind: str, target: Any) -> None:
    """Enter the vote that was sent, on a post or comment of somebody else; 0 takes it back."""
    value = {"1": 1, "-1": -1}.get(c.form.get("value", ""), 0)
    if target["person_id"] == c.user_id:
        c.flash("You cannot vote on what you wrote.", "error")
        return
    c.db.execute("DELETE FROM forum_votes WHERE person_id = ? AND kind = ? AND target_id = ?", (c.user_id, kind, target["id"]))
    if value:
        c.db.execute(
            "INSERT INTO forum_votes (person_id, kind, target_id, value) VALUES (?, ?, ?, ?)",
            (c.user_id, kind, target["id"], value),
        )
    c.flash("Your vote was counted." if value else "Your vote was taken back.", "success" if value else "info")


def vote(c: Context) -> Response:
    found = post_of(c)
    if found is None:
        return c.not_found("This post")
    vote_on(c, "post", found)
    return c.redirect(f"/post/{found['id']}")


def save(c: Context) -> Response:
    found = post_of(c)
    if found is None:
        return c.not_found("This post")
    if c.form.get("on") == "1":
        c.db.execute("INSERT OR IGNORE INTO forum_saved (person_id, post_id) VALUES (?, ?)", (c.user_id, found["id"]))
        c.flash("The post is among your saved posts now.")
    else:
        c.db.execute("DELETE FROM forum_saved WHERE person_id = ? AND post_id = ?", (c.user_id, found["id"]))
        c.flash("The post is no longer saved.", "info")
    return c.redirect(f"/post/{found['id']}")


def report(c: Context) -> Response:
    found = post_of(c)
    if found is None:
        return c.not_found("This post")
    if c.method == "POST":
        reason = c.form.get("reason", "")
        if reason not in REASONS:
            c.errors["reason"] = "Choose a reason."
        else:
            c.db.execute(
                "INSERT INTO forum_reports (person_id, post_id, reason) VALUES (?, ?, ?)", (c.user_id, found["id"], reason)
            )
            c.flash("Thank you, a moderator will look at it.")
            return c.redirect(f"/post/{found['id']}")
    return c.render("report.html", post=found, reasons=[("", "Choose…"), *((reason, reason) for reason in REASONS)])
