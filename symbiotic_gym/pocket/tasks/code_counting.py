"""Tasks on the code site: answers that take filters, comparisons or several pages."""

import random
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Name, Number, rivals
from symbiotic_gym.pocket.plays import saying
from symbiotic_gym.pocket.reading import Page, answer, through
from symbiotic_gym.pocket.tasks.code_steps import WORK, joined, open_part, project_with
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_ALL = ("Guest", *WORK)


class CommitsBy(Template):
    """A list narrowed down to one author."""

    site, name, level, split = "code", "commits-by", 3, "train"
    wordings = (
        "How many commits has {person} made to {project}?",
        "Count the commits of {person} in the project {project}.",
        "What is the number of commits by {person} in {project}?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *_ALL)
        rows = world.rows(
            "SELECT p.name, count(*) AS n FROM code_commits k JOIN people p ON p.id = k.person_id WHERE project_id "
            "= ? GROUP BY p.id ORDER BY p.id",
            project["id"],
        )
        wanted = rng.choice(rows)
        total = sum(row["n"] for row in rows)
        return Instance(
            params={"person": wanted["name"], "project": project["name"]}, answer=Number(wanted["n"]), near={"said": str(total)}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Commits")
        page = yield page.select("Author", p["person"], f"Only the commits of {p['person']} count.")
        yield answer(page.match(r"^(\d+) commits?$")[1], "The list says how many commits it has.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "everybody's": saying(self.oracle, instance.near["said"]),
            "two numbers": saying(self.oracle, lambda right: f"{right} of {instance.near['said']}"),
        }


class OldestWithLabel(Template):
    """Filter and sort."""

    site, name, level, split = "code", "oldest-with-label", 3, "train"
    wordings = (
        "What is the title of the oldest open issue with the label {label} in {project}?",
        "Which open issue labelled {label} has waited longest in {project}?",
        "Among the open issues of {project} with the label {label}, find the one that was opened first and tell me its title.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        choices = []
        for project in joined(world, *_ALL):
            for label in world.rows("SELECT * FROM code_labels WHERE project_id = ? ORDER BY id", project["id"]):
                found = world.rows(
                    "SELECT i.title FROM code_issues i JOIN code_issue_labels x ON x.issue_id = i.id "
                    "WHERE x.label_id = ? AND i.status = 'open' ORDER BY i.at, i.id",
                    label["id"],
                )
                if len(found) >= 3:
                    choices.append((project, label["name"], found[0]["title"], found[-1]["title"]))
        project, label, oldest, newest = rng.choice(choices)
        titles = [
            row["title"] for row in world.rows("SELECT title FROM code_issues WHERE project_id = ? ORDER BY id", project["id"])
        ]
        return Instance(
            params={"label": label, "project": project["name"]},
            answer=Name(oldest, rivals(titles, oldest)),
            near={"said": newest},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Issues (")
        page = yield page.select("Label", p["label"], f"Only issues with the label {p['label']} count.")
        page = yield page.select("Sort by", "Oldest first", "The oldest one comes first then.")
        page = yield page.click("Apply filters", "Now the list is made anew.", "button")
        yield answer(page.rows(below="Number")[1].cells[1], "It is the first of the list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the newest": saying(self.oracle, instance.near["said"]),
            "both": saying(self.oracle, lambda right: f"{right}; {instance.near['said']}"),
        }


class MostStarredIn(Template):
    """The first of a sorted list of all projects."""

    site, name, level, split = "code", "most-starred-in", 3, "dev"
    wordings = (
        "Which {language} project on Treeline has the most stars?",
        "Of all the projects written in {language} that I can see on Treeline, which is starred most?",
        "Find the {language} project with the highest number of stars on Treeline and tell me its name.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        visible = world.rows(
            "SELECT * FROM code_listed WHERE visibility = 'public' OR id IN (SELECT project_id FROM code_members "
            "WHERE person_id = 1) ORDER BY id"
        )
        names = [row["name"] for row in visible]
        best = {}
        for language in sorted({row["language"] for row in visible}):
            ranked = sorted((row for row in visible if row["language"] == language), key=lambda row: -row["stars"])
            if len(ranked) > 1 and ranked[0]["stars"] > ranked[1]["stars"]:
                best[language] = (ranked[0]["name"], ranked[1]["name"])
        language = rng.choice(list(best))
        first, second = best[language]
        return Instance(params={"language": language}, answer=Name(first, rivals(names, first)), near={"said": second})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Explore", "All projects are listed there.", "link")
        page = yield page.select("Language", p["language"], f"Only {p['language']} counts.")
        page = yield page.select("Sort by", "Most stars", "The most starred project comes first then.")
        yield answer(page.rows(below="Project")[1].cells[0], "It is the first of the list.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the second": saying(self.oracle, instance.near["said"]),
            "both": saying(self.oracle, lambda right: f"{right} and {instance.near['said']}"),
        }


class BusiestAssignee(Template):
    """A count over all pages of a list."""

    site, name, level, split = "code", "busiest-assignee", 5, "test"
    wordings = (
        "Who has the most open issues assigned in {project}?",
        "To whom are more open issues of {project} assigned than to anybody else?",
        "Find out which person the largest number of open issues in {project} is assigned to.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        names = [row["name"] for row in world.rows("SELECT name FROM people ORDER BY id")]
        choices = []
        for project in world.rows(
            "SELECT * FROM code_listed WHERE id IN (SELECT project_id FROM code_members WHERE person_id = 1) ORDER BY id"
        ):
            ranked = world.rows(
                "SELECT p.name, count(*) AS n FROM code_issues i JOIN people p ON p.id = i.assignee_id "
                "WHERE i.project_id = ? AND i.status = 'open' GROUP BY p.id ORDER BY n DESC, p.id",
                project["id"],
            )
            if project["open_issues"] > 4 and len(ranked) > 1 and ranked[0]["n"] > ranked[1]["n"]:
                choices.append((project["open_issues"], project["id"], project["name"], ranked[0]["name"], ranked[1]["name"]))
        *_, project_name, first, second = rng.choice(sorted(choices, reverse=True)[:3])
        return Instance(params={"project": project_name}, answer=Name(first, rivals(names, first)), near={"said": second})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Issues (")
        pages = yield from through(page)
        counts = Counter(row.cells[5] for each in pages for row in each.rows(below="Number")[1:])
        del counts["nobody"]
        person, count = counts.most_common(1)[0]
        yield answer(person, f"{person} is the assignee of {count} open issues, more than anybody else.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the second": saying(self.oracle, instance.near["said"]),
            "a guess of two": saying(self.oracle, lambda right: f"{instance.near['said']} or {right}"),
        }


class UnassignedBugs(Template):
    """Two filters, and a count."""

    site, name, level, split = "code", "unassigned-with-label", 4, "test"
    wordings = (
        "How many open issues of {project} with the label {label} are assigned to nobody?",
        "Count the issues labelled {label} that are open and without an assignee in {project}.",
        "In {project}, how many open issues carry the label {label} but have no assignee?",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        choices = []
        for project in joined(world, *_ALL):
            for row in world.rows(
                "SELECT l.name, count(*) AS n, sum(i.assignee_id IS NULL) AS free FROM code_labels l "
                "JOIN code_issue_labels x ON x.label_id = l.id JOIN code_issues i ON i.id = x.issue_id "
                "WHERE l.project_id = ? AND i.status = 'open' GROUP BY l.id ORDER BY l.id",
                project["id"],
            ):
                if 0 < row["free"] < row["n"]:
                    choices.append((project["name"], row["name"], row["free"], row["n"]))
        project_name, label, free, count = rng.choice(choices)
        return Instance(params={"project": project_name, "label": label}, answer=Number(free), near={"said": str(count)})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Issues (")
        page = yield page.select("Label", p["label"], f"Only issues with the label {p['label']} count.")
        page = yield page.select("Assignee", "Nobody", "Only issues without an assignee count.")
        page = yield page.click("Apply filters", "Now the list is made anew.", "button")
        yield answer(page.match(r"^(\d+) issues?$")[1], "The list says how many issues it has.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "assigned ones too": saying(self.oracle, instance.near["said"]),
            "no number": saying(self.oracle, "Some of them."),
        }


TEMPLATES = (CommitsBy(), OldestWithLabel(), MostStarredIn(), BusiestAssignee(), UnassignedBugs())
