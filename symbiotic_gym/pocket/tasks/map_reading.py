"""Tasks on the map: what the pages of places say."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.answers import Name, Number, Text, YesNo, rivals
from symbiotic_gym.pocket.plays import saying
from symbiotic_gym.pocket.reading import Page, answer
from symbiotic_gym.pocket.tasks.map_steps import open_place, places
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template
from symbiotic_gym.pocket.world.map_places import DAYS, KINDS

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


def _week(world: "World", place: Any) -> list[Any]:
    return world.rows("SELECT * FROM map_hours WHERE place_id = ? ORDER BY day", place["id"])


class PhoneOf(Template):
    """One fact of a place."""

    site, name, level, split = "map", "phone-of", 2, "train"
    wordings = (
        "What is the phone number of {place}?",
        "Give me the telephone number of {place}.",
        "Under which number can I call {place}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(places(world), 2)
        return Instance(params={"place": wanted["name"]}, answer=Text(wanted["phone"]), near={"said": other["phone"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_place(page, p["place"])
        yield answer(page.match(r"555-\d{3}-\d{4}")[0], "The place's page shows its phone number.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another place's": saying(self.oracle, instance.near["said"]),
            "cut short": saying(self.oracle, lambda right: right[:-4]),
        }


class ClosedDay(Template):
    """The one row of a table that is different."""

    site, name, level, split = "map", "closed-day", 2, "dev"
    wordings = (
        "On which day of the week is {place} closed?",
        "Which is the day off of {place}?",
        "{place} is closed on one day. Which one?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        fitting = [(p, [d["day"] for d in _week(world, p) if d["opens"] is None]) for p in places(world)]
        place, closed = rng.choice([(place, days) for place, days in fitting if len(days) == 1])
        day = DAYS[closed[0]]
        wrong = rng.choice(rivals(DAYS, day))
        return Instance(params={"place": place["name"]}, answer=Name(day, rivals(DAYS, day)), near={"said": wrong})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_place(page, p["place"])
        yield answer(page.row("Closed").cells[0], "It is the only day with the word Closed beside it.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another day": saying(self.oracle, instance.near["said"]),
            "two days": saying(self.oracle, lambda right: f"{right} and {instance.near['said']}"),
        }


class OpenOnDay(Template):
    """Yes or no."""

    site, name, level, split = "map", "open-on-day", 2, "train"
    wordings = (
        "Is {place} open on {day}s?",
        "Could I go to {place} on a {day}? Answer yes or no.",
        "Does {place} open its doors on {day}s?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        is_open = rng.random() < 0.5
        choices = [(p, d["day"]) for p in places(world) for d in _week(world, p) if (d["opens"] is not None) == is_open]
        place, day = rng.choice(choices)
        return Instance(
            params={"place": place["name"], "day": DAYS[day]}, answer=YesNo(is_open), near={"said": "No" if is_open else "Yes"}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_place(page, p["place"])
        hours = page.row(p["day"]).cells[1]
        yield answer("No" if hours == "Closed" else "Yes", f"Beside {p['day']} stands: {hours}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the opposite": saying(self.oracle, instance.near["said"]),
            "undecided": saying(self.oracle, "Yes or no, depending on the week."),
        }


class HoursOpen(Template):
    """A difference of two times."""

    site, name, level, split = "map", "hours-open", 3, "train"
    wordings = (
        "For how many hours is {place} open on a {day}?",
        "How many hours long does {place} stay open on {day}s?",
        "Work out the number of hours that {place} is open on {day}s.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        choices = [
            (p, d) for p in places(world) for d in _week(world, p) if d["opens"] is not None and d["closes"] - d["opens"] < 1440
        ]
        place, day = rng.choice(choices)
        hours = (day["closes"] - day["opens"]) // 60
        return Instance(
            params={"place": place["name"], "day": DAYS[day["day"]]},
            answer=Number(hours),
            near={"said": str(hours + 1), "time": str(day["closes"] // 60)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_place(page, p["place"])
        opens, closes = page.row(p["day"]).cells[1].split(" to ")
        hours = int(closes[:2]) - int(opens[:2])
        yield answer(str(hours), f"From {opens} to {closes} it is {hours} hours.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "an hour more": saying(self.oracle, instance.near["said"]),
            "the closing time": saying(self.oracle, f"Until {instance.near['time']} o'clock, {instance.near['said']} hours"),
        }


class CountInTown(Template):
    """Two filters, and a count."""

    site, name, level, split = "map", "count-in-town", 3, "train"
    wordings = (
        "How many {kind} are there in the town of {town} on the map?",
        "Count the {kind} that Waymark knows in {town}.",
        "What is the number of {kind} in the town of {town}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        town = rng.choice(world.rows("SELECT * FROM map_towns ORDER BY id"))
        kind = rng.choice([kind for kind in KINDS if kind.each[1] > 1])
        count = sum(place["town_id"] == town["id"] for place in places(world, kind.name))
        total = len(places(world, kind.name))
        return Instance(
            params={"kind": kind.many, "town": town["name"]},
            answer=Number(count),
            near={"said": str(count + 1), "total": str(total)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click(p["kind"], f"This lists all {p['kind']}.", "link")
        page = yield page.select("Town", p["town"], f"Only those in {p['town']} count.")
        page = yield page.click("Apply filters", "Now the list is made anew.", "button")
        yield answer(page.match(r"^(\d+) places?$")[1], "The list says how many places it has.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "one more": saying(self.oracle, instance.near["said"]),
            "in all towns": saying(self.oracle, f"{instance.near['total']} in all, of which {instance.near['said']} here"),
        }


class BestRated(Template):
    """The first of a sorted and filtered list."""

    site, name, level, split = "map", "best-rated-with", 4, "test"
    wordings = (
        "Which of the {kind} that have {feature} is rated best?",
        "Among all {kind} with {feature}, find the one with the highest rating.",
        "I need {feature}. Which of Waymark's {kind} with that has the best rating?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        choices = []
        for kind in KINDS:
            for feature in ("wheelchair access", "parking", "free wifi", "garden", "card payment"):
                found = sorted((p for p in places(world, kind.name) if feature in p["features"]), key=lambda p: -p["rating"])
                best = max(places(world, kind.name), key=lambda p: p["rating"])
                if len(found) > 2 and found[0]["rating"] > found[1]["rating"]:
                    wrong = best["name"] if best["name"] != found[0]["name"] else found[1]["name"]
                    choices.append((kind, feature, found[0]["name"], wrong))
        kind, feature, right, wrong = rng.choice(choices)
        names = [place["name"] for place in places(world)]
        return Instance(
            params={"kind": kind.many, "feature": feature}, answer=Name(right, rivals(names, right)), near={"said": wrong}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click(p["kind"], f"This lists all {p['kind']}.", "link")
        page = yield page.select("With", p["feature"], f"Only those with {p['feature']} count.")
        page = yield page.select("Sort by", "Best rated", "The best one comes first then.")
        page = yield page.click("Apply filters", "Now the list is made anew.", "button")
        yield answer(page.rows(below="Place | Kind")[1].cells[0], "It is the first of the list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "without the feature": saying(self.oracle, instance.near["said"]),
            "both": saying(self.oracle, lambda right: f"{right} or {instance.near['said']}"),
        }


TEMPLATES = (PhoneOf(), ClosedDay(), OpenOnDay(), HoursOpen(), CountInTown(), BestRated())
