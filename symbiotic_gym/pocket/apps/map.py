"""The map site: Waymark. Its pages are spread over `map_*.py`; this module puts them together."""

from symbiotic_gym.pocket.apps import map_account, map_places, map_routes
from symbiotic_gym.pocket.web import SiteApp

__all__ = ["SITE"]

SITE = SiteApp("map", "Waymark", "places, their hours, and the way there")
for part in (map_places, map_routes, map_account):
    part.add(SITE)
