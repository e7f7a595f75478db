"""The one Jinja environment of all sites, and the ways they can be arranged."""

from importlib import resources

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from symbiotic_gym.pocket.written import day, minute, money, month, plural

__all__ = ["PAGES", "THEMES"]

THEMES = ("daylight", "ledger")
"""Ways the sites can be arranged. `ledger` is the one held out: never trained on, so that it shows whether a policy reads."""


def _environment() -> Environment:
    folder = str(resources.files(__package__).joinpath("templates"))
    pages = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    pages.filters |= {
        "money": money,
        "day": day,
        "minute": minute,
        "month": month,
        "plural": plural,
        "pair": lambda value: (value, value),
    }
    return pages


PAGES = _environment()
