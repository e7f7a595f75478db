"""The wiki: The Open Almanac. Its pages are spread over `wiki_*.py`; this module puts them together."""

from typing import Any

from symbiotic_gym.pocket.apps import wiki_edit, wiki_pages
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["SHOWS", "SITE"]


def _layout(c: Context) -> dict[str, Any]:
    """What the wiki's every page shows: how many articles somebody watches."""
    watch_count = 0
    if c.user is not None:
        watch_count = c.value("SELECT count(*) FROM wiki_watches WHERE person_id = ?", c.user_id)
    return {"watch_count": watch_count}


SITE = SiteApp("wiki", "The Open Almanac", "an encyclopedia of the region that anyone can edit", layout_values=_layout)
wiki_pages.add(SITE)
wiki_edit.add(SITE)

_ARTICLE = "SELECT '/a/' || slug FROM wiki_articles WHERE id = :article_id"
SHOWS = {
    "wiki_articles": "SELECT '/a/' || :slug",
    "wiki_facts": _ARTICLE,
    "wiki_filed": _ARTICLE,
    "wiki_sections": _ARTICLE,
    "wiki_watches": "SELECT '/watchlist' WHERE :person_id = 1",
}
"""Where a row of a table can be seen: a query for the page's path, with the row's columns by name; see `pocket/endings.py`."""
