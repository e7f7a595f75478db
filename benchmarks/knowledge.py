"""What the knowledge base costs at 100,000 steps: building, memory, searching; and what bm25s would cost in its place.

The steps are made up, as pages of six websites look: each site's own navigation on all of its pages, then lines whose words
are as common as words are (Zipf). Queries are pages of the same kind that are not in the base. bm25s is timed on the same pages
and queries; as its weights are computed beforehand, what an added episode costs it is an index made anew.
"""

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from symbiotic_gym.benchmarks.report import Report, Row, argument_parser
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.knowledge import Exclusion, KnowledgeBase
from symbiotic_gym.knowledge.entries import entries_of
from symbiotic_gym.knowledge.excerpts import without_ids
from symbiotic_gym.knowledge.index import words_of
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory

__all__ = ["episodes", "main"]

STEPS_PER_EPISODE = 5
_ROLES = ("link", "button", "textbox", "heading", "text", "cell")
_VOCABULARY = 30_000


def episodes(steps: int, seed: int = 0) -> Iterator[Trajectory]:
    """Successful episodes of five steps each, on made-up websites; about 2,000 characters a page."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    vocabulary = ["".join(rng.choice(letters, size=k)) for k in rng.integers(3, 10, _VOCABULARY)]
    chance = np.cumsum(1 / (np.arange(_VOCABULARY) + 10))
    pool = np.searchsorted(chance, rng.random(1_000_000) * chance[-1]).tolist()
    at = 0

    def words(k: int) -> str:
        nonlocal at
        at = at + k if at + 2 * k < len(pool) else int(rng.integers(1000))  # the pool again, from elsewhere
        return " ".join([vocabulary[i] for i in pool[at : at + k]])

    sites = [[f'[{i}] {_ROLES[i % 2]} "{words(2).title()}"' for i in range(25)] for _ in range(6)]
    for number in range(-(-steps // STEPS_PER_EPISODE)):
        site = sites[number % 6]
        pages = []
        for _ in range(STEPS_PER_EPISODE):
            lengths = rng.integers(1, 7, rng.integers(15, 60)).tolist()
            pages.append("\n".join(site + [f'[{25 + i}] {_ROLES[i % 6]} "{words(k)}"' for i, k in enumerate(lengths)]))
        done = tuple(
            Step(observation={"page": page}, decision=Decision(action='click("26")', reason=words(12)), reward=0.0)
            for page in pages
        )
        yield Trajectory(
            task=f"made.up-{number % 400}",
            seed=number,
            goal=words(9),
            agent="made up",
            steps=done,
            outcome=Outcome(status="success"),
        )


def _memory() -> int:
    """Bytes this process has resident."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _percentiles(name: str, seconds: Sequence[float], target: float | None = None) -> list[Row]:
    return [
        Row(
            name=f"{name}, p{p}",
            value=1000 * float(np.percentile(seconds, p)),
            unit="ms",
            n=len(seconds),
            target=target,
            better="lower",
        )
        for p in (50, 95)
    ]


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def measure(report: Report, steps: int, queries: int, folder: Path) -> None:
    """Fill the report."""
    file = folder / "knowledge.jsonl"
    writing = JsonLines(file)
    rows: list[dict[str, object]] = []
    for trajectory in episodes(steps):  # as `KnowledgeBase.add` writes them, without a flush to disk for every episode
        rows += [asdict(entry) for entry in entries_of(trajectory, iteration=0)]
        if len(rows) > 5000:
            writing.append(rows)
            rows = []
    writing.append(rows)
    size = file.stat().st_size
    del rows
    before = _memory()
    started = time.perf_counter()
    base = KnowledgeBase(file)
    read_s = time.perf_counter() - started
    nothing = Exclusion(task="made.up-0", seed=0)
    build_s = _timed(lambda: base.search("warm", "up", exclude=nothing))
    memory = _memory() - before
    asked = list(episodes(queries * STEPS_PER_EPISODE, seed=1))
    pages = [(t.goal, t.steps[0].observation["page"], t) for t in asked]
    searches, after_add, found = [], [], 0
    for goal, page, trajectory in pages:
        for level in ("template", "instance"):
            exclude = Exclusion(level=level, task=trajectory.task, seed=trajectory.seed)
            started = time.perf_counter()
            retrieved = base.search(goal, page, exclude=exclude)
            searches.append(time.perf_counter() - started)
            found += len(retrieved)
    for goal, page, trajectory in pages:
        started = time.perf_counter()
        base.add(trajectory, iteration=1)
        base.search(goal, page, exclude=nothing)
        after_add.append(time.perf_counter() - started)
    n = len(base)
    report.add(
        Row(name="steps", value=n, unit="steps"),
        Row(name="file", value=size / 2**20, unit="MiB"),
        Row(name="memory of the base and its indexes", value=memory / 2**20, unit="MiB", better="lower"),
        Row(name="reading the file", value=read_s, unit="s", better="lower"),
        Row(name="building the indexes", value=build_s, unit="s", better="lower"),
        Row(name="results of a search", value=found / len(searches), unit="entries", n=len(searches)),
    )
    report.add(*_percentiles("search", searches, target=50.0))
    report.add(*_percentiles("adding an episode to disk, then searching", after_add))
    _peer(report, base, [page for _, page, _ in pages])


def _peer(report: Report, base: KnowledgeBase, queries: Sequence[str]) -> None:
    """The page key in bm25s."""
    from bm25s import BM25

    started = time.perf_counter()
    numbers: dict[str, int] = {}
    texts = [[numbers.setdefault(word, len(numbers)) for word in words_of(without_ids(e.page))] for e in base.entries]
    split_s = time.perf_counter() - started
    engine = BM25(method="lucene", k1=1.5, b=0.75)
    index_s = _timed(lambda: engine.index((texts, numbers), show_progress=False, create_empty_token=False))
    seconds = []
    for page in queries:
        wanted = [numbers[word] for word in set(words_of(without_ids(page))) if word in numbers]
        seconds.append(_timed(lambda wanted=wanted: engine.get_scores_from_ids(wanted)))  # type: ignore[misc]
    base.add(next(episodes(STEPS_PER_EPISODE, seed=2)), iteration=2)  # what the search below has to take in first
    seen_s = _timed(lambda: base.search("a", "b", exclude=Exclusion(level="none")))
    ours = [_timed(lambda page=page: base._pages.scores(without_ids(page))) for page in queries]  # type: ignore[misc]
    report.add(
        Row(
            name="scoring a page",
            value=1000 * float(np.median(ours)),
            unit="ms",
            n=len(ours),
            peer="bm25s",
            peer_value=1000 * float(np.median(seconds)),
            better="lower",
        ),
        Row(
            name="making a search see a new episode",
            value=seen_s,
            unit="s",
            peer="bm25s: index anew",
            peer_value=split_s + index_s,
            better="lower",
        ),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a search takes too long."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--steps", type=int, default=100_000, help="size of the base (default 100,000)")
    parser.add_argument("--queries", type=int, default=100, help="searches at each level (default 100)")
    options = parser.parse_args(arguments)
    steps, queries = (1000, 5) if options.smoke else (options.steps, options.queries)
    report = Report("knowledge")
    with TemporaryDirectory() as folder:
        measure(report, steps, queries, Path(folder))
    return 0 if report.finish(options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
