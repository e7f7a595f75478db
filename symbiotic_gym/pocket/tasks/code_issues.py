"""Tasks on the code site: writing issues and comments."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard, without
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.code_steps import WORK, find_issue, issues_of, joined, open_part, project_with
from symbiotic_gym.pocket.template import Effect, Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_TITLES = (
    "Typing error on the start page",
    "Buttons are too small for gloves",
    "The wrong year is shown in the footer",
    "Printing cuts off the last column",
    "Add a French translation",
    "The log fills the disk in a week",
    "Offer a larger font",
    "Sounds cannot be turned off",
    "A link in the manual leads nowhere",
    "Remember the last folder",
)


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
        "Open an issue “{title}” in {project}, with the label {label}, assign it to {person} and put it into the "
        "milestone {milestone}.",
        "In {project}, create the issue “{title}” for {person}. It needs the label {label} and belongs to the "
        "milestone {milestone}.",
        "Report “{title}” in {project} as an issue with the label {label} and the milestone {milestone}; the "
        "assignee is {person}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *WORK)
        title = rng.choice(_TITLES)
        label = rng.choice(world.rows("SELECT * FROM code_labels WHERE project_id = ? ORDER BY id", project["id"]))
        milestone = rng.choice(world.rows("SELECT * FROM code_milestones WHERE project_id = ? ORDER BY id", project["id"]))
        person, other = rng.sample(
            world.rows(
                "SELECT p.* FROM code_members m JOIN people p ON p.id = m.person_id WHERE m.project_id = ? ORDER BY p.id",
                project["id"],
            ),
            2,
        )
        effect: Effect = [
            (
                "INSERT INTO code_issues (project_id, number, title, body, author_id, assignee_id, milestone_id, status, at) "
                "SELECT ?, max(number) + 1, ?, '', 1, ?, ?, 'open', '' FROM code_issues WHERE project_id = ?",
                (project["id"], title, person["id"], milestone["id"], project["id"]),
            ),
            ("INSERT INTO code_issue_labels (issue_id, label_id) SELECT max(id), ? FROM code_issues", (label["id"],)),
        ]
        params = {
            "title": title,
            "project": project["name"],
            "label": label["name"],
            "person": person["name"],
            "milestone": milestone["title"],
        }
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


_COMMENTS = (
    "I can test this tomorrow morning.",
    "Fixed on my machine, a merge request follows.",
    "Please do not forget the manual.",
    "Is this still wanted?",
    "The same happens with the old version.",
    "I will bring this up at the next meeting.",
)


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
        effect = [
            (
                "INSERT INTO code_comments (project_id, kind, number, person_id, body, at) VALUES (?, 'issue', ?, 1, ?, '')",
                (project["id"], issue["number"], comment),
            )
        ]
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


TEMPLATES = (CreateIssue(), CreateSortedIssue(), CommentOnIssue())
