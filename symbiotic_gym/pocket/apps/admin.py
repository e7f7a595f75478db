"""The shop's back office: its start page, and the parts it is put together from."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.apps import admin_customers, admin_orders, admin_products, admin_reports, admin_reviews
from symbiotic_gym.pocket.web import Context, SiteApp
from symbiotic_gym.pocket.world import World

__all__ = ["SHOWS", "SITE"]


def _staff(world: World, person_id: int) -> bool:
    return bool(world.rows("SELECT 1 FROM admin_staff WHERE person_id = ?", person_id))


def _layout(c: Context) -> dict[str, Any]:
    return {"waiting": c.value("SELECT count(*) FROM shop_reviews WHERE status = 'pending'")}


SITE = SiteApp("admin", "Larkspur Back Office", "where the shop is run", may_enter=_staff, layout_values=_layout)


@SITE.get("/", login=True)
def home(c: Context) -> Response:
    statuses = c.rows("SELECT status, count(*) AS count FROM shop_orders GROUP BY status ORDER BY status")
    latest = c.rows(
        "SELECT o.*, p.name FROM shop_orders o JOIN people p ON p.id = o.person_id ORDER BY o.at DESC, o.id DESC LIMIT 5"
    )
    low = c.rows("SELECT * FROM shop_products WHERE active AND stock < 6 ORDER BY stock, name, id LIMIT 6")
    return c.render("home.html", statuses=statuses, latest=latest, low=low)


for part in (admin_orders, admin_products, admin_customers, admin_reviews, admin_reports):
    part.add(SITE)

SHOWS = {
    "shop_coupons": "SELECT '/coupons'",
    "shop_messages": "SELECT '/messages'",
    "shop_order_comments": "SELECT '/orders/' || number FROM shop_orders WHERE id = :order_id",
    "shop_order_items": "SELECT '/orders/' || number FROM shop_orders WHERE id = :order_id",
    "shop_orders": "SELECT '/orders/' || :number",
    "shop_products": "SELECT '/products/' || :id",
    "shop_reviews": "SELECT '/reviews/' || :id",
}
"""Where a row of a table can be seen: a query for the page's path, with the row's columns by name; see `pocket/endings.py`."""
