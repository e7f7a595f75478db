"""The page that links all other sites."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.apps import load_site, site_names
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["SITE"]


def _layout(c: Context) -> dict[str, Any]:
    return {"sites": [load_site(name) for name in site_names() if name != SITE.name]}


SITE = SiteApp("home", "Pocket", "all sites at a glance", layout_values=_layout)


@SITE.get("/")
def home(c: Context) -> Response:
    return c.render("home.html")
