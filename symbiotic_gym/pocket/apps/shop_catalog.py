"""Finding things in the shop: the start page, categories, and search, with sort, filters and pages."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

PER_PAGE = 12
SORTS = {
    "": ("Name", "name, id"),
    "price": ("Price: low to high", "price, id"),
    "dear": ("Price: high to low", "price DESC, id"),
    "rating": ("Best rated", "rating DESC NULLS LAST, reviews DESC, id"),
    "new": ("Newest", "added_at DESC, id"),
}


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/")(home)
    site.get("/c/{slug}")(category)
    site.get("/search")(search)
    site.get("/suggest")(suggest)


def home(c: Context) -> Response:
    newest = c.rows("SELECT * FROM shop_listed WHERE active ORDER BY added_at DESC, id LIMIT 6")
    return c.render("home.html", newest=newest)


def category(c: Context) -> Response:
    found = c.rows("SELECT * FROM shop_categories WHERE slug = ?", c.values["slug"])
    if not found:
        return c.not_found("This category")
    return _list(c, "category_id = ?", [found[0]["id"]], heading=found[0]["name"])


def search(c: Context) -> Response:
    words = c.query.get("q", "").split()
    if not words:
        return c.render("search.html")
    where = " AND ".join(["(name LIKE ? OR brand LIKE ? OR category LIKE ? OR description LIKE ?)"] * len(words))
    patterns = [f"%{_literal(word)}%" for word in words for _ in range(4)]
    return _list(c, where.replace("LIKE ?", "LIKE ? ESCAPE '\\'"), patterns, heading=f"Results for “{c.query['q'].strip()}”")


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _list(c: Context, where: str, values: list[Any], *, heading: str) -> Response:
    brands = [
        row["brand"]
        for row in c.rows(f"SELECT DISTINCT brand FROM shop_listed WHERE active AND {where} ORDER BY brand", *values)
    ]
    filters, filter_values = _filters(c)
    order = SORTS.get(c.query.get("sort", ""), SORTS[""])[1]
    sql = f"SELECT * FROM shop_listed WHERE active AND {' AND '.join([where, *filters])} ORDER BY {order}"
    products = c.paged(sql, *values, *filter_values, per_page=PER_PAGE)
    sorts = [(key, label) for key, (label, _) in SORTS.items()]
    return c.render("list.html", heading=heading, products=products, brands=brands, sorts=sorts)


def _filters(c: Context) -> tuple[list[str], list[Any]]:
    """The filters of the address as SQL, with their values."""
    filters: list[str] = []
    values: list[Any] = []
    for name, comparison in (("min", ">="), ("max", "<=")):
        dollars = c.number(name, -1)
        if dollars >= 0:
            filters.append(f"price {comparison} ?")
            values.append(dollars * 100)
        elif c.query.get(name):
            c.errors[name] = "Give whole dollars."
    if c.query.get("brand"):
        filters.append("brand = ?")
        values.append(c.query["brand"])
    if c.query.get("stock"):
        filters.append("stock > 0")
    return filters, values


def suggest(c: Context) -> Response:
    wanted = f"%{_literal(c.query.get('q', ''))}%"
    found = c.rows(
        "SELECT id, name FROM shop_products WHERE active AND name LIKE ? ESCAPE '\\' ORDER BY name, id LIMIT 6", wanted
    )
    return c.json([{"label": row["name"], "url": f"/product/{row['id']}"} for row in found])
