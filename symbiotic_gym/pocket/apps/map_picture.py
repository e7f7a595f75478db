"""The drawn map: the country with its towns and roads, a town with its streets and places, and a route through either."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

from symbiotic_gym.pocket.world import World

__all__ = ["country", "route_picture", "town_plan"]


class _Sheet:
    """A drawing in meters, with room around it.

    Args:
        points: what has to be on it.
        label: what it shows, for those who cannot see it.
    """

    def __init__(self, points: Sequence[tuple[int, int]], label: str) -> None:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        self.unit = max(max(xs) - min(xs), max(ys) - min(ys), 1000) / 100
        self.left, self.top = min(xs) - 14 * self.unit, min(ys) - 10 * self.unit
        self.width, self.height = max(xs) - min(xs) + 46 * self.unit, max(ys) - min(ys) + 20 * self.unit
        self.label, self.parts = label, list[str]()

    def line(self, a: Any, b: Any, kind: str) -> None:
        self.parts.append(f'<line class="{kind}" x1="{a["x"]}" y1="{a["y"]}" x2="{b["x"]}" y2="{b["y"]}"/>')

    def dot(self, at: Any, kind: str, name: str = "", shift: float = 0) -> None:
        self.parts.append(f'<circle class="{kind}" cx="{at["x"]}" cy="{at["y"]}" r="{1.4 * self.unit:.0f}"/>')
        if name:
            x, y = at["x"] + 2 * self.unit, at["y"] - (1.5 + shift) * self.unit
            self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" font-size="{3.2 * self.unit:.0f}">{escape(name)}</text>')

    def markup(self) -> Markup:
        box = f"{self.left:.0f} {self.top:.0f} {self.width:.0f} {self.height:.0f}"
        label = escape(self.label)
        return Markup(  # every text in it was escaped above
            f'<svg class="map" viewBox="{box}" role="img" aria-label="{label}" style="--unit:{self.unit:.0f}px">'
            + "".join(self.parts)
            + "</svg>"
        )


def _junctions(world: World) -> dict[int, Any]:
    return {row["id"]: row for row in world.rows("SELECT * FROM map_junctions ORDER BY id")}


def _draw_roads(world: World, sheet: _Sheet, junctions: dict[int, Any], only: int | None = None) -> None:
    for road in world.rows("SELECT * FROM map_roads ORDER BY id"):
        a, b = junctions[road["a"]], junctions[road["b"]]
        if only is None or only == a["town_id"] == b["town_id"]:
            sheet.line(a, b, "path" if not road["speed"] else "fast" if not road["walkable"] else "road")


def country(world: World) -> Markup:
    """All towns and roads."""
    towns = world.rows("SELECT * FROM map_towns ORDER BY id")
    sheet = _Sheet([(town["x"], town["y"]) for town in towns], "Map of all towns and the roads between them")
    _draw_roads(world, sheet, _junctions(world))
    for town in towns:
        sheet.dot(town, "town", town["name"])
    return sheet.markup()


def town_plan(world: World, town_id: int, place_id: int = 0) -> Markup:
    """A town's streets and places; one place marked with its name, if given."""
    junctions = _junctions(world)
    name = world.value("SELECT name FROM map_towns WHERE id = ?", town_id)
    own = [junction for junction in junctions.values() if junction["town_id"] == town_id]
    sheet = _Sheet([(junction["x"], junction["y"]) for junction in own], f"Street map of {name}")
    _draw_roads(world, sheet, junctions, town_id)
    for road in world.rows(
        "SELECT r.name, min(j.id) AS at FROM map_roads r JOIN map_junctions j ON j.id = r.a WHERE j.town_id = ? "
        "GROUP BY r.name ORDER BY r.name",
        town_id,
    ):
        if junctions[road["at"]]["town_id"] == town_id:
            sheet.dot(junctions[road["at"]], "corner")
    marked = world.rows(
        "SELECT p.name, j.x, j.y FROM map_places p JOIN map_junctions j ON j.id = p.junction_id WHERE p.id = ?", place_id
    )
    for row in world.rows(
        "SELECT DISTINCT j.* FROM map_places p JOIN map_junctions j ON j.id = p.junction_id "
        "WHERE p.town_id = ? AND p.owner_id IS NULL ORDER BY j.id",
        town_id,
    ):
        sheet.dot(row, "place")
    for row in marked:
        sheet.dot(row, "marked", row["name"])
    return sheet.markup()


def route_picture(world: World, passed: Sequence[int], start: str, end: str) -> Markup:
    """The way through these junctions."""
    junctions = _junctions(world)
    points = [junctions[junction] for junction in passed]
    sheet = _Sheet([(point["x"], point["y"]) for point in points], f"Map of the way from {start} to {end}")
    _draw_roads(world, sheet, junctions)
    for a, b in pairwise(points):
        sheet.line(a, b, "way")
    sheet.dot(points[0], "marked", start)
    sheet.dot(points[-1], "marked", end, shift=0 if len(points) > 1 else 4)
    return sheet.markup()
