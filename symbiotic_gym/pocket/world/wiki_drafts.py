"""Drafts of the wiki's articles: one coherent web of towns, landmarks, people, companies and objects, before it is stored.

What two articles say about the same thing comes from the same values here, so a fact can be followed from page to page.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symbiotic_gym.pocket.world.people_names import CITIES, FIRST_NAMES, LAST_NAMES
from symbiotic_gym.pocket.world.shop_goods import BRANDS
from symbiotic_gym.pocket.world.wiki_texts import (
    GEOGRAPHY,
    HISTORY,
    INDUSTRIES,
    LANDMARKS,
    LIVES,
    MATERIALS,
    OBJECTS,
    REGIONS,
    RIVERS,
    TRADES,
    WORKS,
)  # fmt: skip

__all__ = ["YEARS", "Draft", "draft_all"]

YEARS = (1950, 1970, 1990, 2010, 2020)
"""Censuses in every town's article."""


@dataclass
class Draft:
    """An article: title, what it is about, its first sentence, its box of facts, sections, and categories."""

    title: str
    kind: str
    lead: str
    facts: list[tuple[str, str]]
    sections: list[tuple[str, str]] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)

    def fact(self, name: str) -> str:
        """The value of one fact."""
        return dict(self.facts)[name]


def draft_all(rng: random.Random, taken: Sequence[str]) -> list[Draft]:
    """All articles of a world.

    Args:
        rng: the source of every choice.
        taken: names of people which nobody here may have.
    """
    names = _names(rng, set(taken), 20)
    towns = _towns(rng)
    places = [town.title for town in towns]
    landmarks = _landmarks(rng, places, names[:4])
    companies = _companies(rng, places, names[4:16])
    objects = _objects(rng, names[12:], companies)
    people = _people(rng, places, names, landmarks, companies, objects)
    for town in towns:
        _finish_town(rng, town, landmarks, companies, people)
    return [*towns, *landmarks, *companies, *objects, *people, *_lists(towns, landmarks, companies)]


def _names(rng: random.Random, taken: set[str], count: int) -> list[str]:
    found: list[str] = []
    lasts = rng.sample(LAST_NAMES, len(LAST_NAMES))
    while len(found) < count:
        name = f"{rng.choice(FIRST_NAMES)} {lasts.pop()}"
        if name not in taken:
            found.append(name)
    return found


def _towns(rng: random.Random) -> list[Draft]:
    rivers = rng.sample(RIVERS, len(CITIES))
    mayors = rng.sample(LAST_NAMES, len(CITIES))
    sizes = rng.sample(range(60, 980), len(CITIES))  # hundreds; no two alike, so lists have no ties
    areas = rng.sample(range(18, 160), len(CITIES))
    towns = []
    for number, (name, _) in enumerate(CITIES):
        region, founded = rng.choice(REGIONS), rng.randrange(1080, 1790)
        population = sizes[number] * 100 + rng.randrange(100)
        early, rail = rng.randrange(max(founded + 20, 1400), 1830), rng.randrange(1845, 1890)
        words = {
            "river": rivers[number], "century": rng.randrange(17, 20), "early": early, "rail": rail,
            "trade": rng.choice(TRADES),
            "weekday": rng.choice(("Tuesday", "Thursday", "Saturday")), "flood": rng.randrange(1895, 1962),
        }  # fmt: skip
        facts = [
            ("Region", region), ("Population", f"{population:,}"), ("Area", f"{areas[number]} km²"), ("Founded", str(founded)),
            ("River", rivers[number]), ("Mayor", f"{rng.choice(FIRST_NAMES)} {mayors[number]}"),
        ]  # fmt: skip
        sections = [
            ("Geography", _paragraph(rng, GEOGRAPHY, words)),
            ("History", f"{name} is first mentioned in {founded}. " + _paragraph(rng, HISTORY, words)),
            ("Population", _census(rng, population)),
        ]
        lead = f"{name} is a town on the {rivers[number]} in {region}."
        towns.append(Draft(name, "town", lead, facts, sections, ["Towns", f"Towns in {region}"]))
    return towns


def _paragraph(rng: random.Random, pool: Sequence[str], words: Mapping[str, object]) -> str:
    return " ".join(rng.sample(pool, rng.randrange(2, 4))).format(**words)


def _census(rng: random.Random, now: int) -> str:
    counts = [now]
    for _ in YEARS[1:]:
        counts.append(int(counts[-1] * rng.uniform(0.72, 1.06)))
    lines = [f"| {year} | {count:,} |" for year, count in zip(YEARS, reversed(counts), strict=True)]
    return "The figures are those of the census, taken in spring.\n\n" + "\n".join(["| Year | Inhabitants |", *lines])


def _landmarks(rng: random.Random, towns: Sequence[str], architects: Sequence[str]) -> list[Draft]:
    names = rng.sample(LANDMARKS, 13)
    opened = sorted(rng.sample(range(1851, 1935), len(names)))
    heights = rng.sample(range(9, 88), len(names))
    places = [*rng.sample(towns, 5) * 2, *rng.sample(towns, 3)]  # several towns have two, so that they can be compared
    found = []
    for number, name in enumerate(names):
        town, material = places[number], rng.choice(MATERIALS)
        architect = architects[number * len(architects) // len(names)]  # each has a few in a row, within one working life
        words = {"material": material, "years": rng.randrange(3, 12), "piles": rng.randrange(40, 400), "closed": 1960 + number,
                 "opened": 1963 + number}  # fmt: skip
        lead = f"The {name} is a landmark in [[{town}]], designed by [[{architect}]]."
        facts = [
            ("Location", town), ("Opened", str(opened[number])), ("Architect", architect), ("Height", f"{heights[number]} m"),
            ("Material", material), ("Visitors a year", f"{rng.randrange(20, 900) * 100:,}"),
        ]  # fmt: skip
        history = f"It was opened in {opened[number]}. " + _paragraph(rng, WORKS, words)
        found.append(Draft(name, "landmark", lead, facts, [("History", history)], ["Landmarks"]))
    return found


def _companies(rng: random.Random, towns: Sequence[str], founders: Sequence[str]) -> list[Draft]:
    found = []
    staff = rng.sample(range(4, 290), len(BRANDS))
    seats = [rng.choice(towns[:7]) for _ in BRANDS]
    for number, name in enumerate(BRANDS):
        seat, industry, founder = seats[number], rng.choice(INDUSTRIES), founders[number]
        year, moved = rng.randrange(1868, 1950), rng.randrange(1955, 1990)
        lead = f"{name} is a maker of {industry} with its seat in [[{seat}]]."
        facts = [
            ("Founded", str(year)), ("Founder", founder), ("Headquarters", seat), ("Industry", industry),
            ("Employees", f"{staff[number] * 10:,}"),
        ]  # fmt: skip
        history = (
            f"{name} was founded in {year} by [[{founder}]] with a workshop of {rng.randrange(2, 9)} people. "
            f"It moved into its present works in {moved} and has belonged to its own staff since "
            f"{moved + rng.randrange(4, 25)}."
        )
        goods = (
            "The company's goods are sold by Larkspur Market, among others. "
            f"Everything is repaired for {rng.randrange(8, 31)} years."
        )
        sections = [("History", history), ("Products", goods)]
        found.append(Draft(name, "company", lead, facts, sections, ["Companies"]))
    return found


def _objects(rng: random.Random, inventors: Sequence[str], companies: Sequence[Draft]) -> list[Draft]:
    founded = {d.fact("Founder"): int(d.fact("Founded")) for d in companies}
    found = []
    for number, name in enumerate(rng.sample(sorted(OBJECTS), 8)):
        what, department = OBJECTS[name]
        inventor, year = inventors[number], rng.randrange(1840, 1935)
        year = founded.get(inventor, year) + rng.randrange(-9, 10)
        facts = [("Invented", str(year)), ("Inventor", inventor), ("Sold under", department)]
        text = (
            f"The {name.lower()} in its present form goes back to [[{inventor}]], who showed it at the fair of {year}. "
            f"By {year + rng.randrange(9, 30)} it stood in every second household."
        )
        lead = f"A {name.lower()} is {what}."
        found.append(Draft(name, "object", lead, facts, [("Origin", text)], ["Everyday objects"]))
    return found


def _people(
    rng: random.Random,
    towns: Sequence[str],
    names: Sequence[str],
    landmarks: Sequence[Draft],
    companies: Sequence[Draft],
    objects: Sequence[Draft],
) -> list[Draft]:
    found = []
    for number, name in enumerate(names):
        made = [d for d in (*landmarks, *companies, *objects) if name in (value for _, value in d.facts)]
        years = [int(d.fact({"landmark": "Opened", "company": "Founded", "object": "Invented"}[d.kind])) for d in made]
        born = min(years) - rng.randrange(24, 41)
        work = "architect" if number < 4 else "entrepreneur" if number < 16 else "inventor"
        town = rng.choice(towns)
        last = name.split()[-1]
        died = max(born + 57, max(years)) + rng.randrange(1, 18)
        words = {"last": last, "nth": rng.choice(("second", "third", "youngest")), "siblings": rng.randrange(4, 10),
                 "parent": rng.choice(("baker", "schoolteacher", "ferryman", "joiner")),
                 "found": rng.randrange(1988, 2021)}  # fmt: skip
        facts = [("Born", f"{born}"), ("Birthplace", town), ("Died", f"{died}"), ("Profession", work)]
        sections = [
            ("Life", f"{name} was born in [[{town}]] in {born}. " + _paragraph(rng, LIVES, words)),
            ("Work", "Known for " + ", ".join(f"[[{d.title}]]" for d in made) + "."),
        ]
        lead = f"{name} ({born}–{died}) was an {work} from [[{town}]]."
        categories = ["People", {"architect": "Architects", "entrepreneur": "Entrepreneurs", "inventor": "Inventors"}[work]]
        found.append(Draft(name, "person", lead, facts, sections, categories))
    return found


def _finish_town(
    rng: random.Random, town: Draft, landmarks: Sequence[Draft], companies: Sequence[Draft], people: Sequence[Draft]
) -> None:
    here = [d for d in landmarks if d.fact("Location") == town.title]
    seats = [d for d in companies if d.fact("Headquarters") == town.title]
    born = [d for d in people if d.fact("Birthplace") == town.title]
    for heading, found in (("Landmarks", here), ("Companies", seats), ("Notable people", born)):
        if found:
            names = ", ".join(f"[[{d.title}]]" for d in sorted(found, key=lambda d: d.title))
            start = {"Landmarks": "Worth a visit:", "Companies": "Based here:", "Notable people": "Born here:"}[heading]
            town.sections.append((heading, f"{start} {names}."))


def _lists(towns: Sequence[Draft], landmarks: Sequence[Draft], companies: Sequence[Draft]) -> list[Draft]:
    plans = (
        ("List of towns", towns, ("Region", "Population", "Area", "Founded")),
        ("List of landmarks", landmarks, ("Location", "Opened", "Height")),
        ("List of companies", companies, ("Headquarters", "Employees")),
    )
    found = []
    for title, drafts, columns in plans:
        lines = ["| Name | " + " | ".join(columns) + " |"]
        for draft in sorted(drafts, key=lambda d: d.title):
            lines.append(f"| [[{draft.title}]] | " + " | ".join(draft.fact(name) for name in columns) + " |")
        what = title.removeprefix("List of ")
        lead = f"This list has all {len(drafts)} {what} with an article here, in the order of the alphabet."
        facts = [("Entries", str(len(drafts)))]
        found.append(Draft(title, "list", lead, facts, [("Table", "\n".join(lines))], ["Lists"]))
    return found
