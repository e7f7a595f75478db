"""Sales by month, what sells best, and the coupons. Cancelled orders count in none of them."""

import re

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/reports/sales", login=True)(sales)
    site.get("/reports/best-sellers", login=True)(best_sellers)
    site.get("/coupons", login=True)(coupons)
    site.form("/coupons/new", login=True)(new_coupon)
    site.post("/coupons/{code}", login=True)(switch)


def sales(c: Context) -> Response:
    months = c.rows(
        "SELECT substr(at, 1, 7) AS month, count(*) AS orders, sum(total) AS total, sum(shipping_price) AS shipping "
        "FROM shop_orders WHERE status <> 'Cancelled' GROUP BY month ORDER BY month DESC"
    )
    return c.render("sales.html", months=months)


def best_sellers(c: Context) -> Response:
    months = [row["month"] for row in c.rows("SELECT DISTINCT substr(at, 1, 7) AS month FROM shop_orders ORDER BY month DESC")]
    month = c.query.get("month", "")
    where = "AND substr(o.at, 1, 7) = ?" if month in months else ""
    sold = c.rows(
        "SELECT p.id, p.name, p.sku, sum(i.quantity) AS sold, sum(i.quantity * i.price) AS revenue FROM shop_order_items i "
        "JOIN shop_orders o ON o.id = i.order_id JOIN shop_products p ON p.id = i.product_id "
        f"WHERE o.status <> 'Cancelled' {where} GROUP BY p.id ORDER BY sold DESC, revenue DESC, p.id LIMIT 15",
        *([month] if where else []),
    )
    return c.render("best_sellers.html", sold=sold, months=months)


def coupons(c: Context) -> Response:
    return c.render("coupons.html", coupons=c.rows("SELECT * FROM shop_coupons ORDER BY code"))


def new_coupon(c: Context) -> Response:
    if c.method == "POST":
        code = c.require("code", "Code", longest=20).upper()
        percent, least = c.require_int("percent", "Percent", 1, 90), c.require_int("least", "Smallest order", 0, 10_000)
        if code and not re.fullmatch(r"[A-Z0-9]+", code):
            c.errors["code"] = "A code has letters and digits only."
        if c.rows("SELECT 1 FROM shop_coupons WHERE code = ?", code):
            c.errors["code"] = "There is a coupon with this code already."
        if not c.errors:
            c.db.execute(
                "INSERT INTO shop_coupons (code, percent, least, active) VALUES (?, ?, ?, 1)", (code, percent, least * 100)
            )
            c.flash(f"The coupon {code} was made.")
            return c.redirect("/coupons")
    return c.render("new_coupon.html", form=c.form)


def switch(c: Context) -> Response:
    found = c.rows("SELECT * FROM shop_coupons WHERE code = ?", c.values["code"])
    if not found:
        return c.not_found("This coupon")
    c.db.execute("UPDATE shop_coupons SET active = NOT active WHERE code = ?", (c.values["code"],))
    c.flash(f"{c.values['code']} is switched {'off' if found[0]['active'] else 'on'}.")
    return c.redirect("/coupons")
