"""Keeping and finding steps: a file of JSON lines, and an index over each of the two keys, goal and page.

The file has one step a line, appended and fsync'd one episode at a time, readable without this code. What a process that died
left half-written at the end is ignored and cut off before the next append. Indexes are made from the entries when the first
search comes, and take in later entries as they come.
"""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.knowledge.columns import Columns
from symbiotic_gym.knowledge.entries import Entry, Retrieved, entries_of
from symbiotic_gym.knowledge.excerpts import excerpt, without_ids
from symbiotic_gym.knowledge.exclusion import Exclusion
from symbiotic_gym.knowledge.index import Bm25Index, Index
from symbiotic_gym.types import Trajectory

__all__ = ["KnowledgeBase"]

MakeIndex = Callable[[str], Index]
"""Makes the index of a key, `goal` or `page`."""


class KnowledgeBase:
    """Steps, kept and found again. Safe to use from several threads; one process writes a file.

    Args:
        path: the JSON lines file, read if it exists; None keeps everything in memory.
        index: makes what each of the keys `goal` and `page` is searched by: by default BM25; one over vectors is in
            `symbiotic_gym.knowledge.dense`.
        keep_failures: also keep the steps of episodes that failed. They are never retrieved, and tell `StateValues` from which
            states episodes fail.

    Raises:
        StoreError: a line of the file is damaged.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        index: MakeIndex = lambda key: Bm25Index(),
        keep_failures: bool = False,
    ) -> None:
        self._file = JsonLines(path)
        self._lock = threading.RLock()
        self._entries = self._file.records(Entry)
        self._ids = {entry.id: i for i, entry in enumerate(self._entries)}
        self._goals, self._pages = index("goal"), index("page")
        self._columns = Columns()
        self._indexed = 0
        self.keep_failures = keep_failures

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, oldest first."""
        with self._lock:
            return tuple(self._entries)

    def get(self, id: str) -> Entry | None:
        """The entry with that id, if it is here."""
        with self._lock:
            return self._entries[self._ids[id]] if id in self._ids else None

    def add(
        self,
        trajectory: Trajectory,
        *,
        iteration: int,
        source: str = "",
        template: str = "",
        suite: str = "",
        summary: str = "",
    ) -> int:
        """Keep the steps of an episode; those whose action the environment refused are left out.

        Args:
            trajectory: an episode. One that did not succeed adds nothing, unless failures are kept, and an invalid one never
                does; nor does one that is already there.
            iteration: in which round of the symbiotic loop it was played.
            source: which run it came from; by default the trajectory's agent.
            template: what the task is an instance of; by default what `symbiotic_gym.suites.kinship` knows.
            suite: by default what the task id has before its first dot.
            summary: what the episode does, for the key that goals are searched by.

        Returns:
            How many entries are new.
        """
        if not (trajectory.success or (self.keep_failures and trajectory.outcome.scored)):
            return 0
        made = list(entries_of(trajectory, iteration=iteration, source=source, template=template, suite=suite, summary=summary))
        with self._lock:
            fresh = [entry for entry in made if entry.id not in self._ids]
            self._file.append([asdict(entry) for entry in fresh])
            self._ids |= {entry.id: len(self._entries) + i for i, entry in enumerate(fresh)}
            self._entries += fresh
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
            goal: of the episode being played, or any text that says what is wanted.
            page: the page text it shows.
            exclude: what must not be returned.
            k_goal: how many entries to take by their goal (the one with the most similar page among equal goals).
            k_page: how many more to take by their page.
            budget_chars: characters of page text of all results together; each page is cut around the line acted on. A
                token is some three characters.
        """
        with self._lock:
            self._take_in()
            entries = self._entries[: self._indexed] if self._indexed < len(self._entries) else self._entries
            by_goal, by_page = self._goals.scores(goal), self._pages.scores(without_ids(page))
            hidden = self._columns.hidden(exclude, goal, page) | self._columns.failed()
            total = by_goal + by_page
            chosen: dict[tuple[str, str], int] = {}
            for scores, floor, k in ((by_goal, self._goals.nothing, k_goal), (by_page, self._pages.nothing, k_page)):
                before = len(chosen)
                for i in _best_first(scores, total, (scores > floor) & ~hidden, at_least=16 * (k + before) + 1):
                    if len(chosen) >= before + k:
                        break
                    chosen.setdefault((entries[i].page, entries[i].action), i)  # the same step of two episodes counts once
            order = sorted(chosen.values(), key=lambda i: (total[i], -i))
            share = budget_chars // max(1, len(order))
            return [
                Retrieved(entry=e, page=excerpt(e.page, e.action, share), score=float(total[i]))
                for i, e in ((i, entries[i]) for i in order)
            ]

    def _take_in(self) -> None:
        """Bring the indexes up to date."""
        new = self._entries[self._indexed :]
        self._goals.add([f"{entry.goal}\n{entry.summary}" for entry in new])
        self._pages.add([without_ids(entry.page) for entry in new])
        self._columns.add(new)
        self._indexed += len(new)


def _best_first(
    scores: NDArray[np.float64], total: NDArray[np.float64], usable: NDArray[np.bool_], *, at_least: int
) -> Iterator[int]:
    """The usable entries, best score first, then by total, then oldest first; sorted no further than is asked for."""
    left: NDArray[np.intp] = np.flatnonzero(usable)
    while len(left):
        top = left
        if len(left) > at_least:
            least = np.partition(scores[left], len(left) - at_least)[len(left) - at_least]
            top = left[scores[left] >= least]
        yield from (int(i) for i in top[np.lexsort((top, -total[top], -scores[top]))])
        left = left[scores[left] < scores[top].min()] if len(top) < len(left) else left[:0]
        at_least *= 8
