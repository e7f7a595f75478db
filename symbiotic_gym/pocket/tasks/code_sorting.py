"""Tasks on the code site: sorting and closing issues."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import given_up, half_done, misheard, without
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.code_steps import WORK, find_issue, issues_of, joined, open_part, project_with
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]


class CloseIssue(Template):
    """One button, once the issue is found."""

    site, name, level, split = "code", "close-issue", 2, "train"
    wordings = (
        "Close the issue “{issue}” of {project}.",
        "The issue “{issue}” in {project} is solved. Close it.",
        "Mark “{issue}” in the project {project} as closed.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *WORK)
        issue, other = rng.sample(issues_of(world, project), 2)
        return Instance(
            params={"issue": issue["title"], "project": project["name"]},
            near={"issue": other["title"]},
            effect=[("UPDATE code_issues SET status = 'closed' WHERE id = ?", (issue["id"],))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_issue(page, p["project"], p["issue"])
        yield page.click("Close issue", "This button closes it.", "button")
        yield done("The issue is closed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another issue": misheard(self.oracle, issue=instance.near["issue"]),
            "only opened": half_done(self.oracle, "Close issue"),
        }


class LabelIssue(Template):
    """One box of a form that holds what is there already."""

    site, name, level, split = "code", "label-issue", 3, "train"
    wordings = (
        "Add the label {label} to the issue “{issue}” of {project}.",
        "Give “{issue}” in {project} the label {label} as well.",
        "The issue “{issue}” of the project {project} also needs the label {label}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *WORK)
        issue = rng.choice(issues_of(world, project))
        label, other = rng.sample(
            world.rows(
                "SELECT * FROM code_labels WHERE project_id = ? AND id NOT IN (SELECT label_id FROM "
                "code_issue_labels WHERE issue_id = ?) "
                "ORDER BY id",
                project["id"],
                issue["id"],
            ),
            2,
        )
        return Instance(
            params={"label": label["name"], "issue": issue["title"], "project": project["name"]},
            near={"label": other["name"]},
            effect=[("INSERT INTO code_issue_labels (issue_id, label_id) VALUES (?, ?)", (issue["id"], label["id"]))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_issue(page, p["project"], p["issue"])
        page = yield page.click("Edit issue", "Labels are chosen where the issue is edited.", "link")
        page = yield page.check(p["label"], f"The label {p['label']} is wanted.")
        yield page.click("Save issue", "Nothing else is to change.", "button")
        yield done("The issue has the label.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another label": misheard(self.oracle, label=instance.near["label"]),
            "not saved": half_done(self.oracle, "Save issue"),
        }


class AssignIssue(Template):
    """A person out of the members."""

    site, name, level, split = "code", "assign-issue", 3, "dev"
    wordings = (
        "Assign the issue “{issue}” of {project} to {person}.",
        "Let {person} take care of the issue “{issue}” in {project}.",
        "Make {person} the assignee of “{issue}” in the project {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *WORK)
        issue = rng.choice(issues_of(world, project))
        people = world.rows(
            "SELECT p.* FROM code_members m JOIN people p ON p.id = m.person_id WHERE m.project_id = ? AND p.id <> "
            "? ORDER BY p.id",
            project["id"],
            issue["assignee_id"] or 0,
        )
        person, other = rng.sample(people, 2)
        return Instance(
            params={"issue": issue["title"], "project": project["name"], "person": person["name"]},
            near={"person": other["name"]},
            effect=[("UPDATE code_issues SET assignee_id = ? WHERE id = ?", (person["id"], issue["id"]))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_issue(page, p["project"], p["issue"])
        page = yield page.click("Edit issue", "The assignee is chosen where the issue is edited.", "link")
        page = yield page.select("Assignee", p["person"], f"{p['person']} is to do it.")
        yield page.click("Save issue", "Nothing else is to change.", "button")
        yield done("The issue is assigned.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another person": misheard(self.oracle, person=instance.near["person"]),
            "not saved": half_done(self.oracle, "Save issue"),
        }


class SwapClosed(Template):
    """A mistake to undo, and what was meant to do."""

    site, name, level, split = "code", "swap-closed", 4, "test"
    wordings = (
        "I closed the issue “{wrong}” of {project} by mistake; I meant “{right}”. Put both right.",
        "In {project} the wrong issue was closed: “{wrong}” has to be open again, and “{right}” should be closed instead.",
        "Reopen “{wrong}” in {project} and close “{right}” in its place.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = rng.choice([p for p in joined(world, *WORK) if len(issues_of(world, p, "closed")) > 1])
        wrong, right = rng.choice(issues_of(world, project, "closed")), rng.choice(issues_of(world, project))
        return Instance(
            params={"wrong": wrong["title"], "project": project["name"], "right": right["title"]},
            effect=[
                ("UPDATE code_issues SET status = 'open' WHERE id = ?", (wrong["id"],)),
                ("UPDATE code_issues SET status = 'closed' WHERE id = ?", (right["id"],)),
            ],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_issue(page, p["project"], p["wrong"])
        page = yield page.click("Reopen issue", "It was closed by mistake.", "button")
        page = yield page.click("My projects", "The other issue is looked for from the start.", "link")
        page = yield from find_issue(page, p["project"], p["right"])
        yield page.click("Close issue", "This is the one that was meant.", "button")
        yield done("One issue is open again, the other is closed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "only reopened": half_done(self.oracle, "Close issue"),
            "only closed": without(self.oracle, "Reopen issue"),
            "given up": given_up,
        }


class CloseByLabel(Template):
    """All of a kind, found by a filter, one after the other."""

    site, name, level, split = "code", "close-by-label", 5, "test"
    wordings = (
        "Close all open issues of {project} that have the label {label}, and no others.",
        "Every open issue with the label {label} in {project} can be closed. Do it.",
        "Go through the open issues of {project} and close each one labelled {label}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        choices = []
        for project in joined(world, *WORK):
            for row in world.rows(
                "SELECT l.id, l.name, count(*) AS n FROM code_labels l JOIN code_issue_labels x ON x.label_id = l.id "
                "JOIN code_issues i ON i.id = x.issue_id WHERE l.project_id = ? AND i.status = 'open' GROUP BY l.id "
                "ORDER BY l.id",
                project["id"],
            ):
                if 2 <= row["n"] <= 5:
                    choices.append((project, row))
        project, label = rng.choice(choices)
        effect = [
            (
                "UPDATE code_issues SET status = 'closed' WHERE id IN (SELECT issue_id FROM code_issue_labels WHERE "
                "label_id = ?)",
                (label["id"],),
            )
        ]
        return Instance(params={"project": project["name"], "label": label["name"]}, effect=effect)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Issues (")
        while True:
            page = yield page.select("Label", p["label"], f"Only issues with the label {p['label']} are meant.")
            page = yield page.click("Apply filters", "Now the list is made anew.", "button")
            rows = [] if page.has("0 issues") else page.rows(below="Number")[1:]
            if not rows:
                break
            page = yield rows[0].page.click(rows[0].cells[1], f"This one is open and has the label {p['label']}.", "link")
            page = yield page.click("Close issue", "It is one of those to close.", "button")
            page = yield page.click("Issues (", "There may be more of them.", "link")
        yield done("No open issue has this label any more.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"only the first": self._first_only, "none": half_done(self.oracle, "Close issue")}

    def _first_only(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Issues (")
        page = yield page.select("Label", p["label"], "Only these issues are meant.")
        page = yield page.click("Apply filters", "Now the list is made anew.", "button")
        first = page.rows(below="Number")[1]
        page = yield first.page.click(first.cells[1], "This is one of them.", "link")
        yield page.click("Close issue", "It is to be closed.", "button")
        yield done("It is closed.")


TEMPLATES = (CloseIssue(), LabelIssue(), AssignIssue(), SwapClosed(), CloseByLabel())
