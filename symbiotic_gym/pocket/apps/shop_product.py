"""A product's page: its options, its reviews, and what can be done with it."""

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add", "options"]


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/product/{id:int}")(product)
    site.get("/product/{id:int}/similar")(similar)
    site.post("/product/{id:int}/cart", login=True)(add_to_cart)
    site.post("/product/{id:int}/wish", login=True)(add_to_wishes)
    site.form("/product/{id:int}/review", login=True)(review)


def options(c: Context, product_id: int) -> dict[str, list[str]]:
    """What a product comes in: the values of each of its options."""
    found: dict[str, list[str]] = {}
    for row in c.rows("SELECT name, value FROM shop_options WHERE product_id = ? ORDER BY id", product_id):
        found.setdefault(row["name"], []).append(row["value"])
    return found


def product(c: Context) -> Response:
    found = c.rows("SELECT * FROM shop_listed WHERE id = ? AND active", c.values["id"])
    if not found:
        return c.not_found("This product")
    reviews = c.rows(
        "SELECT r.*, p.first, p.last FROM shop_reviews r JOIN people p ON p.id = r.person_id "
        "WHERE r.product_id = ? AND r.status = 'approved' ORDER BY r.at DESC, r.id",
        c.values["id"],
    )
    return c.render("product.html", product=found[0], options=options(c, c.values["id"]), reviews=reviews, form=c.form)


def similar(c: Context) -> Response:
    found = c.rows(
        "SELECT o.* FROM shop_listed o JOIN shop_products p ON p.kind = o.kind "
        "WHERE p.id = ? AND o.id <> p.id AND o.active ORDER BY o.price, o.id LIMIT 3",
        c.values["id"],
    )
    return c.render("similar.html", found=found)


def add_to_cart(c: Context) -> Response:
    found = c.one("SELECT * FROM shop_products WHERE id = ? AND active", c.values["id"])
    chosen = []
    for number, (name, values) in enumerate(options(c, found["id"]).items()):
        value = c.form.get(f"option{number}", "")
        if value not in values:
            c.errors[f"option{number}"] = f"Please choose: {name}."
        chosen.append(f"{name}: {value}")
    there = c.value(
        "SELECT coalesce(sum(quantity), 0) FROM shop_cart WHERE person_id = ? AND product_id = ?", c.user_id, found["id"]
    )
    quantity = c.require_int("quantity", "Quantity", 1, 99)
    if not c.errors and quantity + there > found["stock"]:
        c.errors["quantity"] = f"Only {found['stock']} in stock."
    if c.errors:
        return product(c)
    put_in_cart(c, found["id"], ", ".join(chosen), quantity)
    c.flash(f"{found['name']} was added to your cart.")
    return c.redirect("/cart")


def put_in_cart(c: Context, product_id: int, chosen: str, quantity: int) -> None:
    """Add so many to the visitor's cart; more of the same go on the same line."""
    same = (c.user_id, product_id, chosen)
    if c.rows("SELECT 1 FROM shop_cart WHERE person_id = ? AND product_id = ? AND options = ?", *same):
        statement = "UPDATE shop_cart SET quantity = quantity + ? WHERE person_id = ? AND product_id = ? AND options = ?"
    else:
        statement = "INSERT INTO shop_cart (quantity, person_id, product_id, options) VALUES (?, ?, ?, ?)"
    c.db.execute(statement, (quantity, *same))


def add_to_wishes(c: Context) -> Response:
    found = c.one("SELECT * FROM shop_products WHERE id = ?", c.values["id"])
    if c.rows("SELECT 1 FROM shop_wishes WHERE person_id = ? AND product_id = ?", c.user_id, found["id"]):
        c.flash(f"{found['name']} is on your wish list already.", "info")
    else:
        c.db.execute("INSERT INTO shop_wishes (person_id, product_id) VALUES (?, ?)", (c.user_id, found["id"]))
        c.flash(f"{found['name']} was added to your wish list.")
    return c.redirect(f"/product/{found['id']}")


def review(c: Context) -> Response:
    found = c.rows("SELECT * FROM shop_listed WHERE id = ? AND active", c.values["id"])
    if not found:
        return c.not_found("This product")
    if c.method == "POST":
        rating = c.require_int("rating", "Rating", 1, 5)
        title, body = c.require("title", "Title", longest=120), c.require("body", "Review")
        if not c.errors:
            c.db.execute(
                "INSERT INTO shop_reviews (product_id, person_id, rating, title, body, status, "
                "at) VALUES (?, ?, ?, ?, ?, 'pending', ?)",
                (found[0]["id"], c.user_id, rating, title, body, c.now.isoformat(sep=" ")),
            )
            c.flash("Thank you. Your review will be shown once it has been checked.")
            return c.redirect(f"/product/{found[0]['id']}")
    return c.render("review.html", product=found[0], form=c.form)
