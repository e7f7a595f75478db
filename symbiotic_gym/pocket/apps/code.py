"""The code site: Treeline. Its pages are spread over `code_*.py`; this module puts them together."""

from typing import Any

from symbiotic_gym.pocket.apps import (
    code_files,
    code_issues,
    code_lists,
    code_merges,
    code_people,
    code_planning,
    code_settings,
)
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["SITE"]


def _layout(c: Context) -> dict[str, Any]:
    """What every page of the site shows: how much waits for the visitor."""
    waiting = 0
    if c.user is not None:
        waiting = c.value("SELECT count(*) FROM code_todos WHERE person_id = ? AND NOT done", c.user_id)
    return {"waiting": waiting}


SITE = SiteApp("code", "Treeline", "projects, their files, issues and merge requests", layout_values=_layout)
for part in (code_lists, code_people, code_settings, code_issues, code_merges, code_planning, code_files):
    part.add(SITE)  # code_files last: a project's own address fits any two words
