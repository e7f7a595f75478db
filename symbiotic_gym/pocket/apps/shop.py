"""The shop: Larkspur Market. Its pages are spread over `shop_*.py`; this module puts them together."""

from typing import Any

from symbiotic_gym.pocket.apps import shop_account, shop_addresses, shop_cart, shop_catalog, shop_contact, shop_product
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["ENTERED", "SHOWS", "SITE"]


def _layout(c: Context) -> dict[str, Any]:
    """What every page of the shop shows: its categories, and how much is in the cart."""
    count = 0
    if c.user is not None:
        count = c.value("SELECT coalesce(sum(quantity), 0) FROM shop_cart WHERE person_id = ?", c.user_id)
    return {"categories": c.rows("SELECT * FROM shop_categories ORDER BY name"), "cart_count": count}


SITE = SiteApp("shop", "Larkspur Market", "things for the house, the garden and the road", layout_values=_layout)
for part in (shop_catalog, shop_product, shop_cart, shop_account, shop_addresses, shop_contact):
    part.add(SITE)

SHOWS = {
    "people": "SELECT '/account/details' WHERE :id = 1",
    "shop_addresses": "SELECT '/account/addresses' WHERE :person_id = 1",
    "shop_cart": "SELECT '/cart' WHERE :person_id = 1",
    "shop_newsletter": "SELECT '/account/newsletter' WHERE :person_id = 1",
    "shop_order_items": "SELECT '/account/orders/' || number FROM shop_orders WHERE id = :order_id AND person_id = 1",
    "shop_orders": "SELECT '/account/orders/' || :number WHERE :person_id = 1",
    "shop_products": "SELECT '/product/' || :id",
    "shop_wishes": "SELECT '/account/wishes' WHERE :person_id = 1",
}
"""Where a row of a table can be seen: a query for the page's path, with the row's columns by name; see `pocket/endings.py`."""

ENTERED = ("UPDATE shop_orders SET number = (SELECT max(CAST(number AS INTEGER)) + 37 FROM shop_orders) WHERE number = 'new'",)
"""What the sites fill in where a task's effect leaves it open."""
