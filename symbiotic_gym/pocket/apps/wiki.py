"""The wiki: The Open Almanac. Its pages are spread over `wiki_*.py`; this module puts them together."""

from typing import Any

from symbiotic_gym.pocket.apps import wiki_edit, wiki_pages
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["SITE"]


def _layout(c: Context) -> dict[str, Any]:
    """What the wiki's every page shows: how many articles somebody watches."""
    watch_count = 0
    if c.user is not None:
        watch_count = c.value("SELECT count(*) FROM wiki_watches WHERE person_id = ?", c.user_id)
    return {"watch_count": watch_count}


SITE = SiteApp("wiki", "The Open Almanac", "an encyclopedia of the region that anyone can edit", layout_values=_layout)
wiki_pages.add(SITE)
wiki_edit.add(SITE)
