"""Orders in the back office: moving them on, noting things down, answering who asks about them."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard, saying, without
from symbiotic_gym.pocket.reading import Page, done, goto, infeasible
from symbiotic_gym.pocket.tasks.admin_tools import all_orders, find_order
from symbiotic_gym.pocket.tasks.shop_tools import in_cart, ordered, plain_products
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class MoveOrderOn(Template):
    """Changing one order's status."""

    site, name, level, split = "admin", "move-order-on", 3, "train"
    wordings = (
        "Set order {number} to {status}.",
        "Change the status of order {number} to {status}.",
        "Order {number} is now {status}; enter that.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(all_orders(world, "status IN ('Pending', 'Processing', 'Shipped')"), 2)
        status, wrong = rng.sample([s for s in ("Processing", "Shipped", "Delivered", "Cancelled") if s != wanted["status"]], 2)
        return Instance(
            params={"number": wanted["number"], "status": status},
            effect=[("UPDATE shop_orders SET status = ? WHERE id = ?", (status, wanted["id"]))],
            near={"number": other["number"], "status": wrong},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_order(page, p["number"])
        page = yield page.select("New status", p["status"], f"The new status is to be {p['status']}.")
        yield page.click("Change status", "The choice counts once it is sent.", "button")
        yield done(f"Order {p['number']} is {p['status']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another status": misheard(self.oracle, status=instance.near["status"]),
            "not sent": half_done(self.oracle, "Change status"),
        }


class ReopenOrder(Template):
    """Asks for what the back office does not allow."""

    site, name, level, split = "admin", "reopen-order", 3, "test"
    wordings = (
        "Put order {number} back to Processing.",
        "Order {number} has to become Processing again; change its status.",
        "Reopen order {number}: it should be Processing.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = rng.choice(all_orders(world, "status IN ('Delivered', 'Cancelled')"))
        other = rng.choice(all_orders(world, "status IN ('Pending', 'Shipped')"))
        return Instance(params={"number": wanted["number"]}, infeasible=True, near={"number": other["number"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_order(page, p["number"])
        status = page.match(r"^Status\n(\w+)$")[1]
        yield infeasible(f"Order {p['number']} is {status} and closed, so its status cannot be changed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def another(page: Page, p: Params) -> Play:
            yield from MoveOrderOn().oracle(page, {"number": instance.near["number"], "status": "Processing"})

        return {"said to be done": saying(self.oracle, "Done."), "another order": another}


class NoteOnOrder(Template):
    """A text and a box."""

    site, name, level, split = "admin", "note-on-order", 3, "train"
    wordings = (
        "Add a comment to order {number} that the customer can see: “{text}”",
        "Leave the customer of order {number} the comment “{text}” on the order; it has to be shown to them.",
        "Comment on order {number}, shown to the customer: “{text}”",
    )
    _TEXTS = (
        "Your parcel leaves tomorrow.", "One item is delayed by a week.", "We have sent a new lid free of charge.",
        "The driver could not find the door.", "Your refund is on its way.",
    )  # fmt: skip

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(all_orders(world), 2)
        text = rng.choice(self._TEXTS)
        insert = "INSERT INTO shop_order_comments (order_id, author, body, shown, at) VALUES (?, ?, ?, 1, '')"
        return Instance(
            params={"number": wanted["number"], "text": text},
            effect=[(insert, (wanted["id"], world.me["first"], text))],
            near={"number": other["number"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_order(page, p["number"])
        page = yield page.fill("Comment", p["text"], "This is the text of the comment.")
        page = yield page.check("Show to the customer", "The customer is to see it.")
        yield page.click("Add comment", "Text and box are set.", "button")
        yield done("The comment is added.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "not shown": without(self.oracle, "Show to the customer"),
            "another order": misheard(self.oracle, number=instance.near["number"]),
            "not added": half_done(self.oracle, "Add comment"),
        }


class AnswerMessage(Template):
    """From a message to its order."""

    site, name, level, split = "admin", "answer-message", 5, "test"
    wordings = (
        "{customer} has sent a message about an order. Add the comment “{text}” to that "
        "order, without showing it to the customer.",
        "Find the order that {customer} wrote us about, and note “{text}” on it, not shown to the customer.",
        "In the messages, look up which order {customer} wrote about. That order gets the hidden comment “{text}”",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        letters = world.rows(
            "SELECT m.*, p.name, o.id AS order_id FROM shop_messages m JOIN people p ON p.id = m.person_id "
            "JOIN shop_orders o ON o.number = m.order_number GROUP BY m.person_id HAVING count(*) = 1 ORDER BY m.id"
        )
        letter = rng.choice(letters)
        other = rng.choice(all_orders(world, "o.id <> ?", letter["order_id"]))
        text = rng.choice(["Replacement sent.", "Refund agreed.", "Called back."])
        insert = "INSERT INTO shop_order_comments (order_id, author, body, shown, at) VALUES (?, ?, ?, 0, '')"
        return Instance(
            params={"customer": letter["name"], "text": text},
            effect=[(insert, (letter["order_id"], world.me["first"], text))],
            near={"number": other["number"]},
            private=(letter["name"], letter["order_number"]),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Messages", "Customers' messages are listed there.", "link")
        while True:
            rows = [row for row in page.rows() if p["customer"] in row.cells and any(c.isdecimal() for c in row.cells)]
            if rows:
                break
            page = yield page.click("Next page", f"No message of {p['customer']} about an order is on this page.", "link")
        number = next(cell for cell in rows[0].cells if cell.isdecimal())
        page = yield page.click(number, f"{p['customer']} wrote about order {number}.", "link")
        page = yield page.fill("Comment", p["text"], "This is the text of the comment.")
        yield page.click("Add comment", "The box for showing it stays empty.", "button")
        yield done("The comment is on the order.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def another(page: Page, p: Params) -> Play:
            page = yield from find_order(page, instance.near["number"])
            page = yield page.fill("Comment", p["text"], "This is the text of the comment.")
            yield page.click("Add comment", "It is filled in.", "button")
            yield done("The comment is on the order.")

        return {"another order": another, "not added": half_done(self.oracle, "Add comment")}


class OrderAndProcess(Template):
    """Buying in the shop, then moving the new order on in the back office."""

    site, name, level, split = "shop", "order-and-process", 5, "test"
    also = ("admin",)
    wordings = (
        "Order what is in my cart ({shipping}, {payment}), then set the new order to {status} in the back office, "
        "http://admin.pocket/",
        "Buy my cart with delivery {shipping} and payment {payment}. After that, mark this order as {status} at http://admin.pocket/",
        "Place an order of my cart: {shipping}, {payment}. Then use the back office at "
        "http://admin.pocket/ to make it {status}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        (product,) = plain_products(world, rng, 1)
        address = world.one("SELECT * FROM shop_addresses WHERE person_id = 1 AND main")
        shipping, payment = rng.choice(["Standard", "Express"]), rng.choice(["Card", "Invoice"])
        status, other = rng.sample(["Processing", "Shipped"], 2)
        return Instance(
            params={"shipping": shipping, "payment": payment, "status": status},
            before=[in_cart(product["id"])],
            effect=[
                *ordered([(product, 1)], address, shipping, payment),
                ("UPDATE shop_orders SET status = ? WHERE number = 'new'", (status,)),
            ],
            near={"status": other},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Cart (", "What is to be ordered is in the cart.", "link")
        page = yield page.click("Go to checkout", "Everything that is to be ordered is in the cart.", "link")
        page = yield page.check(p["shipping"], f"The delivery is to be {p['shipping']}.")
        page = yield page.check(p["payment"], f"It is to be paid by {p['payment']}.")
        page = yield page.click("Review order", "Everything is chosen.", "button")
        page = yield page.click("Place order", "The summary shows what was asked for.", "button")
        number = page.match(r"Your order number is (\d+)")[1]
        page = yield goto("http://admin.pocket/", "The order's status is changed in the back office.")
        yield from MoveOrderOn().oracle(page, {"number": number, "status": p["status"]})

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another status": misheard(self.oracle, status=instance.near["status"]),
            "not moved on": half_done(self.oracle, "Orders"),
            "not ordered": half_done(self.oracle, "Place order"),
        }


TEMPLATES = (
    MoveOrderOn(),
    ReopenOrder(),
    NoteOnOrder(),
    AnswerMessage(),
    OrderAndProcess(),
)
