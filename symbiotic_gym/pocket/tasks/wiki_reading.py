"""Questions that one page of the wiki answers."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Name, Number, rivals
from symbiotic_gym.pocket.plays import given_up, saying
from symbiotic_gym.pocket.reading import Page, answer, through
from symbiotic_gym.pocket.tasks.wiki_tools import box, fact, open_article, open_list, plain_number, some_article, titles
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class CategorySize(Template):
    """One cell of a short table."""

    site, name, level, split = "wiki", "category-size", 1, "train"
    start = "/categories"
    wordings = (
        "How many articles are in the almanac's category “{category}”?",
        "Count the articles filed under “{category}” in the almanac.",
        "Tell me the number of articles in the category “{category}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = rng.choice(world.rows("SELECT * FROM wiki_categories ORDER BY id"))
        count = world.value("SELECT count(*) FROM wiki_filed WHERE category_id = ?", wanted["id"])
        return Instance(params={"category": wanted["name"]}, answer=Number(count), near={"said": str(count + 2)})

    def oracle(self, page: Page, p: Params) -> Play:
        count = next(row.cells[1] for row in page.rows() if row.cells[0] == p["category"])
        yield answer(count, f"The table counts {count} articles for {p['category']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"two more": saying(self.oracle, instance.near["said"]), "given up": given_up}


class HeightHere(Template):
    """One row of the open article's box."""

    site, name, level, split = "wiki", "height-here", 1, "dev"
    wordings = (
        "The article on the {title} is open. How high is it, in meters?",
        "How many meters high is the {title}? Its article is open.",
        "Read me the height of the {title} from the open article, in meters.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_article(world, rng, "kind = 'landmark'")
        height, opened = plain_number(fact(world, wanted["title"], "Height")), fact(world, wanted["title"], "Opened")
        return Instance(
            params={"title": wanted["title"]}, start=f"/a/{wanted['slug']}", answer=Number(height), near={"said": opened}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        height = box(page, "Height")
        yield answer(height, f"The box says that its height is {height}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"the year": saying(self.oracle, said), "both": saying(self.oracle, lambda right: f"{right}, {said}")}


class PopulationOf(Template):
    """Finding a town and one value in its box, with older counts below."""

    site, name, level, split = "wiki", "population-of", 2, "train"
    wordings = (
        "How many inhabitants does {town} have today, according to the almanac's box of facts?",
        "What is the present population of the town {town}?",
        "Look up {town} in the almanac: how many people live there now?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        town = some_article(world, rng, "kind = 'town'")
        count = plain_number(fact(world, town["title"], "Population"))
        return Instance(params={"town": town["title"]}, answer=Number(count), near={"said": f"{count + 100:,}"})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["town"])
        count = box(page, "Population")
        yield answer(count, f"The box says that the population is {count}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"a hundred more": saying(self.oracle, instance.near["said"]), "given up": given_up}


class PopulationIn(Template):
    """One row of a table in the text."""

    site, name, level, split = "wiki", "population-in", 2, "train"
    wordings = (
        "How many inhabitants did {town} have in {year}?",
        "According to the census of {year}, what was the population of {town}?",
        "Give me the population of {town} in the year {year}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        town = some_article(world, rng, "kind = 'town'")
        years = _census(world, town["id"])
        year, other = rng.sample(sorted(years)[:-1], 2)
        return Instance(
            params={"town": town["title"], "year": str(year)}, answer=Number(years[year]), near={"said": f"{years[other]:,}"}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["town"])
        count = next(row.cells[1] for row in page.rows() if row.cells[0] == p["year"])
        yield answer(count, f"The table has {count} for {p['year']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"another year": saying(self.oracle, said), "both": saying(self.oracle, lambda right: f"{said} or {right}")}


def _census(world: "World", town_id: int) -> dict[int, int]:
    body = world.value("SELECT body FROM wiki_sections WHERE article_id = ? AND heading = 'Population'", town_id)
    lines = [line.strip("| ").split(" | ") for line in body.split("\n") if line.startswith("| ")][1:]
    return {int(year): plain_number(count) for year, count in lines}


class PopulationChange(Template):
    """A difference of two rows."""

    site, name, level, split = "wiki", "population-change", 3, "test"
    wordings = (
        "By how many inhabitants did the population of {town} change between {first} and {last}? A number without a "
        "sign is enough.",
        "What is the difference between the populations of {town} in {first} and in {last}?",
        "Compare the censuses of {first} and {last}: by how many people do the counts of {town} differ?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        town = some_article(world, rng, "kind = 'town'")
        years = _census(world, town["id"])
        first, last = sorted(rng.sample(sorted(years), 2))
        change = abs(years[last] - years[first])
        params = {"town": town["title"], "first": str(first), "last": str(last)}
        return Instance(params=params, answer=Number(change), near={"said": f"{years[last]:,}"})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["town"])
        first, last = (
            plain_number(next(row.cells[1] for row in page.rows() if row.cells[0] == p[year])) for year in ("first", "last")
        )
        yield answer(f"{abs(last - first):,}", f"The table has {first:,} for {p['first']} and {last:,} for {p['last']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"the later count": saying(self.oracle, instance.near["said"]), "given up": given_up}


class LastEditor(Template):
    """The first row of a history."""

    site, name, level, split = "wiki", "last-editor", 2, "dev"
    wordings = (
        "Who was the last to edit the article on {title}? Give the user name.",
        "Which user made the newest edit of the almanac's article “{title}”?",
        "Tell me who changed the article on {title} most recently.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_article(world, rng)
        edits = world.rows(
            "SELECT p.username FROM wiki_revisions r JOIN people p ON p.id = r.person_id WHERE r.article_id = ? ORDER "
            "BY r.at DESC, r.id DESC",
            wanted["id"],
        )
        names = [row["username"] for row in world.rows("SELECT username FROM people ORDER BY id")]
        last = edits[0]["username"]
        others = [row["username"] for row in edits if row["username"] != last] or list(rivals(names, last))
        return Instance(params={"title": wanted["title"]}, answer=Name(last, rivals(names, last)), near={"said": others[-1]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["title"])
        page = yield page.click("History", "The history says who edited the article.", "link")
        editor = page.rows()[1].cells[1]
        yield answer(editor, f"The newest edit is by {editor}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"an earlier editor": saying(self.oracle, said), "two": saying(self.oracle, lambda right: f"{right} or {said}")}


class EditsBy(Template):
    """Counting in a history of several pages."""

    site, name, level, split = "wiki", "edits-by", 4, "train"
    wordings = (
        "How often did {member} edit the article on {title}?",
        "Count the edits that {member} made to the almanac's article “{title}”.",
        "How many of the edits of the article on {title} are by {member}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        found = world.rows(
            "SELECT a.title, p.username, count(*) AS edits FROM wiki_revisions r JOIN wiki_articles a ON a.id = r.article_id "
            "JOIN people p ON p.id = r.person_id WHERE (SELECT count(*) FROM wiki_revisions q WHERE q.article_id = a.id) > 10 "
            "GROUP BY a.id, p.id HAVING count(*) > 2 ORDER BY a.id, p.id"
        )
        wanted = rng.choice(found)
        return Instance(
            params={"title": wanted["title"], "member": wanted["username"]},
            answer=Number(wanted["edits"]),
            near={"said": str(wanted["edits"] - 1)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["title"])
        page = yield page.click("History", "The history says who edited the article.", "link")
        pages = yield from through(page)
        count = sum(row.cells[1] == p["member"] for one in pages for row in one.rows()[1:])
        yield answer(str(count), f"{count} rows of the history have {p['member']} as their editor.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"one less": saying(self.oracle, instance.near["said"]), "given up": given_up}


class ExtremeTown(Template):
    """The largest or smallest value of a column."""

    site, name, level, split = "wiki", "extreme-town", 3, "train"
    wordings = (
        "Which town in the almanac has the {extreme} {quantity}?",
        "Name the town with the {extreme} {quantity}.",
        "Of all towns in the almanac's list, which one has the {extreme} {quantity}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        extreme, quantity = rng.choice(("largest", "smallest", "second-largest")), rng.choice(("population", "area"))
        names = titles(world, "town")
        names.sort(key=lambda name: plain_number(fact(world, name, quantity.capitalize())))
        place = {"largest": -1, "smallest": 0, "second-largest": -2}[extreme]
        near = names[{"largest": -2, "smallest": 1, "second-largest": -1}[extreme]]
        return Instance(
            params={"extreme": extreme, "quantity": quantity},
            answer=Name(names[place], rivals(names, names[place])),
            near={"said": near},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_list(page, "List of towns")
        rows = page.rows(below="Table")
        column = rows[0].cells.index(p["quantity"].capitalize())
        rows = sorted(rows[1:], key=lambda row: plain_number(row.cells[column]))
        row = rows[{"largest": -1, "smallest": 0, "second-largest": -2}[p["extreme"]]]
        yield answer(row.cells[0], f"Its {p['quantity']} of {row.cells[column]} is the {p['extreme']} of the table.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"the next one": saying(self.oracle, said), "two": saying(self.oracle, lambda right: f"{right} or {said}")}


TEMPLATES = (
    CategorySize(), HeightHere(), PopulationOf(), PopulationIn(), PopulationChange(), LastEditor(), EditsBy(), ExtremeTown(),
)  # fmt: skip
