"""The same pages as files, to be put on a disk or a web space and looked at without this program.

Filters work there too: a list holds all its episodes, and the viewer's script shows those that the address asks for.
"""

import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from symbiotic_gym.errors import StoreError, explain
from symbiotic_gym.viewer.episode import STEPS_PER_PAGE, read_episode, whole_page
from symbiotic_gym.viewer.filters import Filter
from symbiotic_gym.viewer.index import Row, episode_of
from symbiotic_gym.viewer.links import FileLinks
from symbiotic_gym.viewer.pages import SEEDS, TASKS, Pages
from symbiotic_gym.viewer.runs import Log, Runs
from symbiotic_gym.viewer.server import STATIC_TYPES

__all__ = ["export"]


def export(runs: Runs, folder: Path, on_episode: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Write the pages of some runs into a folder.

    Args:
        runs: what to show.
        folder: a new or an empty one.
        on_episode: called with how many episodes are written, and how many there are.

    Returns:
        The page to begin with.

    Raises:
        StoreError: the folder is not empty, or is none.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(
            explain(
                f"{folder} is {'not empty' if folder.is_dir() else 'a file'}",
                "a new folder, or an empty one",
                "pages of two exports would be mixed up, and files of yours overwritten",
                "name another folder, or empty this one",
            )
        )
    runs.refresh()
    pages, logs = Pages(runs), runs.logs
    for name in STATIC_TYPES:
        _write(folder / "static" / name, resources.files(__package__).joinpath("static", name).read_bytes())
    _write(folder / "index.html", pages.overview(FileLinks(0)))
    _grids(pages, logs, folder, FileLinks(0))
    done, total = 0, sum(len(log.index.rows) for log in logs)
    for log in logs:
        home = folder / log.id
        _write(home / "index.html", pages.episodes(FileLinks(1), log, Filter(), per_page=None))
        _grids(pages, [log], home, FileLinks(1))
        for row in log.index.rows:
            _episode(pages, log, row, home)
            done += 1
            on_episode(done, total)
    return folder / "index.html"


def _grids(pages: Pages, logs: list[Log], home: Path, links: FileLinks) -> None:
    """All parts of the grid of some logs."""
    tasks = len({row.task for log in logs for row in log.index.rows})
    seeds = len({row.seed for log in logs for row in log.index.rows})
    for task_from in range(0, max(tasks, 1), TASKS):
        for seed_from in range(0, max(seeds, 1), SEEDS):
            part = f"-{task_from}-{seed_from}" if task_from or seed_from else ""
            _write(home / f"grid{part}.html", pages.grid(links, logs, task_from, seed_from))


def _episode(pages: Pages, log: Log, row: Row, home: Path) -> None:
    line = log.index.line(row)
    data = episode_of(line)
    _write(home / f"{row.number:06}.json", line)
    for chunk in range(1, max(1, -(-row.steps // STEPS_PER_PAGE)) + 1):
        part = f"-{chunk}" if chunk > 1 else ""
        _write(home / f"{row.number:06}{part}.html", pages.episode(FileLinks(1), log, row, Filter(), chunk))
        episode = read_episode(data, row, chunk)
        texts = [(step.number, step.page) for step in episode.steps]
        texts += [(row.steps + 1, episode.final)] if episode.final else []
        for number, text in texts:
            if not text.whole:
                _write(home / f"{row.number:06}.step-{number}.txt", whole_page(data, number) or "")
        pictures = [step.picture for step in episode.steps] + [episode.final_picture]
        for name in {picture.blob for picture in pictures if picture}:
            _copy(log, name, home / "blobs" / name)


def _copy(log: Log, name: str, target: Path) -> None:
    source = log.blob(name)
    if source is not None and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))
