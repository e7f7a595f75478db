"""The forum: The Commons. Its pages are spread over `forum_*.py`; this module puts them together."""

from typing import Any

from symbiotic_gym.pocket.apps import forum_comments, forum_lists, forum_messages, forum_people, forum_posts
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["SHOWS", "SITE"]


def _layout(c: Context) -> dict[str, Any]:
    """What the forum's every page shows: how many messages somebody has."""
    messages = 0
    if c.user is not None:
        messages = c.value("SELECT count(*) FROM forum_messages WHERE to_id = ?", c.user_id)
    return {"message_count": messages}


SITE = SiteApp("forum", "The Commons", "where people talk about what they own, make and mend", layout_values=_layout)
for part in (forum_lists, forum_posts, forum_comments, forum_people, forum_messages):
    part.add(SITE)

SHOWS = {
    "forum_comments": "SELECT '/post/' || :post_id",
    "forum_messages": "SELECT '/messages/sent' WHERE :from_id = 1",
    "forum_posts": "SELECT '/post/' || :id",
    "forum_profiles": "SELECT '/settings' WHERE :person_id = 1",
    "forum_reports": "SELECT '/post/' || :post_id WHERE :person_id = 1",
    "forum_saved": "SELECT '/saved' WHERE :person_id = 1",
    "forum_subscriptions": "SELECT '/subscriptions' WHERE :person_id = 1",
    "forum_votes": "SELECT '/post/' || iif(:kind = 'post', :target_id, "
    "(SELECT post_id FROM forum_comments WHERE id = :target_id))",
}
"""Where a row of a table can be seen: a query for the page's path, with the row's columns by name; see `pocket/endings.py`."""
