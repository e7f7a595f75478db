"""The code site's part of the world: projects with members, files, commits, issues and merge requests, and what is to be done.

An issue is `open` or `closed`, a merge request `open`, `merged` or `closed`. Issues and merge requests are numbered in their
project. A project's labels and milestones are its own.
"""

from datetime import timedelta
from typing import Any

from symbiotic_gym.pocket.world import WorldBuilder
from symbiotic_gym.pocket.world.code_files import files
from symbiotic_gym.pocket.world.code_history import issues, merge_requests, todos
from symbiotic_gym.pocket.world.code_projects import COMMITS, CONCEPTS, LABELS, Concept
from symbiotic_gym.pocket.world.code_schema import SCHEMA, STATE
from symbiotic_gym.pocket.world.code_texts import BIOS, STATUSES

__all__ = ["SCHEMA", "STATE", "build"]

PROJECTS = 20
MINE = 4
"""How many of them belong to the person at the keyboard."""


def build(world: WorldBuilder) -> None:
    """Fill the site."""
    rng = world.rng
    people = world.rows("SELECT * FROM people ORDER BY id")
    for person in people:
        world.insert(
            "code_profiles",
            person_id=person["id"],
            status=rng.choice(STATUSES),
            bio=rng.choice(BIOS),
            location=person["city"],
            notify=rng.choice(("All activity", "Only mentions", "Nothing")),
        )
    world.private("email", people[0]["email"], 1, "http://code.pocket/profile*")
    concepts = rng.sample(CONCEPTS, PROJECTS)
    for number, concept in enumerate(concepts):
        owner = people[0] if number < MINE else rng.choice(people[1:])
        joined = MINE <= number < MINE + 5
        _project(
            world,
            concept,
            owner,
            people,
            my_role=("Guest", "Reporter", "Developer", "Maintainer", "Developer")[number - MINE] if joined else "",
            private=number in (1, 3) or (number >= MINE and number % 6 == 1),
        )
    for project in world.rows("SELECT * FROM code_projects ORDER BY id"):
        _stars(world, project)
    todos(world)


def _project(world: WorldBuilder, concept: Concept, owner: Any, people: list[Any], *, my_role: str, private: bool) -> None:
    rng = world.rng
    version = f"{rng.randrange(1, 4)}.{rng.randrange(3, 12)}"
    project = world.insert(
        "code_projects",
        owner_id=owner["id"],
        name=concept.name,
        slug=concept.slug,
        description=concept.description,
        visibility="private" if private else "public",
        language=concept.language,
        topics=", ".join(concept.topics),
        created_at=world.ago(900, 420),
        token="".join(rng.choices("abcdefghjkmnpqrstuvwxyz23456789", k=20)),
    )
    row = world.one("SELECT * FROM code_projects WHERE id = ?", project)
    world.private("token", row["token"], owner["id"], f"http://code.pocket/{owner['username']}/{concept.slug}/-/settings*")
    members = _members(world, project, owner, people, my_role)
    labels = {
        name: world.insert("code_labels", project_id=project, name=name, description=LABELS[name])
        for name in [*list(LABELS)[:3], *sorted(rng.sample(list(LABELS)[3:], rng.randrange(3, 6)))]
    }
    major, minor = version.split(".")
    milestones = [
        world.insert(
            "code_milestones", project_id=project, title=f"Version {major}.{int(minor) + step}", due=_later(world, 30 * step)
        )
        for step in (1, 2, 3)
    ]
    contact = rng.choice(members)
    for path, content in files(concept, contact["name"], version, rng):
        world.insert("code_files", project_id=project, path=path, content=content)
    _commits(world, project, concept, members)
    count = rng.choice((9, 14, 18, 26, 34)) if owner["id"] != 1 else rng.choice((11, 24, 30))
    issues(world, project, concept, people, members, labels, milestones, count)
    merge_requests(world, project, concept, members)


def _members(world: WorldBuilder, project: int, owner: Any, people: list[Any], my_role: str) -> list[Any]:
    rng = world.rng
    others = [person for person in people[1:] if person["id"] != owner["id"]]
    chosen = rng.sample(others, rng.randrange(5, 9))
    roles = ["Maintainer", "Developer", "Reporter", "Guest", "Developer", "Developer", "Reporter", "Guest"]
    entries = [(owner, "Owner"), *zip(chosen, roles, strict=False)]
    if my_role:
        entries.append((people[0], my_role))
    for person, role in entries:
        world.insert("code_members", project_id=project, person_id=person["id"], role=role, at=world.ago(400, 40))
    return [person for person, role in entries if role not in ("Guest",)]


def _commits(world: WorldBuilder, project: int, concept: Concept, members: list[Any]) -> None:
    rng = world.rng
    weights = [rng.randrange(1, 8) for _ in members]
    moments = sorted(world.ago(260) for _ in range(rng.randrange(24, 56)))
    for at in moments:
        world.insert(
            "code_commits",
            project_id=project,
            sha=f"{rng.getrandbits(160):040x}",
            person_id=rng.choices(members, weights)[0]["id"],
            message=rng.choice(COMMITS).format(part=rng.choice(concept.parts)),
            at=at,
            added=rng.randrange(1, 240),
            removed=rng.randrange(0, 120),
        )


def _stars(world: WorldBuilder, project: Any) -> None:
    rng = world.rng
    known = [
        row["person_id"]
        for row in world.rows(
            "SELECT person_id FROM code_members WHERE project_id = ? AND person_id > 1 ORDER BY person_id", project["id"]
        )
    ]
    could = known if project["visibility"] == "private" else list(range(2, 49))
    for person in sorted(rng.sample(could, min(len(could), rng.randrange(0, 30)))):
        world.insert("code_stars", person_id=person, project_id=project["id"])
    if project["owner_id"] != 1 and project["visibility"] == "public" and rng.random() < 0.25:
        world.insert("code_stars", person_id=1, project_id=project["id"])


def _later(world: WorldBuilder, days: int) -> str:
    return (world.now + timedelta(days=days + world.rng.randrange(20))).date().isoformat()
