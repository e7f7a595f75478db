"""The map site: Waymark. Its pages are spread over `map_*.py`; this module puts them together."""

from symbiotic_gym.pocket.apps import map_account, map_places, map_routes
from symbiotic_gym.pocket.web import SiteApp

__all__ = ["SHOWS", "SITE"]

SITE = SiteApp("map", "Waymark", "places, their hours, and the way there")
for part in (map_places, map_routes, map_account):
    part.add(SITE)

SHOWS = {
    "map_lists": "SELECT '/lists' WHERE :person_id = 1",
    "map_reports": "SELECT '/place/' || :place_id",
    "map_saved": "SELECT '/lists/' || :list_id",
    "map_settings": "SELECT '/settings' WHERE :person_id = 1",
}
"""Where a row of a table can be seen: a query for the page's path, with the row's columns by name; see `pocket/endings.py`."""
