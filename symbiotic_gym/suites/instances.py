"""Where a WebArena is: the usual `WA_*` variables, or a sites file that names several instances.

BrowserGym and libwebarena read the variables once per process, so an instance belongs to a worker process: `occupy` puts it
into that process's environment before either is imported. Environments of one program can so be on different instances. A sites
file:

    [instances.one]
    shopping = "http://10.0.0.5:7770"
    shopping_admin = "http://10.0.0.5:7780/admin"
    reddit = "http://10.0.0.5:9999"
    gitlab = "http://10.0.0.5:8023"

    [instances.two]
    ...

A site that is left out is one that the instance does not have; its tasks say so when they start.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from symbiotic_gym.errors import ConfigError, UnknownNameError, explain, nearest
from symbiotic_gym.suites.placing import is_web_address

__all__ = ["SITES", "SITES_FILE", "Instance", "find_instance", "list_instances", "occupy", "sites_file"]

SITES_FILE = "SYMBIOTIC_GYM_SITES"
"""The environment variable that names the sites file."""

SITES = ("shopping", "shopping_admin", "reddit", "gitlab", "wikipedia", "map")
_KEYS = (*SITES, "homepage")
_OPTIONS = {"reset_url": "WA_FULL_RESET", "extra_headers": "PW_EXTRA_HEADERS"}
_ABSENT = "todo"
"""What stands for a site that is not deployed in BrowserGym's variables."""
_FROM_VARIABLES = "WA_*"
_OCCUPIED: list["Instance"] = []
"""The one instance of this process, once there is one: its variables then stand among those that describe an instance."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One deployed WebArena.

    Attributes:
        name: as in the sites file; `WA_*` for the one that the variables describe.
        urls: site -> URL, of the sites it has.
        options: further variables that BrowserGym reads (`WA_FULL_RESET`, `PW_EXTRA_HEADERS`).
    """

    name: str
    urls: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """The instance as BrowserGym's variables."""
        return {f"WA_{key.upper()}": self.urls.get(key, _ABSENT) for key in _KEYS} | dict(self.options)


def list_instances() -> list[Instance]:
    """All instances that are known here: the variables' first, then the sites file's.

    Raises:
        ConfigError: the sites file cannot be used.
    """
    urls = {key: url for key in _KEYS if (url := os.environ.get(f"WA_{key.upper()}", "")) and url != _ABSENT}
    options = {variable: os.environ[variable] for variable in _OPTIONS.values() if os.environ.get(variable)}
    described = [Instance(name=_FROM_VARIABLES, urls=_checked(urls, "WA_"), options=options)] if urls else []
    path = os.environ.get(SITES_FILE)
    return described + (_read(Path(path)) if path else [])


def find_instance(name: str | None) -> Instance:
    """The instance of that name; without a name the first one.

    Raises:
        ConfigError: no instance is known, or the sites file cannot be used.
        UnknownNameError: none has that name.
    """
    known = list_instances()
    if not known:
        raise ConfigError(
            explain(
                f"no WebArena is known: neither WA_* nor {SITES_FILE} is set",
                "WA_SHOPPING, WA_SHOPPING_ADMIN, WA_REDDIT, WA_GITLAB, WA_WIKIPEDIA, WA_MAP (those you have), or a sites file",
                "WebArena's tasks are played on websites that you host",
                "set them up as https://github.com/web-arena-x/webarena describes, then run `symbiotic-gym doctor`",
            )
        )
    for instance in known:
        if name in (None, instance.name):
            return instance
    names = [instance.name for instance in known]
    raise UnknownNameError(
        explain(
            f"there is no WebArena instance {name!r} ({nearest(str(name), names)})",
            f"one of {', '.join(names)}",
            "the instance says where the sites are",
            f"add it to the sites file that {SITES_FILE} names",
        )
    )


def occupy(name: str | None) -> Instance:
    """Make this process's BrowserGym use the instance of that name.

    Raises:
        ConfigError: this process already uses another one, or none is known.
        UnknownNameError: none has that name.
    """
    if _OCCUPIED and name in (None, _OCCUPIED[0].name):
        return _OCCUPIED[0]
    instance = find_instance(name)
    if _OCCUPIED:
        raise ConfigError(
            explain(
                f"this worker process plays on instance {_OCCUPIED[0].name!r}, and {name!r} was asked for",
                "one instance per environment",
                "BrowserGym reads the sites' addresses once per process",
                "make another environment for the other instance",
            )
        )
    os.environ.update(instance.variables())
    _OCCUPIED.append(instance)
    return instance


def sites_file(instances: Mapping[str, Mapping[str, str]]) -> str:
    """A sites file for instances that are given by BrowserGym's variables."""
    keys = {f"WA_{key.upper()}": key for key in _KEYS} | {variable: key for key, variable in _OPTIONS.items()}
    tables = [
        f"[instances.{name}]\n" + "".join(f'{keys[variable]} = "{value}"\n' for variable, value in variables.items())
        for name, variables in instances.items()
    ]
    return "\n".join(tables)


def _read(path: Path) -> list[Instance]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unusable(path, str(error)) from error
    tables = content.get("instances")
    if not isinstance(tables, dict) or not tables or not all(isinstance(table, dict) for table in tables.values()):
        raise _unusable(path, "it has no table [instances.NAME]")
    instances = []
    for name, table in tables.items():
        for key, value in table.items():
            if key not in (*_KEYS, *_OPTIONS) or not isinstance(value, str):
                raise _unusable(path, f"[instances.{name}] has {key} = {value!r} ({nearest(key, (*_KEYS, *_OPTIONS))})")
        urls = _checked({key: table[key] for key in _KEYS if key in table}, f"{path}: [instances.{name}] ")
        options = {variable: table[key] for key, variable in _OPTIONS.items() if key in table}
        instances.append(Instance(name=name, urls=urls, options=options))
    return instances


def _checked(urls: Mapping[str, str], where: str) -> dict[str, str]:
    for key, url in urls.items():
        if not is_web_address(url):
            raise ConfigError(
                explain(
                    f"{where}{key if where.endswith(' ') else key.upper()} is {url!r}",
                    "a URL such as http://10.0.0.5:7770",
                    "the browser is let through to the hosts of these URLs and to nothing else",
                    "correct it, or leave the site out if you do not host it",
                )
            )
    return {key: url.rstrip("/") for key, url in urls.items()}


def _unusable(path: Path, problem: str) -> ConfigError:
    return ConfigError(
        explain(
            f"the sites file {path} cannot be used: {problem}",
            f"TOML with tables [instances.NAME], each with any of {', '.join(_KEYS)}, {', '.join(_OPTIONS)}",
            "it says where the sites of each WebArena instance are",
            f"correct it, or unset {SITES_FILE}",
        )
    )
