"""A customer's addresses: one of them is the main one, which orders go to unless another is chosen."""

from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

_FIELDS = {
    "label": "Label",
    "name": "Full name",
    "street": "Street and number",
    "postcode": "Postcode",
    "city": "City",
    "phone": "Phone",
}


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/account/addresses", login=True)(addresses)
    site.form("/account/addresses/new", login=True)(new)
    site.form("/account/addresses/{id:int}", login=True)(edit)
    site.post("/account/addresses/{id:int}/delete", login=True)(delete)
    site.post("/account/addresses/{id:int}/main", login=True)(make_main)


def addresses(c: Context) -> Response:
    found = c.rows("SELECT * FROM shop_addresses WHERE person_id = ? ORDER BY main DESC, id", c.user_id)
    return c.render("addresses.html", addresses=found)


def _own(c: Context) -> Any:
    found = c.rows("SELECT * FROM shop_addresses WHERE id = ? AND person_id = ?", c.values["id"], c.user_id)
    return found[0] if found else None


def _taken(c: Context) -> list[str]:
    values = [c.require(name, label, longest=80) for name, label in _FIELDS.items()]
    if c.form.get("postcode") and not (c.form["postcode"].isdecimal() and len(c.form["postcode"]) == 5):
        c.errors["postcode"] = "A postcode has five digits."
    return values


def new(c: Context) -> Response:
    if c.method == "POST":
        values = _taken(c)
        if not c.errors:
            c.db.execute(
                f"INSERT INTO shop_addresses (person_id, {', '.join(_FIELDS)}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (c.user_id, *values),
            )
            c.flash("The address was added.")
            return c.redirect("/account/addresses")
    return c.render(
        "address.html", heading="New address", fields=_FIELDS, form={"name": c.user["name"], "phone": c.user["phone"], **c.form}
    )


def edit(c: Context) -> Response:
    address = _own(c)
    if address is None:
        return c.not_found("This address")
    if c.method == "POST":
        values = _taken(c)
        if not c.errors:
            changes = ", ".join(f"{name} = ?" for name in _FIELDS)
            c.db.execute(f"UPDATE shop_addresses SET {changes} WHERE id = ?", (*values, address["id"]))
            c.flash("The address was saved.")
            return c.redirect("/account/addresses")
    form = {name: address[name] for name in _FIELDS} | c.form
    return c.render("address.html", heading="Edit address", fields=_FIELDS, form=form)


def delete(c: Context) -> Response:
    address = _own(c)
    if address is None:
        return c.not_found("This address")
    if address["main"]:
        c.flash("Your main address cannot be deleted. Make another one the main address first.", "error")
    else:
        c.db.execute("DELETE FROM shop_addresses WHERE id = ?", (address["id"],))
        c.flash("The address was deleted.")
    return c.redirect("/account/addresses")


def make_main(c: Context) -> Response:
    address = _own(c)
    if address is None:
        return c.not_found("This address")
    c.db.execute("UPDATE shop_addresses SET main = (id = ?) WHERE person_id = ?", (address["id"], c.user_id))
    c.flash("Your main address was changed.")
    return c.redirect("/account/addresses")
