"""Tasks on the code site: reading one thing off a project's pages."""

import random
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.answers import Day, Name, Number, Text, rivals
from symbiotic_gym.pocket.plays import saying
from symbiotic_gym.pocket.reading import Page, answer
from symbiotic_gym.pocket.tasks.code_steps import WORK, joined, open_part, open_project, project_with
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template
from symbiotic_gym.pocket.world.code_projects import ROLES

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_ALL = ("Guest", *WORK)


class OpenIssueCount(Template):
    """A number of the start page's table."""

    site, name, level, split = "code", "open-issue-count", 1, "train"
    wordings = (
        "How many open issues does {project} have?",
        "Tell me the number of issues that are open in {project}.",
        "Count the open issues of my project {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *_ALL)
        return Instance(
            params={"project": project["name"]},
            answer=Number(project["open_issues"]),
            near={"said": str(project["open_issues"] + 1)},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_project(page, p["project"])
        count = page.match(r"^Issues \((\d+)\)$")[1]
        yield answer(count, "The project's menu says how many issues are open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "one more": saying(self.oracle, instance.near["said"]),
            "no number": saying(self.oracle, "There are some open issues."),
        }


class RoleOfMember(Template):
    """One cell of the table of members."""

    site, name, level, split = "code", "role-of-member", 2, "train"
    wordings = (
        "Which role does {person} have in the project {project}?",
        "What is {person}'s role in {project}?",
        "Look up the role that {person} has as a member of {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *_ALL)
        members = world.rows(
            "SELECT p.name, m.role FROM code_members m JOIN people p ON p.id = m.person_id WHERE project_id = ? AND "
            "p.id > 1 ORDER BY p.id",
            project["id"],
        )
        member = rng.choice(members)
        wrong = rng.choice(rivals(ROLES, member["role"]))
        return Instance(
            params={"person": member["name"], "project": project["name"]},
            answer=Name(member["role"], rivals(ROLES, member["role"])),
            near={"said": wrong},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Members")
        yield answer(page.row(p["person"]).cells[2], f"The table of members has this role beside {p['person']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another role": saying(self.oracle, instance.near["said"]),
            "all roles": saying(self.oracle, ", ".join(ROLES)),
        }


class LatestCommitAuthor(Template):
    """The overview names the last commit and who made it."""

    site, name, level, split = "code", "latest-commit-author", 2, "dev"
    wordings = (
        "Who made the latest commit to {project}?",
        "Whose commit is the most recent one in {project}?",
        "Give me the name of whoever committed to {project} last.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *_ALL)
        names = [row["name"] for row in world.rows("SELECT name FROM people ORDER BY id")]
        last = world.value(
            "SELECT p.name FROM code_commits k JOIN people p ON p.id = k.person_id WHERE project_id = ? ORDER BY at "
            "DESC, k.id DESC",
            project["id"],
        )
        owner = world.value("SELECT name FROM people WHERE id = ?", project["owner_id"])
        wrong = owner if owner != last else rng.choice(rivals(names, last))
        return Instance(params={"project": project["name"]}, answer=Name(last, rivals(names, last)), near={"said": wrong})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_project(page, p["project"])
        yield answer(page.match(r"^by (.+) on \w+ \d+, \d{4}$")[1], "The overview names the last commit and its author.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the owner": saying(self.oracle, instance.near["said"]),
            "two names": saying(self.oracle, lambda right: f"{right} or {instance.near['said']}"),
        }


class SettingValue(Template):
    """A line of a file."""

    site, name, level, split = "code", "setting-value", 3, "train"
    wordings = (
        "What is {key} set to in config/settings.toml of {project}?",
        "Which value does {key} have in the file config/settings.toml of my project {project}?",
        "Read the value of {key} from config/settings.toml in {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *_ALL)
        content = world.value(
            "SELECT content FROM code_files WHERE project_id = ? AND path = 'config/settings.toml'", project["id"]
        )
        values = dict(line.split(" = ") for line in content.splitlines() if " = " in line)
        key, other = rng.choice([(a, b) for a in values for b in values if values[a] != values[b]])
        return Instance(
            params={"key": key, "project": project["name"]}, answer=Number(int(values[key])), near={"said": values[other]}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_project(page, p["project"])
        page = yield page.click("config", "The file lies in the folder config.", "link")
        page = yield page.click("settings.toml", "This is the file.", "link")
        value = page.match(rf"\b{p['key']} = (\d+)")[1]
        yield answer(value, f"The line of {p['key']} says {value}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another line": saying(self.oracle, instance.near["said"]),
            "no value": saying(self.oracle, "It is set in the file."),
        }


class MilestoneDue(Template):
    """A date of a table."""

    site, name, level, split = "code", "milestone-due", 2, "test"
    wordings = (
        "When is the milestone {milestone} of {project} due?",
        "On which day should {milestone} of the project {project} be finished?",
        "Find the due date of {milestone} in {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *_ALL)
        wanted, other = rng.sample(
            world.rows("SELECT * FROM code_milestones WHERE project_id = ? ORDER BY id", project["id"]), 2
        )
        return Instance(
            params={"milestone": wanted["title"], "project": project["name"]},
            answer=Day(date.fromisoformat(wanted["due"])),
            near={"said": Day(date.fromisoformat(other["due"])).say()},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Milestones")
        due = page.match(rf"(?:^|\n){p['milestone']}(?: \| |\n)(\w+ \d+, \d{{4}})")[1]
        yield answer(due, f"The table of milestones has this date beside {p['milestone']}.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another milestone": saying(self.oracle, instance.near["said"]),
            "no date": saying(self.oracle, "It is due soon."),
        }


class TokenOfProject(Template):
    """A secret of the settings."""

    site, name, level, split = "code", "token-of-project", 2, "train"
    wordings = (
        "What is the access token of {project}?",
        "I need the token with which programs sign in to my project {project}.",
        "Copy me the access token from the settings of {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(joined(world, "Owner"), 2)
        return Instance(
            params={"project": wanted["name"]},
            answer=Text(wanted["token"]),
            near={"said": other["token"]},
            private=(wanted["token"],),
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Settings")
        yield answer(page.match(r"with the token (\w+)")[1], "The settings show the access token.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "of another project": saying(self.oracle, instance.near["said"]),
            "not given": saying(self.oracle, "It is in the settings."),
        }


TEMPLATES = (OpenIssueCount(), RoleOfMember(), LatestCommitAuthor(), SettingValue(), MilestoneDue(), TokenOfProject())
