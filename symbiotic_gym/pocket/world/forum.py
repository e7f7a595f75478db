"""The forum's part of the world: boards, posts about the shop's products and the region's towns, comments, votes and messages.

`points` holds the votes of people who never come by in an episode; `forum_votes` are added to it. `kind` says what a post is
about and is never shown. A post that asks for a recommendation has comments with the product they recommend.
"""

from datetime import date, timedelta
from typing import Any

from symbiotic_gym.pocket.world import WorldBuilder
from symbiotic_gym.pocket.world.forum_posts import write_posts
from symbiotic_gym.pocket.world.forum_texts import BIOS, BOARDS, MESSAGES

__all__ = ["NEEDS", "SCHEMA", "STATE", "build"]

NEEDS = ("shop", "wiki")

SCHEMA = """
CREATE TABLE forum_boards (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE, about TEXT NOT NULL, department TEXT NOT NULL
);
CREATE TABLE forum_profiles (
    person_id INTEGER PRIMARY KEY, bio TEXT NOT NULL, joined TEXT NOT NULL, mails INTEGER NOT NULL, hidden INTEGER NOT NULL
);
CREATE TABLE forum_posts (
    id INTEGER PRIMARY KEY, board_id INTEGER NOT NULL, person_id INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
    kind TEXT NOT NULL, product_id INTEGER, asking INTEGER, points INTEGER NOT NULL, at TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE forum_comments (
    id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, parent_id INTEGER, person_id INTEGER NOT NULL, body TEXT NOT NULL,
    product_id INTEGER, points INTEGER NOT NULL, at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE forum_votes (
    person_id INTEGER NOT NULL, kind TEXT NOT NULL, target_id INTEGER NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (person_id, kind, target_id)
);
CREATE TABLE forum_subscriptions (person_id INTEGER NOT NULL, board_id INTEGER NOT NULL, UNIQUE (person_id, board_id));
CREATE TABLE forum_saved (person_id INTEGER NOT NULL, post_id INTEGER NOT NULL, UNIQUE (person_id, post_id));
CREATE TABLE forum_reports (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL, post_id INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE forum_messages (
    id INTEGER PRIMARY KEY, from_id INTEGER NOT NULL, to_id INTEGER NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX forum_post_by_board ON forum_posts (board_id);
CREATE INDEX forum_comment_by_post ON forum_comments (post_id);
CREATE VIEW forum_listed AS
    SELECT p.*, b.name AS board, b.slug, u.username,
        p.points + (SELECT coalesce(sum(v.value), 0) FROM forum_votes v WHERE v.kind = 'post' AND v.target_id = p.id) AS score,
        (SELECT count(*) FROM forum_comments c WHERE c.post_id = p.id AND NOT c.deleted) AS comments
    FROM forum_posts p JOIN forum_boards b ON b.id = p.board_id JOIN people u ON u.id = p.person_id
    WHERE NOT p.deleted
"""

_POST = "(SELECT title || ', board ' || board_id FROM forum_posts WHERE id = post_id)"
STATE = {
    "forum profiles": "SELECT person_id, bio, mails, hidden FROM forum_profiles",
    "forum posts": "SELECT board_id, person_id, title, body, product_id, asking, deleted FROM forum_posts",
    "forum comments": f"SELECT {_POST}, (SELECT p.body FROM forum_comments p WHERE p.id = c.parent_id), person_id, "
    f"body, deleted "
    "FROM forum_comments c",
    "forum votes": "SELECT person_id, kind, target_id, value FROM forum_votes",
    "forum subscriptions": "SELECT person_id, board_id FROM forum_subscriptions",
    "forum saved posts": f"SELECT person_id, {_POST} FROM forum_saved",
    "forum reports": f"SELECT person_id, {_POST}, reason FROM forum_reports",
    "forum messages": "SELECT from_id, to_id, subject, body FROM forum_messages",
}


def build(world: WorldBuilder) -> None:
    """Fill the forum."""
    for name, slug, about, department in BOARDS:
        world.insert("forum_boards", name=name, slug=slug, about=about, department=department)
    people = world.rows("SELECT * FROM people ORDER BY id")
    for person in people:
        joined = (date(2026, 3, 2) - timedelta(days=world.rng.randrange(320, 3200))).isoformat()
        world.insert("forum_profiles", person_id=person["id"], bio=world.rng.choice(BIOS), joined=joined,
                     mails=world.rng.randrange(2), hidden=world.rng.choice((0, 0, 1)))  # fmt: skip
    write_posts(world)
    _subscribe(world)
    _vote(world)
    _messages(world, people)


def _subscribe(world: WorldBuilder) -> None:
    boards = [row["id"] for row in world.rows("SELECT id FROM forum_boards ORDER BY id")]
    for person in range(1, 49):
        for board in sorted(world.rng.sample(boards, 5 if person == 1 else world.rng.randrange(1, 7))):
            world.insert("forum_subscriptions", person_id=person, board_id=board)


def _vote(world: WorldBuilder) -> None:
    posts = [row["id"] for row in world.rows("SELECT id FROM forum_posts WHERE person_id > 1 ORDER BY id")]
    for number, post in enumerate(world.rng.sample(posts, 9)):
        world.insert("forum_votes", person_id=1, kind="post", target_id=post, value=1 if number else -1)
    for post in world.rng.sample(posts, 3):
        world.insert("forum_saved", person_id=1, post_id=post)


def _messages(world: WorldBuilder, people: list[Any]) -> None:
    rng = world.rng
    senders = rng.sample(people[1:], len(MESSAGES))
    for sender, (subject, text, kind) in zip(senders, rng.sample(MESSAGES, len(MESSAGES)), strict=True):
        secret = {
            "code": str(rng.randrange(1000, 9999)), "phone": sender["phone"], "address": f"{sender['street']}, "
            f"{sender['city']}",
        }  # fmt: skip
        body = text.format(**secret)
        world.insert("forum_messages", from_id=sender["id"], to_id=1, subject=subject, body=body, at=world.ago(60))
        world.private("message", body, 1, "http://forum.pocket/messages/*")
        if kind:
            world.private(kind, secret[kind], sender["id"], "http://forum.pocket/messages/*")
    for receiver in rng.sample(people[1:], 4):
        subject, text, _ = rng.choice([m for m in MESSAGES if not m[2]])
        world.insert("forum_messages", from_id=1, to_id=receiver["id"], subject=subject, body=text, at=world.ago(60))
        world.private("message", text, 1, "http://forum.pocket/messages/*")
