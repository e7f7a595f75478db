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

__all__ = ["SHOWS", "SITE"]


def _layout(c: Context) -> dict[str, Any]:
    """What every page of the site shows: how much waits for the visitor."""
    waiting = 0
    if c.user is not None:
        waiting = c.value("SELECT count(*) FROM code_todos WHERE person_id = ? AND NOT done", c.user_id)
    return {"waiting": waiting}


SITE = SiteApp("code", "Treeline", "projects, their files, issues and merge requests", layout_values=_layout)
for part in (code_lists, code_people, code_settings, code_issues, code_merges, code_planning, code_files):
    part.add(SITE)  # code_files last: a project's own address fits any two words

_IN = "SELECT '/' || path || '/-/{}' FROM code_paths WHERE id = :project_id"
SHOWS = {
    "code_comments": _IN.format("' || iif(:kind = 'issue', 'issues/', 'merge_requests/') || :number || '"),
    "code_files": _IN.format("blob/' || :path || '"),
    "code_commits": _IN.format("commits"),
    "code_issues": _IN.format("issues/' || :number || '"),
    "code_issue_labels": "SELECT '/' || path || '/-/issues/' || number FROM code_issues JOIN code_paths p ON p.id = project_id "
    "WHERE code_issues.id = :issue_id",
    "code_labels": _IN.format("labels"),
    "code_members": _IN.format("project_members"),
    "code_merges": _IN.format("merge_requests/' || :number || '"),
    "code_milestones": _IN.format("milestones"),
    "code_profiles": "SELECT '/profile' WHERE :person_id = 1",
    "code_projects": "SELECT '/' || path || page FROM code_paths, (SELECT '' page UNION SELECT '/-/settings') WHERE id = :id",
    "code_stars": "SELECT '/starred' WHERE :person_id = 1",
    "code_todos": "SELECT '/dashboard/todos' WHERE :person_id = 1",
}
"""Where a row of a table can be seen: a query for the page's path, with the row's columns by name; see `pocket/endings.py`."""
