"""What a set of episodes comes down to: rates with their intervals, sums, and the grid of tasks and seeds.

*Invalid* episodes say nothing about a policy; they are in no rate and counted beside it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symbiotic_gym.stats import Interval, wilson
from symbiotic_gym.viewer.index import STATUSES, Row

__all__ = ["Cell", "Grid", "Tally", "grid", "tally", "tally_tasks"]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Counts and sums over episodes.

    Attributes:
        n: episodes, the invalid ones included.
        rate: successes among the scored ones, with the 95 % Wilson interval.
        outcomes: how many of each status; `invalid` is the sum over its kinds.
        kinds: how many of each kind of invalid.
        acceptance: student's proposals that a teacher accepted, with the interval.
    """

    n: int
    rate: Interval
    outcomes: dict[str, int]
    kinds: dict[str, int]
    acceptance: Interval
    agents: tuple[str, ...]
    sources: tuple[str, ...]
    steps: int
    refused: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    act_s: float
    step_s: float

    @property
    def successes(self) -> int:
        return self.outcomes["success"]

    @property
    def scored(self) -> int:
        return self.rate.n


def tally(rows: Sequence[Row]) -> Tally:
    """Count and add up."""
    statuses = Counter(row.status for row in rows)
    kinds = Counter(row.outcome for row in rows if row.status == "invalid")
    return Tally(
        n=len(rows),
        rate=wilson(statuses["success"], len(rows) - statuses["invalid"]),
        outcomes={status: statuses[status] for status in STATUSES},
        kinds=dict(sorted(kinds.items())),
        acceptance=wilson(sum(row.accepted for row in rows), sum(row.proposals for row in rows)),
        agents=tuple(dict.fromkeys(row.agent for row in rows)),
        sources=tuple(sorted({source for row in rows for source in row.sources})),
        steps=sum(row.steps for row in rows),
        refused=sum(row.refused for row in rows),
        prompt_tokens=sum(row.prompt_tokens for row in rows),
        completion_tokens=sum(row.completion_tokens for row in rows),
        cost_usd=sum(row.cost_usd for row in rows),
        act_s=sum(row.act_s for row in rows),
        step_s=sum(row.step_s for row in rows),
    )


def tally_tasks(rows: Iterable[Row]) -> dict[str, Interval]:
    """The rate of each task."""
    found: dict[str, list[int]] = {}
    for row in rows:
        numbers = found.setdefault(row.task, [0, 0])
        if row.status != "invalid":
            numbers[0] += row.status == "success"
            numbers[1] += 1
    return {task: wilson(*numbers) for task, numbers in found.items()}


@dataclass(frozen=True)
class Cell:
    """What one log has for a task and a seed."""

    log: str
    row: Row | None


@dataclass(frozen=True)
class Grid:
    """A part of the table of tasks by seeds.

    Attributes:
        tasks: its rows' names.
        seeds: its columns' names.
        cells: by task and seed, one cell a log.
        all_tasks: how many tasks there are.
        all_seeds: how many seeds there are.
    """

    tasks: list[str]
    seeds: list[int]
    cells: dict[tuple[str, int], list[Cell]]
    all_tasks: int
    all_seeds: int


def grid(logs: Sequence[tuple[str, Sequence[Row]]], task_from: int, tasks: int, seed_from: int, seeds: int) -> Grid:
    """The outcomes of some logs side by side.

    Args:
        logs: names and episodes, of which each task and seed is there once.
        task_from: the first task to show, of all in alphabetical order.
        tasks: how many.
        seed_from: the first seed to show, in order.
        seeds: how many.
    """
    all_tasks = sorted({row.task for _, rows in logs for row in rows})
    all_seeds = sorted({row.seed for _, rows in logs for row in rows})
    shown, columns = all_tasks[task_from : task_from + tasks], all_seeds[seed_from : seed_from + seeds]
    wanted, among = set(shown), set(columns)
    found = [{(row.task, row.seed): row for row in rows if row.task in wanted and row.seed in among} for _, rows in logs]
    cells = {
        (task, seed): [Cell(name, rows.get((task, seed))) for (name, _), rows in zip(logs, found, strict=True)]
        for task in shown
        for seed in columns
    }
    return Grid(shown, columns, cells, len(all_tasks), len(all_seeds))
