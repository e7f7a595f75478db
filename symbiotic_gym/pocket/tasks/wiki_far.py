"""Tasks that need the forum or the shop beside the wiki, and tasks that cannot be done."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Number
from symbiotic_gym.pocket.plays import half_done, saying
from symbiotic_gym.pocket.reading import Page, answer, done, goto, infeasible
from symbiotic_gym.pocket.tasks.forum_tools import find_post
from symbiotic_gym.pocket.tasks.shop_tools import open_product, some_product
from symbiotic_gym.pocket.tasks.wiki_tools import box, fact, open_article, plain_number, some_article, titles
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class MeetUpLandmark(Template):
    """A place named on the forum, looked up in the wiki, by way of what it is near to."""

    site, name, level, split = "wiki", "meet-up-landmark", 5, "test"
    also = ("forum",)
    wordings = (
        "People from the forum The Commons plan a meet-up in {town}. How many visitors a year does the landmark have "
        "where they meet?",
        "The forum has an announcement of a meet-up in {town}. According to the almanac, how many visitors a year does "
        "the landmark get "
        "that is named there as the meeting point?",
        "Look up in the almanac how many visitors a year come to the landmark at which the forum's meet-up in {town} begins.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        posts = world.rows("SELECT * FROM forum_posts WHERE kind = 'meetup' ORDER BY id")
        wanted = rng.choice(posts)
        names = [name for name in titles(world, "landmark") if f" {name}." in wanted["body"]]
        visitors = plain_number(fact(world, names[0], "Visitors a year"))
        town = wanted["title"].removeprefix("Meet-up in ")
        return Instance(params={"town": town}, answer=Number(visitors), near={"said": fact(world, town, "Population")})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("The Commons", "The meet-up is announced in the forum.", "link")
        page = yield from find_post(page, f"Meet-up in {p['town']}")
        place = page.match(r"(?:in front of|at the steps of|opposite) the (.+?)\. Bring")[1]
        page = yield page.click("The Open Almanac", f"They meet at the {place}; the almanac has an article on it.", "link")
        page = yield from open_article(page, place)
        visitors = box(page, "Visitors a year")
        yield answer(visitors, f"The box says that the {place} has {visitors} visitors a year.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"the population": saying(self.oracle, said), "both": saying(self.oracle, lambda right: f"{right} or {said}")}


class AnswerQuestion(Template):
    """Reading on one site, writing on the other."""

    site, name, level, split = "wiki", "answer-question", 4, "train"
    also = ("forum",)
    wordings = (
        "In the forum The Commons, a post asks when the {title} was opened. Look it up in the almanac and post a "
        "comment there that "
        "consists of the year only.",
        "Find out in the almanac when the {title} was opened, and comment on the forum post that asks for it. Write "
        "nothing but the year.",
        "Answer the forum post “When was the {title} opened?” with a comment that is just the year given in the almanac.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = rng.choice(world.rows("SELECT * FROM forum_posts WHERE kind = 'trivia' ORDER BY id"))
        title = post["title"].removeprefix("When was the ").removesuffix(" opened?")
        sql = "INSERT INTO forum_comments (post_id, person_id, body, points, at) VALUES (?, 1, ?, 1, '')"
        return Instance(params={"title": title}, effect=[(sql, (post["id"], fact(world, title, "Opened")))])

    def oracle(self, page: Page, p: Params) -> Play:
        yield from self._comment(page, p, "")

    def _comment(self, page: Page, p: Params, more: str) -> Play:
        page = yield from open_article(page, p["title"])
        year = box(page, "Opened")
        page = yield page.click("The Commons", f"The {p['title']} was opened in {year}; the question is in the forum.", "link")
        page = yield from find_post(page, f"When was the {p['title']} opened?")
        page = yield page.fill("Your comment", year + more, f"The almanac says {year}.")
        yield page.click("Post comment", "This posts the comment.", "button")
        yield done("The comment with the year stands below the question.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def wordy(page: Page, p: Params) -> Play:
            yield from self._comment(page, p, ", as the almanac says.")

        return {"more than the year": wordy, "not posted": half_done(self.oracle, "Post comment")}


class MakersStaff(Template):
    """A brand on the shop's page, looked up in the wiki."""

    site, name, level, split = "wiki", "makers-staff", 4, "train"
    also = ("shop",)
    wordings = (
        "How many employees does the company have that makes the {product} sold by Larkspur Market?",
        "The shop Larkspur Market sells the {product}. According to the almanac, how many people work for its maker?",
        "Find out in the shop who makes the {product}, and in the almanac how many employees that company has.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        product = some_product(world, rng)
        staff = {name: plain_number(fact(world, name, "Employees")) for name in titles(world, "company")}
        other = rng.choice([name for name in staff if name != product["brand"]])
        return Instance(
            params={"product": product["name"]}, answer=Number(staff[product["brand"]]), near={"said": f"{staff[other]:,}"}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        almanac = page.url
        page = yield page.click("Larkspur Market", "The shop says who makes its products.", "link")
        page = yield from open_product(page, p["product"])
        brand = page.match(r"^by (.+?) ·")[1]
        page = yield goto(almanac, f"It is made by {brand}; the almanac has an article on the company.")
        page = yield from open_article(page, brand)
        staff = box(page, "Employees")
        yield answer(staff, f"The box says that {brand} has {staff} employees.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {
            "those of another maker": saying(self.oracle, said),
            "both": saying(self.oracle, lambda right: f"{right} or {said}"),
        }


def _only_says_so(page: Page, p: Params) -> Play:
    yield done("It is done.")


class DeleteArticle(Template):
    """Articles can be changed, not deleted."""

    site, name, level, split = "wiki", "delete-article", 2, "train"
    wordings = (
        "Delete the almanac's article on {title}.",
        "Nobody needs the article “{title}”. Remove it from the almanac altogether.",
        "Take the whole article on {title} out of the almanac.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        title = some_article(world, rng, "kind IN ('object', 'company', 'person')")["title"]
        return Instance(params={"title": title}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        yield from open_article(page, p["title"])
        yield infeasible("The article can be edited and watched, but nothing on its page deletes it.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def emptied(page: Page, p: Params) -> Play:
            page = yield from open_article(page, p["title"])
            page = yield page.click("Edit facts", "The content can be changed here.", "link")
            page = yield page.fill("Summary", "Deleted", "This says what was done.")
            yield page.click("Save facts", "The change has to be saved.", "button")
            yield done("The article was deleted.")

        return {"said to be done": _only_says_so, "edited instead": emptied}


class ReadIn(Template):
    """The wiki has one language."""

    site, name, level, split = "wiki", "read-in-language", 2, "test"
    wordings = (
        "Show me the article on {title} in {language}.",
        "Switch the almanac's article “{title}” to {language}.",
        "I would like to read the article on {title} in {language}. Open that version.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        title = some_article(world, rng, "kind <> 'list'")["title"]
        return Instance(
            params={"title": title, "language": rng.choice(("French", "Spanish", "Japanese", "Polish"))}, infeasible=True
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield from open_article(page, p["title"])
        yield infeasible(f"The article is there in English only; nothing on its page leads to {p['language']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def english(page: Page, p: Params) -> Play:
            yield from open_article(page, p["title"])
            yield done("The article is open.")

        return {"said to be done": _only_says_so, "left in English": english}


class ProtectArticle(Template):
    """Readers cannot keep others from editing."""

    site, name, level, split = "wiki", "protect-article", 3, "dev"
    wordings = (
        "Protect the article on {title} so that only signed-in editors with a year of experience can change it.",
        "Lock the almanac's article “{title}” against further edits.",
        "Make sure that nobody but me can edit the article on {title}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        free = "id NOT IN (SELECT article_id FROM wiki_watches WHERE person_id = 1)"
        return Instance(params={"title": some_article(world, rng, free)["title"]}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["title"])
        yield page.click("History", "The article's own page has nothing to protect it with; its history may.", "link")
        yield infeasible("Neither the article nor its history has anything to protect it with.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def watched(page: Page, p: Params) -> Play:
            page = yield from open_article(page, p["title"])
            yield page.click("Watch", "Watching it comes close.", "button")
            yield infeasible("I could only watch it.")

        return {"said to be done": _only_says_so, "watched": watched}


TEMPLATES = (MeetUpLandmark(), AnswerQuestion(), MakersStaff(), DeleteArticle(), ReadIn(), ProtectArticle())
