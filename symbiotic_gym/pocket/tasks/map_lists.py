"""Tasks on the map: what a visitor keeps there and changes."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.plays import half_done, misheard, without
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.map_steps import open_place, places
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template
from symbiotic_gym.pocket.world.map_places import DAYS

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_LISTS = ("Rainy days", "With the children", "Birthday ideas", "Quiet corners", "For visitors", "Sunday walks")
_SETTINGS = {
    "distances in miles": ("Distances in", "miles", "units"),
    "usually walking": ("Usual way to travel", "walking", "mode"),
}
_TOPICS = ("Wrong opening hours", "Wrong phone number", "Closed for good", "Wrong position")
_DETAILS = (
    "There is a note on the door.",
    "I was there yesterday and saw it myself.",
    "The owner told me so.",
    "It has been like this since spring.",
)


def _mine(world: "World") -> list[Any]:
    return world.rows("SELECT * FROM map_lists WHERE person_id = 1 ORDER BY id")


def _on(world: "World", list_id: int) -> list[Any]:
    return world.rows(
        "SELECT p.* FROM map_places p JOIN map_saved s ON s.place_id = p.id WHERE s.list_id = ? ORDER BY p.id", list_id
    )


class CreateList(Template):
    """One field and one button on the first page."""

    site, name, level, split, start = "map", "create-list", 1, "train", "/lists"
    wordings = (
        "Make a new list called “{list}” on Waymark.",
        "Create the list “{list}” for places.",
        "I want a list “{list}” among my lists of places.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(_LISTS, 2)
        return Instance(
            params={"list": wanted},
            near={"list": other},
            effect=[("INSERT INTO map_lists (person_id, name) VALUES (1, ?)", (wanted,))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.fill("Name", p["list"], "This is its name.")
        yield page.click("Create list", "The list has to be made.", "button")
        yield done("The list is there.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another name": misheard(self.oracle, list=instance.near["list"]),
            "not created": half_done(self.oracle, "Create list"),
        }


class SetUnits(Template):
    """One choice on the first page."""

    site, name, level, split, start = "map", "set-units", 1, "train", "/settings"
    wordings = (
        "Change my Waymark settings: {setting}.",
        "In the settings of the map I want this: {setting}.",
        "Set up Waymark for me like this: {setting}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(list(_SETTINGS), 2)
        _, value, column = _SETTINGS[wanted]
        return Instance(
            params={"setting": wanted},
            near={"setting": other},
            effect=[(f"UPDATE map_settings SET {column} = ? WHERE person_id = 1", (value,))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        label, value, _ = _SETTINGS[p["setting"]]
        page = yield page.select(label, value, "This list holds that setting.")
        yield page.click("Save settings", "The change has to be saved.", "button")
        yield done("The settings are saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another setting": misheard(self.oracle, setting=instance.near["setting"]),
            "not saved": half_done(self.oracle, "Save settings"),
        }


class SavePlace(Template):
    """A list to choose on a place's page."""

    site, name, level, split = "map", "save-place", 3, "train"
    wordings = (
        "Save {place} to my list “{list}”.",
        "Put {place} on the list “{list}” of my places.",
        "Add the place {place} to “{list}” on Waymark.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        lists = _mine(world)
        saved = {place["id"] for each in lists for place in _on(world, each["id"])}
        place = rng.choice([place for place in places(world) if place["id"] not in saved])
        wanted, other = rng.sample(lists, 2)
        return Instance(
            params={"place": place["name"], "list": wanted["name"]},
            near={"list": other["name"]},
            effect=[("INSERT INTO map_saved (list_id, place_id) VALUES (?, ?)", (wanted["id"], place["id"]))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_place(page, p["place"])
        page = yield page.select("List", p["list"], "This is the list that is meant.")
        yield page.click("Save to list", "The place has to be saved.", "button")
        yield done("The place is on the list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another list": misheard(self.oracle, list=instance.near["list"]),
            "not saved": half_done(self.oracle, "Save to list"),
        }


class DeleteList(Template):
    """A button that asks back."""

    site, name, level, split = "map", "delete-list", 2, "dev"
    wordings = (
        "Delete my list “{list}” on Waymark.",
        "I no longer need the list “{list}” of places. Delete it.",
        "Get rid of the whole list “{list}” among my Waymark lists.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(_mine(world), 2)
        effect = [
            ("DELETE FROM map_saved WHERE list_id = ?", (wanted["id"],)),
            ("DELETE FROM map_lists WHERE id = ?", (wanted["id"],)),
        ]
        return Instance(params={"list": wanted["name"]}, near={"list": other["name"]}, effect=effect)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("My lists", "All lists are there.", "link")
        page = yield page.click(p["list"], "This is the list.", "link")
        page = yield page.click("Delete list", "This button deletes it.", "button")
        yield page.click("Confirm", "The site asks whether this is meant.", "button")
        yield done("The list is deleted.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another list": misheard(self.oracle, list=instance.near["list"]),
            "not confirmed": half_done(self.oracle, "Confirm"),
        }


class MoveSaved(Template):
    """A mistake to undo, and what was meant to do."""

    site, name, level, split = "map", "move-saved", 4, "test"
    wordings = (
        "Move {place} from my list “{old}” to my list “{new}”.",
        "I saved {place} in “{old}” by mistake. It should be in “{new}” instead.",
        "Take {place} off the list “{old}” and put it on “{new}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        old, new = rng.sample(_mine(world), 2)
        place, other = rng.sample(_on(world, old["id"]), 2)
        return Instance(
            params={"place": place["name"], "old": old["name"], "new": new["name"]},
            near={"place": other["name"]},
            effect=[
                ("UPDATE map_saved SET list_id = ? WHERE list_id = ? AND place_id = ?", (new["id"], old["id"], place["id"]))
            ],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("My lists", "The place has to leave one of these lists.", "link")
        page = yield page.click(p["old"], "It is on this list.", "link")
        page = yield page.row(p["place"]).page.click("Remove", "It is to leave this list.", "button")
        page = yield from open_place(page, p["place"])
        page = yield page.select("List", p["new"], "It belongs on this list.")
        yield page.click("Save to list", "The place has to be saved.", "button")
        yield done("The place has moved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another place": misheard(self.oracle, place=instance.near["place"]),
            "only removed": half_done(self.oracle, "Save to list"),
            "copied": without(self.oracle, "Remove"),
        }


class ClearClosed(Template):
    """Every place of a list has to be looked at."""

    site, name, level, split = "map", "clear-closed", 5, "test"
    wordings = (
        "Remove every place that is closed on {day}s from my list “{list}”.",
        "My list “{list}” should only have places that are open on {day}s. Take the others off it.",
        "Go through “{list}” among my Waymark lists and remove whatever is closed on a {day}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        choices = []
        for each in _mine(world):
            saved = _on(world, each["id"])
            for day in range(7):
                closed = [
                    p["id"]
                    for p in saved
                    if world.value("SELECT opens FROM map_hours WHERE place_id = ? AND day = ?", p["id"], day) is None
                ]
                if closed and len(closed) < len(saved):
                    choices.append((each, day, closed))
        wanted, day, closed = rng.choice(choices)
        effect = [("DELETE FROM map_saved WHERE list_id = ? AND place_id = ?", (wanted["id"], place)) for place in closed]
        return Instance(params={"day": DAYS[day], "list": wanted["name"]}, effect=effect)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("My lists", "The list is there.", "link")
        page = yield page.click(p["list"], "This is the list.", "link")
        names = [row.cells[0] for row in page.rows(below="Place | Kind")[1:]]
        closed = []
        for name in names:
            page = yield page.click(name, f"The page of {name} has its opening hours.", "link")
            if page.row(p["day"]).cells[1] == "Closed":
                closed.append(name)
            page = yield page.click("My lists", "The next place of the list is to be looked at.", "link")
            page = yield page.click(p["list"], "This is the list.", "link")
        for name in closed:
            page = yield page.row(name).page.click("Remove", f"{name} is closed on {p['day']}s.", "button")
        yield done(f"Only places that are open on {p['day']}s are left.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"nothing removed": half_done(self.oracle, "Remove"), "the first, unseen": self._first}

    def _first(self, page: Page, p: Params) -> Play:
        page = yield page.click("My lists", "The list is there.", "link")
        page = yield page.click(p["list"], "This is the list.", "link")
        for _ in page.rows(below="Place | Kind")[1:]:
            page = yield page.rows(below="Place | Kind")[1].page.click("Remove", "It may be closed.", "button")
        yield done("The list is cleared.")


class ReportProblem(Template):
    """A form with a choice and a text."""

    site, name, level, split = "map", "report-problem", 3, "train"
    wordings = (
        "Report a problem with {place}: “{topic}”. Write “{details}” as the details.",
        "Tell Waymark about {place} that this is the problem: “{topic}”; details: “{details}”",
        "Send the report “{topic}” about {place} to Waymark, with the details “{details}”",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        place, other = rng.sample(places(world), 2)
        (topic, wrong), details = rng.sample(_TOPICS, 2), rng.choice(_DETAILS)
        return Instance(
            params={"place": place["name"], "topic": topic, "details": details},
            near={"place": other["name"], "topic": wrong},
            effect=[
                (
                    "INSERT INTO map_reports (person_id, place_id, topic, body) VALUES (1, ?, ?, ?)",
                    (place["id"], topic, details),
                )
            ],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_place(page, p["place"])
        page = yield page.click("Report a problem", "Problems are reported here.", "link")
        page = yield page.select("What is wrong", p["topic"], "This is the problem.")
        page = yield page.fill("Details", p["details"], "These are the details.")
        yield page.click("Send report", "The form is complete.", "button")
        yield done("The report is sent.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another place": misheard(self.oracle, place=instance.near["place"]),
            "another problem": misheard(self.oracle, topic=instance.near["topic"]),
            "not sent": half_done(self.oracle, "Send report"),
        }


TEMPLATES = (CreateList(), SetUnits(), SavePlace(), DeleteList(), MoveSaved(), ClearClosed(), ReportProblem())
