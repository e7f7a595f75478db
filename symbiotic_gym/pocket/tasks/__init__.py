"""The task templates. What a module of this package has as `TEMPLATES` is registered; `SITE_TOPIC.py` are a site's.

They are imported with `symbiotic_gym`, to register their ids, so they import the standard library and this package only.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Literal

from symbiotic_gym.pocket.template import Template

__all__ = ["split", "templates"]


@cache
def templates() -> Mapping[str, Template]:
    """All templates by id, `shop.cheapest-in-category`."""
    found: dict[str, Template] = {}
    for name in sorted(module.name for module in iter_modules(__path__)):
        for template in getattr(import_module(f"{__name__}.{name}"), "TEMPLATES", ()):
            if template.id in found:
                raise ValueError(f"two templates are called {template.id}")
            found[template.id] = template
    return found


def split(name: Literal["train", "dev", "test"]) -> tuple[str, ...]:
    """The task ids of a split, `pocket.shop.cheapest-in-category`. No template is in two."""
    return tuple(f"pocket.{t.id}" for t in templates().values() if t.split == name)
