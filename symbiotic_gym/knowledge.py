"""The shared knowledge base: the steps of successful episodes of both models, found again by goal and by page.

A file of JSON lines, one step a line, appended and fsync'd one episode at a time, readable without this code. What a process
that died left half-written at the end is ignored and cut off before the next append. Retrieval is BM25 over the goals and over
the page texts (element ids left out: they mean nothing on another page). Nothing of a held-out task is ever returned: see
`Exclusion`.
"""

import hashlib
import json
import os
import re
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from symbiotic_gym.actions import parse
from symbiotic_gym.bm25 import Bm25
from symbiotic_gym.errors import ActionError, ConfigError, explain
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.types import Trajectory

__all__ = ["Entry", "Exclusion", "KnowledgeBase", "Retrieved", "excerpt"]

Level = Literal["instance", "template", "none"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One step of a successful episode."""

    id: str
    """`TRAJECTORY:STEP`."""
    trajectory: str
    """A digest of task, seed and all pages and actions: equal for identical episodes."""
    task: str
    seed: int
    template: str
    """What the task is an instance of; the task itself where only the seed makes the instance."""
    suite: str
    goal: str
    page: str
    action: str
    reason: str
    model: str
    """Who decided the step."""
    source: str
    """Which run or agent the episode came from."""
    iteration: int
    """In which round of the symbiotic loop."""
    success: bool = True


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """What must not be retrieved while a task is played, so that no episode is helped by its own recording.

    `instance` holds back the same task with the same seed (every seed, where the seed is not known or where the task id itself
    is one instance of a larger template); `template` holds back the task and everything of its template; `none` nothing.
    """

    level: Level = "instance"
    task: str = ""
    seed: int | None = None
    template: str = ""

    def __post_init__(self) -> None:
        if self.level not in ("instance", "template", "none") or (self.level != "none" and not self.task):
            raise ConfigError(
                explain(
                    f"an exclusion at level {self.level!r} for the task {self.task!r}",
                    'level "instance" or "template" with a task id, or level "none"',
                    "without it the base would hand out the recorded answers of the very task that is being played",
                    'pass task=..., or level="none" if that is what you want to measure',
                )
            )

    def hides(self, entry: Entry) -> bool:
        """Whether `entry` must not be shown."""
        if self.level == "none":
            return False
        template = self.template or self.task
        if self.level == "template":
            return entry.task == self.task or entry.template == template
        any_seed = self.seed is None or template != self.task or entry.template != entry.task
        return entry.task == self.task and (any_seed or entry.seed == self.seed)


@dataclass(frozen=True, kw_only=True)
class Retrieved:
    """An entry that was found, and the part of its page that fits the budget."""

    entry: Entry
    page: str
    score: float
    """The sum of both BM25 scores; comparable within one search only."""


class KnowledgeBase:
    """Successful steps, kept and found again. Safe to use from several threads; one process writes a file.

    Args:
        path: the JSON lines file, read if it exists; None keeps everything in memory.

    Raises:
        StoreError: a line of the file is damaged.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._file = JsonLines(path)
        self._lock = threading.RLock()
        self._entries = self._file.records(Entry)
        self._ids = {entry.id for entry in self._entries}
        self._goals = Bm25()
        self._pages = Bm25()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, oldest first."""
        with self._lock:
            return tuple(self._entries)

    def add(self, trajectory: Trajectory, *, iteration: int, source: str = "", template: str = "", suite: str = "") -> int:
        """Keep the steps of a successful episode; those whose action the environment refused are left out.

        Args:
            trajectory: an episode. One that did not succeed adds nothing, nor does one that is already there.
            iteration: in which round of the symbiotic loop it was played.
            source: which run it came from; by default the trajectory's agent.
            template: what the task is an instance of, such as a WebArena intent template; by default the task.
            suite: by default what the task id has before its first dot.

        Returns:
            How many entries are new.
        """
        if not trajectory.success:
            return 0
        digest = _digest(trajectory)
        fresh = [
            Entry(
                id=f"{digest}:{i}",
                trajectory=digest,
                task=trajectory.task,
                seed=trajectory.seed,
                template=template or trajectory.task,
                suite=suite or trajectory.task.partition(".")[0],
                goal=trajectory.goal,
                page=step.observation.get("page", ""),
                action=step.decision.action,
                reason=step.decision.reason,
                model=step.decision.source or trajectory.agent,
                source=source or trajectory.agent,
                iteration=iteration,
            )
            for i, step in enumerate(trajectory.steps)
            if not step.error
        ]
        with self._lock:
            fresh = [entry for entry in fresh if entry.id not in self._ids]
            self._file.append([asdict(entry) for entry in fresh])
            self._entries += fresh
            self._ids |= {entry.id for entry in fresh}
        return len(fresh)

    def search(
        self,
        goal: str,
        page: str,
        *,
        exclude: Exclusion,
        k_goal: int = 1,
        k_page: int = 2,
        budget_chars: int = 3000,
    ) -> list[Retrieved]:
        """The steps most like the one at hand, most similar last; the same base and query always give the same list.

        Args:
            goal: of the episode being played.
            page: the page text it shows.
            exclude: what must not be returned.
            k_goal: how many entries to take by their goal (the one with the most similar page among equal goals).
            k_page: how many more to take by their page.
            budget_chars: characters of page text of all results together; each page is cut around the line acted on.
        """
        with self._lock:
            entries = self._entries
            for entry in entries[self._pages.size :]:
                self._goals.add(entry.goal)
                self._pages.add(_without_ids(entry.page))
            by_goal, by_page = self._goals.scores(goal), self._pages.scores(_without_ids(page))
            entries = entries[: self._pages.size]
        hidden = np.array([exclude.hides(entry) for entry in entries], dtype=bool)
        total = by_goal + by_page
        chosen: dict[tuple[str, str], int] = {}
        for scores, k in ((by_goal, k_goal), (by_page, k_page)):
            usable = np.flatnonzero((scores > 0) & ~hidden)
            ranked = usable[np.lexsort((usable, -total[usable], -scores[usable]))]
            before = len(chosen)
            for i in ranked:
                if len(chosen) >= before + k:
                    break
                chosen.setdefault((entries[i].page, entries[i].action), int(i))  # the same step of two episodes counts once
        order = sorted(chosen.values(), key=lambda i: (total[i], -i))
        share = budget_chars // max(1, len(order))
        return [Retrieved(entry=entries[i], page=excerpt(entries[i], share), score=float(total[i])) for i in order]


def _digest(trajectory: Trajectory) -> str:
    steps = [[step.observation.get("page", ""), step.decision.action] for step in trajectory.steps]
    text = json.dumps([trajectory.task, trajectory.seed, trajectory.goal, steps])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def excerpt(entry: Entry, budget: int) -> str:
    """The lines of an entry's page around the first element its action names, in at most `budget` characters."""
    lines = entry.page.split("\n")
    low = high = _acted_line(lines, entry.action)
    used = len(lines[low])
    if used > budget:
        return lines[low][:budget]
    while True:
        grown = False
        if low > 0 and used + len(lines[low - 1]) + 1 <= budget:
            low, grown = low - 1, True
            used += len(lines[low]) + 1
        if high + 1 < len(lines) and used + len(lines[high + 1]) + 1 <= budget:
            high, grown = high + 1, True
            used += len(lines[high]) + 1
        if not grown:
            return "\n".join(lines[low : high + 1])


def _acted_line(lines: Sequence[str], action: str) -> int:
    try:
        bids = parse(action).bids
    except ActionError:
        bids = ()
    return next((i for i, line in enumerate(lines) if bids and line.lstrip().startswith(f"[{bids[0]}]")), 0)


def _without_ids(page: str) -> str:
    return re.sub(r"^\s*\[\w+\] ", "", page, flags=re.M)
