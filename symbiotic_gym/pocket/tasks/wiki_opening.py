"""Getting around in the wiki: articles, categories, histories, and the watch list."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.wiki_tools import open_article, some_article
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class OpenCategory(Template):
    """One link in a short table."""

    site, name, level, split = "wiki", "open-category", 1, "train"
    start = "/categories"
    wordings = (
        "Open the almanac's category “{category}”.",
        "Show all articles that are filed under “{category}”.",
        "Go to the category “{category}” of the almanac.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(world.rows("SELECT * FROM wiki_categories ORDER BY id"), 2)
        return Instance(
            params={"category": wanted["name"]}, url=f"/category/{wanted['slug']}", near={"category": other["name"]}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(p["category"], f"The table has a link to {p['category']}.", "link", below="Articles")
        yield done(f"The category {p['category']} is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        category = instance.params["category"]
        return {
            "another category": misheard(self.oracle, category=instance.near["category"]),
            "not opened": half_done(self.oracle, category),
        }


class OpenArticle(Template):
    """A search that leads straight to the article."""

    site, name, level, split = "wiki", "open-article", 1, "train"
    wordings = (
        "Open the almanac's article on {title}.",
        "Go to the article “{title}” in the almanac.",
        "I would like to read about {title}. Open the article.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_article(world, rng, "kind <> 'list'")
        other = some_article(world, rng, "kind = ? AND id <> ?", wanted["kind"], wanted["id"])
        return Instance(params={"title": wanted["title"]}, url=f"/a/{wanted['slug']}", near={"title": other["title"]})

    def oracle(self, page: Page, p: Params) -> Play:
        yield from open_article(page, p["title"])
        yield done(f"The article on {p['title']} is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another article": misheard(self.oracle, title=instance.near["title"]),
            "not searched": half_done(self.oracle, "Search"),
        }


class FollowLink(Template):
    """A link in the box of the open article."""

    site, name, level, split = "wiki", "follow-link", 1, "test"
    wordings = (
        "The article on {title} is open. From there, open the article on the town it is in.",
        "Where is {title}? Open the article on that town.",
        "Go from the open article, {title}, to the one on its location.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_article(world, rng, "kind = 'landmark'")
        town = world.one(
            "SELECT t.slug FROM wiki_facts f JOIN wiki_articles t ON t.title = f.value WHERE f.article_id = ? AND "
            "f.name = 'Location'",
            wanted["id"],
        )
        return Instance(params={"title": wanted["title"]}, start=f"/a/{wanted['slug']}", url=f"/a/{town['slug']}")

    def oracle(self, page: Page, p: Params) -> Play:
        row = page.row("Location")
        yield row.page.click(row.cells[1], f"The location of {p['title']} is {row.cells[1]}.", "link")
        yield done("The article on the town is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def architect(page: Page, p: Params) -> Play:
            row = page.row("Architect")
            yield row.page.click(row.cells[1], "This is linked in the box.", "link")
            yield done("The article is open.")

        def stayed(page: Page, p: Params) -> Play:
            yield done("The article is open.")

        return {"the architect": architect, "stayed": stayed}


class OpenHistory(Template):
    """An article, then its history."""

    site, name, level, split = "wiki", "open-history", 2, "train"
    wordings = (
        "Open the history of the article on {title}.",
        "Show me all edits of the almanac's article “{title}”.",
        "Where can I see who changed the article on {title}, and when? Open that page.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_article(world, rng)
        other = some_article(world, rng, "kind = ? AND id <> ?", wanted["kind"], wanted["id"])
        return Instance(params={"title": wanted["title"]}, url=f"/a/{wanted['slug']}/history", near={"title": other["title"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["title"])
        yield page.click("History", "The history lists all edits.", "link")
        yield done(f"The history of {p['title']} is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "of another article": misheard(self.oracle, title=instance.near["title"]),
            "the article": half_done(self.oracle, "History"),
        }


class Watch(Template):
    """A button on an article."""

    site, name, level, split = "wiki", "watch", 2, "train"
    wordings = (
        "Put the article on {title} on my watch list.",
        "Watch the almanac's article “{title}” for me.",
        "I want to follow the changes of the article on {title}. Add it to my watch list.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        free = "id NOT IN (SELECT article_id FROM wiki_watches WHERE person_id = 1)"
        wanted = some_article(world, rng, free)
        other = some_article(world, rng, free + " AND id <> ?", wanted["id"])
        effect = [("INSERT INTO wiki_watches (person_id, article_id) VALUES (1, ?)", (wanted["id"],))]
        return Instance(params={"title": wanted["title"]}, effect=effect, near={"title": other["title"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["title"])
        page = yield page.click("Watch", "This button puts the article on the watch list.", "button")
        yield done("The page says that the article is on the watch list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another article": misheard(self.oracle, title=instance.near["title"]),
            "not pressed": half_done(self.oracle, "Watch"),
        }


class Unwatch(Template):
    """One of several buttons in a short table."""

    site, name, level, split = "wiki", "unwatch", 1, "train"
    start = "/watchlist"
    wordings = (
        "Take the article on {title} off my watch list.",
        "Stop watching the article “{title}”.",
        "I no longer need the article on {title} on my watch list. Remove it.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        mine = world.rows(
            "SELECT * FROM wiki_articles WHERE id IN (SELECT article_id FROM wiki_watches WHERE person_id = 1) ORDER BY id"
        )
        wanted, other = rng.sample(mine, 2)
        effect = [("DELETE FROM wiki_watches WHERE person_id = 1 AND article_id = ?", (wanted["id"],))]
        return Instance(params={"title": wanted["title"]}, effect=effect, near={"title": other["title"]})

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(f"Stop watching {p['title']}", f"This button takes {p['title']} off the list.", "button")
        yield done(f"{p['title']} is off the watch list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        button = f"Stop watching {instance.params['title']}"
        return {
            "another article": misheard(self.oracle, title=instance.near["title"]),
            "not pressed": half_done(self.oracle, button),
        }


TEMPLATES = (OpenCategory(), OpenArticle(), FollowLink(), OpenHistory(), Watch(), Unwatch())
