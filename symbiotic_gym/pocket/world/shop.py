"""The shop's part of the world: what it sells, what people thought of it, bought, put aside and asked.

Prices are whole cents. A review is `approved`, `pending` or `rejected`; only approved ones are shown. An order is `Pending`,
`Processing`, `Shipped`, `Delivered` or `Cancelled`.
"""

import re
from typing import Any

from symbiotic_gym.pocket.world import WorldBuilder
from symbiotic_gym.pocket.world.shop_goods import BRANDS, DEPARTMENTS, Department, Kind
from symbiotic_gym.pocket.world.shop_texts import BLAME, MIXED, PAYMENTS, PRAISE, SHIPPING, TITLES

__all__ = ["SCHEMA", "STATE", "build"]

SCHEMA = """
CREATE TABLE shop_categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE);
CREATE TABLE shop_products (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, sku TEXT NOT NULL UNIQUE, brand TEXT NOT NULL, kind TEXT NOT NULL,
    category_id INTEGER NOT NULL, price INTEGER NOT NULL, stock INTEGER NOT NULL, description TEXT NOT NULL,
    active INTEGER NOT NULL DEFAULT 1, added_at TEXT NOT NULL
);
CREATE TABLE shop_options (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE shop_reviews (
    id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL, person_id INTEGER NOT NULL, rating INTEGER NOT NULL,
    title TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE shop_cart (
    id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, product_id INTEGER NOT NULL, options TEXT NOT NULL,
    quantity INTEGER NOT NULL
);
CREATE TABLE shop_wishes (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, product_id INTEGER NOT NULL);
CREATE TABLE shop_addresses (
    id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, label TEXT NOT NULL, name TEXT NOT NULL, street TEXT NOT NULL,
    city TEXT NOT NULL, postcode TEXT NOT NULL, phone TEXT NOT NULL, main INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE shop_orders (
    id INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE, person_id INTEGER NOT NULL, at TEXT NOT NULL, status TEXT NOT NULL,
    address TEXT NOT NULL, shipping TEXT NOT NULL, shipping_price INTEGER NOT NULL, payment TEXT NOT NULL,
    coupon TEXT NOT NULL DEFAULT '', discount INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL
);
CREATE TABLE shop_order_items (
    id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, product_id INTEGER NOT NULL, options TEXT NOT NULL,
    price INTEGER NOT NULL, quantity INTEGER NOT NULL
);
CREATE TABLE shop_order_comments (
    id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, author TEXT NOT NULL, body TEXT NOT NULL, shown INTEGER NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE shop_newsletter (person_id INTEGER PRIMARY KEY, topics TEXT NOT NULL);
CREATE TABLE shop_messages (
    id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, topic TEXT NOT NULL, order_number TEXT NOT NULL, body TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE shop_coupons (code TEXT PRIMARY KEY, percent INTEGER NOT NULL, least INTEGER NOT NULL, active INTEGER NOT NULL);
CREATE VIEW shop_listed AS
    SELECT p.*, c.name AS category, c.slug,
        (SELECT round(avg(rating), 1) FROM shop_reviews r WHERE r.product_id = p.id AND r.status = 'approved') AS rating,
        (SELECT count(*) FROM shop_reviews r WHERE r.product_id = p.id AND r.status = 'approved') AS reviews
    FROM shop_products p JOIN shop_categories c ON c.id = p.category_id;
CREATE INDEX shop_by_category ON shop_products (category_id);
CREATE INDEX shop_review_by_product ON shop_reviews (product_id);
CREATE INDEX shop_item_by_order ON shop_order_items (order_id)
"""

STATE = {
    "shop products": "SELECT p.sku, p.name, p.brand, c.name, p.price, p.stock, p.description, p.active "
    "FROM shop_products p JOIN shop_categories c ON c.id = p.category_id",
    "shop reviews": "SELECT product_id, person_id, rating, title, body, status FROM shop_reviews",
    "shop carts": "SELECT person_id, product_id, options, sum(quantity) FROM shop_cart GROUP BY 1, 2, 3",
    "shop wishes": "SELECT DISTINCT person_id, product_id FROM shop_wishes",
    "shop addresses": "SELECT person_id, label, name, street, city, postcode, phone, main FROM shop_addresses",
    "shop orders": "SELECT o.person_id, o.status, o.address, o.shipping, o.payment, o.coupon, o.discount, o.total, "
    "(SELECT group_concat(line, '; ') FROM (SELECT i.product_id || ' ' || i.options || ' x' "
    "|| sum(i.quantity) || ' ' || i.price AS line "
    "FROM shop_order_items i WHERE i.order_id = o.id GROUP BY i.product_id, i.options, i.price ORDER BY line)), "
    "(SELECT group_concat(line, '; ') FROM (SELECT author || ': ' || body || ' ' || shown AS line "
    "FROM shop_order_comments WHERE order_id = o.id ORDER BY line)) FROM shop_orders o",
    "shop newsletter": "SELECT person_id, topics FROM shop_newsletter",
    "shop messages": "SELECT person_id, topic, order_number, body FROM shop_messages",
    "shop coupons": "SELECT code, percent, least, active FROM shop_coupons",
}

_STATUSES = ("Pending", "Processing", "Shipped", "Delivered", "Cancelled")


def build(world: WorldBuilder) -> None:
    """Fill the shop."""
    for department in DEPARTMENTS:
        _stock(world, department)
    _reviews(world)
    _addresses(world)
    _orders(world)
    _lists(world)
    for code, percent, least in (("WELCOME10", 10, 0), ("SPRING15", 15, 5000), ("BULK20", 20, 20000)):
        world.insert("shop_coupons", code=code, percent=percent, least=least, active=1)


def _stock(world: WorldBuilder, department: Department) -> None:
    rng = world.rng
    slug = department.name.lower()
    category = world.insert("shop_categories", name=department.name, slug=slug)
    for kind in department.kinds:
        styles = rng.sample(department.styles, rng.randrange(3, 6))
        for style in styles:
            _product(world, category, style, kind)


def _product(world: WorldBuilder, category: int, style: str, kind: Kind) -> None:
    rng = world.rng
    brand = rng.choice(BRANDS)
    low, high = kind.prices
    price = rng.randrange(low, high) * 100 + rng.choice((0, 25, 50, 75, 90, 95, 99))
    detail = rng.choice(
        (
            f"Made by {brand} in small batches.",
            f"{brand} has made this one for {rng.randrange(3, 40)} years.",
            f"A {brand} design, with a warranty of {rng.randrange(2, 11)} years.",
        )
    )
    facts = list(kind.facts)
    rng.shuffle(facts)
    number = world.value("SELECT count(*) FROM shop_products") + 1
    product = world.insert(
        "shop_products",
        name=f"{style} {kind.noun}",
        sku=f"{''.join(word[0] for word in (style + ' ' + kind.noun).split())}{1000 + number * 7}",
        brand=brand,
        kind=kind.noun,
        category_id=category,
        price=price,
        stock=rng.choices((0, rng.randrange(1, 6), rng.randrange(6, 80)), (1, 2, 7))[0],
        description=" ".join([*facts, detail]),
        added_at=world.ago(700, 20),
    )
    for name, values in kind.options:
        for value in values:
            world.insert("shop_options", product_id=product, name=name, value=value)


def _reviews(world: WorldBuilder) -> None:
    rng = world.rng
    people = [row["id"] for row in world.rows("SELECT id FROM people WHERE id > 1 ORDER BY id")]
    for product in world.rows("SELECT * FROM shop_products ORDER BY id"):
        leaning = rng.choice(((1, 1, 2, 4, 6), (1, 2, 3, 4, 3), (3, 3, 3, 2, 1)))
        for person in rng.sample(people, rng.choice((0, 1, 2, 2, 3, 4, 6, 9))):
            rating = rng.choices((1, 2, 3, 4, 5), leaning)[0]
            title = rng.choice(TITLES[rating])
            texts = PRAISE if rating >= 4 else MIXED if rating == 3 else BLAME
            body = " ".join(rng.sample(texts, rng.randrange(1, 4))).format(noun=product["kind"].lower())
            status = rng.choices(("approved", "pending", "rejected"), (20, 2, 1))[0]
            world.insert("shop_reviews", product_id=product["id"], person_id=person, rating=rating, title=title,
                         body=body, status=status, at=world.ago(400))  # fmt: skip


def _addresses(world: WorldBuilder) -> None:
    rng = world.rng
    people = world.rows("SELECT * FROM people ORDER BY id")
    for person in people:
        _address(world, person, "Home", person["name"], person["street"], person["city"], person["postcode"], main=1)
    for person in [people[0], *rng.sample(people[1:], 12)]:
        other = rng.choice(people[1:])
        street = f"{rng.randrange(1, 90)} {re.sub(r'^[0-9]+ ', '', other['street'])}"
        _address(world, person, "Work", person["name"], street, other["city"], other["postcode"], main=0)


def _address(
    world: WorldBuilder, person: Any, label: str, name: str, street: str, city: str, postcode: str, *, main: int
) -> None:
    world.insert("shop_addresses", person_id=person["id"], label=label, name=name, street=street, city=city, postcode=postcode,
                 phone=person["phone"], main=main)  # fmt: skip
    office = ("http://admin.pocket/customers*", "http://admin.pocket/orders*")
    own = ("http://shop.pocket/account*", "http://shop.pocket/checkout*") if person["id"] == 1 else ()
    world.private("address", f"{street}, {postcode} {city}", person["id"], *own, *office)
    if main:
        everywhere = ("http://shop.pocket/*", "http://admin.pocket/*") if person["id"] == 1 else ("http://admin.pocket/*",)
        world.private("name", person["name"], person["id"], *everywhere)
        world.private("email", person["email"], person["id"], *own, office[0])
        world.private("phone", person["phone"], person["id"], *own, office[0])


def _orders(world: WorldBuilder) -> None:
    rng = world.rng
    people = [row["id"] for row in world.rows("SELECT id FROM people ORDER BY id")]
    buyers = [1] * rng.randrange(11, 16) + rng.choices(people[1:], k=110)
    moments = sorted(world.ago(rng.choice((420, 420, 90, 10))) for _ in buyers)
    rng.shuffle(buyers)
    for number, (person, at) in enumerate(zip(buyers, moments, strict=True)):
        _order(world, person, at, f"{100_000 + 37 * number + rng.randrange(30)}")
    mine = world.rows("SELECT id FROM shop_orders WHERE person_id = 1 ORDER BY at DESC, id DESC LIMIT 5")
    for row, status in zip(mine, ("Pending", "Pending", "Processing", "Shipped", "Delivered"), strict=True):
        world.db.execute("UPDATE shop_orders SET status = ? WHERE id = ?", (status, row["id"]))


def _order(world: WorldBuilder, person: int, at: str, number: str) -> None:
    rng = world.rng
    age = (world.now.date() - world.now.fromisoformat(at).date()).days
    status = rng.choices(_STATUSES, (5, 3, 1, 0, 1) if age < 6 else (1, 2, 6, 4, 1) if age < 25 else (0, 0, 1, 14, 2))[0]
    shipping, shipping_price, _ = rng.choices(SHIPPING, (6, 2, 2))[0]
    address = world.one("SELECT * FROM shop_addresses WHERE person_id = ? ORDER BY main DESC, id", person)
    where = f"{address['street']}, {address['postcode']} {address['city']}"
    order = world.insert("shop_orders", number=number, person_id=person, at=at, status=status, shipping=shipping,
                         shipping_price=shipping_price, payment=rng.choice(PAYMENTS), total=0,
                         address=f"{address['name']}, {where}")  # fmt: skip
    total = shipping_price
    products = world.rows("SELECT * FROM shop_products ORDER BY id")
    for product in rng.sample(products, rng.choices((1, 2, 3, 5), (6, 4, 2, 1))[0]):
        quantity = rng.choices((1, 2, 3, 4), (12, 4, 1, 1))[0]
        options = choose_options(world, product["id"])
        world.insert(
            "shop_order_items",
            order_id=order,
            product_id=product["id"],
            options=options,
            price=product["price"],
            quantity=quantity,
        )
        total += product["price"] * quantity
    world.db.execute("UPDATE shop_orders SET total = ? WHERE id = ?", (total, order))
    own = ("http://shop.pocket/account*", "http://shop.pocket/cart", "http://shop.pocket/contact") if person == 1 else ()
    world.private("order", number, person, *own, "http://admin.pocket/*")


def choose_options(world: WorldBuilder, product_id: int) -> str:
    """One value of each of a product's options, as carts and orders hold them: `Color: Navy, Size: M`."""
    options: dict[str, list[str]] = {}
    for row in world.rows("SELECT name, value FROM shop_options WHERE product_id = ? ORDER BY id", product_id):
        options.setdefault(row["name"], []).append(row["value"])
    return ", ".join(f"{name}: {world.rng.choice(values)}" for name, values in options.items())


def _lists(world: WorldBuilder) -> None:
    rng = world.rng
    products = world.rows("SELECT * FROM shop_products WHERE stock > 0 ORDER BY id")
    for person in (1, *rng.sample(range(2, 40), 14)):
        for product in rng.sample(products, rng.randrange(3, 6)):
            world.insert("shop_wishes", person_id=person, product_id=product["id"])
    for person in rng.sample(range(2, 40), 10):
        for product in rng.sample(products, rng.randrange(1, 4)):
            world.insert(
                "shop_cart",
                person_id=person,
                product_id=product["id"],
                options=choose_options(world, product["id"]),
                quantity=1,
            )
    for person in rng.sample(range(2, 40), 12):
        world.insert("shop_newsletter", person_id=person, topics=rng.choice(("Offers", "New arrivals", "Offers, New arrivals")))
