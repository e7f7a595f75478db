"""Texts of runs on a terminal. A website, a model or a stranger's folder wrote them: they can neither style it nor steer it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["harmless", "plain"]


def harmless(text: str) -> str:
    """The text with a question mark in a lozenge for everything that a terminal would obey instead of show."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def plain(text: str) -> "Text":
    """The same for rich, which else reads brackets as its own markup."""
    from rich.text import Text

    return Text(harmless(text))
