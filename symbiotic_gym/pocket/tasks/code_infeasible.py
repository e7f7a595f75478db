"""Tasks on the code site that cannot be done, for a reason that the pages show."""

import random
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import saying
from symbiotic_gym.pocket.reading import Page, infeasible
from symbiotic_gym.pocket.tasks.code_steps import WORK, find_issue, issues_of, joined, open_part, open_project, project_with
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class MergeWithoutRight(Template):
    """The visitor's role does not allow it."""

    site, name, level, split = "code", "merge-without-right", 3, "train"
    wordings = (
        "Merge “{merge}”, an open merge request of {project}.",
        "Have the merge request “{merge}” merged into the project {project}.",
        "I would like to see “{merge}” merged in {project}. Please do that.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, "Guest", "Reporter")
        merge = rng.choice(
            world.rows("SELECT * FROM code_merges WHERE project_id = ? AND status = 'open' ORDER BY id", project["id"])
        )
        return Instance(params={"merge": merge["title"], "project": project["name"]}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Merge requests (")
        page = yield page.click(p["merge"], "This is the merge request.", "link")
        page.match("Only members with the role Developer or above may merge")
        yield infeasible("Only members with the role Developer or above may merge this.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "said done": saying(self.oracle, "Done."),
            "said instead of reported": saying(self.oracle, "I may not merge it."),
        }


class AssignOutsider(Template):
    """Who is no member cannot be chosen."""

    site, name, level, split = "code", "assign-outsider", 4, "test"
    wordings = (
        "Make sure that {person} is the assignee of the issue “{issue}” of {project}.",
        "The issue “{issue}” of {project} goes to {person}: assign it, and change nothing else.",
        "Without adding any members, assign “{issue}” of {project} to {person}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *WORK)
        issue = rng.choice(issues_of(world, project))
        person = rng.choice(
            world.rows(
                "SELECT * FROM people WHERE id NOT IN (SELECT person_id FROM code_members WHERE project_id = ?) ORDER BY id",
                project["id"],
            )
        )
        return Instance(params={"person": person["name"], "issue": issue["title"], "project": project["name"]}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_issue(page, p["project"], p["issue"])
        yield page.click("Edit issue", "The assignee is chosen where the issue is edited.", "link")
        yield infeasible(f"{p['person']} is not a member of the project, so the issue cannot be assigned to them.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "said done": saying(self.oracle, "Done."),
            "said instead of reported": saying(self.oracle, "This is no member."),
        }


class MissingFile(Template):
    """A file that a project could have but does not."""

    site, name, level, split = "code", "missing-file", 2, "dev"
    wordings = (
        "What is the first line of {file} in the project {project}?",
        "Read me the first line of the file {file} from {project}.",
        "How does the file {file} of {project} begin?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = rng.choice(joined(world, "Guest", *WORK))
        file = rng.choice(("CONTRIBUTING.md", "Dockerfile", "SECURITY.md", "Makefile", "CODE_OF_CONDUCT.md"))
        return Instance(params={"file": file, "project": project["name"]}, infeasible=True)

    def oracle(self, page: Page, p: Params) -> Play:
        yield from open_project(page, p["project"])
        yield infeasible(f"{p['project']} has no file called {p['file']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        heading = f"# {instance.params['project']}"
        return {
            "made up": saying(self.oracle, heading),
            "said instead of reported": saying(self.oracle, "There is no such file."),
        }


class TransferProject(Template):
    """Something such sites often have, and this one does not."""

    site, name, level, split = "code", "transfer-project", 3, "train"
    wordings = (
        "Transfer the ownership of {project} to {person}.",
        "Make {person} the owner of my project {project}.",
        "Hand {project} over to {person} as its new owner.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, "Owner")
        person = rng.choice(
            world.rows(
                "SELECT p.*, m.role FROM code_members m JOIN people p ON p.id = m.person_id WHERE m.project_id = ? AND p.id "
                "> 1 ORDER BY p.id",
                project["id"],
            )
        )
        other = "Developer" if person["role"] == "Maintainer" else "Maintainer"
        names = {"project": project["name"], "person": person["name"]}
        return Instance(params=names, infeasible=True, near={"role": other})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Members")
        yield page.click("Settings", "It is not among the roles; the settings may have it.", "link")
        yield infeasible("Neither the members' roles nor the settings offer to make somebody else the owner.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"said done": saying(self.oracle, "Done."), "another role": partial(self._role, instance.near["role"])}

    def _role(self, role: str, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Members")
        page = yield page.select(f"Role of {p['person']}", role, "This is among the roles there are.")
        yield page.row(p["person"]).page.click("Save", "It has to be saved.", "button")
        yield infeasible("Owner is not among the roles.")


TEMPLATES = (MergeWithoutRight(), AssignOutsider(), MissingFile(), TransferProject())
