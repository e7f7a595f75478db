"""The shop: Larkspur Market. Its pages are spread over `shop_*.py`; this module puts them together."""

from typing import Any

from symbiotic_gym.pocket.apps import shop_catalog
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["SITE"]


def _layout(c: Context) -> dict[str, Any]:
    """What the shop's every page shows: its categories, and how much is in the cart."""
    count = 0
    if c.user is not None:
        count = c.value("SELECT coalesce(sum(quantity), 0) FROM shop_cart WHERE person_id = ?", c.user_id)
    return {"categories": c.rows("SELECT * FROM shop_categories ORDER BY name"), "cart_count": count}


SITE = SiteApp("shop", "Larkspur Market", "things for the house, the garden and the road", layout_values=_layout)
shop_catalog.add(SITE)
