"""Tasks on the map: ways, times and distances."""

import random
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Duration, Name, Number, rivals
from symbiotic_gym.pocket.plays import saying
from symbiotic_gym.pocket.reading import Page, answer
from symbiotic_gym.pocket.tasks.map_steps import directions, minutes_of, open_place, places, time_between, two_places
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_TIME = r"^Time: (.+)$"


def _later(minutes: int) -> str:
    return Duration(minutes + 7).say()


class TravelTime(Template):
    """One way."""

    site, name, level, split = "map", "travel-time", 2, "train"
    wordings = (
        "How long does it take to get from {start} to {end} by {mode}?",
        "What is the travel time between {start} and {end} when {mode}?",
        "Find out how much time {mode} from {start} to {end} takes.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        start, end = two_places(world, rng)
        mode, other = rng.sample(("driving", "walking"), 2)
        return Instance(
            params={"start": start["name"], "end": end["name"], "mode": mode},
            answer=Duration(time_between(world, start, end, mode)),
            near={"said": Duration(time_between(world, start, end, other)).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from directions(page, p["start"], p["end"], p["mode"])
        yield answer(page.match(_TIME)[1], "The directions give the time.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the other way to travel": saying(self.oracle, instance.near["said"]),
            "no time": saying(self.oracle, "Not very long."),
        }


class TravelDistance(Template):
    """The other number of the same page."""

    site, name, level, split = "map", "travel-distance", 2, "dev"
    wordings = (
        "How many kilometers is the way from {start} to {end} by {mode}?",
        "What distance in kilometers is it from {start} to {end} when {mode}?",
        "Tell me the length of the way from {start} to {end} in kilometers, {mode}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        from symbiotic_gym.pocket.apps.map_graph import route

        start, end = two_places(world, rng)
        mode = rng.choice(("driving", "walking"))
        way = route(world, start["junction_id"], end["junction_id"], mode)
        shown = f"{(way.meters if way else 0) / 1000:.1f}"
        return Instance(
            params={"start": start["name"], "end": end["name"], "mode": mode},
            answer=Number(Decimal(shown)),
            near={"said": f"{Decimal(shown) + 1} km"},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from directions(page, p["start"], p["end"], p["mode"])
        yield answer(page.match(r"^Distance: (.+)$")[1], "The directions give the distance.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "a kilometer more": saying(self.oracle, instance.near["said"]),
            "two distances": saying(self.oracle, lambda right: f"{right} or {instance.near['said']}"),
        }


class NearestKind(Template):
    """The first of a list of neighbors."""

    site, name, level, split = "map", "nearest-kind", 3, "train"
    wordings = (
        "What is the nearest {kind} to {place} on foot?",
        "Starting at {place}, which {kind} is the shortest walk away?",
        "I am at {place}. Which {kind} can I reach with the least walking?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        from symbiotic_gym.pocket.apps.map_graph import walks

        names = [place["name"] for place in places(world)]
        while True:
            place = rng.choice(places(world))
            kind = rng.choice(("Café", "Restaurant", "Bakery", "Pharmacy", "Hotel", "Bookshop"))
            meters = walks(world, place["junction_id"])
            ranked = sorted(
                (meters[p["junction_id"]], p["name"])
                for p in places(world, kind)
                if p["id"] != place["id"] and p["junction_id"] in meters
            )
            if len(ranked) > 1 and ranked[1][0] - ranked[0][0] > 150:
                break
        right, wrong = ranked[0][1], ranked[1][1]
        return Instance(
            params={"kind": kind, "place": place["name"]},
            answer=Name(right, rivals(names, right, place["name"])),
            near={"said": wrong},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_place(page, p["place"])
        page = yield page.click("What is nearby", "This lists what is around it, nearest first.", "link")
        page = yield page.select("Kind", p["kind"], f"Only a {p['kind']} is wanted.")
        yield answer(page.rows(below="Place | Kind")[1].cells[0], "It is the first of the list, so the nearest.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the second": saying(self.oracle, instance.near["said"]),
            "both": saying(self.oracle, lambda right: f"{right} and {instance.near['said']}"),
        }


class NearerByCar(Template):
    """Two ways, compared."""

    site, name, level, split = "map", "nearer-by-car", 4, "train"
    wordings = (
        "Which is the shorter drive from {start}: {one} or {other}? Go by the time.",
        "Coming by car from {start}, do I reach {one} or {other} sooner?",
        "Starting from {start} by car, which takes less time to get to, {one} or {other}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        everywhere = places(world)
        while True:
            start, one, other = rng.sample(everywhere, 3)
            times = [time_between(world, start, place, "driving") for place in (one, other)]
            if abs(times[0] - times[1]) > 3:
                break
        right, wrong = (one, other) if times[0] < times[1] else (other, one)
        return Instance(
            params={"start": start["name"], "one": one["name"], "other": other["name"]},
            answer=Name(right["name"], (wrong["name"],)),
            near={"said": wrong["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from directions(page, p["start"], p["one"], "driving")
        first = page.match(_TIME)[1]
        page = yield from directions(page, p["start"], p["other"], "driving")
        second = page.match(_TIME)[1]
        right = p["one"] if minutes_of(first) < minutes_of(second) else p["other"]
        yield answer(right, f"{p['one']} takes {first}, {p['other']} {second}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the other": saying(self.oracle, instance.near["said"]),
            "both": saying(self.oracle, lambda right: f"{right} or {instance.near['said']}"),
        }


class ViaPlace(Template):
    """Two ways, added up."""

    site, name, level, split = "map", "drive-via", 4, "test"
    wordings = (
        "How long is the drive from {start} to {stop} and on to {end} altogether?",
        "I drive from {start} first to {stop}, then to {end}. What is the whole driving time?",
        "Add up the driving times from {start} to {stop} and from there to {end}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        start, stop, end = rng.sample(places(world), 3)
        first, second = time_between(world, start, stop, "driving"), time_between(world, stop, end, "driving")
        return Instance(
            params={"start": start["name"], "stop": stop["name"], "end": end["name"]},
            answer=Duration(first + second),
            near={"said": _later(first + second)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from directions(page, p["start"], p["stop"], "driving")
        first = page.match(_TIME)[1]
        page = yield from directions(page, p["stop"], p["end"], "driving")
        second = page.match(_TIME)[1]
        total = Duration(minutes_of(first) + minutes_of(second)).say()
        yield answer(total, f"{first} and {second} make {total}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "added wrongly": saying(self.oracle, instance.near["said"]),
            "no time": saying(self.oracle, "A good while."),
        }


class FromHome(Template):
    """A place that only the person at the keyboard has."""

    site, name, level, split = "map", "from-home", 3, "test"
    wordings = (
        "How long does {mode} from my home to {place} take?",
        "What is the {mode} time between my home and {place}?",
        "Starting at home, how much time do I need for {mode} to {place}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        home = world.one("SELECT * FROM map_places WHERE owner_id = 1 ORDER BY id")
        place = rng.choice([place for place in places(world) if place["town_id"] != home["town_id"]])
        mode, other = rng.sample(("driving", "walking"), 2)
        return Instance(
            params={"mode": mode, "place": place["name"]},
            answer=Duration(time_between(world, home, place, mode)),
            near={"said": Duration(time_between(world, home, place, other)).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from directions(page, "Home", p["place"], p["mode"])
        yield answer(page.match(_TIME)[1], "The directions give the time.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the other way to travel": saying(self.oracle, instance.near["said"]),
            "no time": saying(self.oracle, "I do not know where you live."),
        }


TEMPLATES = (TravelTime(), TravelDistance(), NearestKind(), NearerByCar(), ViaPlace(), FromHome())
