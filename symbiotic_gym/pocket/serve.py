"""The sites for a person's own browser, without an environment: `symbiotic-gym sites serve`.

A person's browser does not know `shop.pocket`, but takes every name that ends in `.localhost` for this machine; so here the
sites answer to `http://shop.localhost:PORT/` as well, and their links to each other lead there too. With `--webarena` they also
answer as the six WebArena sites, each on a port of its own (`webarena_sites.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from symbiotic_gym.errors import ConfigError, SiteError, explain
from symbiotic_gym.pocket.apps import site_names
from symbiotic_gym.pocket.pages import THEMES
from symbiotic_gym.pocket.server import PocketServer
from symbiotic_gym.pocket.webarena_sites import WebArenaSites
from symbiotic_gym.pocket.world import World, snapshot, world_seed

__all__ = ["Served", "serve"]


@dataclass(frozen=True)
class Served:
    """Sites that are running.

    Attributes:
        addresses: each site's address, by its name.
        username: whom to sign in as.
        password: with which password.
        close: stops them.
        variables: BrowserGym's variables for the same sites as a WebArena; empty where they are none.
    """

    addresses: dict[str, str]
    username: str
    password: str
    close: Callable[[], None]
    variables: dict[str, str] = field(default_factory=dict)


def serve(port: int = 0, *, seed: int = 0, theme: str = THEMES[0], webarena: bool = False) -> Served:
    """Serve the world of a seed on loopback.

    Args:
        port: 0 takes a free one.
        seed: of a task's instance; the world is the one it plays in.
        theme: how the sites are arranged.
        webarena: answer as a WebArena too, on the ports that follow.

    Raises:
        SiteError: the port, or one of those that follow, is taken.
        ConfigError: there is no such theme.
    """
    if theme not in THEMES:
        raise ConfigError(
            explain(
                f"there is no theme {theme!r}",
                f"one of {', '.join(THEMES)}",
                "it decides how every page is laid out",
                "correct the name",
            )
        )
    server = PocketServer(port, local_names=True)

    def reset() -> None:
        server.restore(snapshot(world_seed(seed)), theme)

    reset()
    me = World(server.db).me
    addresses = {name: f"http://{name}.localhost:{server.port}/" for name in site_names()}
    if not webarena:
        return Served(addresses, me["username"], me["password"], server.close)
    try:
        beside = WebArenaSites(server, reset, port + 1 if port else 0)
    except SiteError:
        server.close()
        raise

    def close() -> None:
        beside.close()
        server.close()

    return Served(addresses, me["username"], me["password"], close, beside.variables())
