"""Tasks on the code site: getting to a page."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.code_steps import WORK, joined, open_part, open_project, project_with
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_ALL = ("Guest", *WORK)
_PAGES = {
    "Starred": "/starred",
    "Explore": "/explore",
    "Assigned issues": "/dashboard/issues",
    "My merge requests": "/dashboard/merge_requests",
    "To-do list": "/dashboard/todos",
    "New project": "/projects/new",
    "Profile settings": "/profile",
}
_PARTS = {
    "commits": ("Commits", "commits"),
    "issues": ("Issues (", "issues"),
    "merge requests": ("Merge requests (", "merge_requests"),
    "labels": ("Labels", "labels"),
    "milestones": ("Milestones", "milestones"),
    "members": ("Members", "project_members"),
}


def _nothing_opened(page: Page, p: Params) -> Play:
    yield done(f"{p['page']} is open.")


class OpenPage(Template):
    """A link of the navigation."""

    site, name, level, split = "code", "open-page", 1, "train"
    wordings = ("Open “{page}” on Treeline.", "Go to Treeline's page “{page}”.", "Take me to “{page}” on Treeline.")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(list(_PAGES), 2)
        return Instance(params={"page": wanted}, url=_PAGES[wanted], near={"page": other})

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click(p["page"], f"The navigation has a link to {p['page']}.", "link")
        yield done(f"{p['page']} is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another page": misheard(self.oracle, page=instance.near["page"]),
            "not opened": _nothing_opened,
        }


class OpenProject(Template):
    """A project out of the list on the start page."""

    site, name, level, split = "code", "open-project", 1, "train"
    wordings = ("Open my project {project}.", "Go to the project {project} on Treeline.", "Show me the overview of {project}.")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(joined(world, *_ALL), 2)
        return Instance(params={"project": wanted["name"]}, url=f"/{wanted['path']}", near={"project": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        yield from open_project(page, p["project"])
        yield done(f"The overview of {p['project']} is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another project": misheard(self.oracle, project=instance.near["project"]),
            "not opened": half_done(self.oracle, instance.params["project"]),
        }


class OpenPart(Template):
    """A page of a project: two clicks."""

    site, name, level, split = "code", "open-part", 2, "dev"
    wordings = (
        "Show me the {part} of the project {project}.",
        "Go to the page with the {part} of my project {project}.",
        "I want to see all {part} in {project} on Treeline.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project, other = rng.sample(joined(world, *_ALL), 2)
        part, wrong = rng.sample(list(_PARTS), 2)
        return Instance(
            params={"part": part, "project": project["name"]},
            url=f"/{project['path']}/-/{_PARTS[part][1]}",
            near={"part": wrong, "project": other["name"]},
        )

    def oracle(self, page: Page, p: Params) -> Play:
        yield from open_part(page, p["project"], _PARTS[p["part"]][0])
        yield done(f"The {p['part']} of {p['project']} are open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another project": misheard(self.oracle, project=instance.near["project"]),
            "another part": misheard(self.oracle, part=instance.near["part"]),
        }


class OpenFile(Template):
    """A file in a folder."""

    site, name, level, split = "code", "open-file", 2, "train"
    wordings = (
        "Open the file {file} of the project {project}.",
        "Show me {file} as it is in {project}.",
        "Go to {file} in the files of {project}.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        project = project_with(world, rng, *_ALL)
        files = world.rows(
            "SELECT path FROM code_files WHERE project_id = ? AND path LIKE '%/%' ORDER BY path, id", project["id"]
        )
        wanted, other = (row["path"] for row in rng.sample(files, 2))
        return Instance(
            params={"file": wanted, "project": project["name"]}, url=f"/{project['path']}/-/blob/{wanted}", near={"file": other}
        )

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_project(page, p["project"])
        *folders, last = p["file"].split("/")
        for folder in folders:
            page = yield page.click(folder, f"The file lies in the folder {folder}.", "link")
        yield page.click(last, "This is the file.", "link")
        yield done(f"{p['file']} is open.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another file": misheard(self.oracle, file=instance.near["file"]),
            "only the folder": half_done(self.oracle, instance.params["file"].rpartition("/")[2]),
        }


TEMPLATES = (OpenPage(), OpenProject(), OpenPart(), OpenFile())
