"""Tasks on the code site: merge requests, to-dos, and changing a file."""

import random
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.code_steps import in_field, joined, open_part, open_project, project_with
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_MAY = ("Developer", "Maintainer", "Owner")
_TODOS = (
    "SELECT t.*, l.name AS project, p.name AS author, coalesce(i.title, m.title) AS title FROM code_todos t "
    "JOIN code_listed l ON l.id = t.project_id JOIN people p ON p.id = t.author_id "
    "LEFT JOIN code_issues i ON t.kind = 'issue' AND i.project_id = t.project_id AND i.number = t.number "
    "LEFT JOIN code_merges m ON t.kind = 'merge' AND m.project_id = t.project_id AND m.number = t.number "
    "WHERE t.person_id = 1 AND NOT t.done ORDER BY t.id"
)


class MergeRequest(Template):
    """One button that looks like others."""

    site, name, level, split = "code", "merge-request", 3, "train"
    wordings = (
        "Merge the merge request “{merge}” of {project}.",
        "“{merge}” is ready: merge it into {project}.",
        "Accept the open merge request “{merge}” in {project} by merging it.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        choices = []
        for project in joined(world, *_MAY):
            found = world.rows(
                "SELECT * FROM code_merges WHERE project_id = ? AND status = 'open' AND NOT draft ORDER BY id", project["id"]
            )
            if len(found) > 1:
                choices.append((project, found))
        project, found = rng.choice(choices)
        wanted, other = rng.sample(found, 2)
        return Instance(
            params={"merge": wanted["title"], "project": project["name"]},
            near={"merge": other["title"]},
            effect=[("UPDATE code_merges SET status = 'merged' WHERE id = ?", (wanted["id"],))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Merge requests (")
        page = yield page.click(p["merge"], "This is the merge request.", "link")
        yield page.click("Merge", "This button merges it.", "button")
        yield done("It is merged.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another one": misheard(self.oracle, merge=instance.near["merge"]),
            "only opened": half_done(self.oracle, "Merge"),
        }


class AskForReview(Template):
    """A person out of the members, on a merge request."""

    site, name, level, split = "code", "ask-for-review", 3, "test"
    wordings = (
        "Ask {person} to review the merge request “{merge}” of {project}.",
        "Set {person} as the reviewer of “{merge}” in {project}.",
        "The merge request “{merge}” in {project} should be reviewed by {person}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *_MAY)
        merge = rng.choice(
            world.rows("SELECT * FROM code_merges WHERE project_id = ? AND status = 'open' ORDER BY id", project["id"])
        )
        people = world.rows(
            "SELECT p.* FROM code_members m JOIN people p ON p.id = m.person_id WHERE m.project_id = ? AND p.id NOT "
            "IN (?, ?) ORDER BY p.id",
            project["id"],
            merge["author_id"],
            merge["reviewer_id"] or 0,
        )
        person, other = rng.sample(people, 2)
        return Instance(
            params={"person": person["name"], "merge": merge["title"], "project": project["name"]},
            near={"person": other["name"]},
            effect=[("UPDATE code_merges SET reviewer_id = ? WHERE id = ?", (person["id"], merge["id"]))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Merge requests (")
        page = yield page.click(p["merge"], "This is the merge request.", "link")
        page = yield page.select("Reviewer", p["person"], f"{p['person']} is to review it.")
        yield page.click("Set reviewer", "The choice has to be saved.", "button")
        yield done("The reviewer is set.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another person": misheard(self.oracle, person=instance.near["person"]),
            "not saved": half_done(self.oracle, "Set reviewer"),
        }


class FinishTodo(Template):
    """One button in a row of the list."""

    site, name, level, split, start = "code", "finish-todo", 1, "train", "/dashboard/todos"
    wordings = (
        "Mark the to-do “{todo}” of {project} as done.",
        "The to-do about “{todo}” in {project} is finished. Tick it off.",
        "Take “{todo}” from {project} off my to-do list.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(world.rows(_TODOS), 2)
        return Instance(
            params={"todo": wanted["title"], "project": wanted["project"]},
            near={"todo": other["title"], "project": other["project"]},
            effect=[("UPDATE code_todos SET done = 1 WHERE id = ?", (wanted["id"],))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        row = page.row(p["todo"], f" {p['project']} ")
        yield row.page.click("Mark as done", "This is the button of that to-do.", "button")
        yield done("The to-do is done.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another to-do": misheard(self.oracle, **instance.near),
            "not clicked": half_done(self.oracle, "Mark as done"),
        }


class TodosFrom(Template):
    """All of one person's, and none of the others'."""

    site, name, level, split = "code", "todos-from", 4, "train"
    wordings = (
        "Mark every to-do that came from {person} as done.",
        "I have dealt with everything {person} wanted. Tick those to-dos off.",
        "Clear all of {person}'s entries off my Treeline to-do list and leave the rest.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        rows = world.rows(_TODOS)
        authors = sorted({row["author"] for row in rows})
        several = [name for name in authors if sum(row["author"] == name for row in rows) > 1] or authors
        wanted = rng.choice(several)
        other = rng.choice([name for name in authors if name != wanted])
        ids = [row["id"] for row in rows if row["author"] == wanted]
        return Instance(
            params={"person": wanted},
            near={"person": other},
            effect=[("UPDATE code_todos SET done = 1 WHERE id = ?", (todo,)) for todo in ids],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("To-do list", "To-dos are listed there.", "link")
        while page.has(p["person"]):
            row = page.row(p["person"])
            page = yield row.page.click("Mark as done", f"This to-do came from {p['person']}.", "button")
        yield done(f"Nothing of {p['person']} is left on the list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another person": misheard(self.oracle, person=instance.near["person"]),
            "none": half_done(self.oracle, "Mark as done"),
        }


class ChangeSetting(Template):
    """A line of a file, changed by a commit."""

    site, name, level, split = "code", "change-setting", 4, "test"
    wordings = (
        "In config/settings.toml of {project}, set {key} to {value} and commit it with the message “{message}”.",
        "Change {key} to {value} in the file config/settings.toml of {project}. The commit message is “{message}”.",
        "Commit “{message}” to {project}: {key} in config/settings.toml becomes {value}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project, other = rng.sample(joined(world, *_MAY), 2)
        file = world.one("SELECT * FROM code_files WHERE project_id = ? AND path = 'config/settings.toml'", project["id"])
        key, old = rng.choice([line.split(" = ") for line in file["content"].splitlines() if " = " in line])
        value = str(int(old) + rng.randrange(1, 50))
        message = f"Set {key.replace('_', ' ')} to what the server needs"
        effect = [
            (
                "UPDATE code_files SET content = ? WHERE id = ?",
                (file["content"].replace(f"{key} = {old}\n", f"{key} = {value}\n"), file["id"]),
            ),
            (
                "INSERT INTO code_commits (project_id, sha, person_id, message, at, added, removed) VALUES (?, '', "
                "1, ?, '', 1, 1)",
                (project["id"], message),
            ),
        ]
        return Instance(
            params={"project": project["name"], "key": key, "value": value, "message": message},
            effect=effect,
            near={"value": str(int(value) + 1), "project": other["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_project(page, p["project"])
        page = yield page.click("config", "The file lies in the folder config.", "link")
        page = yield page.click("settings.toml", "This is the file.", "link")
        page = yield page.click("Edit file", "It is changed here.", "link")
        content = re.sub(rf"(?m)^{p['key']} = .*$", f"{p['key']} = {p['value']}", in_field(page, "Content"))
        page = yield page.fill("Content", content, f"Only the line of {p['key']} is to change.")
        page = yield page.fill("Commit message", p["message"], "This is the message that is wanted.")
        yield page.click("Commit changes", "The file and the message are right.", "button")
        yield done("The change is committed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another value": misheard(self.oracle, value=instance.near["value"]),
            "another project": misheard(self.oracle, project=instance.near["project"]),
            "not committed": half_done(self.oracle, "Commit changes"),
        }


TEMPLATES = (MergeRequest(), AskForReview(), FinishTodo(), TodosFrom(), ChangeSetting())
