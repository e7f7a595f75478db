"""How values are written on a page. Everything a trajectory holds was written by a website or a model, so it is hostile.

Jinja escapes what has a meaning in HTML. What has a meaning for terminals and for the order of letters (escape sequences, marks
that turn text around, characters of no width) is made visible here, in every expression of every template.
"""

import unicodedata
from typing import Any

__all__ = ["count", "cut", "money", "seconds", "share", "visible"]


def _pictures() -> dict[int, str]:
    table = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"}
    table[0x7F] = "\u2421"
    for code in (*range(0x80, 0xA0), 0x2028, 0x2029):
        table[code] = f"\\u{code:04x}"
    for code in range(0xA0, 0xFFFF):
        if unicodedata.category(chr(code)) in ("Cf", "Cs"):
            table[code] = f"\\u{code:04x}"
    for code in range(0xE0000, 0xE0080):  # tags: a second, invisible ASCII
        table[code] = f"\\U{code:08x}"
    return table


_PICTURES = _pictures()


def visible(value: Any) -> Any:
    """A text with its control characters made visible; any other value as it is.

    Joiners inside emoji become visible too: a page that is read to find out what went wrong shows what is there.
    """
    if type(value) is not str or (value.isascii() and value.isprintable()):
        return value
    return value.translate(_PICTURES)


def cut(text: str, most: int) -> str:
    """A text with at most so many characters, the last of which says that something is missing."""
    return text if len(text) <= most else text[: most - 1] + "…"


def count(value: float) -> str:
    """`1,234`, `12.3k`, `4.56M`."""
    if value < 10_000:
        return f"{value:,.0f}"
    for limit, unit in ((1e6, "k"), (1e9, "M"), (1e12, "G")):
        if value < limit:
            return f"{value / limit * 1000:.3g}{unit}"
    return f"{value:.3g}"


def seconds(value: float) -> str:
    """`40 ms`, `2.3 s`, `4 min 05 s`, `3 h 07 min`."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    if value < 3600:
        return f"{int(value // 60)} min {int(value % 60):02} s"
    return f"{int(value // 3600):,} h {int(value % 3600 // 60):02} min"


def money(value: float) -> str:
    """Dollars: `$1.23`, and as many digits as it takes below a cent."""
    if value == 0:
        return "$0"
    return f"${value:,.2f}" if value >= 0.1 else f"${value:.2g}"


def share(value: float) -> str:
    """A proportion in per cent, `70.0 %`."""
    return f"{100 * value:.1f} %"
