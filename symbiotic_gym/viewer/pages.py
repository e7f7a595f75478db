"""The pages: which values each template gets. The server and the export make theirs here, so that both show the same."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import islice
from pathlib import Path
from time import time
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from symbiotic_gym.stats import wilson
from symbiotic_gym.store.tally import Tally
from symbiotic_gym.viewer import shown
from symbiotic_gym.viewer.episode import Picture, read_episode
from symbiotic_gym.viewer.filters import Filter, matching, neighbours
from symbiotic_gym.viewer.grid import grid
from symbiotic_gym.viewer.hits import Knowledge
from symbiotic_gym.viewer.index import STATUSES, Row, episode_of
from symbiotic_gym.viewer.links import Links
from symbiotic_gym.viewer.runs import Log, Runs

__all__ = ["PER_PAGE", "SEEDS", "TASKS", "Pages"]

PER_PAGE = 100
TASKS = 60
SEEDS = 40
_MARKS = {"success": "✓", "failure": "✗", "truncated": "…", "invalid": "!"}
_MOST_TASKS = 1000


@dataclass(frozen=True)
class Frame:
    """A screenshot on a page."""

    href: str
    width: int
    height: int
    picture: Picture


class Pages:
    """Makes the pages of some runs.

    Args:
        runs: what to show.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self._knowledge: dict[Path, Knowledge] = {}
        folder = str(resources.files(__package__).joinpath("templates"))
        self._templates = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=shown.visible,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters |= {name: getattr(shown, name) for name in ("count", "cut", "money", "seconds", "share")}
        self._templates.globals |= {"marks": _MARKS, "statuses": STATUSES}

    def overview(self, links: Links) -> str:
        """All logs side by side, and task by task."""
        logs = self.runs.logs
        tallies = [(log, Tally.of(log.index.counted())) for log in logs]
        by_task = {log.id: tally.tasks for log, tally in tallies}
        tasks = sorted({task for rates in by_task.values() for task in rates})
        return self._render(
            "overview.html",
            links,
            tallies=tallies,
            tasks=tasks[:_MOST_TASKS],
            all_tasks=len(tasks),
            by_task=by_task,
            about=[
                (name, str(run.get("started", "")), json.dumps(run, ensure_ascii=False, indent=2))
                for name, run in self.runs.about()
                if run
            ],
            now=time(),
        )

    def grid(self, links: Links, logs: Sequence[Log], task_from: int = 0, seed_from: int = 0) -> str:
        """Tasks by seeds, each cell an outcome of each log."""
        counted = [(log, log.index.counted()) for log in logs]
        tallies = [(log, Tally.of(rows)) for log, rows in counted]
        table = grid([(log.id, rows) for log, rows in counted], task_from, TASKS, seed_from, SEEDS)
        return self._render(
            "grid.html",
            links,
            logs=logs,
            grid=table,
            task_from=task_from,
            seed_from=seed_from,
            step=(TASKS, SEEDS),
            tallies=tallies,
            rates={log.id: tally.tasks for log, tally in tallies},
        )

    def episodes(self, links: Links, log: Log, wanted: Filter, page: int = 1, per_page: int | None = PER_PAGE) -> str:
        """A log's episodes that fit; `per_page` None shows all."""
        first = (page - 1) * per_page if per_page else 0
        found = list(islice(matching(log.index, wanted), first, first + per_page + 1 if per_page else None))
        numbers = Tally.of(log.index.counted())
        return self._render(
            "episodes.html",
            links,
            log=log,
            wanted=wanted,
            rows=found[:per_page],
            everything=len(log.index.rows),
            first=first,
            page=page,
            more=bool(per_page) and len(found) > (per_page or 0),
            fitting=None if wanted.text else sum(wanted.takes(row) for row in log.index.rows),
            numbers=numbers,
            tasks=sorted({row.task for row in log.index.rows}),
            outcomes=_outcomes(log.index.rows),
        )

    def episode(self, links: Links, log: Log, row: Row, wanted: Filter, chunk: int = 1) -> str:
        """One episode as a film strip.

        Raises:
            OSError: the log is gone.
            ValueError: its line no longer holds an episode.
        """
        data = episode_of(log.index.line(row))
        episode = read_episode(data, row, chunk)
        knowledge = self._knowledge.setdefault(log.folder, Knowledge(log.folder / "knowledge.jsonl"))
        before, after = neighbours(log.index, wanted, row.number)
        pictures = {step.number: self._frame(links, log, step.picture) for step in episode.steps}
        return self._render(
            "episode.html",
            links,
            log=log,
            row=row,
            superseded=log.index.superseded(row),
            episode=episode,
            wanted=wanted,
            before=before,
            after=after,
            frames={number: frame for number, frame in pictures.items() if frame},
            final_frame=self._frame(links, log, episode.final_picture),
            hits={step.number: knowledge.look_up(step.retrieved) for step in episode.steps},
            longest_s=max([step.act_s + step.step_s for step in episode.steps], default=0.0) or 1.0,
        )

    def message(self, links: Links, title: str, text: str) -> str:
        """A page that says only this."""
        return self._render("message.html", links, title=title, text=text)

    def _render(self, template: str, links: Links, **values: Any) -> str:
        logs = self.runs.logs
        read, size = (sum(getattr(log.index, name) for log in logs) for name in ("read", "size"))
        common = {"links": links, "all_logs": logs, "version": self.runs.version(), "wilson": wilson, "Filter": Filter}
        reading = read / size if any(log.index.behind for log in logs) else None
        return self._templates.get_template(template).render(common | values | {"reading": reading})

    def _frame(self, links: Links, log: Log, picture: Picture | None) -> Frame | None:
        path = log.blob(picture.blob) if picture else None
        size = _size(path) if path else None
        if picture is None or size is None:
            return None
        return Frame(links.blob(log.id, picture.blob), *size, picture)


def _outcomes(rows: Sequence[Row]) -> list[str]:
    """What one may filter by: the statuses that occur, and the kinds of invalid."""
    kinds = {row.outcome: row.status for row in rows}
    return [*(status for status in STATUSES if status in kinds.values()), *sorted(k for k in kinds if k not in STATUSES)]


@lru_cache(maxsize=4096)
def _size(path: Path) -> tuple[int, int] | None:
    """Width and height of a picture; None where the file holds none."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=("WEBP", "PNG")) as image:
            return image.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
