"""What goes on in the projects of the code site: issues with comments, merge requests, and what waits for whom."""

from collections.abc import Mapping, Sequence
from typing import Any

from symbiotic_gym.pocket.world import WorldBuilder
from symbiotic_gym.pocket.world.code_projects import Concept
from symbiotic_gym.pocket.world.code_texts import BODIES, COMMENTS, ISSUES, MENTIONS, MERGES

__all__ = ["issues", "merge_requests", "todos"]


def issues(
    world: WorldBuilder,
    project: int,
    concept: Concept,
    people: Sequence[Any],
    members: Sequence[Any],
    labels: Mapping[str, int],
    milestones: Sequence[int],
    count: int,
) -> None:
    """Write so many issues, no two with the same title, the older ones mostly closed."""
    rng = world.rng
    topics = [
        (label, title.format(part=part)) for label, titles in ISSUES.items() for title in titles for part in concept.parts
    ]
    moments = sorted({world.ago(240) for _ in range(count)})
    for number, (at, (label, title)) in enumerate(zip(moments, rng.sample(topics, len(moments)), strict=True), start=1):
        author = rng.choice(people)
        issue = world.insert(
            "code_issues",
            project_id=project,
            number=number,
            title=title,
            body=rng.choice(BODIES[label]),
            author_id=author["id"],
            assignee_id=rng.choice(members)["id"] if rng.random() < 0.75 else None,
            milestone_id=rng.choice(milestones) if rng.random() < 0.6 else None,
            status=rng.choices(("open", "closed"), (2, 3) if number < count / 2 else (6, 1))[0],
            at=at,
        )
        further = [name for name in labels if name not in ISSUES]
        for name in [label, *rng.sample(further, rng.choice((0, 0, 1, 1, 2)))]:
            world.insert("code_issue_labels", issue_id=issue, label_id=labels[name])
        _comments(world, project, "issue", number, people)


def _comments(world: WorldBuilder, project: int, kind: str, number: int, people: Sequence[Any]) -> None:
    rng = world.rng
    bodies = rng.sample(COMMENTS, rng.choice((0, 0, 1, 2, 3, 5)))
    for at, body in zip(sorted(world.ago(60) for _ in bodies), bodies, strict=True):
        world.insert(
            "code_comments", project_id=project, kind=kind, number=number, person_id=rng.choice(people)["id"], body=body, at=at
        )


def merge_requests(world: WorldBuilder, project: int, concept: Concept, members: Sequence[Any]) -> None:
    """Write some merge requests, the newest ones open."""
    rng = world.rng
    titles = [title.format(part=part) for title in MERGES for part in concept.parts]
    count = rng.randrange(6, 13)
    moments = sorted({world.ago(150) for _ in range(count)})
    chosen = rng.sample(titles, len(moments))
    for number, (at, title) in enumerate(zip(moments, chosen, strict=True), start=1):
        author = rng.choice(members)
        others = [person for person in members if person["id"] != author["id"]]
        is_open = number > len(moments) - 4
        world.insert(
            "code_merges",
            project_id=project,
            number=number,
            title=title,
            body=f"Part of the work on the {concept.name} settings.",
            author_id=author["id"],
            reviewer_id=rng.choice(others)["id"] if others and rng.random() < 0.7 else None,
            branch="-".join(title.lower().split()[:4]),
            added=rng.randrange(4, 400),
            removed=rng.randrange(0, 200),
            draft=int(is_open and rng.random() < 0.25),
            status="open" if is_open else rng.choice(("merged", "merged", "closed")),
            at=at,
        )
        _comments(world, project, "merge", number, members)


def todos(world: WorldBuilder) -> None:
    """Enter what waits for the person at the keyboard: assignments, mentions (with their comment) and reviews."""
    rng = world.rng
    me = world.me
    joined = world.rows(
        "SELECT p.* FROM code_projects p JOIN code_members m ON m.project_id = p.id WHERE m.person_id = 1 ORDER BY p.id"
    )
    found = []
    for project in joined:
        for row in world.rows("SELECT * FROM code_issues WHERE project_id = ? AND status = 'open' ORDER BY id", project["id"]):
            found.append((project, "issue", row, "assigned you" if row["assignee_id"] == 1 else "mentioned you in"))
        for row in world.rows("SELECT * FROM code_merges WHERE project_id = ? AND status = 'open' ORDER BY id", project["id"]):
            reason = "asked you to review" if row["reviewer_id"] == 1 else "mentioned you in"
            found.append((project, "merge", row, reason))
    authors = rng.sample(range(2, 49), 5)
    for number, (project, kind, row, reason) in enumerate(rng.sample(found, min(18, len(found)))):
        author = authors[number % 5] if number < 8 else rng.choice(authors)
        at = max(row["at"], world.ago(14))
        world.insert(
            "code_todos",
            person_id=1,
            author_id=author,
            project_id=project["id"],
            kind=kind,
            number=row["number"],
            reason=reason,
            done=int(number >= 14),
            at=at,
        )
        if reason == "mentioned you in":
            body = rng.choice(MENTIONS).format(username=me["username"])
            world.insert(
                "code_comments", project_id=project["id"], kind=kind, number=row["number"], person_id=author, body=body, at=at
            )
