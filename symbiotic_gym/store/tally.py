"""What episodes come down to: success with its interval, per task and over all, and what was *invalid* beside it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from symbiotic_gym.stats import Interval, wilson
from symbiotic_gym.types import Trajectory, Usage

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Tally"]


class Tally:
    """Counts episodes as they end; keeps none of them."""

    def __init__(self, trajectories: Iterable[Trajectory] = ()) -> None:
        self.outcomes: dict[str, Counter[str]] = {}
        """Task -> how many of its episodes ended how."""
        self.retried = 0
        self.steps = 0
        self.refused = 0
        self.usage = Usage()
        for trajectory in trajectories:
            self.add(trajectory)

    def add(self, trajectory: Trajectory) -> None:
        """Count one more episode."""
        self.outcomes.setdefault(trajectory.task, Counter())[str(trajectory.outcome)] += 1
        self.retried += trajectory.attempt
        self.steps += len(trajectory.steps)
        self.refused += sum(bool(step.error) for step in trajectory.steps)
        self.usage += trajectory.usage

    @property
    def total(self) -> "Counter[str]":
        """How many episodes ended how."""
        return sum(self.outcomes.values(), Counter())

    @property
    def episodes(self) -> int:
        return self.total.total()

    @property
    def success(self) -> Interval:
        """Share of successes among the scored episodes, with its 95 % Wilson interval."""
        return _success(self.total)

    @property
    def invalid(self) -> dict[str, int]:
        """Kind of fault -> how many episodes it made invalid."""
        return {name[8:-1]: n for name, n in sorted(self.total.items()) if name.startswith("invalid")}

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "episodes": self.episodes,
            "success": asdict(self.success),
            "invalid": self.invalid,
            "outcomes": dict(self.total),
            "retried_attempts": self.retried,
            "steps": self.steps,
            "refused_actions": self.refused,
            "usage": asdict(self.usage),
            "tasks": {task: asdict(_success(n)) | {"outcomes": dict(n)} for task, n in sorted(self.outcomes.items())},
        }

    def table(self, title: str = "") -> "Table":
        """A row per task, and one over all."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column("task", overflow="fold")
        for heading in ("success", "95 % interval", "n", "truncated", "invalid"):
            table.add_column(heading, justify="right", no_wrap=True)
        rows = sorted(self.outcomes.items())
        for number, (task, counts) in enumerate(rows, 1):
            table.add_row(task, *_cells(counts), end_section=number == len(rows))
        table.add_row("all", *_cells(self.total))
        if self.invalid:
            kinds = ", ".join(f"{n} {kind}" for kind, n in self.invalid.items())
            table.caption = f"invalid, in no rate: {kinds}"
        if self.retried:
            table.caption = f"{table.caption or ''}{'; ' if table.caption else ''}{self.retried} invalid tries were repeated"
        return table


def _success(counts: "Counter[str]") -> Interval:
    scored = sum(n for name, n in counts.items() if not name.startswith("invalid"))
    return wilson(counts["success"], scored)


def _cells(counts: "Counter[str]") -> list[str]:
    rate, invalid = _success(counts), sum(n for name, n in counts.items() if name.startswith("invalid"))
    shown = [f"{rate.value:.1%}", f"{rate.low:.1%} - {rate.high:.1%}"] if rate.n else ["-", "-"]
    return [*shown, str(rate.n), str(counts["truncated"]), str(invalid)]
