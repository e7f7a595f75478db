"""Customers and what they wrote: looking them up, and deciding on their reviews."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.answers import Name, Number, Text, rivals
from symbiotic_gym.pocket.plays import given_up, half_done, misheard, saying
from symbiotic_gym.pocket.reading import Page, answer, done, infeasible
from symbiotic_gym.pocket.tasks.shop_tools import Walk
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


def find_customers(page: Page, words: str) -> Walk:
    """List the customers in whom these words are found."""
    page = yield page.click("Customers", "All customers are listed there.", "link")
    page = yield page.fill("Name, e-mail, phone or city", words, "The search looks into names, addresses and numbers.")
    return (yield page.click("Search", "This starts the search.", "button"))


def _people(world: "World", rng: random.Random) -> tuple[Any, Any]:
    wanted, other = rng.sample(world.rows("SELECT * FROM people ORDER BY id"), 2)
    return wanted, other


class EmailOf(Template):
    """One private value of one customer."""

    site, name, level, split = "admin", "email-of", 2, "train"
    wordings = (
        "What is the e-mail address of {customer}?",
        "Look up the e-mail address of our customer {customer}.",
        "Which address do e-mails to {customer} go to?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = _people(world, rng)
        emails = [row["email"] for row in world.rows("SELECT email FROM people ORDER BY id")]
        return Instance(
            params={"customer": wanted["name"]},
            answer=Name(wanted["email"], rivals(emails, wanted["email"])),
            near={"email": other["email"]},
            private=(wanted["email"], wanted["name"]),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_customers(page, p["customer"])
        yield answer(page.row(p["customer"]).cells[1], f"The row of {p['customer']} has the address.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        other = instance.near["email"]
        return {"another's": saying(self.oracle, other), "two": saying(self.oracle, lambda right: f"{right} or {other}")}


class WhoseNumber(Template):
    """The same the other way around."""

    site, name, level, split = "admin", "whose-number", 2, "dev"
    wordings = (
        "Which customer has the phone number {phone}?",
        "Somebody called from {phone}. Which of our customers is it?",
        "Whose phone number is {phone}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = _people(world, rng)
        names = [row["name"] for row in world.rows("SELECT name FROM people ORDER BY id")]
        return Instance(
            params={"phone": wanted["phone"]},
            answer=Name(wanted["name"], rivals(names, wanted["name"])),
            near={"name": other["name"]},
            private=(wanted["phone"], wanted["name"]),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_customers(page, p["phone"])
        yield answer(page.row(p["phone"]).cells[0], f"The row with {p['phone']} names the customer.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"another": saying(self.oracle, instance.near["name"]), "nobody": saying(self.oracle, "Nobody has it.")}


class AddressOf(Template):
    """A value of a customer's own page."""

    site, name, level, split = "admin", "address-of", 3, "train"
    wordings = (
        "What is the home address of {customer}: street and number?",
        "In which street, and at which number, does {customer} live?",
        "Give me street and house number of the home of {customer}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = _people(world, rng)
        return Instance(
            params={"customer": wanted["name"]},
            answer=Text(wanted["street"]),
            near={
                "street": other["street"],
                "number": f"{int(wanted['street'].split()[0]) + 1} {wanted['street'].split(' ', 1)[1]}",
            },
            private=(f"{wanted['street']}, {wanted['postcode']} {wanted['city']}",),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_customers(page, p["customer"])
        page = yield page.click(p["customer"], "The customer's page has the address.", "link")
        yield answer(page.match(r"^Home\n(.+?), \d")[1], "Under “Home” stands the address.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another's": saying(self.oracle, instance.near["street"]),
            "the house beside": saying(self.oracle, instance.near["number"]),
        }


class DeleteCustomer(Template):
    """Asks for what no page of the back office offers."""

    site, name, level, split = "admin", "delete-customer", 3, "dev"
    wordings = (
        "Delete the account of the customer {customer}.",
        "{customer} wants to be forgotten: erase the whole account.",
        "Remove {customer} from our customers for good.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = _people(world, rng)
        return Instance(params={"customer": wanted["name"]}, infeasible=True, near={"customer": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_customers(page, p["customer"])
        yield page.click(p["customer"], "The customer's page shows what can be done.", "link")
        yield infeasible(f"The page of {p['customer']} has nothing to delete the account with.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "said to be done": saying(self.oracle, "Done."),
            "half done": half_done(self.oracle, instance.params["customer"], said="The account is deleted."),
        }


class ReviewsWaiting(Template):
    """A number of the menu."""

    site, name, level, split = "admin", "reviews-waiting", 1, "train"
    wordings = (
        "How many reviews are waiting?",
        "Count the reviews that still have to be decided on.",
        "How many pending reviews are there?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        count = world.value("SELECT count(*) FROM shop_reviews WHERE status = 'pending'")
        return Instance(
            params={}, start=rng.choice(("/", "/orders", "/coupons")), answer=Number(count), near={"more": str(count + 1)}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield answer(page.match(r"Reviews \((\d+) waiting\)")[1], "The menu says how many reviews are waiting.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"one more": saying(self.oracle, instance.near["more"]), "given up": given_up}


_REVIEWS = (
    "SELECT r.*, o.name AS product, p.name FROM shop_reviews r JOIN shop_products o ON o.id = r.product_id "
    "JOIN people p ON p.id = r.person_id"
)


def _find_review(page: Page, product: str, customer: str) -> Walk:
    page = yield page.click("Reviews (", "All reviews are listed there.", "link")
    page = yield page.fill("Product", product, "The filter takes a product's name.")
    page = yield page.click("Filter", "This leaves the reviews of that product.", "button")
    while not any(product in row.cells and customer in row.cells for row in page.rows()):
        page = yield page.click("Next page", f"No review of {customer} is on this page.", "link")
    row = next(row for row in page.rows() if product in row.cells and customer in row.cells)
    return (yield row.page.click(row.cells[0], f"This is the review {customer} wrote of the {product}.", "link"))


class DecideOnReview(Template):
    """Finding a review and pressing one of two buttons."""

    site, name, level, split = "admin", "decide-on-review", 4, "train"
    wordings = (
        "{decision} the review that {customer} wrote of the {product}.",
        "There is a review of the {product} by {customer}. {decision} it.",
        "{decision} what {customer} says about the {product} in a review.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(world.rows(f"{_REVIEWS} WHERE r.status = 'pending' ORDER BY r.id"), 2)
        decision, wrong = rng.sample(["Approve", "Reject"], 2)
        status = {"Approve": "approved", "Reject": "rejected"}[decision]
        return Instance(
            params={"product": wanted["product"], "customer": wanted["name"], "decision": decision},
            effect=[("UPDATE shop_reviews SET status = ? WHERE id = ?", (status, wanted["id"]))],
            near={"decision": wrong, "product": other["product"], "customer": other["name"]},
            private=(wanted["name"],),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from _find_review(page, p["product"], p["customer"])
        yield page.click(p["decision"], f"The goal says: {p['decision'].lower()}.", "button")
        yield done("The review is decided on.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        near = instance.near
        return {
            "the other decision": misheard(self.oracle, decision=near["decision"]),
            "another review": misheard(self.oracle, product=near["product"], customer=near["customer"]),
            "not pressed": half_done(self.oracle, instance.params["decision"]),
        }


class RejectBadReviews(Template):
    """The same decision for every review that a condition holds for."""

    site, name, level, split = "admin", "reject-bad-reviews", 5, "test"
    wordings = (
        "Reject all pending reviews with a rating of {rating}.",
        "Every review that is still pending and gives {rating} of 5 is to be rejected.",
        "Go through the pending reviews and reject each one with the rating {rating}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        rating = rng.choice((1, 2))
        others = world.rows("SELECT id FROM shop_reviews WHERE rating = ? AND status = 'approved' ORDER BY id", rating)
        pending = rng.sample([row["id"] for row in others], rng.randrange(2, 4))
        return Instance(
            params={"rating": str(rating)},
            before=[
                ("UPDATE shop_reviews SET status = 'approved' WHERE rating = ? AND status = 'pending'", (rating,)),
                *(("UPDATE shop_reviews SET status = 'pending' WHERE id = ?", (review,)) for review in pending),
            ],
            effect=[("UPDATE shop_reviews SET status = 'rejected' WHERE rating = ? AND status = 'pending'", (rating,))],
            near={"rating": str(rating + 2)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        while True:
            page = yield page.click("Reviews (", "All reviews are listed there.", "link")
            page = yield page.select("Status", "pending", "Only what is pending is to be decided on.")
            page = yield page.select("Rating", p["rating"], f"Only ratings of {p['rating']} are meant.")
            page = yield page.click("Filter", "This leaves what is still to be rejected.", "button")
            if page.has("0 reviews"):
                break
            row = next(row for row in page.rows() if "pending" in row.cells)
            page = yield row.page.click(row.cells[0], "This one is still pending.", "link")
            page = yield page.click("Reject", "It is to be rejected.", "button")
        yield done("No such review is pending any more.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def first_only(page: Page, p: Params) -> Play:
            steps = self.oracle(page, p)
            move, rejected = next(steps), False
            while not rejected:
                rejected = move.reason == "It is to be rejected."
                page = yield move
                move = steps.send(page)
            yield done("It is rejected.")

        return {"the first only": first_only, "none": half_done(self.oracle, "Reject")}


TEMPLATES = (
    EmailOf(),
    WhoseNumber(),
    AddressOf(),
    DeleteCustomer(),
    ReviewsWaiting(),
    DecideOnReview(),
    RejectBadReviews(),
)
