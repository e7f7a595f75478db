"""That a leak between environments would be seen: the benchmark's detector on servers that keep apart, and on others."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlencode

import pytest

from symbiotic_gym.benchmarks.pocket_apart import cross_talk, strangers
from symbiotic_gym.pocket.main_pages import IN_CART, PICTURED, main_pages
from symbiotic_gym.pocket.pages import THEMES
from symbiotic_gym.pocket.server import PocketServer
from symbiotic_gym.pocket.web import COOKIE
from symbiotic_gym.pocket.world import WORLDS, World, snapshot


class Visitor:
    """Writes like the benchmark's environments do, over HTTP."""

    def __init__(self, server: PocketServer, *, restores: bool = True) -> None:
        self.server, self.restores = server, restores
        self.cookies: dict[str, str] = {}
        self._signed_in()

    def _signed_in(self) -> None:
        self.cookies = {site: f"{COOKIE}={self.server.session(site, 1)}" for site in ("shop", "admin")}

    def ask(self, site: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        headers = {"Host": f"{site}.pocket", "Cookie": self.cookies[site]}
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)) as connection:
            connection.request("GET" if form is None else "POST", path, urlencode(form) if form else None, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def begin(self) -> None:
        if self.restores:
            self.server.restore(snapshot(5), THEMES[0])
            self._signed_in()

    def write(self, text: str) -> None:
        assert self.ask("shop", "/contact", {"topic": "Something else", "body": text})[0] == 303

    def read(self) -> str:
        status, page = self.ask("admin", "/messages")
        assert status == 200
        return page


@pytest.fixture(scope="module")
def servers() -> Iterator[list[PocketServer]]:
    servers = [PocketServer() for _ in range(3)]
    yield servers
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def fresh(servers: list[PocketServer]) -> None:
    for server in servers:
        server.restore(snapshot(5), THEMES[0])


def test_servers_of_their_own_keep_apart(servers: list[PocketServer]) -> None:
    talk = cross_talk([Visitor(server) for server in servers], rounds=5)
    assert (talk.episodes, talk.reads, talk.leaks, talk.lost) == (15, 30, (), 0)


def test_what_another_writes_is_a_leak(servers: list[PocketServer]) -> None:
    shared = [Visitor(servers[0]), Visitor(servers[1], restores=False), Visitor(servers[1])]
    shared[1].cookies = shared[2].cookies = {site: f"{COOKIE}={servers[1].session(site, 1)}" for site in ("shop", "admin")}
    shared[2].restores = False
    leaks = cross_talk(shared, rounds=1).leaks
    assert leaks == ("environment 1 sees mark-2-0 in round 0", "environment 2 sees mark-1-0 in round 0")


def test_what_an_episode_before_left_is_a_leak(servers: list[PocketServer]) -> None:
    talk = cross_talk([Visitor(servers[0]), Visitor(servers[1], restores=False)], rounds=2)
    assert set(talk.leaks) == {"environment 1 sees mark-1-0 in round 1"}


def test_a_write_that_went_elsewhere_is_missed(servers: list[PocketServer]) -> None:
    stray = Visitor(servers[0])
    elsewhere = Visitor(servers[1])
    stray.write = elsewhere.write  # type: ignore[method-assign]
    assert cross_talk([stray], rounds=2).lost == 2


def test_only_the_own_mark_is_none_of_a_stranger() -> None:
    assert strangers("mark-1-2 and mark-1-21", "mark-1-2") == {"mark-1-21"}


@pytest.mark.parametrize("seed", range(WORLDS))
def test_the_main_pages_are_there_in_every_world(servers: list[PocketServer], seed: int) -> None:
    server = servers[0]
    server.restore(snapshot(seed), THEMES[0], IN_CART)
    visitor = Visitor(server)
    for site, paths in main_pages(World(server.db)).items():
        visitor.cookies[site] = f"{COOKIE}={server.session(site, 1)}"
        assert set(PICTURED[site]) <= set(paths)
        for name, path in paths.items():
            assert visitor.ask(site, path)[0] == 200, (site, name)
