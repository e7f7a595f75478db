"""Tasks on the code site: writing, sorting and closing issues."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import given_up, half_done, misheard, without
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.code_steps import WORK, find_issue, issues_of, joined, open_part, project_with
from symbiotic_gym.pocket.template import Effect, Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_TITLES = (
    "Typing error on the start page", "Buttons are too small for gloves", "The wrong year is shown in the footer",
    "Printing cuts off the last column", "Add a French translation", "The log fills the disk in a week",
    "Offer a larger font", "Sounds cannot be turned off", "A link in the manual leads nowhere", "Remember the last folder",
)  # fmt: skip
_COMMENTS = (
    "I can test this tomorrow morning.", "Fixed on my machine, a merge request follows.", "Please do not forget the manual.",
    "Is this still wanted?", "The same happens with the old version.", "I will bring this up at the next meeting.",
)  # fmt: skip


class CreateIssue(Template):
    """A form with one field to fill."""

    site, name, level, split = "code", "create-issue", 2, "train"
    wordings = (
        "Open an issue with the title “{title}” in {project}.",
        "Report “{title}” as a new issue of the project {project}.",
        "Create a new issue in {project}. Its title should be “{title}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project, other = rng.sample(joined(world, *WORK), 2)
        title = rng.choice(_TITLES)
        effect = [
            (
                "INSERT INTO code_issues (project_id, number, title, body, author_id, status, at) "
                "SELECT ?, max(number) + 1, ?, '', 1, 'open', '' FROM code_issues WHERE project_id = ?",
                (project["id"], title, project["id"]),
            )
        ]
        return Instance(params={"title": title, "project": project["name"]}, effect=effect, near={"project": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Issues (")
        page = yield page.click("New issue", "Issues are opened here.", "link")
        page = yield page.fill("Title", p["title"], "This is the title that is wanted.")
        yield page.click("Save issue", "The form is complete.", "button")
        yield done("The issue is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another project": misheard(self.oracle, project=instance.near["project"]),
            "not saved": half_done(self.oracle, "Save issue"),
        }


class CreateSortedIssue(Template):
    """A form with four things to fill in."""

    site, name, level, split = "code", "create-sorted-issue", 4, "train"
    wordings = (
        "Open an issue “{title}” in {project}, with the label {label}, assign it to {person} and put it into the milestone {milestone}.",
        "In {project}, create the issue “{title}” for {person}. It needs the label {label} and belongs to the milestone {milestone}.",
        "Report “{title}” in {project} as an issue with the label {label} and the milestone {milestone}; the assignee is {person}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *WORK)
        title = rng.choice(_TITLES)
        label = rng.choice(world.rows("SELECT * FROM code_labels WHERE project_id = ? ORDER BY id", project["id"]))
        milestone = rng.choice(world.rows("SELECT * FROM code_milestones WHERE project_id = ? ORDER BY id", project["id"]))
        person, other = rng.sample(world.rows(
            "SELECT p.* FROM code_members m JOIN people p ON p.id = m.person_id WHERE m.project_id = ? ORDER BY p.id", project["id"]
        ), 2)  # fmt: skip
        effect: Effect = [
            (
                "INSERT INTO code_issues (project_id, number, title, body, author_id, assignee_id, milestone_id, status, at) "
                "SELECT ?, max(number) + 1, ?, '', 1, ?, ?, 'open', '' FROM code_issues WHERE project_id = ?",
                (project["id"], title, person["id"], milestone["id"], project["id"]),
            ),
            ("INSERT INTO code_issue_labels (issue_id, label_id) SELECT max(id), ? FROM code_issues", (label["id"],)),
        ]
        params = {"title": title, "project": project["name"], "label": label["name"], "person": person["name"], "milestone": milestone["title"]}
        return Instance(params=params, effect=effect, near={"person": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Issues (")
        page = yield page.click("New issue", "Issues are opened here.", "link")
        page = yield page.fill("Title", p["title"], "This is the title that is wanted.")
        page = yield page.select("Assignee", p["person"], f"It is for {p['person']}.")
        page = yield page.select("Milestone", p["milestone"], "This is the milestone it belongs to.")
        page = yield page.check(p["label"], f"It needs the label {p['label']}.")
        yield page.click("Save issue", "The form is complete.", "button")
        yield done("The issue is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another assignee": misheard(self.oracle, person=instance.near["person"]),
            "no milestone": without(self.oracle, "Milestone"),
            "no label": without(self.oracle, instance.params["label"]),
        }


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
        return Instance(params={"issue": issue["title"], "project": project["name"]}, near={"issue": other["title"]},
                        effect=[("UPDATE code_issues SET status = 'closed' WHERE id = ?", (issue["id"],))])  # fmt: skip

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_issue(page, p["project"], p["issue"])
        yield page.click("Close issue", "This button closes it.", "button")
        yield done("The issue is closed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another issue": misheard(self.oracle, issue=instance.near["issue"]),
            "only opened": half_done(self.oracle, "Close issue"),
        }


class CommentOnIssue(Template):
    """A text of one's own."""

    site, name, level, split = "code", "comment-on-issue", 3, "train"
    wordings = (
        "Comment on the issue “{issue}” of {project}: “{comment}”",
        "Write “{comment}” below the issue “{issue}” of the project {project}.",
        "Add the comment “{comment}” to “{issue}” in {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, "Guest", *WORK)
        issue, other = rng.sample(issues_of(world, project), 2)
        comment = rng.choice(_COMMENTS)
        effect = [("INSERT INTO code_comments (project_id, kind, number, person_id, body, at) VALUES (?, 'issue', ?, 1, ?, '')",
                   (project["id"], issue["number"], comment))]  # fmt: skip
        params = {"issue": issue["title"], "project": project["name"], "comment": comment}
        return Instance(params=params, effect=effect, near={"issue": other["title"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_issue(page, p["project"], p["issue"])
        page = yield page.fill("Write a comment", p["comment"], "This is what is to be said.")
        yield page.click("Comment", "The comment is written.", "button")
        yield done("The comment stands below the issue.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another issue": misheard(self.oracle, issue=instance.near["issue"]),
            "not sent": half_done(self.oracle, "Comment"),
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
        label, other = rng.sample(world.rows(
            "SELECT * FROM code_labels WHERE project_id = ? AND id NOT IN (SELECT label_id FROM code_issue_labels WHERE issue_id = ?) "
            "ORDER BY id", project["id"], issue["id"]
        ), 2)  # fmt: skip
        return Instance(params={"label": label["name"], "issue": issue["title"], "project": project["name"]}, near={"label": other["name"]},
                        effect=[("INSERT INTO code_issue_labels (issue_id, label_id) VALUES (?, ?)", (issue["id"], label["id"]))])  # fmt: skip

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
            "SELECT p.* FROM code_members m JOIN people p ON p.id = m.person_id WHERE m.project_id = ? AND p.id <> ? ORDER BY p.id",
            project["id"], issue["assignee_id"] or 0,
        )  # fmt: skip
        person, other = rng.sample(people, 2)
        return Instance(params={"issue": issue["title"], "project": project["name"], "person": person["name"]}, near={"person": other["name"]},
                        effect=[("UPDATE code_issues SET assignee_id = ? WHERE id = ?", (person["id"], issue["id"]))])  # fmt: skip

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
        return {"only reopened": half_done(self.oracle, "Close issue"), "only closed": without(self.oracle, "Reopen issue"), "given up": given_up}


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
                "JOIN code_issues i ON i.id = x.issue_id WHERE l.project_id = ? AND i.status = 'open' GROUP BY l.id ORDER BY l.id", project["id"]
            ):  # fmt: skip
                if 2 <= row["n"] <= 5:
                    choices.append((project, row))
        project, label = rng.choice(choices)
        effect = [("UPDATE code_issues SET status = 'closed' WHERE id IN (SELECT issue_id FROM code_issue_labels WHERE label_id = ?)",
                   (label["id"],))]  # fmt: skip
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


TEMPLATES = (
    CreateIssue(), CreateSortedIssue(), CloseIssue(), CommentOnIssue(), LabelIssue(), AssignIssue(), SwapClosed(), CloseByLabel(),
)  # fmt: skip
