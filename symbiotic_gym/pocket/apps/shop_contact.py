"""Writing to the shop, and what it says about delivery and returns."""

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp
from symbiotic_gym.pocket.world.shop_texts import SHIPPING

__all__ = ["add"]

TOPICS = ("A question about a product", "A problem with an order", "Return or refund", "Something else")


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.form("/contact", login=True)(contact)
    site.get("/help")(help_page)


def contact(c: Context) -> Response:
    if c.method == "POST":
        topic, body = c.form.get("topic", ""), c.require("body", "Message")
        number = c.form.get("order", "")
        if topic not in TOPICS:
            c.errors["topic"] = "Please choose what it is about."
        if number and not c.rows("SELECT 1 FROM shop_orders WHERE number = ? AND person_id = ?", number, c.user_id):
            c.errors["order"] = "You have no order with this number."
        if not c.errors:
            c.db.execute(
                "INSERT INTO shop_messages (person_id, topic, order_number, body, at) VALUES (?, ?, ?, ?, ?)",
                (c.user_id, topic, number, body, c.now.isoformat(sep=" ")),
            )
            c.flash("Your message was sent. We answer within two days.")
            return c.redirect("/contact")
    return c.render("contact.html", topics=TOPICS, form=c.form)


def help_page(c: Context) -> Response:
    return c.render("help.html", shippings=SHIPPING)
