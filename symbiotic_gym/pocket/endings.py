"""Where the end of a task can be seen: the pages that its effect changes, and what each says once the goal is reached.

Nothing is written by hand for a template: its effect is applied to a copy of the world, the rows that changed are looked up in
what each site says it `SHOWS`, and those pages are read before and after. One that says the same in both shows nothing of it.
Other sites' pages are taken only where the task's own show nothing at all: whoever looks at them has to be signed in there.
"""

import http.client
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from symbiotic_gym.pocket.apps import site_names
from symbiotic_gym.pocket.instances import Drawn
from symbiotic_gym.pocket.main_text import main_text
from symbiotic_gym.pocket.pages import THEMES
from symbiotic_gym.pocket.server import PocketServer
from symbiotic_gym.pocket.template import Effect
from symbiotic_gym.pocket.web import COOKIE
from symbiotic_gym.pocket.world import World

__all__ = ["Ending", "Shown", "ending"]

_ME = 1


@dataclass(frozen=True)
class Shown:
    """A page that shows the end of a task.

    Attributes:
        site: whose it is, such as `shop`.
        path: where, such as `/cart`.
        text: what its main part says then (`main_text`).
    """

    site: str
    path: str
    text: str


@dataclass(frozen=True)
class Ending:
    """How a task's end can be seen.

    Attributes:
        pages: all pages that show something of it.
        unseen: tables with a change that none of them shows.
    """

    pages: tuple[Shown, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True)
class _Change:
    table: str
    row: Mapping[str, Any]
    made: bool
    """Whether this is the row as it is at the end; a row as it was is looked up in the world as it was."""


def ending(drawn: Drawn, server: PocketServer) -> Ending:
    """Find out where a task's end can be seen.

    Args:
        drawn: the task.
        server: its world is replaced.
    """
    instance = drawn.instance
    begun, ended = _world(drawn, instance.before), _world(drawn, (*instance.before, *instance.effect))
    try:
        _enter(ended)
        found = list(_changes(begun, ended))
        own = (drawn.template.site, *drawn.template.also)
        places = {site: [_paths(site, change, begun, ended) for change in found] for site in _near_first(own)}
    finally:
        begun.close()
        ended.close()
    paths = {(site, path) for site, lists in places.items() for each in lists for path in each}
    before, after = _read(drawn, server, False, sorted(paths)), _read(drawn, server, True, sorted(paths))
    telling = {page for page in paths if before[page] != after[page]}
    near, far = ([_telling(places, number, telling, near, own) for number in range(len(found))] for near in (True, False))
    chosen = near if any(near) else far
    unseen = dict.fromkeys(change.table for change, pages in zip(found, chosen, strict=True) if change.made and not pages)
    pages = dict.fromkeys(page for each in chosen for page in each)
    return Ending(tuple(Shown(*page, after[page]) for page in pages), tuple(unseen))


def _telling(
    places: Mapping[str, list[list[str]]], number: int, telling: set[tuple[str, str]], near: bool, own: tuple[str, ...]
) -> list[tuple[str, str]]:
    """The pages that show a change: all those of the task's own sites, or else the first of another's."""
    options = [(site, path) for site in places if (site in own) == near for path in places[site][number]]
    found = [page for page in options if page in telling]
    return found if near else found[:1]


def _near_first(own: Iterable[str]) -> list[str]:
    return [*own, *(name for name in site_names() if name not in set(own))]


def _world(drawn: Drawn, effect: Effect) -> sqlite3.Connection:
    db = drawn.world.restore()
    for statement, values in effect:
        db.execute(statement, tuple(values))
    return db


def _enter(db: sqlite3.Connection) -> None:
    """Fill in what effects leave open, as the sites do: moments, the numbers of orders, hashes."""
    now = World(db).now.isoformat(sep=" ")
    for table in _tables(db):
        columns = {row["name"] for row in db.execute(f"PRAGMA table_info({table})")}
        for column, value in (("at", now), ("created_at", now), ("sha", "f" * 40), ("token", "f" * 20)):
            if column in columns:
                db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ''", (value,))
    for name in site_names():
        for statement in getattr(_module(name), "ENTERED", ()):
            db.execute(statement)


def _changes(begun: sqlite3.Connection, ended: sqlite3.Connection) -> Iterator[_Change]:
    for table in _tables(begun):
        if any(table in _shows(name) for name in site_names()):
            before, after = ({row[0]: row for row in db.execute(f"SELECT rowid, * FROM {table}")} for db in (begun, ended))
            for key in sorted({*before, *after}):
                if key in after and (key not in before or tuple(before[key]) != tuple(after[key])):
                    yield _Change(table, dict(after[key]), True)
                if key in before and (key not in after or tuple(before[key]) != tuple(after[key])):
                    yield _Change(table, dict(before[key]), False)


def _tables(db: sqlite3.Connection) -> list[str]:
    return [row["name"] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]


def _paths(site: str, change: _Change, begun: sqlite3.Connection, ended: sqlite3.Connection) -> list[str]:
    query = _shows(site).get(change.table)
    if query is None:
        return []
    return [row[0] for row in (ended if change.made else begun).execute(query, dict(change.row)) if row[0] is not None]


def _shows(site: str) -> Mapping[str, str]:
    shows: Mapping[str, str] = getattr(_module(site), "SHOWS", {})
    return shows


@cache
def _module(site: str) -> Any:
    return import_module(f"symbiotic_gym.pocket.apps.{site}")


def _read(drawn: Drawn, server: PocketServer, at_end: bool, pages: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What pages say to the person at the keyboard, before the task or at its end."""
    effect = (*drawn.instance.before, *drawn.instance.effect) if at_end else drawn.instance.before
    server.restore(drawn.world, THEMES[0], effect)
    with server.lock:
        if at_end:
            _enter(server.db)
        now = World(server.db).now
    cookies = {site: f"{COOKIE}={server.session(site, _ME)}" for site in server.enterable(_ME)}
    texts = {}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for site, path in pages:
        connection.request("GET", path, headers={"Host": f"{site}.pocket", "Cookie": cookies.get(site, "")})
        texts[site, path] = main_text(connection.getresponse().read().decode(), now)
    connection.close()
    return texts
