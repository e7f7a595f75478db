"""The wiki's part of the world: articles, their boxes of facts, sections, categories and histories, and what people watch.

A section's text is plain paragraphs with `[[links]]` and tables of `| a | b |` lines, as the wiki's editors write them. Some
articles end with an edit that ruined a section, and some companies' boxes contradict their text: that is work for tasks, so
`wiki_wrong` notes what the truth is; no page shows that table.
"""

import re
from datetime import datetime, timedelta

from symbiotic_gym.pocket.world import WorldBuilder
from symbiotic_gym.pocket.world.wiki_drafts import Draft, draft_all
from symbiotic_gym.pocket.world.wiki_texts import EDITS, NONSENSE

__all__ = ["SCHEMA", "STATE", "build", "slug"]

SCHEMA = """
CREATE TABLE wiki_articles (
    id INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, lead TEXT NOT NULL
);
CREATE TABLE wiki_facts (
    id INTEGER PRIMARY KEY, article_id INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (article_id, name)
);
CREATE TABLE wiki_sections (
    id INTEGER PRIMARY KEY, article_id INTEGER NOT NULL, position INTEGER NOT NULL, heading TEXT NOT NULL, body TEXT NOT NULL
);
CREATE TABLE wiki_categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, slug TEXT NOT NULL UNIQUE);
CREATE TABLE wiki_filed (article_id INTEGER NOT NULL, category_id INTEGER NOT NULL, UNIQUE (article_id, category_id));
CREATE TABLE wiki_revisions (
    id INTEGER PRIMARY KEY, article_id INTEGER NOT NULL, person_id INTEGER NOT NULL, at TEXT NOT NULL, summary TEXT NOT NULL,
    minor INTEGER NOT NULL, section_id INTEGER, before TEXT
);
CREATE TABLE wiki_watches (person_id INTEGER NOT NULL, article_id INTEGER NOT NULL, UNIQUE (person_id, article_id));
CREATE TABLE wiki_wrong (article_id INTEGER NOT NULL, name TEXT NOT NULL, truth TEXT NOT NULL);
CREATE INDEX wiki_section_by_article ON wiki_sections (article_id);
CREATE INDEX wiki_revision_by_article ON wiki_revisions (article_id)
"""

_OF = "(SELECT title FROM wiki_articles WHERE id = article_id)"
STATE = {
    "wiki articles": "SELECT title, kind, lead FROM wiki_articles",
    "wiki facts": f"SELECT {_OF}, name, value FROM wiki_facts",
    "wiki sections": f"SELECT {_OF}, position, heading, body FROM wiki_sections",
    "wiki categories": f"SELECT {_OF}, (SELECT name FROM wiki_categories WHERE id = category_id) FROM wiki_filed",
    "wiki watches": f"SELECT person_id, {_OF} FROM wiki_watches",
}


def slug(title: str) -> str:
    """A title as it stands in addresses: `Brook_and_Finch`."""
    return re.sub(r"[^A-Za-z0-9]+", "_", title.replace("&", "and").replace("'", "")).strip("_")


def build(world: WorldBuilder) -> None:
    """Fill the wiki."""
    people = [row["name"] for row in world.rows("SELECT name FROM people ORDER BY id")]
    drafts = draft_all(world.rng, people)
    names = dict.fromkeys(name for draft in drafts for name in draft.categories)
    categories = {name: world.insert("wiki_categories", name=name, slug=slug(name)) for name in names}
    for draft in drafts:
        _store(world, draft, categories)
    _histories(world)
    _ruin(world)
    _contradict(world)
    _watch(world)


def _store(world: WorldBuilder, draft: Draft, categories: dict[str, int]) -> None:
    article = world.insert("wiki_articles", title=draft.title, slug=slug(draft.title), kind=draft.kind, lead=draft.lead)
    for name, value in draft.facts:
        world.insert("wiki_facts", article_id=article, name=name, value=value)
    for position, (heading, body) in enumerate(draft.sections, 1):
        world.insert("wiki_sections", article_id=article, position=position, heading=heading, body=body)
    for category in draft.categories:
        world.insert("wiki_filed", article_id=article, category_id=categories[category])


def _histories(world: WorldBuilder) -> None:
    rng = world.rng
    people = [row["id"] for row in world.rows("SELECT id FROM people ORDER BY id")]
    for article in world.rows("SELECT id FROM wiki_articles ORDER BY id"):
        editors = rng.sample(people, rng.randrange(3, 7))
        moments = sorted(world.ago(900, 12) for _ in range(rng.choice((3, 5, 8, 12, 19, 26))))
        for number, at in enumerate(moments):
            summary = "Created the article" if number == 0 else rng.choice(EDITS)
            world.insert("wiki_revisions", article_id=article["id"], person_id=rng.choice(editors), at=at, summary=summary,
                         minor=rng.choice((0, 0, 1)))  # fmt: skip


def _ruin(world: WorldBuilder) -> None:
    """Have the last edit of some articles overwrite a section."""
    rng = world.rng
    for article in rng.sample(world.rows("SELECT * FROM wiki_articles WHERE kind IN ('person', 'object') ORDER BY id"), 5):
        section = world.one("SELECT * FROM wiki_sections WHERE article_id = ? ORDER BY position", article["id"])
        last = datetime.fromisoformat(world.value("SELECT max(at) FROM wiki_revisions WHERE article_id = ?", article["id"]))
        at = last + timedelta(days=rng.randrange(1, 9), minutes=rng.randrange(5, 600))
        world.insert("wiki_revisions", article_id=article["id"], person_id=rng.randrange(2, 48), at=at.isoformat(sep=" "),
                     summary="Better now", minor=0, section_id=section["id"], before=section["body"])  # fmt: skip
        world.db.execute("UPDATE wiki_sections SET body = ? WHERE id = ?", (rng.choice(NONSENSE), section["id"]))


def _contradict(world: WorldBuilder) -> None:
    """Have the boxes of some companies give another year than their text."""
    for article in world.rng.sample(world.rows("SELECT * FROM wiki_articles WHERE kind = 'company' ORDER BY id"), 4):
        fact = world.one("SELECT * FROM wiki_facts WHERE article_id = ? AND name = 'Founded'", article["id"])
        other = int(fact["value"]) + world.rng.choice((-30, -11, -9, 9, 10, 18))
        world.db.execute("UPDATE wiki_facts SET value = ? WHERE id = ?", (str(other), fact["id"]))
        world.insert("wiki_wrong", article_id=article["id"], name="Founded", truth=fact["value"])


def _watch(world: WorldBuilder) -> None:
    articles = [row["id"] for row in world.rows("SELECT id FROM wiki_articles ORDER BY id")]
    for person in (1, *world.rng.sample(range(2, 48), 20)):
        for article in world.rng.sample(articles, world.rng.randrange(4, 8)):
            world.insert("wiki_watches", person_id=person, article_id=article)
