"""Suites on sites that somebody else serves: which of them the browser can reach, and nothing else."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from symbiotic_gym.browser.site_faults import Sign
from symbiotic_gym.suites import Site

__all__ = ["PlacedSuite", "hosts_of"]

MakeTask = Callable[[str, int, Mapping[str, Any]], Any]
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class PlacedSuite:
    """A suite on certain sites; see `symbiotic_gym.suites.Suite`.

    Attributes:
        name: of the suite and its place; equal names mean equal sites.
        hosts: what the browser can reach, as in `Site`.
        make: makes the BrowserGym task of a name, seed and arguments.
        signs: how the sites show that they are at fault.
    """

    name: str
    hosts: Mapping[str, str]
    make: MakeTask
    signs: Sequence[Sign] = ()

    def tasks(self) -> tuple[str, ...]:
        return ()

    def open(self) -> Site:
        return Site(suite=self.name, hosts=self.hosts, signs=self.signs)

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        return self.make(name, seed, task_kwargs)


def hosts_of(urls: Iterable[str], allow_hosts: Iterable[str] = ()) -> dict[str, str]:
    """What the browser has to reach for these addresses: each host at its own port.

    Args:
        urls: http or https.
        allow_hosts: further hosts, `name` (any port) or `name:port`; `*` is the whole web.
    """
    hosts = {}
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme in _PORTS and parts.hostname:
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            hosts[f"{host}:{parts.port or _PORTS[parts.scheme]}"] = f"{host}:{parts.port or _PORTS[parts.scheme]}"
    return dict(sorted(hosts.items())) | {host: host for host in allow_hosts}
