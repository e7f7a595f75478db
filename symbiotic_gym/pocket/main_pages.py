"""Each site's main pages: what its speed is measured on, and what its pictures show.

Addresses hold the names of a world, so they are looked up in one; the pages chosen are long ones, as visitors' usually are.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

from symbiotic_gym.pocket.template import Effect
from symbiotic_gym.pocket.world import World

__all__ = ["IN_CART", "PICTURED", "main_pages"]

IN_CART: Effect = (
    (
        "INSERT INTO shop_cart (person_id, product_id, quantity, options) "
        "SELECT 1, id, 1 + id % 2, '' FROM shop_products WHERE stock > 2 ORDER BY id LIMIT 3",
        (),
    ),
)
"""What is put into the world beforehand: without it the cart is empty, and checking out leads back to it."""

PICTURED = {
    "home": ("front",),
    "shop": ("front", "category", "product", "cart"),
    "admin": ("front", "orders", "product"),
    "forum": ("front", "board", "post"),
    "code": ("project", "issues", "issue"),
    "wiki": ("front", "article", "search"),
    "map": ("search", "place", "directions"),
}
"""Site -> the pages that the documentation shows."""


def main_pages(world: World) -> Mapping[str, Mapping[str, str]]:
    """Site -> page's name -> its path, as the person at the keyboard reaches it."""
    return {
        "home": {"front": "/"},
        "shop": _shop(world),
        "admin": _admin(world),
        "forum": _forum(world),
        "code": _code(world),
        "wiki": _wiki(world),
        "map": _map(world),
    }


def _most(world: World, table: str, of: str) -> int:
    """The id that most rows of a table name, the lowest of several."""
    return int(world.value(f"SELECT {of} FROM {table} GROUP BY {of} ORDER BY count(*) DESC, {of}"))


def _shop(world: World) -> dict[str, str]:
    product = _most(world, "shop_reviews", "product_id")
    order = world.value("SELECT number FROM shop_orders WHERE person_id = 1 ORDER BY at DESC, id DESC")
    return {
        "front": "/",
        "category": f"/c/{world.value('SELECT slug FROM shop_categories ORDER BY id')}",
        "product": f"/product/{product}",
        "search": "/search?q=oak",
        "cart": "/cart",
        "checkout": "/checkout",
        "account": "/account",
        "orders": "/account/orders",
        "order": f"/account/orders/{order}",
    }


def _admin(world: World) -> dict[str, str]:
    order = world.value("SELECT number FROM shop_orders ORDER BY at DESC, id DESC")
    return {
        "front": "/",
        "orders": "/orders",
        "order": f"/orders/{order}",
        "products": "/products",
        "product": f"/products/{_most(world, 'shop_reviews', 'product_id')}",
        "customers": "/customers",
        "reviews": "/reviews",
        "sales": "/reports/sales",
        "best-sellers": "/reports/best-sellers",
    }


def _forum(world: World) -> dict[str, str]:
    post = _most(world, "forum_comments", "post_id")
    board = world.value("SELECT b.slug FROM forum_boards b JOIN forum_posts p ON p.board_id = b.id WHERE p.id = ?", post)
    return {
        "front": "/",
        "board": f"/b/{board}",
        "boards": "/boards",
        "post": f"/post/{post}",
        "profile": f"/u/{world.me['username']}",
        "messages": "/messages",
        "search": "/search?q=the",
    }


def _code(world: World) -> dict[str, str]:
    project = _most(world, "code_issues", "project_id")
    owner, slug = world.one(
        "SELECT p.username, c.slug FROM code_projects c JOIN people p ON p.id = c.owner_id WHERE c.id = ?", project
    )
    issue = world.value(
        "SELECT number FROM code_comments WHERE project_id = ? AND kind = 'issue' "
        "GROUP BY number ORDER BY count(*) DESC, number",
        project,
    )
    base = f"/{owner}/{slug}"
    return {
        "front": "/",
        "explore": "/explore",
        "project": base,
        "commits": f"{base}/-/commits",
        "issues": f"{base}/-/issues",
        "issue": f"{base}/-/issues/{issue}",
        "merge-requests": f"{base}/-/merge_requests",
        "members": f"{base}/-/project_members",
        "to-dos": "/dashboard/todos",
    }


def _wiki(world: World) -> dict[str, str]:
    article = world.value(
        "SELECT a.slug FROM wiki_articles a JOIN wiki_facts f ON f.article_id = a.id GROUP BY a.id ORDER BY count(*) DESC, a.id"
    )
    return {
        "front": "/",
        "article": f"/a/{article}",
        "history": f"/a/{article}/history",
        "categories": "/categories",
        "search": "/search?q=river",
        "recent": "/recent",
        "watchlist": "/watchlist",
    }


def _map(world: World) -> dict[str, str]:
    town = world.value("SELECT slug FROM map_towns ORDER BY id")
    one, *_, other = world.rows(
        "SELECT * FROM map_places WHERE name IN (SELECT name FROM map_places GROUP BY name HAVING count(*) = 1) ORDER BY id"
    )
    return {
        "front": "/",
        "town": f"/town/{town}",
        "search": "/search?q=bakery",
        "place": f"/place/{one['id']}",
        "nearby": f"/place/{one['id']}/nearby",
        "directions": f"/directions?{urlencode({'from': one['name'], 'to': other['name']})}",
        "lists": "/lists",
    }
