"""Writing the forum's posts and their comments."""

from datetime import datetime, timedelta
from typing import Any

from symbiotic_gym.pocket.world import WorldBuilder
from symbiotic_gym.pocket.world.forum_texts import CHATTER, COMMENTS, HELP, PICKS, POSTS, REGRETS, REPLIES, TOWN

__all__ = ["write_posts"]

_RELATIVES = ("sister", "father", "aunt", "grandmother", "brother", "neighbor")


def write_posts(world: WorldBuilder) -> None:
    """Fill every board, then give the person at the keyboard posts of their own."""
    for board in world.rows("SELECT * FROM forum_boards WHERE department <> '' ORDER BY id"):
        _department(world, board)
    town = world.one("SELECT * FROM forum_boards WHERE slug = 'town'")
    _town(world, town["id"])
    for title, body in HELP:
        post = _post(world, world.value("SELECT id FROM forum_boards WHERE slug = 'help'"), title, body, "help")
        _discuss(world, post, "help", {}, world.rng.randrange(0, 5))
    _own(world)
    _points(world)


def _words(world: WorldBuilder, product: Any = None) -> dict[str, Any]:
    """What the texts' braces may hold."""
    rng = world.rng
    person = world.one("SELECT * FROM people WHERE id = ?", rng.randrange(2, 49))
    words = {"months": rng.randrange(2, 19), "relative": rng.choice(_RELATIVES), "age": rng.choice((30, 40, 50, 60, 70)),
             "city": person["city"], "street": person["street"].partition(" ")[2], "brand": ""}  # fmt: skip
    return (
        words
        if product is None
        else words | {"product": product["name"], "noun": product["kind"].lower(), "brand": product["brand"]}
    )


def _post(world: WorldBuilder, board: int, title: str, body: str, kind: str, **values: Any) -> int:
    """Enter a post, unless one has this title; then 0."""
    if world.rows("SELECT 1 FROM forum_posts WHERE title = ?", title):
        return 0
    person = values.pop("person_id", None) or world.rng.randrange(2, 49)
    at = world.ago(240, 1)
    return world.insert(
        "forum_posts", board_id=board, person_id=person, title=title, body=body, kind=kind, points=0, at=at, **values
    )


def _department(world: WorldBuilder, board: Any) -> None:
    rng = world.rng
    products = world.rows(
        "SELECT p.* FROM shop_products p JOIN shop_categories k ON k.id = p.category_id WHERE k.name = ? ORDER BY p.id",
        board["department"],
    )
    count = min(rng.randrange(7, 14), len(products) - 3)
    kinds = [*rng.choices(("question", "review", "show"), (4, 3, 2), k=count), "sale", "sale", "sale"]
    rng.shuffle(kinds)
    for kind, product in zip(kinds, rng.sample(products, len(kinds)), strict=True):
        words = _words(world, product)
        title, body = (text.format(**words) for text in rng.choice(POSTS[kind]))
        asking = rng.randrange(35, 85) * product["price"] // 10000 * 100 + 50 if kind == "sale" else None
        post = _post(world, board["id"], title[0].upper() + title[1:], body, kind, product_id=product["id"], asking=asking)
        if post:
            _discuss(world, post, kind, words, rng.choice((0, 1, 2, 3, 4, 6, 9)))
    _recommendations(world, board, products)


def _recommendations(world: WorldBuilder, board: Any, products: list[Any]) -> None:
    """A post that asks which one to buy; one product is recommended more often than any other."""
    rng = world.rng
    by_kind: dict[str, list[Any]] = {}
    for product in products:
        by_kind.setdefault(product["kind"], []).append(product)
    kind = rng.choice(sorted(by_kind))
    candidates = rng.sample(by_kind[kind], min(len(by_kind[kind]), 4))
    title = f"Which {kind.lower()} would you buy today?"
    body = f"My old {kind.lower()} has given up after {rng.randrange(6, 20)} years. Tell me yours, and say why."
    post = _post(world, board["id"], title, body, "pick")
    votes = [candidates[0]] * rng.randrange(4, 6) + [c for c in candidates[1:] for _ in range(rng.randrange(1, 4))]
    rng.shuffle(votes)
    for product in votes:
        words = _words(world, product)
        _comment(world, post, rng.choice(PICKS).format(**words), product_id=product["id"])
        if rng.random() < 0.4:
            _comment(world, post, rng.choice((*REGRETS, *CHATTER)).format(**_words(world, rng.choice(candidates))))


def _town(world: WorldBuilder, board: int) -> None:
    rng = world.rng
    for title, body in TOWN * 2:
        words = _words(world)
        post = _post(world, board, title.format(**words), body.format(**words), "town")
        if post:
            _discuss(world, post, "town", words, rng.randrange(0, 5))
    landmarks = world.rows(
        "SELECT a.id, a.title, f.value AS town FROM wiki_articles a JOIN wiki_facts f ON f.article_id = a.id AND "
        "f.name = 'Location' "
        "WHERE a.kind = 'landmark' ORDER BY a.id"
    )
    rng.shuffle(landmarks)
    towns = list({landmark["town"]: landmark for landmark in landmarks}.values())[:4]
    for number, landmark in enumerate(towns):
        day = (world.now + timedelta(days=9 + 6 * number + rng.randrange(6))).date()
        where = rng.choice(("in front of the", "at the steps of the", "opposite the"))
        body = (
            f"We meet on {day:%B} {day.day}, {day.year} at {rng.randrange(10, 19)}:{rng.choice(('00', '15', '30'))} "
            f"{where} {landmark['title']}. Bring something to swap, and good shoes."
        )
        post = _post(world, board, f"Meet-up in {landmark['town']}", body, "meetup")
        _discuss(world, post, "town", _words(world), rng.randrange(1, 5))
    for landmark in landmarks[4:8]:
        body = "We have a bet running and cannot agree on the year. The almanac must have it, but I am on the phone here."
        _discuss(
            world, _post(world, board, f"When was the {landmark['title']} opened?", body, "trivia"), "town", _words(world), 1
        )


def _discuss(world: WorldBuilder, post: int, kind: str, words: dict[str, Any], count: int) -> None:
    """Comments of which no two say the same, some of them in reply to another."""
    rng = world.rng
    texts = [
        text.format(**{"months": 5, "relative": "aunt", "city": "Brindle", "brand": "them", **words}) for text in COMMENTS[kind]
    ]
    first = [_comment(world, post, text) for text in rng.sample(texts, min(count, len(texts)))]
    replies = rng.sample(REPLIES, len(REPLIES))
    for parent in first:
        while replies and rng.random() < 0.35:
            parent = _comment(world, post, replies.pop(), parent_id=parent)


def _comment(world: WorldBuilder, post: int, body: str, **values: Any) -> int:
    rng = world.rng
    written = datetime.fromisoformat(world.value("SELECT at FROM forum_posts WHERE id = ?", post))
    last = world.value("SELECT max(at) FROM forum_comments WHERE post_id = ?", post)
    start = datetime.fromisoformat(last) if last else written
    at = min(start + timedelta(minutes=rng.randrange(7, 900)), world.now - timedelta(minutes=3))
    person = values.pop("person_id", None) or rng.choices((1, rng.randrange(2, 49)), (1, 25))[0]
    return world.insert("forum_comments", post_id=post, person_id=person, body=body, points=rng.randrange(-3, 30),
                        at=at.isoformat(sep=" "), **values)  # fmt: skip


def _own(world: WorldBuilder) -> None:
    """Posts of the person at the keyboard; one of them stands on two boards, with a different number of comments."""
    rng = world.rng
    boards = world.rows("SELECT * FROM forum_boards WHERE department <> '' ORDER BY id")
    one, other, *rest = rng.sample(boards, 6)
    for board, kind in zip(rest, ("review", "question", "show", "question"), strict=True):
        products = world.rows(
            "SELECT p.* FROM shop_products p JOIN shop_categories k ON k.id = p.category_id WHERE k.name = ? ORDER BY p.id",
            board["department"],
        )
        words: dict[str, Any] = {}
        post = 0
        while not post:
            words = _words(world, rng.choice(products))
            title, body = (text.format(**words) for text in rng.choice(POSTS[kind]))
            post = _post(world, board["id"], title[0].upper() + title[1:], body, kind, person_id=1)
        _discuss(world, post, kind, words, rng.randrange(0, 4))
    title = rng.choice(
        ("Where do you store your winter things?", "What do you do with old batteries?", "Your best flea market find?")
    )
    counts = rng.sample(range(1, 6), 2)
    for board, count in zip((one, other), counts, strict=True):
        post = world.insert("forum_posts", board_id=board["id"], person_id=1, title=title, kind="twice", points=0,
                            at=world.ago(60, 5),
                            body="I would like to hear how others go about this, the more practical the better.")  # fmt: skip
        for text in rng.sample(REPLIES, count):
            _comment(world, post, text, person_id=rng.randrange(2, 49))


def _points(world: WorldBuilder) -> None:
    """Give posts points, no two of a board the same."""
    for board in world.rows("SELECT id FROM forum_boards ORDER BY id"):
        posts = world.rows("SELECT id FROM forum_posts WHERE board_id = ? ORDER BY id", board["id"])
        for post, points in zip(posts, world.rng.sample(range(-4, 96), len(posts)), strict=True):
            world.db.execute("UPDATE forum_posts SET points = ? WHERE id = ?", (points, post["id"]))
