"""Tasks on the code site: who may do what in a project."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.plays import half_done, misheard, without
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.code_steps import open_part, project_with
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_ROLES = ("Guest", "Reporter", "Developer", "Maintainer")
_LEADS = ("Owner", "Maintainer")


def _others(world: "World", project: Any) -> list[Any]:
    return world.rows(
        "SELECT m.*, p.name FROM code_members m JOIN people p ON p.id = m.person_id "
        "WHERE m.project_id = ? AND m.role <> 'Owner' AND p.id > 1 ORDER BY p.id",
        project["id"],
    )


class InviteMember(Template):
    """A username and a role."""

    site, name, level, split = "code", "invite-member", 3, "train"
    wordings = (
        "Invite the user {username} to {project} as a {role}.",
        "Make the user {username} a {role} of the project {project}.",
        "Add the account {username} to the members of {project} with the role {role}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *_LEADS)
        outsiders = world.rows(
            "SELECT * FROM people WHERE id NOT IN (SELECT person_id FROM code_members WHERE project_id = ?) ORDER BY id",
            project["id"],
        )
        wanted, other = rng.sample(outsiders, 2)
        role, wrong = rng.sample(_ROLES, 2)
        return Instance(
            params={"username": wanted["username"], "project": project["name"], "role": role},
            effect=[
                (
                    "INSERT INTO code_members (project_id, person_id, role, at) VALUES (?, ?, ?, '')",
                    (project["id"], wanted["id"], role),
                )
            ],
            near={"username": other["username"], "role": wrong},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Members")
        page = yield page.click("Invite a member", "New members are added here.", "link")
        page = yield page.fill("Username", p["username"], "This is who is to be invited.")
        page = yield page.select("Role", p["role"], f"The role is {p['role']}.")
        yield page.click("Invite", "Both fields are filled in.", "button")
        yield done("The new member is there.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another person": misheard(self.oracle, username=instance.near["username"]),
            "another role": misheard(self.oracle, role=instance.near["role"]),
            "no role": without(self.oracle, "Role"),
        }


class ChangeRole(Template):
    """One list among many alike."""

    site, name, level, split = "code", "change-role", 3, "test"
    wordings = (
        "Change the role of {person} in {project} to {role}.",
        "From now on, {person} should be {role} in the project {project}.",
        "Give {person} the role {role} in {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *_LEADS)
        member, other = rng.sample(_others(world, project), 2)
        role = rng.choice([role for role in _ROLES if role not in (member["role"], other["role"])])
        return Instance(
            params={"person": member["name"], "project": project["name"], "role": role},
            near={"person": other["name"]},
            effect=[("UPDATE code_members SET role = ? WHERE id = ?", (role, member["id"]))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Members")
        page = yield page.select(f"Role of {p['person']}", p["role"], f"This list holds the role of {p['person']}.")
        yield page.row(p["person"]).page.click("Save", "The button beside it saves the role.", "button")
        yield done("The role is changed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another person": misheard(self.oracle, person=instance.near["person"]),
            "not saved": half_done(self.oracle, "Save"),
        }


class RemoveMember(Template):
    """A button that asks back."""

    site, name, level, split = "code", "remove-member", 3, "dev"
    wordings = (
        "Remove {person} from the project {project}.",
        "{person} no longer works on {project}. End the membership.",
        "Take {person} off the list of members of {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *_LEADS)
        member, other = rng.sample(_others(world, project), 2)
        return Instance(
            params={"person": member["name"], "project": project["name"]},
            near={"person": other["name"]},
            effect=[("DELETE FROM code_members WHERE id = ?", (member["id"],))],
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Members")
        page = yield page.row(p["person"]).page.click("Remove", f"This button removes {p['person']}.", "button")
        yield page.click("Confirm", "The site asks whether this is meant.", "button")
        yield done("The membership has ended.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another person": misheard(self.oracle, person=instance.near["person"]),
            "not confirmed": half_done(self.oracle, "Confirm"),
        }


class DemoteRest(Template):
    """Several members, and one exception."""

    site, name, level, split = "code", "demote-developers", 5, "test"
    wordings = (
        "In {project}, make every Developer a Reporter, except {person}.",
        "All members of {project} with the role Developer should become Reporter; only {person} stays Developer.",
        "Lower every Developer of {project} to Reporter but leave {person} alone.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        choices = []
        for project in world.rows("SELECT * FROM code_listed WHERE owner_id = 1 ORDER BY id"):
            found = [row for row in _others(world, project) if row["role"] == "Developer"]
            if len(found) > 1:
                choices.append((project, found))
        project, found = rng.choice(choices)
        spared = rng.choice(found)
        effect = [
            (
                "UPDATE code_members SET role = 'Reporter' WHERE project_id = ? AND role = 'Developer' AND id <> ?",
                (project["id"], spared["id"]),
            )
        ]
        other = rng.choice([row for row in found if row is not spared])
        return Instance(
            params={"project": project["name"], "person": spared["name"]}, effect=effect, near={"person": other["name"]}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_part(page, p["project"], "Members")
        names = [
            row.cells[0]
            for row in page.rows(below="Name | Username")[1:]
            if row.cells[2] == "Developer" and row.cells[0] != p["person"]
        ]
        for name in names:
            page = yield page.select(f"Role of {name}", "Reporter", f"{name} is a Developer and not the exception.")
            page = yield page.row(name).page.click("Save", f"The role of {name} has to be saved.", "button")
        yield done("Only one Developer is left.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another exception": misheard(self.oracle, person=instance.near["person"]),
            "not saved": half_done(self.oracle, "Save"),
        }


TEMPLATES = (InviteMember(), ChangeRole(), RemoveMember(), DemoteRest())
