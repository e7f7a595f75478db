"""What a visitor keeps on the map: lists of places, reports of what is wrong, and settings."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.apps.map_graph import MODES
from symbiotic_gym.pocket.apps.map_places import LISTED
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

UNITS = ("kilometers", "miles")
TOPICS = ("Wrong opening hours", "Wrong phone number", "Closed for good", "Wrong position")


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.form("/lists", login=True)(lists)
    site.get("/lists/{id:int}", login=True)(one_list)
    site.post("/lists/{id:int}/rename", login=True)(rename)
    site.post("/lists/{id:int}/delete", login=True)(delete)
    site.post("/lists/{id:int}/remove", login=True)(remove)
    site.post("/place/{id:int}/save", login=True)(save)
    site.form("/place/{id:int}/report", login=True)(report)
    site.form("/settings", login=True)(settings)


def lists(c: Context) -> Response:
    if c.method == "POST":
        name = c.require("name", "Name", longest=40)
        if c.rows("SELECT 1 FROM map_lists WHERE person_id = ? AND name = ?", c.user_id, name):
            c.errors["name"] = "You have a list of that name."
        if not c.errors:
            c.db.execute("INSERT INTO map_lists (person_id, name) VALUES (?, ?)", (c.user_id, name))
            c.flash(f"The list {name} was made.")
            return c.redirect("/lists")
    found = c.rows(
        "SELECT l.*, (SELECT count(*) FROM map_saved s WHERE s.list_id = l.id) AS places FROM map_lists l "
        "WHERE person_id = ? ORDER BY name, id",
        c.user_id,
    )
    return c.render("lists.html", lists=found, form=c.form)


def _own(c: Context, list_id: Any) -> Any:
    found = c.rows("SELECT * FROM map_lists WHERE id = ? AND person_id = ?", list_id, c.user_id)
    return found[0] if found else None


def one_list(c: Context) -> Response:
    found = _own(c, c.values["id"])
    if found is None:
        return c.not_found("This list")
    places = c.rows(f"{LISTED} JOIN map_saved s ON s.place_id = p.id WHERE s.list_id = ? ORDER BY p.name, p.id", found["id"])
    return c.render("list.html", list=found, places=places)


def rename(c: Context) -> Response:
    found, name = _own(c, c.values["id"]), c.form.get("name", "")
    if found is None:
        return c.not_found("This list")
    if not name or c.rows("SELECT 1 FROM map_lists WHERE person_id = ? AND name = ? AND id <> ?", c.user_id, name, found["id"]):
        c.flash("A list needs a name that no other has.", "error")
    else:
        c.db.execute("UPDATE map_lists SET name = ? WHERE id = ?", (name[:40], found["id"]))
        c.flash(f"The list is now called {name[:40]}.")
    return c.redirect(f"/lists/{found['id']}")


def delete(c: Context) -> Response:
    found = _own(c, c.values["id"])
    if found is None:
        return c.not_found("This list")
    c.db.execute("DELETE FROM map_saved WHERE list_id = ?", (found["id"],))
    c.db.execute("DELETE FROM map_lists WHERE id = ?", (found["id"],))
    c.flash(f"The list {found['name']} was deleted.")
    return c.redirect("/lists")


def remove(c: Context) -> Response:
    found = _own(c, c.values["id"])
    if found is None:
        return c.not_found("This list")
    c.db.execute("DELETE FROM map_saved WHERE list_id = ? AND place_id = ?", (found["id"], c.form.get("place", "")))
    c.flash("The place was removed from the list.")
    return c.redirect(f"/lists/{found['id']}")


def save(c: Context) -> Response:
    found = _own(c, c.form.get("list", ""))
    places = c.rows("SELECT * FROM map_places WHERE id = ? AND owner_id IS NULL", c.values["id"])
    if found is None or not places:
        return c.not_found("This list or place")
    c.db.execute("INSERT OR IGNORE INTO map_saved (list_id, place_id) VALUES (?, ?)", (found["id"], places[0]["id"]))
    c.flash(f"{places[0]['name']} is on the list {found['name']}.")
    return c.redirect(f"/place/{places[0]['id']}")


def report(c: Context) -> Response:
    places = c.rows(f"{LISTED} WHERE p.owner_id IS NULL AND p.id = ?", c.values["id"])
    if not places:
        return c.not_found("This place")
    if c.method == "POST":
        topic, body = c.form.get("topic", ""), c.require("body", "Details", longest=500)
        if topic not in TOPICS:
            c.errors["topic"] = "Choose what is wrong."
        if not c.errors:
            c.db.execute(
                "INSERT INTO map_reports (person_id, place_id, topic, body) VALUES (?, ?, ?, ?)",
                (c.user_id, places[0]["id"], topic, body),
            )
            c.flash("Thank you. We will look into it.")
            return c.redirect(f"/place/{places[0]['id']}")
    return c.render("report.html", place=places[0], topics=TOPICS, form=c.form)


def settings(c: Context) -> Response:
    if c.method == "POST":
        units, mode = c.form.get("units", ""), c.form.get("mode", "")
        if units not in UNITS or mode not in MODES:
            c.errors["units"] = "Choose one of each."
        else:
            c.db.execute("UPDATE map_settings SET units = ?, mode = ? WHERE person_id = ?", (units, mode, c.user_id))
            c.flash("Your settings were saved.")
            return c.redirect("/settings")
    row = c.one("SELECT * FROM map_settings WHERE person_id = ?", c.user_id)
    return c.render("settings.html", settings=row, units=UNITS, modes=MODES)
