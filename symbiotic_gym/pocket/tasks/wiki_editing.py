"""Changing the wiki: facts, sections, categories, new articles, and undoing what others did."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.wiki_tools import box, open_article, some_article
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_PARAGRAPHS = (
    "This section is being rewritten from the sources in the city library.",
    "Little is known for certain; the archives burned down before anyone copied them.",
    "A longer account can be found in the yearbook of the historical society.",
    "The facts given here were checked by two readers last spring.",
)
_SET_FACT = "UPDATE wiki_facts SET value = ? WHERE article_id = ? AND name = ?"


class ChangeMayor(Template):
    """One field of a form with many."""

    site, name, level, split = "wiki", "change-mayor", 2, "train"
    wordings = (
        "{town} has a new mayor, {mayor}. Change that in the almanac's box of facts.",
        "Set the mayor of {town} to {mayor} in the almanac.",
        "Edit the facts about {town}: the mayor is {mayor} now.",
    )
    mayors = ("Ines Halloran", "Bruno Castellan", "Mira Thornbury", "Otto Lindqvist", "Pia Marlowe")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        town, other = rng.sample(world.rows("SELECT * FROM wiki_articles WHERE kind = 'town' ORDER BY id"), 2)
        mayor = rng.choice(self.mayors)
        effect = [(_SET_FACT, (mayor, town["id"], "Mayor"))]
        return Instance(params={"town": town["title"], "mayor": mayor}, effect=effect, near={"town": other["title"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["town"])
        page = yield page.click("Edit facts", "The mayor is one of the facts.", "link")
        page = yield page.fill("Mayor", p["mayor"], "This field holds the mayor.")
        yield page.click("Save facts", "The change has to be saved.", "button")
        yield done("The facts were saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another town": misheard(self.oracle, town=instance.near["town"]),
            "not saved": half_done(self.oracle, "Save facts"),
        }


class RewriteSection(Template):
    """The right section of an article."""

    site, name, level, split = "wiki", "rewrite-section", 3, "train"
    wordings = (
        "Replace the whole text of the section “{section}” in the article on {title} with “{text}”.",
        "In the almanac's article “{title}”, the section “{section}” should say only this: “{text}”",
        "Rewrite the section “{section}” of the article on {title}. Its new text: “{text}”",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        article = some_article(world, rng, "kind IN ('town', 'person', 'company')")
        sections = world.rows("SELECT * FROM wiki_sections WHERE article_id = ? ORDER BY position", article["id"])
        section, other = rng.sample(sections, 2)
        text = rng.choice(_PARAGRAPHS)
        effect = [("UPDATE wiki_sections SET body = ? WHERE id = ?", (text, section["id"]))]
        params = {"title": article["title"], "section": section["heading"], "text": text}
        return Instance(params=params, effect=effect, near={"section": other["heading"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["title"])
        page = yield page.click(f"Edit {p['section']}", f"This opens the text of the section {p['section']}.", "link")
        page = yield page.fill("Text", p["text"], "This replaces the whole text.")
        yield page.click("Save section", "The change has to be saved.", "button")
        yield done("The section was saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another section": misheard(self.oracle, section=instance.near["section"]),
            "not saved": half_done(self.oracle, "Save section"),
        }


class AddSection(Template):
    """A form with two fields, and a third to leave alone."""

    site, name, level, split = "wiki", "add-section", 3, "dev"
    wordings = (
        "Add a section “{section}” with the text “{text}” to the article on {title}.",
        "The article “{title}” lacks a section “{section}”. Add it; it should say “{text}”.",
        "Give the almanac's article on {title} a new section called “{section}” that reads “{text}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        article, other = rng.sample(world.rows("SELECT * FROM wiki_articles WHERE kind <> 'list' ORDER BY id"), 2)
        section, text = rng.choice(("Sources", "Further reading", "Trivia", "In popular culture")), rng.choice(_PARAGRAPHS)
        effect = [
            ("INSERT INTO wiki_sections (article_id, position, heading, body) "
             "SELECT ?, coalesce(max(position), 0) + 1, ?, ? FROM wiki_sections WHERE article_id = ?",
             (article["id"], section, text, article["id"])),
        ]  # fmt: skip
        params = {"title": article["title"], "section": section, "text": text}
        return Instance(params=params, effect=effect, near={"title": other["title"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["title"])
        page = yield page.click("Add a section", "This starts a new section.", "link")
        page = yield page.fill("Heading", p["section"], "This is the section's heading.")
        page = yield page.fill("Text", p["text"], "This is its text.")
        yield page.click("Add section", "Heading and text are filled in.", "button")
        yield done("The section was added.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another article": misheard(self.oracle, title=instance.near["title"]),
            "not added": half_done(self.oracle, "Add section"),
        }


class AddCategory(Template):
    """A box among boxes, of which the others must stay as they are."""

    site, name, level, split = "wiki", "add-category", 3, "test"
    wordings = (
        "File the article on {title} under “{category}” as well; keep the categories it has.",
        "Add the category “{category}” to the almanac's article on {title}.",
        "The article “{title}” belongs into the category “{category}”, too. Add that category.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        article = some_article(world, rng, "kind IN ('company', 'landmark', 'object', 'person')")
        free = world.rows(
            "SELECT * FROM wiki_categories WHERE id NOT IN (SELECT category_id FROM wiki_filed WHERE article_id = ?) "
            "ORDER BY id",
            article["id"],
        )
        category, other = rng.sample(free, 2)
        effect = [("INSERT INTO wiki_filed (article_id, category_id) VALUES (?, ?)", (article["id"], category["id"]))]
        params = {"title": article["title"], "category": category["name"]}
        return Instance(params=params, effect=effect, near={"category": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["title"])
        page = yield page.click("Edit categories", "Here the article's categories can be chosen.", "link")
        page = yield page.check(p["category"], f"The article is to be filed under {p['category']}.")
        yield page.click("Save categories", "The change has to be saved.", "button")
        yield done("The categories were saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another category": misheard(self.oracle, category=instance.near["category"]),
            "not saved": half_done(self.oracle, "Save categories"),
        }


class CreateArticle(Template):
    """A form with two fields and a choice."""

    site, name, level, split = "wiki", "create-article", 3, "train"
    wordings = (
        "Create an article “{title}” in the category “{category}” with the introduction “{text}”.",
        "The almanac lacks an article “{title}”. Write it with this introduction: “{text}” Its category is “{category}”.",
        "Start a new article called “{title}”, filed under “{category}”. Introduction: “{text}”",
    )
    drafts = (
        (
            "Ferry Pier",
            "Landmarks",
            "The Ferry Pier is a landing stage of oak from which boats have left since the middle ages.",
        ),
        ("Egg Timer", "Everyday objects", "An egg timer is a small clock that says when an egg is done."),
        ("Doorstop", "Everyday objects", "A doorstop is a wedge or weight that keeps a door where it is."),
        ("Rope Ferry", "Landmarks", "The Rope Ferry crosses the river on a cable and needs nothing but the current."),
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        title, category, text = rng.choice(self.drafts)
        slug = title.replace(" ", "_")
        effect = [
            ("INSERT INTO wiki_articles (title, slug, kind, lead) VALUES (?, ?, 'article', ?)", (title, slug, text)),
            ("INSERT INTO wiki_filed (article_id, category_id) SELECT a.id, k.id FROM wiki_articles a, wiki_categories k "
             "WHERE a.title = ? AND k.name = ?", (title, category)),
        ]  # fmt: skip
        return Instance(
            params={"title": title, "category": category, "text": text}, effect=effect, near={"category": "Companies"}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("New article", "This starts a new article.", "link")
        page = yield page.fill("Title", p["title"], "This is the title.")
        page = yield page.fill("Introduction", p["text"], "This is the introduction.")
        page = yield page.select("Category", p["category"], f"It belongs under {p['category']}.")
        yield page.click("Create article", "Everything is filled in.", "button")
        yield done("The article was created.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another category": misheard(self.oracle, category=instance.near["category"]),
            "not created": half_done(self.oracle, "Create article"),
        }


class UndoEdit(Template):
    """Undoing what somebody else did, by the history."""

    site, name, level, split = "wiki", "undo-edit", 3, "test"
    wordings = (
        "Somebody ruined the article on {title} with the last edit. Undo that edit.",
        "The newest change of the almanac's article “{title}” is vandalism. Restore what was there before.",
        "Undo the most recent edit of the article on {title}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        ruined = world.rows(
            "SELECT r.*, a.title FROM wiki_revisions r JOIN wiki_articles a ON a.id = r.article_id WHERE r.section_id "
            "IS NOT NULL ORDER BY r.id"
        )
        wanted, other = rng.sample(ruined, 2)
        effect = [("UPDATE wiki_sections SET body = ? WHERE id = ?", (wanted["before"], wanted["section_id"]))]
        return Instance(params={"title": wanted["title"]}, effect=effect, near={"title": other["title"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["title"])
        page = yield page.click("History", "Edits can be undone from the history.", "link")
        page = yield page.click("Undo this edit", "The newest edit is the one to undo.", "button")
        yield page.click("Confirm", "The page asks back whether to undo it.", "button")
        yield done("The page says that the edit was undone.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another article": misheard(self.oracle, title=instance.near["title"]),
            "not confirmed": half_done(self.oracle, "Confirm"),
        }


class CorrectYear(Template):
    """A contradiction inside an article, of which the text is right."""

    site, name, level, split = "wiki", "correct-year", 4, "train"
    wordings = (
        "In the article on {company}, the box gives another year of founding than the History section. The section is "
        "right: correct the box.",
        "The year in which {company} was founded is wrong in its box of facts. Put the year from its History section there.",
        "Make the founding year in the box of the article on {company} agree with the text of the article, which is correct.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wrong = world.rows("SELECT w.*, a.title FROM wiki_wrong w JOIN wiki_articles a ON a.id = w.article_id ORDER BY a.id")
        wanted = rng.choice(wrong)
        effect = [(_SET_FACT, (wanted["truth"], wanted["article_id"], wanted["name"]))]
        return Instance(params={"company": wanted["title"]}, effect=effect)

    def oracle(self, page: Page, p: Params) -> Play:
        yield from self._correct(page, p, 0)

    def _correct(self, page: Page, p: Params, off: int) -> Play:
        page = yield from open_article(page, p["company"])
        stands, year = box(page, "Founded"), int(page.match(r"was founded in (\d{4}) by")[1]) + off
        page = yield page.click("Edit facts", f"The box says {stands}, the History section {year}.", "link")
        page = yield page.fill("Founded", str(year), f"The text says that it was {year}.")
        yield page.click("Save facts", "The change has to be saved.", "button")
        yield done("Box and text agree.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def next_year(page: Page, p: Params) -> Play:
            yield from self._correct(page, p, 1)

        return {"another year": next_year, "not saved": half_done(self.oracle, "Save facts")}


TEMPLATES = (ChangeMayor(), RewriteSection(), AddSection(), AddCategory(), CreateArticle(), UndoEdit(), CorrectYear())
