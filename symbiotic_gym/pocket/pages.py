"""The one Jinja environment of all sites, and how money, dates and counts are written on their pages."""

from datetime import date, datetime
from importlib import resources

from jinja2 import Environment, FileSystemLoader, StrictUndefined

__all__ = ["PAGES", "THEMES", "day", "minute", "money", "plural"]

THEMES = ("daylight", "ledger")
"""Ways the sites can be arranged. `ledger` is the one held out: never trained on, so that it shows whether a policy reads."""


def money(cents: int) -> str:
    """An amount as it is shown: `$1,234.50`."""
    return f"{'-' if cents < 0 else ''}${abs(cents) // 100:,}.{abs(cents) % 100:02}"


def day(moment: str) -> str:
    """The day of an ISO 8601 text: `March 3, 2026`."""
    found = date.fromisoformat(moment[:10])
    return f"{found:%B} {found.day}, {found.year}"


def minute(moment: str) -> str:
    """The minute of an ISO 8601 text: `March 3, 2026 at 09:05`."""
    return f"{day(moment)} at {datetime.fromisoformat(moment):%H:%M}"


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 item`, `3 items`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


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
    pages.filters |= {"money": money, "day": day, "minute": minute, "plural": plural, "pair": lambda value: (value, value)}
    return pages


PAGES = _environment()
