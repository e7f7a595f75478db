"""What customers wrote about products: a review is shown in the shop once somebody approved it."""

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

STATUSES = ("pending", "approved", "rejected")


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/reviews", login=True)(reviews)
    site.get("/reviews/{id:int}", login=True)(review)
    site.post("/reviews/{id:int}", login=True)(decide)


_REVIEW = (
    "SELECT r.*, o.name AS product, p.name FROM shop_reviews r JOIN shop_products o ON o.id = r.product_id "
    "JOIN people p ON p.id = r.person_id"
)


def reviews(c: Context) -> Response:
    where, values = ["1"], []
    if c.query.get("status") in STATUSES:
        where.append("r.status = ?")
        values.append(c.query["status"])
    if c.query.get("q"):
        where.append("o.name LIKE ?")
        values.append(f"%{c.query['q'].strip()}%")
    if c.query.get("rating", "").isdecimal():
        where.append("r.rating = ?")
        values.append(c.query["rating"])
    found = c.paged(f"{_REVIEW} WHERE {' AND '.join(where)} ORDER BY r.at DESC, r.id", *values, per_page=12)
    return c.render("reviews.html", reviews=found, statuses=STATUSES)


def review(c: Context) -> Response:
    found = c.rows(f"{_REVIEW} WHERE r.id = ?", c.values["id"])
    if not found:
        return c.not_found("This review")
    return c.render("review.html", review=found[0])


def decide(c: Context) -> Response:
    found = c.rows("SELECT * FROM shop_reviews WHERE id = ?", c.values["id"])
    if not found:
        return c.not_found("This review")
    status = c.form.get("status", "")
    if status not in STATUSES:
        return c.forbidden("A review can be pending, approved or rejected.")
    c.db.execute("UPDATE shop_reviews SET status = ? WHERE id = ?", (status, found[0]["id"]))
    c.flash(f"The review is now {status}.")
    return c.redirect(f"/reviews/{found[0]['id']}")
