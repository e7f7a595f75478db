"""The back office's part of the world: who works there, and what customers have written to the shop."""

from symbiotic_gym.pocket.world import WorldBuilder

__all__ = ["NEEDS", "SCHEMA", "STATE", "build"]

NEEDS = ("shop",)
SCHEMA = "CREATE TABLE admin_staff (person_id INTEGER PRIMARY KEY, role TEXT NOT NULL)"
STATE = {"admin staff": "SELECT person_id, role FROM admin_staff"}

_LETTERS = (
    ("A problem with an order", "The parcel came without the {thing}, though it is on the bill."),
    ("A problem with an order", "My {thing} arrived with a dent. What shall I do with it?"),
    ("Return or refund", "I would like to return the {thing}; it is unused."),
    ("Return or refund", "The {thing} went back two weeks ago. When do I get my money?"),
    ("A question about a product", "Does the {thing} come with a spare part?"),
    ("A question about a product", "Is the {thing} made of the same wood as the one from last year?"),
    ("Something else", "Your driver was very kind. Please pass it on."),
)

_NOTES = ("Called the customer, no answer.", "Leave with the neighbor.", "Address confirmed by phone.")


def build(world: WorldBuilder) -> None:
    """Hire the staff and fill the letter box."""
    rng = world.rng
    world.insert("admin_staff", person_id=1, role="Manager")
    for person, role in zip(rng.sample(range(2, 40), 3), ("Support", "Warehouse", "Support"), strict=True):
        world.insert("admin_staff", person_id=person, role=role)
    orders = world.rows("SELECT * FROM shop_orders WHERE person_id > 1 ORDER BY at DESC, id LIMIT 60")
    for order in rng.sample(orders, 16):
        item = (
            "SELECT p.kind FROM shop_order_items i JOIN shop_products p ON p.id = "
            "i.product_id WHERE i.order_id = ? ORDER BY i.id"
        )
        topic, text = rng.choice(_LETTERS)
        number = "" if topic in ("Something else", "A question about a product") else order["number"]
        body = text.format(thing=world.value(item, order["id"]).lower())
        world.insert(
            "shop_messages", person_id=order["person_id"], topic=topic, order_number=number, body=body, at=world.ago(20)
        )
        world.private("message", body, order["person_id"], "http://admin.pocket/messages*")
    for order in rng.sample(orders, 8):
        world.insert("shop_order_comments", order_id=order["id"], author="Support", shown=rng.choice((0, 1)), at=world.ago(15),
                     body=rng.choice(_NOTES))  # fmt: skip
