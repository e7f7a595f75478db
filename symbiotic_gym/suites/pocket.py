"""Pocket: the embedded sites as a suite. Each environment serves its own on loopback, under names of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symbiotic_gym.errors import ConfigError, explain, nearest
from symbiotic_gym.pocket.tasks import templates
from symbiotic_gym.suites import Site

if TYPE_CHECKING:
    from symbiotic_gym.pocket.server import PocketServer

__all__ = ["Pocket"]


@dataclass
class _PocketSite(Site):
    """The sites' hosts, and the server behind them, whose world an episode begins with and is judged by."""

    server: "PocketServer | None" = None


class Pocket:
    """The suite of the embedded sites; see `symbiotic_gym.suites.Suite`.

    Its tasks take one argument, `theme`: how the sites are arranged, one of `symbiotic_gym.pocket.pages.THEMES`.
    """

    name = "pocket"

    def tasks(self) -> tuple[str, ...]:
        return tuple(templates())

    def open(self) -> Site:
        from symbiotic_gym.pocket.server import PocketServer

        server = PocketServer()
        return _PocketSite(suite=self.name, hosts=server.hosts(), close=server.close, server=server)

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        from symbiotic_gym.pocket.instances import draw
        from symbiotic_gym.pocket.pages import THEMES
        from symbiotic_gym.pocket.task import PocketTask

        assert isinstance(site, _PocketSite) and site.server is not None  # open made it
        theme = task_kwargs.get("theme", THEMES[0])
        for what, given, known in [("theme", theme, THEMES), *(("argument", key, ("theme",)) for key in task_kwargs)]:
            if given not in known:
                raise ConfigError(
                    explain(
                        f"pocket tasks have no {what} {given!r} ({nearest(str(given), known)})",
                        f"any of {', '.join(known)}",
                        "results on another arrangement of the sites would go under the wrong name",
                        "correct task_kwargs",
                    )
                )
        return PocketTask(seed, draw(name, seed), site.server, theme)
