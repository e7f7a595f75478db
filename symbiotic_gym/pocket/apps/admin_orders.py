"""All orders: finding them, moving them on, and noting things down about them."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

STATUSES = ("Pending", "Processing", "Shipped", "Delivered", "Cancelled")


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/orders", login=True)(orders)
    site.get("/orders/{number}", login=True)(order)
    site.post("/orders/{number}/status", login=True)(set_status)
    site.post("/orders/{number}/comment", login=True)(comment)


def orders(c: Context) -> Response:
    where, values = ["1"], []
    if c.query.get("status") in STATUSES:
        where.append("o.status = ?")
        values.append(c.query["status"])
    if c.query.get("q"):
        where.append("(o.number = ? OR p.name LIKE ?)")
        values += [c.query["q"].strip(), f"%{c.query['q'].strip()}%"]
    sql = (
        "SELECT o.*, p.name FROM shop_orders o JOIN people p ON p.id = o.person_id "
        f"WHERE {' AND '.join(where)} ORDER BY o.at DESC, o.id DESC"
    )
    return c.render("orders.html", orders=c.paged(sql, *values, per_page=15), statuses=STATUSES)


def _found(c: Context) -> Any:
    found = c.rows(
        "SELECT o.*, p.name, p.email FROM shop_orders o JOIN people p ON p.id = o.person_id WHERE o.number = ?",
        c.values["number"],
    )
    return found[0] if found else None


def order(c: Context) -> Response:
    found = _found(c)
    if found is None:
        return c.not_found("This order")
    items = c.rows(
        "SELECT i.*, p.name, p.sku FROM shop_order_items i JOIN shop_products p ON p.id = i.product_id "
        "WHERE i.order_id = ? ORDER BY i.id",
        found["id"],
    )
    comments = c.rows("SELECT * FROM shop_order_comments WHERE order_id = ? ORDER BY at, id", found["id"])
    return c.render("order.html", order=found, items=items, comments=comments, statuses=STATUSES, form=c.form)


def set_status(c: Context) -> Response:
    found = _found(c)
    if found is None:
        return c.not_found("This order")
    if found["status"] in ("Delivered", "Cancelled"):
        return c.forbidden(f"Order {found['number']} is closed: it is {found['status']}.")
    status = c.form.get("status", "")
    if status not in STATUSES:
        c.errors["status"] = "Please choose a status."
        return order(c)
    c.db.execute("UPDATE shop_orders SET status = ? WHERE id = ?", (status, found["id"]))
    c.flash(f"Order {found['number']} is now {status}.")
    return c.redirect(f"/orders/{found['number']}")


def comment(c: Context) -> Response:
    found = _found(c)
    if found is None:
        return c.not_found("This order")
    body = c.require("body", "Comment", longest=500)
    if c.errors:
        return order(c)
    c.db.execute(
        "INSERT INTO shop_order_comments (order_id, author, body, shown, at) VALUES (?, ?, ?, ?, ?)",
        (found["id"], c.user["first"], body, int("shown" in c.form), c.now.isoformat(sep=" ")),
    )
    c.flash("The comment was added.")
    return c.redirect(f"/orders/{found['number']}")
