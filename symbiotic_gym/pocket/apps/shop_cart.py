"""Buying: the cart, the checkout in two pages, and the order that comes of it."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp
from symbiotic_gym.pocket.world.shop_texts import PAYMENTS, SHIPPING

__all__ = ["add"]


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/cart", login=True)(cart)
    site.post("/cart/{line:int}", login=True)(change)
    site.post("/cart/{line:int}/remove", login=True)(remove)
    site.form("/checkout", login=True)(checkout)
    site.post("/checkout/place", login=True)(place)


def _lines(c: Context) -> list[Any]:
    return c.rows(
        "SELECT l.*, p.name, p.price, p.stock, p.price * l.quantity AS total FROM shop_cart l "
        "JOIN shop_products p ON p.id = l.product_id WHERE l.person_id = ? ORDER BY l.id",
        c.user_id,
    )


def cart(c: Context) -> Response:
    lines = _lines(c)
    return c.render("cart.html", lines=lines, subtotal=sum(line["total"] for line in lines))


def _own_line(c: Context) -> Any:
    found = c.rows(
        "SELECT l.*, p.name, p.stock FROM shop_cart l JOIN shop_products p ON p.id = "
        "l.product_id WHERE l.id = ? AND l.person_id = ?",
        c.values["line"],
        c.user_id,
    )
    return found[0] if found else None


def change(c: Context) -> Response:
    line = _own_line(c)
    if line is None:
        return c.not_found("This line of the cart")
    quantity = c.require_int("quantity", "Quantity", 1, 99)
    if not c.errors and quantity > line["stock"]:
        c.errors["quantity"] = f"Only {line['stock']} of {line['name']} in stock."
    if c.errors:
        return cart(c)
    c.db.execute("UPDATE shop_cart SET quantity = ? WHERE id = ?", (quantity, line["id"]))
    c.flash("Your cart was updated.")
    return c.redirect("/cart")


def remove(c: Context) -> Response:
    line = _own_line(c)
    if line is None:
        return c.not_found("This line of the cart")
    c.db.execute("DELETE FROM shop_cart WHERE id = ?", (line["id"],))
    c.flash(f"{line['name']} was removed from your cart.")
    return c.redirect("/cart")


def checkout(c: Context) -> Response:
    lines = _lines(c)
    if not lines:
        c.flash("Your cart is empty.", "info")
        return c.redirect("/cart")
    addresses = c.rows("SELECT * FROM shop_addresses WHERE person_id = ? ORDER BY main DESC, id", c.user_id)
    if c.method == "POST":
        order = _order(c, lines)
        if not c.errors:
            return c.render("review_order.html", lines=lines, order=order, form=c.form)
    form = {
        "address": str(addresses[0]["id"]) if addresses else "",
        "shipping": SHIPPING[0][0],
        "payment": PAYMENTS[0],
        **c.form,
    }
    return c.render("checkout.html", lines=lines, addresses=addresses, shippings=SHIPPING, payments=PAYMENTS, form=form)


def _order(c: Context, lines: list[Any]) -> dict[str, Any]:
    """The order as the form describes it; what is wrong goes into `errors`."""
    subtotal = sum(line["total"] for line in lines)
    found = c.rows("SELECT * FROM shop_addresses WHERE id = ? AND person_id = ?", c.form.get("address", ""), c.user_id)
    if not found:
        c.errors["address"] = "Please choose an address."
    prices = {name: price for name, price, _ in SHIPPING}
    shipping, payment = c.form.get("shipping", ""), c.form.get("payment", "")
    if shipping not in prices:
        c.errors["shipping"] = "Please choose how it should be delivered."
    if payment not in PAYMENTS:
        c.errors["payment"] = "Please choose how you want to pay."
    code = c.form.get("coupon", "").upper()
    discount = _discount(c, code, subtotal) if code else 0
    for line in lines:
        if line["quantity"] > line["stock"]:
            c.errors["address"] = f"Only {line['stock']} of {line['name']} in stock."
    if c.errors:
        return {}
    where = found[0]
    return {
        "address": f"{where['name']}, {where['street']}, {where['postcode']} {where['city']}",
        "shipping": shipping,
        "shipping_price": prices[shipping],
        "payment": payment,
        "coupon": code,
        "discount": discount,
        "subtotal": subtotal,
        "total": subtotal - discount + prices[shipping],
    }


def _discount(c: Context, code: str, subtotal: int) -> int:
    found = c.rows("SELECT * FROM shop_coupons WHERE code = ? AND active", code)
    if not found:
        c.errors["coupon"] = f"There is no coupon {code}."
        return 0
    if subtotal < found[0]["least"]:
        c.errors["coupon"] = f"{code} is for orders from ${found[0]['least'] // 100} on."
        return 0
    return int(subtotal * found[0]["percent"] // 100)


def place(c: Context) -> Response:
    lines = _lines(c)
    order = _order(c, lines) if lines else {}
    if not order:
        c.errors.clear()
        c.flash("Your cart has changed; please check it.", "error")
        return c.redirect("/cart")
    number = str(c.value("SELECT max(CAST(number AS INTEGER)) FROM shop_orders") + 37)
    del order["subtotal"]
    values = {"number": number, "person_id": c.user_id, "at": c.now.isoformat(sep=" "), "status": "Pending", **order}
    marks = ", ".join("?" * len(values))
    c.db.execute(f"INSERT INTO shop_orders ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
    order_id = c.value("SELECT last_insert_rowid()")
    for line in lines:
        item = (order_id, line["product_id"], line["options"], line["price"], line["quantity"])
        c.db.execute(
            "INSERT INTO shop_order_items (order_id, product_id, options, price, quantity) VALUES (?, ?, ?, ?, ?)", item
        )
        c.db.execute("UPDATE shop_products SET stock = stock - ? WHERE id = ?", (line["quantity"], line["product_id"]))
    c.db.execute("DELETE FROM shop_cart WHERE person_id = ?", (c.user_id,))
    c.flash(f"Thank you! Your order number is {number}.")
    return c.redirect(f"/account/orders/{number}")
