"""The catalogue from behind: prices, stock, and what is shown."""

import re
from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp
from symbiotic_gym.pocket.written import money

__all__ = ["add"]

STOCKS = {"out": ("Out of stock", "o.stock = 0"), "low": ("Fewer than 6", "o.stock < 6"), "in": ("In stock", "o.stock > 0")}


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/products", login=True)(products)
    site.form("/products/new", login=True)(new)
    site.form("/products/{id:int}", login=True)(edit)


def products(c: Context) -> Response:
    where, values = ["1"], []
    if c.query.get("q"):
        where.append("(o.name LIKE ? OR o.sku = ? OR o.brand LIKE ?)")
        words = c.query["q"].strip()
        values += [f"%{words}%", words, f"%{words}%"]
    if c.query.get("category"):
        where.append("o.slug = ?")
        values.append(c.query["category"])
    if c.query.get("stock") in STOCKS:
        where.append(STOCKS[c.query["stock"]][1])
    found = c.paged(f"SELECT * FROM shop_listed o WHERE {' AND '.join(where)} ORDER BY o.name, o.id", *values, per_page=20)
    stocks = [(key, label) for key, (label, _) in STOCKS.items()]
    return c.render("products.html", products=found, categories=_categories(c), stocks=stocks)


def _categories(c: Context) -> list[Any]:
    return c.rows("SELECT * FROM shop_categories ORDER BY name")


def _price(c: Context) -> int:
    """The form's price in cents."""
    text = c.form.get("price", "").removeprefix("$").replace(",", "")
    if not re.fullmatch(r"\d{1,6}(\.\d\d?)?", text):
        c.errors["price"] = "A price looks like 12.50."
        return 0
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0") or 0)


def _taken(c: Context) -> tuple[Any, ...]:
    name, description = c.require("name", "Name", longest=80), c.require("description", "Description")
    price, stock = _price(c), c.require_int("stock", "Stock", 0, 100_000)
    category = c.rows("SELECT id FROM shop_categories WHERE id = ?", c.form.get("category", ""))
    if not category:
        c.errors["category"] = "Please choose a category."
    return name, description, price, stock, category[0]["id"] if category else 0, int("active" in c.form)


def edit(c: Context) -> Response:
    found = c.rows("SELECT * FROM shop_products WHERE id = ?", c.values["id"])
    if not found:
        return c.not_found("This product")
    if c.method == "POST":
        values = _taken(c)
        if not c.errors:
            c.db.execute(
                "UPDATE shop_products SET name = ?, description = ?, price = ?, stock = ?, "
                "category_id = ?, active = ? WHERE id = ?",
                (*values, c.values["id"]),
            )
            c.flash(f"{values[0]} was saved.")
            return c.redirect(f"/products/{c.values['id']}")
    form = {
        **dict(found[0]),
        "price": money(found[0]["price"])[1:].replace(",", ""),
        "category": found[0]["category_id"],
        **c.form,
    }
    active = "active" in c.form if c.method == "POST" else found[0]["active"]
    return c.render("product.html", product=found[0], form=form, active=active, categories=_categories(c))


def new(c: Context) -> Response:
    if c.method == "POST":
        values, sku = _taken(c), c.require("sku", "SKU", longest=20)
        brand = c.require("brand", "Brand", longest=40)
        if c.rows("SELECT 1 FROM shop_products WHERE sku = ?", sku):
            c.errors["sku"] = "There is a product with this SKU already."
        if not c.errors:
            c.db.execute(
                "INSERT INTO shop_products (name, description, price, stock, category_id, active, sku, brand, kind, added_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, sku, brand, values[0].split()[-1], c.now.isoformat(sep=" ")),
            )
            c.flash(f"{values[0]} was added.")
            return c.redirect("/products")
    form = {"name": "", "description": "", "price": "", "stock": "0", "category": "", "sku": "", "brand": "", **c.form}
    return c.render("product.html", product=None, form=form, active=True, categories=_categories(c))
