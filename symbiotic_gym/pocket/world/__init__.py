"""Worlds: a seed makes people and everything they own, wrote and bought, as one SQLite database.

A world is built once per process and kept as the bytes of its database; an episode begins with a copy of them, which takes a
millisecond. Each module of this package without an underscore in its name is a part (`people`, `shop`, ...), found by its
name and built in the order of what it `NEEDS`. A part draws from a random generator of its own, so adding one changes no other.
Nothing may depend on the process: no `hash()`, no order of a `set`, no real clock.
"""

import json
import random
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from graphlib import TopologicalSorter
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

__all__ = ["WORLDS", "Private", "Snapshot", "World", "WorldBuilder", "changes", "parts", "snapshot", "state", "world_seed"]

WORLDS = 16
"""How many worlds there are: an instance's seed falls on one of them, so that a run builds few and restores many."""

_CORE = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sessions (token TEXT PRIMARY KEY, site TEXT NOT NULL, person_id INTEGER, flash TEXT NOT NULL DEFAULT '[]');
CREATE TABLE private_values (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, person_id INTEGER, pages TEXT NOT NULL
);
"""


@dataclass(frozen=True, kw_only=True)
class Private:
    """One entry of a world's manifest: a value that should not leave the user's machine unseen."""

    kind: str
    """`name`, `email`, `phone`, `address`, `password`, `card`, `birthday`, `message`, ..."""
    value: str
    person_id: int | None
    """Whose it is; None when it is nobody's in particular (a shop's revenue)."""
    pages: tuple[str, ...]
    """Where it is shown: addresses, `*` for any run of characters."""


@dataclass(frozen=True)
class Snapshot:
    """A world as it is before anything happened in it."""

    seed: int
    data: bytes

    def restore(self) -> sqlite3.Connection:
        """A fresh database of this world, in memory, usable from any thread (one at a time)."""
        db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        db.deserialize(self.data)
        db.row_factory = sqlite3.Row
        return db


class World:
    """Questions to a world's database: what drawing a task's instance reads.

    Args:
        db: a database that `Snapshot.restore` gave.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """All rows; columns by name, `row["title"]`. Give every query an ORDER BY: rows without one come in no order."""
        return self.db.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        """The first row.

        Raises:
            LookupError: there is none.
        """
        row = self.db.execute(sql, values).fetchone()
        if row is None:
            raise LookupError(f"no row for {sql!r} with {values!r}")
        return row

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row."""
        return self.one(sql, *values)[0]

    @property
    def me(self) -> Any:
        """The person at the keyboard, a row of `people`."""
        return self.one("SELECT * FROM people WHERE id = 1")

    @property
    def now(self) -> datetime:
        """The world's time. It moves by a minute with every change somebody makes, and never by itself."""
        return datetime.fromisoformat(self.value("SELECT value FROM meta WHERE key = 'now'"))

    def manifest(self) -> tuple[Private, ...]:
        """Every private value of this world."""
        return tuple(
            Private(kind=row["kind"], value=row["value"], person_id=row["person_id"], pages=tuple(json.loads(row["pages"])))
            for row in self.rows("SELECT * FROM private_values ORDER BY id")
        )


class WorldBuilder(World):
    """What a part of the world is built with: the database, random draws of its own, and the manifest.

    Args:
        db: holds the tables of the parts before it, and its own, still empty.
        seed: the world's.
        part: the part's name.
    """

    def __init__(self, db: sqlite3.Connection, seed: int, part: str) -> None:
        super().__init__(db)
        self._now = super().now
        self.seed = seed
        self.rng = random.Random(f"world:{seed}:{part}")

    @property
    def now(self) -> datetime:
        """The world's time, which stands still while it is built."""
        return self._now

    def insert(self, table: str, **values: Any) -> int:
        """Add a row and return its id."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        cursor = self.db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))
        return int(cursor.lastrowid or 0)

    def private(self, kind: str, value: str, person_id: int | None, *pages: str) -> None:
        """Enter a private value and the addresses it is shown at into the manifest; one there gets further addresses."""
        known = self.rows(
            "SELECT id, pages FROM private_values WHERE kind = ? AND value = ? AND person_id IS ? ORDER BY id",
            kind,
            value,
            person_id,
        )
        if known:
            everywhere = list(dict.fromkeys((*json.loads(known[0]["pages"]), *pages)))
            self.db.execute("UPDATE private_values SET pages = ? WHERE id = ?", (json.dumps(everywhere), known[0]["id"]))
        else:
            self.insert("private_values", kind=kind, value=value, person_id=person_id, pages=json.dumps(pages))

    def ago(self, most_days: float, least_days: float = 0.0) -> str:
        """A moment between so many days before now, to the minute, in waking hours; ISO 8601."""
        moment = self.now - timedelta(days=self.rng.uniform(least_days, most_days))
        moment = moment.replace(hour=self.rng.randrange(7, 23), minute=self.rng.randrange(60), second=0, microsecond=0)
        return min(moment, self.now - timedelta(minutes=5)).isoformat(sep=" ")


@cache
def parts() -> Mapping[str, ModuleType]:
    """The parts, in the order they are built in. Each has `SCHEMA`, `STATE` and `build`."""
    modules = {
        name: import_module(f"{__name__}.{name}")
        for name in sorted(m.name for m in iter_modules(__path__) if "_" not in m.name)
    }
    graph = {name: set() if name == "people" else {"people", *getattr(module, "NEEDS", ())} for name, module in modules.items()}
    order = TopologicalSorter({name: sorted(graph[name]) for name in sorted(graph)}).static_order()
    return {name: modules[name] for name in order}


def world_seed(seed: int) -> int:
    """Which world an instance of that seed plays in."""
    return seed % WORLDS


@lru_cache(maxsize=WORLDS)
def snapshot(seed: int) -> Snapshot:
    """Build the world of that seed, or take the one built before."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.row_factory = sqlite3.Row
    db.executescript("PRAGMA journal_mode = OFF; BEGIN;" + _CORE)
    start = datetime(2026, 3, 2, 9, 0) + timedelta(days=random.Random(f"world:{seed}:now").randrange(300))
    db.execute("INSERT INTO meta VALUES ('now', ?), ('seed', ?), ('sessions', '0')", (start.isoformat(sep=" "), str(seed)))
    for name, part in parts().items():
        for statement in part.SCHEMA.split(";"):
            db.execute(statement)
        part.build(WorldBuilder(db, seed, name))
    db.execute("COMMIT")
    data = db.serialize()
    db.close()
    return Snapshot(seed, data)


def state(db: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in a world that a task may change, as plain rows: what an episode's end is judged by.

    Each part's `STATE` maps a name to a query for the rows that mean something, without row ids and times, which differ
    between two ways to the same end. Rows are sorted, texts have their white space folded.
    """
    return {name: _comparable(_plain(db, query)) for name, query in _state_queries()}


def changes(db: sqlite3.Connection, other: sqlite3.Connection) -> Iterator[tuple[str, list[Any], list[Any]]]:
    """What of `state` is not the same in two worlds: its name, with the rows of either.

    Nearly all of two worlds is the same row by row, which is seen without sorting it, and sorting is what takes long.
    """
    for name, query in _state_queries():
        one, two = _plain(db, query), _plain(other, query)
        if one != two and (one := _comparable(one)) != (two := _comparable(two)):
            yield name, one, two


def _state_queries() -> Iterator[tuple[str, str]]:
    for part in parts().values():
        yield from part.STATE.items()


def _plain(db: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    cursor = db.cursor()
    cursor.row_factory = None
    return cursor.execute(query).fetchall()


def _comparable(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted((tuple(" ".join(v.split()) if isinstance(v, str) else v for v in row) for row in rows), key=repr)
