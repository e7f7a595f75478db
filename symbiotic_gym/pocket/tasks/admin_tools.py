"""What the back office's templates share: its orders, and getting to the pages of orders and products."""

from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.reading import Page
from symbiotic_gym.pocket.tasks.shop_tools import Walk

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["all_orders", "find_order", "find_product"]


def all_orders(world: "World", where: str = "1", *values: Any) -> list[Any]:
    """The orders of which something holds, with their customers' names."""
    return world.rows(
        f"SELECT o.*, p.name FROM shop_orders o JOIN people p ON p.id = o.person_id WHERE {where} ORDER BY o.id", *values
    )


def find_order(page: Page, number: str) -> Walk:
    """Open an order by its number."""
    page = yield page.click("Orders", "All orders are listed there.", "link")
    page = yield page.fill("Number or customer", number, "The filter takes an order's number.")
    page = yield page.click("Filter", "This leaves the one order.", "button")
    return (yield page.click(number, f"This is order {number}.", "link"))


def find_product(page: Page, name: str) -> Walk:
    """Open a product's form by its name."""
    page = yield page.click("Products", "All products are listed there.", "link")
    page = yield page.fill("Name, SKU or brand", name, "The filter takes a product's name.")
    page = yield page.click("Filter", "This leaves what is called so.", "button")
    return (yield page.click(name, f"This is the {name}.", "link"))
