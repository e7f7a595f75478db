"""The shop: Larkspur Market. Its pages are spread over `shop_*.py`; this module puts them together."""

from typing import Any

from symbiotic_gym.pocket.apps import shop_account, shop_addresses, shop_cart, shop_catalog, shop_contact, shop_product
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["SITE"]


def _layout(c: Context) -> dict[str, Any]:
    """What every page of the shop shows: its categories, and how much is in the cart."""
    count = 0
    if c.user is not None:
        count = c.value("SELECT coalesce(sum(quantity), 0) FROM shop_cart WHERE person_id = ?", c.user_id)
    return {"categories": c.rows("SELECT * FROM shop_categories ORDER BY name"), "cart_count": count}


SITE = SiteApp("shop", "Larkspur Market", "things for the house, the garden and the road", layout_values=_layout)
for part in (shop_catalog, shop_product, shop_cart, shop_account, shop_addresses, shop_contact):
    part.add(SITE)
