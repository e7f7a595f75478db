"""The sites. Each module of this package without an underscore in its name is one: it defines `SITE`, a `SiteApp`."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symbiotic_gym.pocket.web import SiteApp

__all__ = ["load_site", "site_names"]


@cache
def site_names() -> tuple[str, ...]:
    """The names of all sites; imports none."""
    return tuple(sorted(module.name for module in iter_modules(__path__) if "_" not in module.name))


def load_site(name: str) -> "SiteApp":
    """The site of that name."""
    site: SiteApp = import_module(f"{__name__}.{name}").SITE
    return site
