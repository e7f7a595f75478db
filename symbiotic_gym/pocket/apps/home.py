"""The start page: which sites there are, with a link to each."""

from starlette.responses import Response

from symbiotic_gym.pocket.apps import load_site, site_names
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["SITE"]

SITE = SiteApp("home", "Pocket", "where all sites are listed")


@SITE.get("/")
def home(c: Context) -> Response:
    return c.render("home.html", sites=[load_site(name) for name in site_names() if name != SITE.name])
