"""Tasks by seeds: what each log has in each cell."""

from collections.abc import Sequence
from dataclasses import dataclass

from symbiotic_gym.viewer.index import Row

__all__ = ["Cell", "Grid", "grid"]


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
