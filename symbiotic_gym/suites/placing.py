"""Suites on sites that somebody else serves: which of them the browser can reach, and nothing else."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from symbiotic_gym.browser.fence import ANYWHERE
from symbiotic_gym.browser.site_faults import Sign
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.suites import Site
from symbiotic_gym.urls import origin

__all__ = ["PlacedSuite", "hosts_of", "is_web_address"]

MakeTask = Callable[[str, int, Mapping[str, Any]], Any]
_PORTS = {"http": 80, "https": 443}


@dataclass(kw_only=True)
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


def is_web_address(url: Any) -> bool:
    """Whether it is an http or https address with a host and, where it names one, a port that exists."""
    try:
        parts = urlsplit(url)
        return parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0 and not any(map(str.isspace, parts.netloc))
    except (ValueError, TypeError, AttributeError):  # a port of 77700, a bracket that is not closed, no text at all
        return False


def hosts_of(urls: Iterable[str], allow_hosts: Iterable[str] = ()) -> dict[str, str]:
    """What the browser has to reach for these addresses: each host at its own port.

    Args:
        urls: http or https.
        allow_hosts: further hosts, `name` (any port) or `name:port`; `*` is the whole web.

    Raises:
        ConfigError: `allow_hosts` has something else.
    """
    allow_hosts = [allow_hosts] if isinstance(allow_hosts, str) else list(allow_hosts)
    for host in allow_hosts:
        _check_host(host)
    hosts = {}
    for url in filter(is_web_address, urls):
        parts = urlsplit(url)
        if parts.hostname:
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            hosts[f"{host}:{parts.port or _PORTS[parts.scheme]}"] = f"{host}:{parts.port or _PORTS[parts.scheme]}"
    return dict(sorted(hosts.items())) | {host: host for host in allow_hosts}


def _check_host(host: str) -> None:
    try:
        if host != ANYWHERE and (set("/?#") & set(host) or not origin(f"http://{host}/")):
            raise ValueError("it is an address rather than a host")
    except ValueError as error:
        raise ConfigError(
            explain(
                f"allow_hosts has {host!r}: {error}",
                "hosts as they stand in addresses, such as shop.example or shop.example:7770, or * for the whole web",
                "the browser would reach another host than the one that is meant, or none",
                "write the host alone; one with other letters than a to z in its xn-- form",
            )
        ) from error
