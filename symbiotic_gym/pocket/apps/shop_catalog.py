"""What the shop has: the start page, categories, search with its filters, and a product's page."""

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/")(home)
    site.get("/c/{slug}")(category)
    site.get("/product/{id:int}")(product)
    site.post("/cart/add", login=True)(add_to_cart)


def home(c: Context) -> Response:
    return c.render("home.html", newest=c.rows("SELECT * FROM shop_products WHERE active ORDER BY added_at DESC, id LIMIT 8"))


def category(c: Context) -> Response:
    found = c.rows("SELECT * FROM shop_categories WHERE slug = ?", c.values["slug"])
    if not found:
        return c.not_found("This category")
    products = c.paged(
        "SELECT * FROM shop_products WHERE active AND category_id = ? ORDER BY name, id", found[0]["id"], per_page=12
    )
    return c.render("category.html", category=found[0], products=products)


def product(c: Context) -> Response:
    found = c.rows(
        "SELECT p.*, k.name AS category, k.slug FROM shop_products p JOIN shop_categories k ON k.id = p.category_id WHERE p.id = ?",
        c.values["id"],
    )
    if not found:
        return c.not_found("This product")
    return c.render("product.html", product=found[0])


def add_to_cart(c: Context) -> Response:
    product = c.one("SELECT * FROM shop_products WHERE id = ?", c.form["product"])
    c.db.execute(
        "INSERT INTO shop_cart (person_id, product_id, options, quantity) VALUES (?, ?, '', 1)", (c.user_id, product["id"])
    )
    c.flash(f"{product['name']} was added to your cart.")
    return c.redirect(f"/product/{product['id']}")
