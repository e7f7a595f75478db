"""Comments: writing one below a post, answering, changing and deleting, voting."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.apps.forum_posts import post_of, vote_on
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.form("/post/{id:int}/comment", login=True)(comment)
    site.form("/comment/{id:int}/reply", login=True)(reply)
    site.form("/comment/{id:int}/edit", login=True)(edit)
    site.post("/comment/{id:int}/delete", login=True)(delete)
    site.post("/comment/{id:int}/vote", login=True)(vote)


def _comment_of(c: Context) -> Any:
    found = c.rows(
        "SELECT c.*, u.username, p.title FROM forum_comments c JOIN people u ON u.id = c.person_id "
        "JOIN forum_posts p ON p.id = c.post_id WHERE c.id = ? AND NOT c.deleted AND NOT p.deleted",
        c.values["id"],
    )
    return found[0] if found else None


def _insert(c: Context, post_id: int, parent_id: int | None, body: str) -> Response:
    c.db.execute(
        "INSERT INTO forum_comments (post_id, parent_id, person_id, body, points, at) VALUES (?, ?, ?, ?, 1, ?)",
        (post_id, parent_id, c.user_id, body, c.now.isoformat(sep=" ")),
    )
    c.flash("Your comment was posted.")
    return c.redirect(f"/post/{post_id}")


def comment(c: Context) -> Response:
    found = post_of(c)
    if found is None:
        return c.not_found("This post")
    if c.method == "POST":
        body = c.require("body", "Comment", longest=2000)
        if not c.errors:
            return _insert(c, found["id"], None, body)
    return c.render("comment.html", heading="Comment", post_id=found["id"], title=found["title"], answered=None, body="",
                    button="Post comment")  # fmt: skip


def reply(c: Context) -> Response:
    found = _comment_of(c)
    if found is None:
        return c.not_found("This comment")
    if c.method == "POST":
        body = c.require("body", "Reply", longest=2000)
        if not c.errors:
            return _insert(c, found["post_id"], found["id"], body)
    return c.render("comment.html", heading=f"Reply to {found['username']}", post_id=found["post_id"], title=found["title"],
                    answered=found["body"], body="", button="Post reply")  # fmt: skip


def edit(c: Context) -> Response:
    found = _comment_of(c)
    if found is None:
        return c.not_found("This comment")
    if found["person_id"] != c.user_id:
        return c.forbidden("Only the person who wrote a comment can change it.")
    if c.method == "POST":
        body = c.require("body", "Comment", longest=2000)
        if not c.errors:
            c.db.execute("UPDATE forum_comments SET body = ? WHERE id = ?", (body, found["id"]))
            c.flash("Your comment was changed.")
            return c.redirect(f"/post/{found['post_id']}")
    return c.render("comment.html", heading="Edit comment", post_id=found["post_id"], title=found["title"], answered=None,
                    body=found["body"], button="Save comment")  # fmt: skip


def delete(c: Context) -> Response:
    found = _comment_of(c)
    if found is None:
        return c.not_found("This comment")
    if found["person_id"] != c.user_id:
        return c.forbidden("Only the person who wrote a comment can delete it.")
    c.db.execute("UPDATE forum_comments SET deleted = 1 WHERE id = ?", (found["id"],))
    c.flash("Your comment was deleted.", "info")
    return c.redirect(f"/post/{found['post_id']}")


def vote(c: Context) -> Response:
    found = _comment_of(c)
    if found is None:
        return c.not_found("This comment")
    vote_on(c, "comment", found)
    return c.redirect(f"/post/{found['post_id']}")
