"""Finding places: the start page, towns, search with its filters, a place with its hours, and what is near it."""

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from symbiotic_gym.pocket.apps.map_graph import distance, walks
from symbiotic_gym.pocket.apps.map_picture import country, town_plan
from symbiotic_gym.pocket.web import Context, SiteApp
from symbiotic_gym.pocket.world.map_places import DAYS, FEATURES, KINDS

__all__ = ["LISTED", "add", "units", "visible"]

PER_PAGE = 12
LISTED = "SELECT p.*, t.name AS town, t.slug FROM map_places p JOIN map_towns t ON t.id = p.town_id"
MANY = {kind.many: kind.name for kind in KINDS} | {"Workshops": "Workshop"}
SORTS = {
    "name": ("Name", "p.name, p.id"),
    "rating": ("Best rated", "p.rating DESC, p.id"),
    "town": ("Town", "t.name, p.name, p.id"),
}


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/")(home)
    site.get("/town/{slug}")(town)
    site.get("/search")(search)
    site.get("/kind/{slug}")(kind)
    site.get("/suggest")(suggest)
    site.get("/place/{id:int}")(place)
    site.get("/place/{id:int}/nearby")(nearby)


def visible(c: Context) -> str:
    """SQL that holds for the places this visitor may see."""
    return f"(p.owner_id IS NULL OR p.owner_id = {c.user_id if c.user else 0})"


def units(c: Context) -> str:
    """What the visitor wants distances in."""
    if c.user is None:
        return "kilometers"
    return str(c.value("SELECT units FROM map_settings WHERE person_id = ?", c.user_id))


def home(c: Context) -> Response:
    towns = c.rows(
        "SELECT t.*, (SELECT count(*) FROM map_places p WHERE p.town_id = t.id AND p.owner_id IS NULL) AS places "
        "FROM map_towns t ORDER BY t.name"
    )
    return c.render("home.html", towns=towns, kinds=list(MANY), picture=country(c))


def town(c: Context) -> Response:
    found = c.rows("SELECT * FROM map_towns WHERE slug = ?", c.values["slug"])
    if not found:
        return c.not_found("This town")
    places = c.rows(f"{LISTED} WHERE p.owner_id IS NULL AND t.id = ? ORDER BY p.kind, p.name, p.id", found[0]["id"])
    return c.render("town.html", town=found[0], places=places, picture=town_plan(c, found[0]["id"]))


def search(c: Context) -> Response:
    sql, values = f"{LISTED} WHERE {visible(c)}", list[Any]()
    for word in c.query.get("q", "").lower().split():
        sql += " AND instr(lower(p.name || ' ' || p.kind || ' ' || p.address), ?)"
        values.append(word)
    for name, condition in (("kind", "p.kind = ?"), ("town", "t.name = ?"), ("feature", "instr(p.features, ?)")):
        if c.query.get(name):
            sql += f" AND {condition}"
            values.append(c.query[name])
    order = SORTS.get(c.query.get("sort", ""), SORTS["name"])[1]
    towns = [row["name"] for row in c.rows("SELECT name FROM map_towns ORDER BY name")]
    return c.render(
        "search.html",
        places=c.paged(f"{sql} ORDER BY {order}", *values, per_page=PER_PAGE),
        towns=towns,
        features=FEATURES,
        kinds=sorted(MANY.values()),
        sorts=[(key, label) for key, (label, _) in SORTS.items()],
    )


def kind(c: Context) -> Response:
    found = {many.lower().replace(" ", "-"): name for many, name in MANY.items()}.get(c.values["slug"])
    return c.redirect(f"/search?kind={quote(found)}") if found else c.not_found("This kind of place")


def suggest(c: Context) -> Response:
    found = c.rows(
        f"{LISTED} WHERE {visible(c)} AND instr(lower(p.name), ?) ORDER BY p.name, p.id LIMIT 6", c.query.get("q", "").lower()
    )
    kind = "value" if "value" in c.query else "url"
    return c.json(
        [
            {"label": f"{row['name']}, {row['town']}", kind: row["name"] if kind == "value" else f"/place/{row['id']}"}
            for row in found
        ]
    )


def _place(c: Context) -> Any:
    found = c.rows(f"{LISTED} WHERE {visible(c)} AND p.id = ?", c.values["id"])
    return found[0] if found else None


def place(c: Context) -> Response:
    row = _place(c)
    if row is None:
        return c.not_found("This place")
    hours = [
        (DAYS[day["day"]], _clock(day)) for day in c.rows("SELECT * FROM map_hours WHERE place_id = ? ORDER BY day", row["id"])
    ]
    lists = c.rows("SELECT * FROM map_lists WHERE person_id = ? ORDER BY name, id", c.user_id) if c.user else []
    saved = (
        c.rows(
            "SELECT l.* FROM map_saved s JOIN map_lists l ON l.id = s.list_id WHERE s.place_id = ? AND l.person_id "
            "= ? ORDER BY l.name, l.id",
            row["id"],
            c.user_id,
        )
        if c.user
        else []
    )
    return c.render(
        "place.html", place=row, hours=hours, lists=lists, saved=saved, picture=town_plan(c, row["town_id"], row["id"])
    )


def _clock(day: Any) -> str:
    if day["opens"] is None:
        return "Closed"
    if day["closes"] - day["opens"] >= 1440:
        return "Open all day"
    return f"{day['opens'] // 60:02}:{day['opens'] % 60:02} to {day['closes'] // 60:02}:{day['closes'] % 60:02}"


def nearby(c: Context) -> Response:
    row = _place(c)
    if row is None:
        return c.not_found("This place")
    meters = walks(c, row["junction_id"])
    kind = c.query.get("kind", "")
    others = c.rows(
        f"{LISTED} WHERE p.owner_id IS NULL AND p.id <> ? AND (? = '' OR p.kind = ?) ORDER BY p.id", row["id"], kind, kind
    )
    ranked = sorted(
        (meters[other["junction_id"]], other["name"], other["id"], other) for other in others if other["junction_id"] in meters
    )
    found = [(other, distance(far, units(c))) for far, _, _, other in ranked[:15]]
    return c.render("nearby.html", place=row, found=found, kinds=sorted(MANY.values()), kind=kind)
