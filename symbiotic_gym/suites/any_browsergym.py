"""Any task of any BrowserGym package that is installed: `gym.make("symbiotic/browsergym-v0", task="browsergym/…")`.

The packages register their tasks when imported, which happens in the worker process only. Each is imported without its own
downloads, and its task class is taken out of the registration without BrowserGym's environment around it.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

from symbiotic_gym.errors import MissingDependencyError, UnknownNameError, explain, nearest
from symbiotic_gym.suites import Site, Suite
from symbiotic_gym.suites.placing import PlacedSuite, hosts_of

__all__ = ["AnyBrowserGym", "import_without_downloads"]

_MODULES = {"openended": "browsergym.core", "weblinx": "weblinx_browsergym"}
"""First part of an id -> the module that registers it, where it is not `browsergym.FIRST_PART`."""

_PLACES = ("MINIWOB_URL", "WA_", "VWA_", "SNOW_INSTANCE_URL", "TIMEWARP_")
"""Beginnings of the variables by which BrowserGym packages are told where their websites are."""


class AnyBrowserGym:
    """The suite of all ids `browsergym/…`; see `symbiotic_gym.suites.Suite`.

    The browser reaches the hosts that BrowserGym's variables name (`MINIWOB_URL`, `WA_*`, …) and those of
    `task_kwargs={"allow_hosts": [...]}`; `["*"]` is the whole web, which tasks such as AssistantBench's need.
    """

    name = "browsergym"

    def tasks(self) -> tuple[str, ...]:
        return ()  # known only after importing every package there is

    def placed(self, task_kwargs: Mapping[str, Any]) -> Suite:
        places = [value for variable, value in os.environ.items() if variable.startswith(_PLACES)]
        hosts = hosts_of(places, task_kwargs.get("allow_hosts", ()))
        return PlacedSuite(name=f"{self.name} {' '.join(hosts)}", hosts=hosts, make=_make)

    def open(self) -> Site:
        return self.placed({}).open()

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        return _make(name, seed, task_kwargs)


def import_without_downloads(module: str) -> Any:
    """Import a BrowserGym package. Some fetch nltk's tokenizer data as they are imported, and raise without the network."""
    with _no_downloads():
        return import_module(module)


@contextmanager
def _no_downloads() -> Iterator[None]:
    try:
        import nltk
    except ImportError:
        yield
        return
    with patch.object(nltk, "download", lambda *arguments, **options: False):
        yield


def _make(name: str, seed: int, task_kwargs: Mapping[str, Any]) -> Any:
    kwargs = {key: value for key, value in task_kwargs.items() if key != "allow_hosts"}
    return _task_class(name)(seed=seed, **kwargs)


def _task_class(name: str) -> Any:
    import gymnasium
    from browsergym.core import registration

    package = name.partition(".")[0]
    module = _MODULES.get(package, f"browsergym.{package}")
    try:
        import_without_downloads(module)
    except ModuleNotFoundError as error:
        if error.name not in (module, module.partition(".")[0]):
            raise
        raise MissingDependencyError(
            explain(
                f"browsergym/{name} needs the module {module}, which is not installed",
                "the BrowserGym package that the task belongs to",
                "it holds the task's start page, goal and evaluation",
                f"pip install browsergym-{package}, or correct the id",
            )
        ) from error
    known = [key.removeprefix("browsergym/") for key in gymnasium.registry if key.startswith("browsergym/")]
    if name not in known:
        raise UnknownNameError(
            explain(
                f"BrowserGym has no task {name!r} ({nearest(name, known)})",
                "an id that one of the installed BrowserGym packages registers",
                "nothing can be played without one",
                f"python -c 'import gymnasium, {module}; print(*gymnasium.registry, sep=chr(10))' lists them",
            )
        )
    with patch.object(registration, "BrowserEnv", lambda task_class, *arguments, **options: task_class):
        entry_point: Any = gymnasium.registry[f"browsergym/{name}"].entry_point
        return entry_point()
