"""Directions: the quickest way between two places, by car or on foot."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.apps.map_graph import MODES, distance, duration, route
from symbiotic_gym.pocket.apps.map_picture import route_picture
from symbiotic_gym.pocket.apps.map_places import LISTED, units, visible
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/directions")(directions)


def _named(c: Context, field: str, label: str) -> Any:
    """The place a field of the address names: by its whole name, else the only one that has all its words."""
    text = c.query.get(field, "").strip().lower()
    if not text:
        c.errors[field] = f"{label} is required."
        return None
    places = c.rows(f"{LISTED} WHERE {visible(c)} ORDER BY p.name, p.id")
    found = [row for row in places if row["name"].lower() == text]
    found = found or [row for row in places if all(word in f"{row['name']} {row['address']}".lower() for word in text.split())]
    if len(found) == 1:
        return found[0]
    c.errors[field] = f"{len(found)} places fit this. Which one do you mean?" if found else "There is no such place."
    return None


def directions(c: Context) -> Response:
    standard = c.value("SELECT mode FROM map_settings WHERE person_id = ?", c.user_id) if c.user else MODES[0]
    mode = c.query.get("mode", standard)
    mode = mode if mode in MODES else MODES[0]
    shown: dict[str, Any] = {"mode": mode, "modes": [(name, name.capitalize()) for name in MODES], "way": None}
    if "from" not in c.query or "to" not in c.query:
        return c.render("directions.html", **shown)
    start, end = _named(c, "from", "Start"), _named(c, "to", "Destination")
    if c.errors:
        return c.render("directions.html", **shown)
    way = route(c, start["junction_id"], end["junction_id"], mode)
    if way is None:
        c.errors["to"] = f"There is no way to get there by {mode}."
        return c.render("directions.html", **shown)
    shown |= {
        "way": way,
        "start": start,
        "end": end,
        "distance": distance(way.meters, units(c)),
        "duration": duration(way.minutes),
        "legs": [(leg.road, distance(leg.meters, units(c))) for leg in way.legs],
        "picture": route_picture(c, way.junctions, start["name"], end["name"]),
    }
    return c.render("directions.html", **shown)
