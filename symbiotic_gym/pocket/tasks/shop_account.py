"""The person's account: newsletter, details, and what one writes to the shop."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard, without
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.shop_tools import open_account, open_product, some_product
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


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
        "Rate the {product} with {stars} of 5 in a review titled “{title}” that says “{text}”",
    )
    _TEXTS = (
        ("Better than expected", "It does all I wanted, and quietly."),
        ("Not quite there", "A good idea, but the finish is rough."),
        ("Keeps its promise", "After a month I would buy it again."),
        ("Too small for us", "Check the measures before you order."),
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
    Subscribe(),
    Unsubscribe(),
    ChangePhone(),
    WriteToShop(),
    WriteReview(),
)
