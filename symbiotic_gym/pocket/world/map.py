"""The map's part of the world: towns with streets and places, roads between them, opening hours, and what people put aside.

Positions are meters on a plane, the origin top left. A junction's roads carry the speed a car makes on them; a road with speed
0 is a footpath, one with `walkable` 0 for cars only. Hours are minutes after midnight. Places with an owner are private.
"""

import math
from typing import Any

from symbiotic_gym.pocket.world import WorldBuilder
from symbiotic_gym.pocket.world.map_places import FEATURES, KINDS, ROADS, Kind
from symbiotic_gym.pocket.world.people_names import CITIES, STREETS
from symbiotic_gym.pocket.world.shop_goods import BRANDS

__all__ = ["SCHEMA", "STATE", "build"]

SCHEMA = """
CREATE TABLE map_towns (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE, postcode TEXT NOT NULL,
    x INTEGER NOT NULL, y INTEGER NOT NULL
);
CREATE TABLE map_junctions (id INTEGER PRIMARY KEY, town_id INTEGER NOT NULL, x INTEGER NOT NULL, y INTEGER NOT NULL);
CREATE TABLE map_roads (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, a INTEGER NOT NULL, b INTEGER NOT NULL, meters INTEGER NOT NULL,
    speed INTEGER NOT NULL, walkable INTEGER NOT NULL
);
CREATE TABLE map_places (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, town_id INTEGER NOT NULL, junction_id INTEGER NOT NULL,
    address TEXT NOT NULL, phone TEXT NOT NULL, features TEXT NOT NULL, rating INTEGER NOT NULL, owner_id INTEGER
);
CREATE TABLE map_hours (
    place_id INTEGER NOT NULL, day INTEGER NOT NULL, opens INTEGER, closes INTEGER, PRIMARY KEY (place_id, day)
);
CREATE TABLE map_lists (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, name TEXT NOT NULL);
CREATE TABLE map_saved (list_id INTEGER NOT NULL, place_id INTEGER NOT NULL, PRIMARY KEY (list_id, place_id));
CREATE TABLE map_reports (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, place_id INTEGER NOT NULL, topic TEXT NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE map_settings (person_id INTEGER PRIMARY KEY, units TEXT NOT NULL, mode TEXT NOT NULL)
"""

STATE = {
    "map lists": "SELECT person_id, name FROM map_lists",
    "map saved places": "SELECT l.person_id, l.name, s.place_id FROM map_saved s JOIN map_lists l ON l.id = s.list_id",
    "map reports": "SELECT person_id, place_id, topic, body FROM map_reports",
    "map settings": "SELECT person_id, units, mode FROM map_settings",
    "map private places": "SELECT id, name, address, owner_id FROM map_places WHERE owner_id IS NOT NULL",
}

_GRID = (4, 3)


def build(world: WorldBuilder) -> None:
    """Lay out the country and fill it."""
    rng = world.rng
    spots = [(column, row) for column in range(4) for row in range(3)]
    brands = sorted(BRANDS)
    rng.shuffle(brands)
    for number, ((name, postcode), (column, row)) in enumerate(zip(CITIES, rng.sample(spots, len(CITIES)), strict=True)):
        x, y = 6000 + column * 16000 + rng.randrange(-2500, 2500), 6000 + row * 14000 + rng.randrange(-2500, 2500)
        town = world.insert("map_towns", name=name, slug=name.lower().replace(" ", "-"), postcode=postcode, x=x, y=y)
        junctions = _streets(world, town, name, x, y)
        for kind in KINDS:
            for _ in range(rng.randrange(kind.each[0], kind.each[1] + 1)):
                _place(world, kind, town, name, junctions)
        for brand in brands[number :: len(CITIES)]:
            workshop = Kind("Workshop", "Workshops", (1, 1), (8, 9), (15, 16, 17), (0.2, 0.7, 1), (f"{brand} Workshop",))
            _place(world, workshop, town, name, junctions)
    _country_roads(world)
    _homes(world)
    _lists(world)


def _streets(world: WorldBuilder, town: int, name: str, x: int, y: int) -> dict[tuple[int, int], int]:
    """A grid of junctions, its rows and columns named; the people who live here have their streets among them."""
    rng = world.rng
    lived_in = sorted(
        {row["street"].partition(" ")[2] for row in world.rows("SELECT street FROM people WHERE city = ? ORDER BY id", name)}
    )
    others = [street for street in STREETS if street not in lived_in]
    names = [*lived_in, *rng.sample(others, len(others))][: sum(_GRID)]
    rng.shuffle(names)
    junctions = {
        (i, j): world.insert(
            "map_junctions",
            town_id=town,
            x=x + (i - 1) * 420 + rng.randrange(-90, 90),
            y=y + (j - 1) * 380 + rng.randrange(-80, 80),
        )
        for i in range(_GRID[0])
        for j in range(_GRID[1])
    }
    for (i, j), junction in junctions.items():
        if i + 1 < _GRID[0]:
            _road(world, names[j], junction, junctions[i + 1, j], rng.choice((30, 30, 50)))
        if j + 1 < _GRID[1]:
            _road(world, names[_GRID[1] + i], junction, junctions[i, j + 1], rng.choice((0, 30, 30, 50) if i else (30, 50)))
    return junctions


def _road(world: WorldBuilder, name: str, a: int, b: int, speed: int, walkable: int = 1, bends: float = 1.0) -> None:
    one, other = (world.one("SELECT * FROM map_junctions WHERE id = ?", end) for end in (a, b))
    meters = round(math.hypot(one["x"] - other["x"], one["y"] - other["y"]) * bends / 10) * 10
    world.insert("map_roads", name=name, a=a, b=b, meters=meters, speed=speed, walkable=walkable)


def _place(world: WorldBuilder, kind: Kind, town: int, town_name: str, junctions: dict[tuple[int, int], int]) -> None:
    rng = world.rng
    taken = {row["name"] for row in world.rows("SELECT name FROM map_places ORDER BY id")}
    name = rng.choice([n for n in (called.format(town=town_name) for called in kind.names) if n not in taken])
    junction = rng.choice(list(junctions.values()))
    street = rng.choice(
        world.rows("SELECT DISTINCT name FROM map_roads WHERE a = ? OR b = ? ORDER BY name", junction, junction)
    )["name"]
    place = world.insert(
        "map_places",
        name=name,
        kind=kind.name,
        town_id=town,
        junction_id=junction,
        address=f"{rng.randrange(1, 90)} {street}, {town_name}",
        phone=f"555-{rng.randrange(100, 999)}-{rng.randrange(1000, 9999)}",
        rating=rng.randrange(24, 50),
        features=", ".join(feature for feature in FEATURES if rng.random() < 0.5),
    )
    opens, closes = rng.choice(kind.opens) * 60, rng.choice(kind.closes) * 60
    day_off = rng.randrange(5) if rng.random() < kind.closed[0] * 2 else -1
    for day in range(7):
        closed = day == day_off or (day > 4 and rng.random() < kind.closed[day - 4])
        later = 60 * rng.choice((0, 0, 1)) if day > 4 and closes - opens < 1080 else 0
        world.insert(
            "map_hours",
            place_id=place,
            day=day,
            opens=None if closed else opens + later,
            closes=None if closed else closes - later,
        )


def _country_roads(world: WorldBuilder) -> None:
    """Join every town to its nearest neighbors, and all of them to one another; some have a motorway beside the road."""
    rng = world.rng
    towns = world.rows("SELECT * FROM map_towns ORDER BY id")
    names = rng.sample(ROADS, len(ROADS))
    pairs = sorted(
        (math.hypot(a["x"] - b["x"], a["y"] - b["y"]), a["id"], b["id"]) for a in towns for b in towns if a["id"] < b["id"]
    )
    group = {town["id"]: town["id"] for town in towns}
    made: list[tuple[int, int]] = []
    for meters, a, b in pairs:
        joins = group[a] != group[b]
        if joins or (meters < 17500 and len(made) < len(ROADS) - 2):
            made.append((a, b))
            group = {town: group[a] if found == group[b] else found for town, found in group.items()}
    for number, (a, b) in enumerate(made[: len(ROADS)]):
        ends = _nearest_ends(world, a, b)
        _road(world, names[number], *ends, rng.choice((60, 70, 80)), walkable=1, bends=1.1 + rng.random() / 3)
        if number % 3 == 0:
            _road(world, f"Motorway {number // 3 + 1}", *ends, 110, walkable=0, bends=1.5)


def _nearest_ends(world: WorldBuilder, a: int, b: int) -> tuple[int, int]:
    one, other = (world.rows("SELECT * FROM map_junctions WHERE town_id = ? ORDER BY id", town) for town in (a, b))
    _, first, second = min((math.hypot(p["x"] - q["x"], p["y"] - q["y"]), p["id"], q["id"]) for p in one for q in other)
    return first, second


def _homes(world: WorldBuilder) -> None:
    """Everybody's home, on the map for that person alone."""
    rng = world.rng
    for person in world.rows("SELECT * FROM people ORDER BY id"):
        town = world.one("SELECT * FROM map_towns WHERE name = ?", person["city"])
        near = world.rows(
            "SELECT DISTINCT j.id FROM map_junctions j JOIN map_roads r ON j.id IN (r.a, r.b) WHERE j.town_id = ? "
            "AND r.name = ? ORDER BY j.id",
            town["id"],
            person["street"].partition(" ")[2],
        ) or world.rows("SELECT id FROM map_junctions WHERE town_id = ? ORDER BY id", town["id"])
        address = f"{person['street']}, {person['city']}"
        world.insert(
            "map_places",
            name="Home",
            kind="Home",
            town_id=town["id"],
            junction_id=rng.choice(near)["id"],
            address=address,
            phone="",
            features="",
            rating=0,
            owner_id=person["id"],
        )
        world.insert("map_settings", person_id=person["id"], units="kilometers", mode="driving")
    me = world.me
    world.private("address", f"{me['street']}, {me['city']}", 1, "http://map.pocket/place/*", "http://map.pocket/search*")


def _lists(world: WorldBuilder) -> None:
    rng = world.rng
    places: list[Any] = world.rows("SELECT * FROM map_places WHERE owner_id IS NULL ORDER BY id")
    for person in (1, *sorted(rng.sample(range(2, 49), 6))):
        names = ("Favorites", "Weekend trips", "Want to try") if person == 1 else ("Favorites",)
        chosen = rng.sample(places, 6 * len(names))
        for number, name in enumerate(names):
            found = world.insert("map_lists", person_id=person, name=name)
            for place in chosen[number * 6 : number * 6 + rng.randrange(4, 7)]:
                world.insert("map_saved", list_id=found, place_id=place["id"])
