"""Questions whose answer lies behind several articles, or in several rows of a list."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Items, Name, Number, rivals
from symbiotic_gym.pocket.plays import given_up, saying
from symbiotic_gym.pocket.reading import Page, answer
from symbiotic_gym.pocket.tasks.wiki_tools import box, fact, open_article, open_list, plain_number, some_article, titles
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class FounderBirthplace(Template):
    """Company, founder, birthplace."""

    site, name, level, split = "wiki", "founder-birthplace", 3, "train"
    wordings = (
        "In which town was the founder of {company} born?",
        "Where was the person who founded {company} born? Name the town.",
        "The company {company} was founded by somebody with an article of their own. What is their birthplace?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        towns = titles(world, "town")
        companies = titles(world, "company")
        rng.shuffle(companies)
        for company in companies:
            born = fact(world, fact(world, company, "Founder"), "Birthplace")
            seat = fact(world, company, "Headquarters")
            if born != seat:
                break
        return Instance(params={"company": company}, answer=Name(born, rivals(towns, born)), near={"seat": seat})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["company"])
        founder = box(page, "Founder")
        page = yield page.row("Founder").page.click(founder, f"{p['company']} was founded by {founder}.", "link")
        town = box(page, "Birthplace")
        yield answer(town, f"The box says that {founder} was born in {town}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        seat = instance.near["seat"]
        return {"the seat": saying(self.oracle, seat), "both": saying(self.oracle, lambda right: f"{right} or {seat}")}


class OthersByArchitect(Template):
    """From a landmark to its architect, and what else is there."""

    site, name, level, split = "wiki", "others-by-architect", 4, "test"
    wordings = (
        "Which other landmarks did the architect of the {title} design? Name all of them.",
        "Besides the {title}, what else is its architect known for? List every landmark.",
        "List all landmarks by the architect of the {title}, without the {title} itself.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        names = titles(world, "landmark")
        wanted = rng.choice(names)
        architect = fact(world, wanted, "Architect")
        others = [name for name in names if name != wanted and fact(world, name, "Architect") == architect]
        wrong = tuple(name for name in names if name not in others)
        return Instance(
            params={"title": wanted}, answer=Items(tuple(others), wrong), near={"more": ", ".join((*others, wanted))}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["title"])
        architect = box(page, "Architect")
        page = yield page.row("Architect").page.click(architect, f"The architect is {architect}.", "link")
        part = page.section("Known for", "Edit Work")
        known = [line for line in part.plain.split("\n") if part.offers(line, "link") and line != p["title"]]
        yield answer(", ".join(known), f"The article on {architect} names these beside the {p['title']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"with itself": saying(self.oracle, instance.near["more"]), "given up": given_up}


class FirstOpened(Template):
    """Some rows of a list, compared."""

    site, name, level, split = "wiki", "first-opened", 3, "dev"
    wordings = (
        "Which landmark in {town} was opened first?",
        "Of the landmarks in {town} that the almanac lists, which one is the oldest?",
        "Name the landmark of {town} with the earliest year of opening.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        by_town: dict[str, list[str]] = {}
        for name in titles(world, "landmark"):
            by_town.setdefault(fact(world, name, "Location"), []).append(name)
        town = rng.choice([town for town, names in by_town.items() if len(names) > 1])
        names = sorted(by_town[town], key=lambda name: int(fact(world, name, "Opened")))
        every = titles(world, "landmark")
        return Instance(params={"town": town}, answer=Name(names[0], rivals(every, names[0])), near={"said": names[1]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_list(page, "List of landmarks")
        rows = [row for row in page.rows(below="Table") if row.cells[1] == p["town"]]
        first = min(rows, key=lambda row: int(row.cells[2]))
        yield answer(first.cells[0], f"Of the {len(rows)} in {p['town']}, it has the earliest year, {first.cells[2]}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        said = instance.near["said"]
        return {"a later one": saying(self.oracle, said), "both": saying(self.oracle, lambda right: f"{right} and {said}")}


class EmployeesInTown(Template):
    """A sum over some rows of a list."""

    site, name, level, split = "wiki", "employees-in-town", 4, "test"
    wordings = (
        "How many employees do all companies with their headquarters in {town} have together?",
        "Add up the employees of the companies that are based in {town}.",
        "What is the total number of people employed by the almanac's companies with a seat in {town}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        by_town: dict[str, list[int]] = {}
        for name in titles(world, "company"):
            by_town.setdefault(fact(world, name, "Headquarters"), []).append(plain_number(fact(world, name, "Employees")))
        town = rng.choice([town for town, staff in by_town.items() if len(staff) > 1])
        total = sum(by_town[town])
        return Instance(params={"town": town}, answer=Number(total), near={"said": f"{max(by_town[town]):,}"})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_list(page, "List of companies")
        staff = [plain_number(row.cells[2]) for row in page.rows(below="Table") if row.cells[1] == p["town"]]
        yield answer(f"{sum(staff):,}", f"The {len(staff)} companies in {p['town']} have {sum(staff):,} employees together.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"only the largest": saying(self.oracle, instance.near["said"]), "given up": given_up}


class ArchitectAge(Template):
    """Two values of two articles, and a difference."""

    site, name, level, split = "wiki", "architect-age", 4, "test"
    wordings = (
        "In the year when the {title} was opened, how old did its architect turn?",
        "How many years lie between the birth of the architect of the {title} and its opening?",
        "Subtract the architect's year of birth from the year in which the {title} was opened. What is the result?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted = some_article(world, rng, "kind = 'landmark'")["title"]
        born, opened = int(fact(world, fact(world, wanted, "Architect"), "Born")), int(fact(world, wanted, "Opened"))
        return Instance(params={"title": wanted}, answer=Number(opened - born), near={"born": str(born), "opened": str(opened)})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_article(page, p["title"])
        opened, architect = int(box(page, "Opened")), box(page, "Architect")
        page = yield page.row("Architect").page.click(
            architect, f"It was opened in {opened}; the architect is {architect}.", "link"
        )
        born = int(box(page, "Born"))
        yield answer(str(opened - born), f"{architect} was born in {born}, which is {opened - born} years before {opened}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the year of birth": saying(self.oracle, instance.near["born"]),
            "the year of opening": saying(self.oracle, instance.near["opened"]),
        }


TEMPLATES = (FounderBirthplace(), OthersByArchitect(), FirstOpened(), EmployeesInTown(), ArchitectAge())
