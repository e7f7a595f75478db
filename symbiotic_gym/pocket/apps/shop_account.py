"""What a customer has: orders, wish list, newsletter and personal details."""

from starlette.responses import Response

from symbiotic_gym.pocket.apps.shop_product import options, put_in_cart
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

STATUSES = ("Pending", "Processing", "Shipped", "Delivered", "Cancelled")
TOPICS = ("Offers", "New arrivals", "Events")


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/account", login=True)(account)
    site.get("/account/orders", login=True)(orders)
    site.get("/account/orders/{number}", login=True)(order)
    site.post("/account/orders/{number}/cancel", login=True)(cancel)
    site.post("/account/orders/{number}/again", login=True)(again)
    site.get("/account/wishes", login=True)(wishes)
    site.post("/account/wishes/{id:int}/remove", login=True)(remove_wish)
    site.post("/account/wishes/{id:int}/cart", login=True)(wish_to_cart)
    site.form("/account/newsletter", login=True)(newsletter)
    site.form("/account/details", login=True)(details)


def account(c: Context) -> Response:
    latest = c.rows("SELECT * FROM shop_orders WHERE person_id = ? ORDER BY at DESC, id DESC LIMIT 3", c.user_id)
    address = c.rows("SELECT * FROM shop_addresses WHERE person_id = ? AND main", c.user_id)
    return c.render("account.html", latest=latest, address=address)


def orders(c: Context) -> Response:
    sql, values = "SELECT * FROM shop_orders WHERE person_id = ?", (c.user_id,)
    if c.query.get("status") in STATUSES:
        sql += f" AND status = '{c.query['status']}'"
    found = c.paged(f"{sql} ORDER BY at DESC, id DESC", *values, per_page=6)
    return c.render("orders.html", orders=found, statuses=STATUSES)


def order(c: Context) -> Response:
    found = c.rows("SELECT * FROM shop_orders WHERE number = ? AND person_id = ?", c.values["number"], c.user_id)
    if not found:
        return c.not_found("This order")
    items = c.rows(
        "SELECT i.*, p.name FROM shop_order_items i JOIN shop_products p ON p.id = "
        "i.product_id WHERE i.order_id = ? ORDER BY i.id",
        found[0]["id"],
    )
    comments = c.rows("SELECT * FROM shop_order_comments WHERE order_id = ? AND shown ORDER BY at, id", found[0]["id"])
    return c.render("order.html", order=found[0], items=items, comments=comments)


def cancel(c: Context) -> Response:
    found = c.rows("SELECT * FROM shop_orders WHERE number = ? AND person_id = ?", c.values["number"], c.user_id)
    if not found:
        return c.not_found("This order")
    if found[0]["status"] != "Pending":
        return c.forbidden("Only orders that are still pending can be cancelled.")
    c.db.execute("UPDATE shop_orders SET status = 'Cancelled' WHERE id = ?", (found[0]["id"],))
    c.flash(f"Order {found[0]['number']} was cancelled.")
    return c.redirect(f"/account/orders/{found[0]['number']}")


def again(c: Context) -> Response:
    """Put an earlier order's things into the cart, as far as there are any."""
    found = c.rows("SELECT * FROM shop_orders WHERE number = ? AND person_id = ?", c.values["number"], c.user_id)
    if not found:
        return c.not_found("This order")
    for item in c.rows(
        "SELECT i.*, p.name, p.stock, p.active FROM shop_order_items i JOIN shop_products p ON p.id = i.product_id "
        "WHERE i.order_id = ? ORDER BY i.id",
        found[0]["id"],
    ):
        if item["active"] and item["stock"] >= item["quantity"]:
            put_in_cart(c, item["product_id"], item["options"], item["quantity"])
        else:
            c.flash(f"{item['name']} is not in stock and was left out.", "error")
    c.flash(f"The things of order {found[0]['number']} were added to your cart.")
    return c.redirect("/cart")


def wishes(c: Context) -> Response:
    found = c.rows(
        "SELECT w.id AS wish, p.* FROM shop_wishes w JOIN shop_listed p ON p.id = "
        "w.product_id WHERE w.person_id = ? ORDER BY w.id",
        c.user_id,
    )
    return c.render("wishes.html", wishes=found)


def remove_wish(c: Context) -> Response:
    c.db.execute("DELETE FROM shop_wishes WHERE id = ? AND person_id = ?", (c.values["id"], c.user_id))
    c.flash("Removed from your wish list.")
    return c.redirect("/account/wishes")


def wish_to_cart(c: Context) -> Response:
    """Move a wish into the cart; a product with options has to be chosen on its own page."""
    found = c.rows("SELECT product_id FROM shop_wishes WHERE id = ? AND person_id = ?", c.values["id"], c.user_id)
    if not found:
        return c.not_found("This wish")
    product = c.one("SELECT * FROM shop_products WHERE id = ?", found[0]["product_id"])
    if options(c, product["id"]):
        c.flash("Please choose the options first.", "info")
        return c.redirect(f"/product/{product['id']}")
    if product["stock"] < 1:
        c.flash(f"{product['name']} is out of stock.", "error")
        return c.redirect("/account/wishes")
    put_in_cart(c, product["id"], "", 1)
    c.db.execute("DELETE FROM shop_wishes WHERE id = ?", (c.values["id"],))
    c.flash(f"{product['name']} was moved to your cart.")
    return c.redirect("/account/wishes")


def newsletter(c: Context) -> Response:
    if c.method == "POST":
        chosen = [topic for topic in TOPICS if topic in c.many("topic")]
        c.db.execute("DELETE FROM shop_newsletter WHERE person_id = ?", (c.user_id,))
        if chosen:
            c.db.execute("INSERT INTO shop_newsletter (person_id, topics) VALUES (?, ?)", (c.user_id, ", ".join(chosen)))
        c.flash("Your newsletter settings were saved.")
        return c.redirect("/account/newsletter")
    found = c.rows("SELECT topics FROM shop_newsletter WHERE person_id = ?", c.user_id)
    return c.render("newsletter.html", topics=TOPICS, chosen=found[0]["topics"].split(", ") if found else [])


def details(c: Context) -> Response:
    form = {"phone": c.user["phone"], "email": c.user["email"], **c.form}
    if c.method == "POST":
        phone, email = c.require("phone", "Phone", longest=30), c.require("email", "E-mail", longest=120)
        if email and ("@" not in email or " " in email):
            c.errors["email"] = "This is not an e-mail address."
        if c.rows("SELECT 1 FROM people WHERE email = ? AND id <> ?", email, c.user_id):
            c.errors["email"] = "This address belongs to another account."
        if not c.errors:
            c.db.execute("UPDATE people SET phone = ?, email = ? WHERE id = ?", (phone, email, c.user_id))
            c.flash("Your details were saved.")
            return c.redirect("/account/details")
    return c.render("details.html", form=form)
