"""The person's account: wishes, newsletter, addresses, details, and what one writes to the shop."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Number
from symbiotic_gym.pocket.plays import given_up, half_done, misheard, saying, without
from symbiotic_gym.pocket.reading import Page, answer, done, infeasible, money
from symbiotic_gym.pocket.tasks.shop_tools import open_account, open_order, open_product, some_product
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_WISH = "INSERT INTO shop_wishes (person_id, product_id) VALUES (1, ?)"


class WishThis(Template):
    """One button of the page that is open."""

    site, name, level, split = "shop", "wish-this", 1, "train"
    wordings = ("Put this {product} on my wish list.", "Remember the {product} on my wish list.", "I wish for this {product}: note it on my list.")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng, "id NOT IN (SELECT product_id FROM shop_wishes WHERE person_id = 1)")
        return Instance(
            params={"product": wanted["name"]}, start=f"/product/{wanted['id']}", effect=[(_WISH, (wanted["id"],))]
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click("Add to wish list", f"This notes the {p['product']}.", "button")
        yield done("It is on the wish list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def removed_again(page: Page, p: Params) -> Play:
            page = yield page.click("Add to wish list", "This notes it.", "button")
            page = yield from open_account(page, "Wish list")
            yield page.row(p["product"]).page.click("Remove", "This tidies the list.", "button")
            yield done("It is on the wish list.")

        return {"not pressed": half_done(self.oracle, "Add to wish list"), "removed again": removed_again}


class UnwishOne(Template):
    """One button out of several of the same name."""

    site, name, level, split, start = "shop", "unwish-one", 1, "train", "/account/wishes"
    wordings = (
        "Take the {product} off my wish list.",
        "Remove the {product} from my wish list.",
        "I do not wish for the {product} any more; strike it off the list.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wishes = world.rows(
            "SELECT p.* FROM shop_wishes w JOIN shop_products p ON p.id = w.product_id WHERE w.person_id = 1 ORDER BY w.id"
        )
        wanted, other = rng.sample(wishes, 2)
        return Instance(
            params={"product": wanted["name"]},
            effect=[("DELETE FROM shop_wishes WHERE person_id = 1 AND product_id = ?", (wanted["id"],))],
            near={"product": other["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.row(p["product"]).page.click("Remove", f"This is in the row of the {p['product']}.", "button")
        yield done("It is off the wish list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another wish": misheard(self.oracle, product=instance.near["product"]),
            "not removed": half_done(self.oracle, "Remove"),
        }


class WishesAbove(Template):
    """Counting rows by a condition."""

    site, name, level, split = "shop", "wishes-above", 3, "dev"
    wordings = (
        "How many things on my wish list cost more than ${limit}?",
        "Count what is on my wish list for over ${limit}.",
        "On my wish list, how many products have a price above ${limit}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wished = "SELECT p.price FROM shop_wishes w JOIN shop_products p ON p.id = w.product_id WHERE w.person_id = 1"
        prices = [row["price"] for row in world.rows(f"{wished} ORDER BY p.price, p.id")]
        limit = prices[rng.randrange(len(prices) - 1)] // 100 + 1
        count = sum(price > limit * 100 for price in prices)
        return Instance(
            params={"limit": str(limit)}, answer=Number(count), near={"more": str(count + 1), "below": str(count + 2)}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_account(page, "Wish list")
        prices = [money(row.cells[1]) for row in page.rows() if len(row.cells) > 2 and row.cells[1].startswith("$")]
        count = sum(price > int(p["limit"]) * 100 for price in prices)
        yield answer(str(count), f"Of {len(prices)} wishes, {count} cost more than ${p['limit']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"one more": saying(self.oracle, instance.near["more"]), "two more": saying(self.oracle, instance.near["below"])}


class Subscribe(Template):
    """A box and a button."""

    site, name, level, split, start = "shop", "subscribe", 1, "train", "/account/newsletter"
    wordings = (
        "Subscribe me to the newsletter “{topic}”.",
        "I want to get the letters about “{topic}”.",
        "Order the newsletter “{topic}” for me.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(["Offers", "New arrivals", "Events"], 2)
        return Instance(
            params={"topic": wanted},
            effect=[("INSERT INTO shop_newsletter (person_id, topics) VALUES (1, ?)", (wanted,))],
            near={"topic": other},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.check(p["topic"], f"The goal asks for “{p['topic']}”.")
        yield page.click("Save", "The choice counts once it is saved.", "button")
        yield done("The newsletter is subscribed to.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another letter": misheard(self.oracle, topic=instance.near["topic"]),
            "not saved": half_done(self.oracle, "Save"),
        }


class Unsubscribe(Template):
    """Several boxes, one of which stays."""

    site, name, level, split = "shop", "unsubscribe", 3, "test"
    wordings = (
        "Stop all newsletters but “{topic}”.",
        "From now on I only want the newsletter “{topic}”, none of the others.",
        "End my newsletters, except for “{topic}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(["Offers", "New arrivals", "Events"], 2)
        return Instance(
            params={"topic": wanted},
            before=[("INSERT INTO shop_newsletter (person_id, topics) VALUES (1, 'Offers, New arrivals, Events')", ())],
            effect=[("UPDATE shop_newsletter SET topics = ? WHERE person_id = 1", (wanted,))],
            near={"topic": other},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_account(page, "Newsletter")
        for topic in ("Offers", "New arrivals", "Events"):
            if topic != p["topic"]:
                page = yield page.check(topic, f"“{topic}” is not wanted any more.", on=False)
        yield page.click("Save", "The choice counts once it is saved.", "button")
        yield done(f"Only “{p['topic']}” is left.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another one kept": misheard(self.oracle, topic=instance.near["topic"]),
            "one left on": without(self.oracle, next(t for t in ("Offers", "Events") if t != instance.params["topic"])),
            "not saved": half_done(self.oracle, "Save"),
        }


class ChangePhone(Template):
    """A field and a button."""

    site, name, level, split, start = "shop", "change-phone", 1, "train", "/account/details"
    wordings = (
        "Change my phone number to {phone}.",
        "My new phone number is {phone}; save it.",
        "Set the phone number of my account to {phone}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        phone = f"555-{rng.randrange(100, 999)}-{rng.randrange(1000, 9999)}"
        return Instance(
            params={"phone": phone},
            effect=[("UPDATE people SET phone = ? WHERE id = 1", (phone,))],
            near={"phone": f"555-{rng.randrange(100, 999)}-{phone[-4:]}"},
            private=(phone,),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.fill("Phone", p["phone"], "This is the new number.")
        yield page.click("Save", "The number counts once it is saved.", "button")
        yield done("The number is saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another number": misheard(self.oracle, phone=instance.near["phone"]),
            "not saved": half_done(self.oracle, "Save"),
        }


class AddAddress(Template):
    """A form of six fields."""

    site, name, level, split = "shop", "add-address", 4, "train"
    wordings = (
        "Add an address “{label}” to my account: {street}, {postcode} {city}.",
        "Save {street}, {postcode} {city} as my address “{label}”.",
        "I need another address in my account, called “{label}”: {street}, {postcode} {city}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        other = rng.choice(world.rows("SELECT * FROM people WHERE id > 1 ORDER BY id"))
        label = rng.choice(["Parents", "Cabin", "Studio", "Neighbor"])
        postcode = str(int(other["postcode"]) + 1)
        values = (label, world.me["name"], other["street"], other["city"], other["postcode"], world.me["phone"])
        return Instance(
            params={"label": label, "street": other["street"], "postcode": other["postcode"], "city": other["city"]},
            effect=[
                (
                    "INSERT INTO shop_addresses (person_id, label, name, street, city, postcode, phone) VALUES (1, ?, ?, ?, ?, ?, ?)",
                    values,
                )
            ],
            near={"postcode": postcode},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_account(page, "Addresses")
        page = yield page.click("Add an address", "A new address is wanted.", "link")
        page = yield page.fill("Label", p["label"], f"It is to be called “{p['label']}”.")
        page = yield page.fill("Street and number", p["street"], "The goal gives the street.")
        page = yield page.fill("Postcode", p["postcode"], "The goal gives the postcode.")
        page = yield page.fill("City", p["city"], "The goal gives the city.")
        yield page.click("Save address", "All fields are filled; name and phone were there.", "button")
        yield done("The address is saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another postcode": misheard(self.oracle, postcode=instance.near["postcode"]),
            "not saved": half_done(self.oracle, "Save address"),
            "city left out": without(self.oracle, "City"),
        }


class MainAddress(Template):
    """One button of the right row."""

    site, name, level, split, start = "shop", "main-address", 2, "train", "/account"
    wordings = (
        "Make “{label}” my main address.",
        "My main address is to be “{label}” from now on.",
        "Orders should go to “{label}” by default: make it the main address.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        address = world.one("SELECT * FROM shop_addresses WHERE person_id = 1 AND NOT main ORDER BY id")
        return Instance(
            params={"label": address["label"]},
            effect=[("UPDATE shop_addresses SET main = (id = ?) WHERE person_id = 1", (address["id"],))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Addresses", "Addresses are kept there.", "link")
        yield page.row(p["label"]).page.click("Make main address", f"This is in the row “{p['label']}”.", "button")
        yield done(f"“{p['label']}” is the main address.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def delete(page: Page, p: Params) -> Play:
            page = yield page.click("Addresses", "Addresses are kept there.", "link")
            page = yield page.row(p["label"]).page.click("Delete", "This is in its row.", "button")
            yield page.click("Confirm", "The page asks.", "button")
            yield done("It is the main address.")

        return {"deleted": delete, "not pressed": half_done(self.oracle, "Make main address")}


class DeleteAddress(Template):
    """A button with a question behind it."""

    site, name, level, split = "shop", "delete-address", 3, "test"
    wordings = (
        "Delete my address “{label}”.",
        "Remove “{label}” from my saved addresses.",
        "I no longer need the address “{label}”; delete it from my account.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        address = world.one("SELECT * FROM shop_addresses WHERE person_id = 1 AND NOT main ORDER BY id")
        return Instance(
            params={"label": address["label"]}, effect=[("DELETE FROM shop_addresses WHERE id = ?", (address["id"],))]
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_account(page, "Addresses")
        page = yield page.row(p["label"]).page.click("Delete", f"This is in the row “{p['label']}”.", "button")
        yield page.click("Confirm", "The page asks whether that is meant.", "button")
        yield done("The address is deleted.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"not confirmed": half_done(self.oracle, "Confirm"), "given up": given_up}


class MoveOrder(Template):
    """Asks for what no page of the shop offers."""

    site, name, level, split = "shop", "move-order", 4, "dev"
    wordings = (
        "Have my order {number} delivered to my address “{label}” instead.",
        "Change the address of my order {number} to “{label}”.",
        "Order {number} should go to “{label}”, not where it goes now. Change that.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        orders = world.rows("SELECT * FROM shop_orders WHERE person_id = 1 AND status <> 'Cancelled' ORDER BY id")
        label = world.value("SELECT label FROM shop_addresses WHERE person_id = 1 AND NOT main ORDER BY id")
        return Instance(params={"number": rng.choice(orders)["number"], "label": label}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        yield from open_order(page, p["number"])
        yield infeasible(f"The page of order {p['number']} has nothing to change its address with.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def main_instead(page: Page, p: Params) -> Play:
            page = yield from open_account(page, "Addresses")
            yield page.row(p["label"]).page.click("Make main address", "This changes an address.", "button")
            yield infeasible("The order itself cannot be changed.")

        return {"said to be done": saying(self.oracle, "Done."), "main address changed": main_instead}


class WriteToShop(Template):
    """A form with a list, a number and a text."""

    site, name, level, split = "shop", "write-to-shop", 3, "train"
    wordings = (
        "Write to the shop about order {number}, topic “{topic}”: “{text}”",
        "Send the shop a message on “{topic}” for order {number}, saying “{text}”",
        "Use the contact form, choose “{topic}”, give order {number} and write “{text}”",
    )
    _TEXTS = (
        "The lid does not fit.", "One of the pieces is missing.", "I would like to send it back.", "When will it arrive?",
        "The color is not the one I chose.", "Please send me a return label.", "The box was open when it came.",
    )  # fmt: skip

    def draw(self, world: "World", rng: random.Random) -> Instance:
        orders = [r["number"] for r in world.rows("SELECT number FROM shop_orders WHERE person_id = 1 ORDER BY id")]
        number, other = rng.sample(orders, 2)
        topic, text = rng.choice(["A problem with an order", "Return or refund"]), rng.choice(self._TEXTS)
        return Instance(
            params={"number": number, "topic": topic, "text": text},
            effect=[
                (
                    "INSERT INTO shop_messages (person_id, topic, order_number, body, at) VALUES (1, ?, ?, ?, '')",
                    (topic, number, text),
                )
            ],
            near={"number": other, "topic": "Something else"},
            private=(number,),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Contact us", "The contact form sends messages to the shop.", "link")
        page = yield page.select("What is it about?", p["topic"], f"The topic is to be “{p['topic']}”.")
        page = yield page.fill("Order number", p["number"], "The goal gives the order.")
        page = yield page.fill("Message", p["text"], "This is what is to be said.")
        yield page.click("Send message", "The form is filled.", "button")
        yield done("The message is sent.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another order": misheard(self.oracle, number=instance.near["number"]),
            "another topic": misheard(self.oracle, topic=instance.near["topic"]),
            "not sent": half_done(self.oracle, "Send message"),
        }


class WriteReview(Template):
    """Finding a product and filling a form."""

    site, name, level, split = "shop", "write-review", 4, "train"
    wordings = (
        "Review the {product}: {stars} of 5, title “{title}”, text “{text}”",
        "Write a review of the {product} with the rating {stars} of 5, the title “{title}” and the text “{text}”",
        "Give the {product} {stars} of 5 in a review titled “{title}” that says “{text}”",
    )
    _TEXTS = (
        ("Better than expected", "It does all I wanted, and quietly."), ("Not quite there", "A good idea, but the finish is rough."),
        ("Keeps its promise", "After a month I would buy it again."), ("Too small for us", "Check the measures before you order."),
        ("Lovely color", "It looks even nicer than in the picture."),
    )  # fmt: skip

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_product(world, rng)
        stars, other = rng.sample(range(1, 6), 2)
        title, text = rng.choice(self._TEXTS)
        return Instance(
            params={"product": wanted["name"], "stars": str(stars), "title": title, "text": text},
            effect=[
                (
                    "INSERT INTO shop_reviews (product_id, person_id, rating, title, body, status, at) "
                    "VALUES (?, 1, ?, ?, ?, 'pending', '')",
                    (wanted["id"], stars, title, text),
                )
            ],
            near={"stars": str(other)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_product(page, p["product"])
        page = yield page.click("Reviews (", "Reviews are behind this tab.", "tab")
        page = yield page.click("Write a review", "A review is to be written.", "link")
        page = yield page.select("Rating", f"{p['stars']} of 5", f"The rating is to be {p['stars']} of 5.")
        page = yield page.fill("Title", p["title"], "The goal gives the title.")
        page = yield page.fill("Review", p["text"], "The goal gives the text.")
        yield page.click("Submit review", "The form is filled.", "button")
        yield done("The review is written.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another rating": misheard(self.oracle, stars=instance.near["stars"]),
            "not submitted": half_done(self.oracle, "Submit review"),
            "title as text": misheard(self.oracle, text=instance.params["title"]),
        }


TEMPLATES = (
    WishThis(),
    UnwishOne(),
    WishesAbove(),
    Subscribe(),
    Unsubscribe(),
    ChangePhone(),
    AddAddress(),
    MainAddress(),
    DeleteAddress(),
    MoveOrder(),
    WriteToShop(),
    WriteReview(),
)
