"""How money, days and counts are written: on the pages, and in what a task says about them."""

from datetime import date, datetime

__all__ = ["day", "minute", "money", "month", "plural"]


def money(cents: int) -> str:
    """An amount as it is shown: `$1,234.50`."""
    return f"{'-' if cents < 0 else ''}${abs(cents) // 100:,}.{abs(cents) % 100:02}"


def day(moment: str) -> str:
    """The day of an ISO 8601 text: `March 3, 2026`."""
    found = date.fromisoformat(moment[:10])
    return f"{found:%B} {found.day}, {found.year}"


def month(moment: str) -> str:
    """The month of an ISO 8601 text: `March 2026`."""
    return f"{date.fromisoformat(moment[:10]):%B %Y}"


def minute(moment: str) -> str:
    """The minute of an ISO 8601 text: `March 3, 2026 at 09:05`."""
    return f"{day(moment)} at {datetime.fromisoformat(moment):%H:%M}"


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 item`, `3 items`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
