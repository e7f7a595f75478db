"""Tasks on the code site: projects, their labels and members, and one's own profile."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard, without
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.code_steps import WORK, joined, open_part, open_project, project_with
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_STATUSES = ("Out for lunch", "At the library", "Back on Monday", "Writing tests", "Travelling by train", "Not at my desk")
_NEW = (
    "Cloud Diary",
    "Window Box",
    "Sock Sorter",
    "Tram Bell",
    "Mushroom Guide",
    "Postcard Maker",
    "Attic Inventory",
    "Snow Clock",
)
_LABELS = ("urgent", "mobile", "translation", "next meeting", "cannot reproduce", "printing")
_ABOUT = (
    "Now maintained by volunteers.",
    "Small, slow and reliable.",
    "For clubs, schools and families.",
    "Made for old computers.",
    "Reads what others throw away.",
)


class StarProject(Template):
    """One button on a project's overview."""

    site, name, level, split = "code", "star-project", 1, "train"
    wordings = ("Star the project {project}.", "Give {project} a star on Treeline.", "Add {project} to my starred projects.")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        starred = {
            row["project_id"] for row in world.rows("SELECT project_id FROM code_stars WHERE person_id = 1 ORDER BY project_id")
        }
        wanted, other = rng.sample([p for p in joined(world, "Guest", *WORK) if p["id"] not in starred], 2)
        return Instance(
            params={"project": wanted["name"]},
            near={"project": other["name"]},
            effect=[("INSERT INTO code_stars (person_id, project_id) VALUES (1, ?)", (wanted["id"],))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_project(page, p["project"])
        yield page.click("Star", "The overview has a button for it.", "button")
        yield done("The project is starred.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another project": misheard(self.oracle, project=instance.near["project"]),
            "only opened": half_done(self.oracle, "Star"),
        }


class SetStatus(Template):
    """One field of the profile."""

    site, name, level, split, start = "code", "set-status", 1, "train", "/profile"
    wordings = (
        "Set my status message on Treeline to “{status}”.",
        "Change my Treeline status message: it should say “{status}”.",
        "Let my status message on Treeline read “{status}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(_STATUSES, 2)
        return Instance(
            params={"status": wanted},
            near={"status": other},
            effect=[("UPDATE code_profiles SET status = ? WHERE person_id = 1", (wanted,))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.fill("Status message", p["status"], "This field holds the status message.")
        yield page.click("Save profile", "The new status has to be saved.", "button")
        yield done("The status message is set.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another text": misheard(self.oracle, status=instance.near["status"]),
            "not saved": half_done(self.oracle, "Save profile"),
        }


class CreateProject(Template):
    """A form with three choices."""

    site, name, level, split = "code", "create-project", 2, "train"
    wordings = (
        "Create a {visibility} project called {project} on Treeline; its main language is {language}.",
        "Start a new {visibility} Treeline project in {language} with the name {project}.",
        "I need a new {language} project on Treeline, {visibility}, named {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        name, other = rng.sample(_NEW, 2)
        visibility, language = rng.choice(("private", "public")), rng.choice(("Go", "JavaScript", "Python", "Rust"))
        effect = [
            (
                "INSERT INTO code_projects (owner_id, name, slug, description, visibility, language, topics, "
                "created_at, token) "
                "VALUES (1, ?, ?, '', ?, ?, '', '', '')",
                (name, name.lower().replace(" ", "-"), visibility, language),
            ),
            (
                "INSERT INTO code_members (project_id, person_id, role, at) SELECT max(id), 1, 'Owner', '' FROM code_projects",
                (),
            ),
        ]
        return Instance(
            params={"visibility": visibility, "project": name, "language": language},
            effect=effect,
            near={"project": other, "visibility": "public" if visibility == "private" else "private"},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("New project", "Projects are made there.", "link")
        page = yield page.fill("Project name", p["project"], "This is the name that is wanted.")
        page = yield page.select("Main language", p["language"], f"The language is {p['language']}.")
        seen = {"private": "Private: only members see it", "public": "Public: everybody sees it"}[p["visibility"]]
        page = yield page.select("Visibility", seen, f"It has to be {p['visibility']}.")
        yield page.click("Create project", "The form is complete.", "button")
        yield done("The project is there.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another name": misheard(self.oracle, project=instance.near["project"]),
            "another visibility": misheard(self.oracle, visibility=instance.near["visibility"]),
            "not created": half_done(self.oracle, "Create project"),
        }


class CreateLabel(Template):
    """A short form, three clicks deep."""

    site, name, level, split = "code", "create-label", 2, "train"
    wordings = (
        "Create the label “{label}” in {project}.",
        "The project {project} needs a new label called “{label}”.",
        "Add a label with the name “{label}” to the labels of {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *WORK)
        label, other = rng.sample(_LABELS, 2)
        return Instance(
            params={"label": label, "project": project["name"]},
            near={"label": other},
            effect=[("INSERT INTO code_labels (project_id, name, description) VALUES (?, ?, '')", (project["id"], label))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Labels")
        page = yield page.click("New label", "Labels are made here.", "link")
        page = yield page.fill("Name", p["label"], "This is its name.")
        yield page.click("Create label", "A description is not asked for.", "button")
        yield done("The label is there.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another name": misheard(self.oracle, label=instance.near["label"]),
            "not created": half_done(self.oracle, "Create label"),
        }


class EditDescription(Template):
    """A text of the settings."""

    site, name, level, split = "code", "edit-description", 2, "test"
    wordings = (
        "Change the description of {project} to “{text}”",
        "The project {project} should have the description “{text}”",
        "Replace what {project} says about itself on Treeline by “{text}”",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project, other = rng.sample(joined(world, "Owner", "Maintainer"), 2)
        text = rng.choice(_ABOUT)
        return Instance(
            params={"project": project["name"], "text": text},
            near={"project": other["name"]},
            effect=[("UPDATE code_projects SET description = ? WHERE id = ?", (text, project["id"]))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Settings")
        page = yield page.fill("Description", p["text"], "The description is a field of the settings.")
        yield page.click("Save settings", "The rest stays as it is.", "button")
        yield done("The description is changed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another project": misheard(self.oracle, project=instance.near["project"]),
            "not saved": half_done(self.oracle, "Save settings"),
        }


class MoveMilestone(Template):
    """A date to write in the site's way."""

    site, name, level, split = "code", "move-milestone", 3, "test"
    wordings = (
        "Move the due date of the milestone {milestone} in {project} to {day}.",
        "The milestone {milestone} of {project} is late: make it due on {day}.",
        "Set {day} as the day on which the milestone {milestone} of {project} is due.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *WORK)
        wanted, other = rng.sample(
            world.rows("SELECT * FROM code_milestones WHERE project_id = ? ORDER BY id", project["id"]), 2
        )
        day = f"{int(wanted['due'][:4]) + 1}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        return Instance(
            params={"milestone": wanted["title"], "project": project["name"], "day": day},
            near={"milestone": other["title"]},
            effect=[("UPDATE code_milestones SET due = ? WHERE id = ?", (day, wanted["id"]))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Milestones")
        page = yield page.row(p["milestone"]).page.click("Edit", f"This edits {p['milestone']}.", "link")
        page = yield page.fill("Due date", p["day"], "This is the new date.")
        yield page.click("Save milestone", "The title stays as it is.", "button")
        yield done("The milestone has its new date.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another milestone": misheard(self.oracle, milestone=instance.near["milestone"]),
            "not changed": without(self.oracle, "Due date"),
        }


TEMPLATES = (StarProject(), SetStatus(), CreateProject(), CreateLabel(), EditDescription(), MoveMilestone())
