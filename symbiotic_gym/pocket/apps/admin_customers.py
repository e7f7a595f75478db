"""Who buys: the list of customers, each with what they have bought, and what they write."""

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/customers", login=True)(customers)
    site.get("/customers/{id:int}", login=True)(customer)
    site.get("/messages", login=True)(messages)


def customers(c: Context) -> Response:
    words = f"%{c.query.get('q', '').strip()}%"
    found = c.paged(
        "SELECT p.*, (SELECT count(*) FROM shop_orders o WHERE o.person_id = p.id) AS orders FROM people p "
        "WHERE p.name LIKE ? OR p.email LIKE ? OR p.phone LIKE ? OR p.city LIKE ? ORDER BY p.last, p.first, p.id",
        words,
        words,
        words,
        words,
        per_page=20,
    )
    return c.render("customers.html", customers=found)


def customer(c: Context) -> Response:
    found = c.rows("SELECT * FROM people WHERE id = ?", c.values["id"])
    if not found:
        return c.not_found("This customer")
    addresses = c.rows("SELECT * FROM shop_addresses WHERE person_id = ? ORDER BY main DESC, id", c.values["id"])
    orders = c.rows("SELECT * FROM shop_orders WHERE person_id = ? ORDER BY at DESC, id DESC", c.values["id"])
    letters = c.rows("SELECT topics FROM shop_newsletter WHERE person_id = ?", c.values["id"])
    topics = letters[0]["topics"] if letters else "none"
    return c.render("customer.html", customer=found[0], addresses=addresses, orders=orders, topics=topics)


def messages(c: Context) -> Response:
    found = c.paged(
        "SELECT m.*, p.name FROM shop_messages m JOIN people p ON p.id = m.person_id ORDER BY m.at DESC, m.id DESC", per_page=10
    )
    return c.render("messages.html", messages=found)
