"""What the shop's templates share: choosing products, getting to their pages, and what carts and orders do to the world."""

import random
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.reading import Page
from symbiotic_gym.pocket.template import Effect
from symbiotic_gym.types import Candidate

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = [
    "Walk",
    "in_cart",
    "my_orders",
    "names",
    "open_account",
    "open_category",
    "open_order",
    "open_product",
    "ordered",
    "plain_products",
    "some_product",
]

Walk = Generator[Candidate, Page, Page]
"""Part of a play that returns the page it ends on."""

SHIPPING = {"Standard": 490, "Express": 1290, "Pick up in store": 0}


# --- drawing ---


def names(world: "World", where: str = "1", *values: Any) -> tuple[str, ...]:
    """The names of all products of which something holds."""
    return tuple(
        row["name"] for row in world.rows(f"SELECT name FROM shop_listed WHERE active AND {where} ORDER BY id", *values)
    )


def some_product(world: "World", rng: random.Random, where: str = "1", *values: Any) -> Any:
    """One of the products of which something holds."""
    return rng.choice(world.rows(f"SELECT * FROM shop_listed WHERE active AND {where} ORDER BY id", *values))


def plain_products(world: "World", rng: random.Random, count: int) -> list[Any]:
    """So many products that are well in stock and come without options."""
    plain = "stock > 5 AND id NOT IN (SELECT product_id FROM shop_options)"
    return rng.sample(world.rows(f"SELECT * FROM shop_listed WHERE active AND {plain} ORDER BY id"), count)


def in_cart(product_id: int, quantity: int = 1, options: str = "") -> tuple[str, tuple[Any, ...]]:
    """So many of a product in the cart of the person at the keyboard."""
    return (
        "INSERT INTO shop_cart (person_id, product_id, options, quantity) VALUES (1, ?, ?, ?)",
        (product_id, options, quantity),
    )


def ordered(
    lines: list[tuple[Any, int]], address: Any, shipping: str, payment: str, *, coupon: str = "", percent: int = 0
) -> Effect:
    """The order of some products (rows and quantities), as placing it changes the world."""
    subtotal = sum(product["price"] * quantity for product, quantity in lines)
    discount = subtotal * percent // 100
    where = f"{address['name']}, {address['street']}, {address['postcode']} {address['city']}"
    effect: list[tuple[str, tuple[Any, ...]]] = [
        ("DELETE FROM shop_cart WHERE person_id = 1", ()),
        (
            "INSERT INTO shop_orders (number, person_id, at, status, address, shipping, "
            "shipping_price, payment, coupon, discount, "
            "total) VALUES ('new', 1, '', 'Pending', ?, ?, ?, ?, ?, ?, ?)",
            (where, shipping, SHIPPING[shipping], payment, coupon, discount, subtotal - discount + SHIPPING[shipping]),
        ),
    ]
    for product, quantity in lines:
        effect.append(
            (
                "INSERT INTO shop_order_items (order_id, product_id, options, price, quantity) "
                "SELECT id, ?, '', ?, ? FROM shop_orders WHERE number = 'new'",
                (product["id"], product["price"], quantity),
            )
        )
        effect.append(("UPDATE shop_products SET stock = stock - ? WHERE id = ?", (quantity, product["id"])))
    return effect


def my_orders(world: "World", where: str = "1", *values: Any) -> list[Any]:
    """The orders of the person at the keyboard of which something holds, the latest first."""
    return world.rows(f"SELECT * FROM shop_orders WHERE person_id = 1 AND {where} ORDER BY at DESC, id DESC", *values)


# --- walking ---


def open_category(page: Page, category: str) -> Walk:
    """Open a category from any page."""
    return (yield page.click(category, f"The menu has a link to {category}.", "link"))


def open_product(page: Page, name: str) -> Walk:
    """Find a product by searching for its name."""
    page = yield page.fill("Search products", name, f"Searching for the name finds the {name}.")
    page = yield page.click("Search", "This starts the search.", "button")
    return (yield page.click(name, f"This is the {name}.", "link", below="Results for"))


def open_account(page: Page, part: str) -> Walk:
    """Open a part of the account, such as `My orders`."""
    page = yield page.click("My account", f"{part} is a part of the account.", "link")
    return (yield page.click(part, f"The account's menu has {part}.", "link", below="Overview"))


def open_order(page: Page, number: str) -> Walk:
    """Open one of the person's orders, looking through the pages of the list."""
    page = yield from open_account(page, "My orders")
    while not page.offers(number, "link"):
        page = yield page.click("Next page", f"Order {number} is not on this page of the list.", "link")
    return (yield page.click(number, f"This is order {number}.", "link"))
