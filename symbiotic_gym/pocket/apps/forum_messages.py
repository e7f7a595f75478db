"""Private messages: the inbox, those sent, one message, and writing."""

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

_ALL = (
    "SELECT m.*, f.username AS sender, t.username AS receiver FROM forum_messages m JOIN people f ON f.id = m.from_id "
    "JOIN people t ON t.id = m.to_id"
)


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/messages", login=True)(inbox)
    site.get("/messages/sent", login=True)(sent)
    site.form("/messages/new", login=True)(new)
    site.get("/messages/{id:int}", login=True)(message)


def inbox(c: Context) -> Response:
    found = c.paged(f"{_ALL} WHERE m.to_id = ? ORDER BY m.at DESC, m.id DESC", c.user_id, per_page=12)
    return c.render("messages.html", heading="Inbox", messages=found)


def sent(c: Context) -> Response:
    found = c.paged(f"{_ALL} WHERE m.from_id = ? ORDER BY m.at DESC, m.id DESC", c.user_id, per_page=12)
    return c.render("messages.html", heading="Sent", messages=found)


def message(c: Context) -> Response:
    found = c.rows(f"{_ALL} WHERE m.id = ? AND ? IN (m.from_id, m.to_id)", c.values["id"], c.user_id)
    if not found:
        return c.not_found("This message")
    return c.render("message.html", message=found[0])


def new(c: Context) -> Response:
    if c.method == "POST":
        name = c.require("to", "To")
        subject, body = c.require("subject", "Subject", longest=100), c.require("body", "Message", longest=2000)
        found = c.rows("SELECT id FROM people WHERE username = ?", name)
        if name and not found:
            c.errors["to"] = "There is no member of this name."
        elif name and found[0]["id"] == c.user_id:
            c.errors["to"] = "You cannot write to yourself."
        if not c.errors:
            c.db.execute(
                "INSERT INTO forum_messages (from_id, to_id, subject, body, at) VALUES (?, ?, ?, ?, ?)",
                (c.user_id, found[0]["id"], subject, body, c.now.isoformat(sep=" ")),
            )
            c.flash(f"Your message to {name} was sent.")
            return c.redirect("/messages/sent")
    return c.render("write_message.html")
