"""What every benchmark prints and writes: one table, and with `--json FILE` one JSON object of a fixed form.

A row's name is stable from version to version, so that two files can be compared; a proportion never stands without its
interval and its count; and where a target was set, the row itself says whether it holds.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from symbiotic_gym.stats import Interval, wilson
from symbiotic_gym.store.folder import describe_run, write_json

__all__ = ["Report", "Row", "argument_parser", "commit", "estimate", "share"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured number. `low` and `high` are its 95 % interval."""

    name: str
    value: float | None
    """None where it could not be measured; `note` says why."""
    unit: str
    n: int = 1
    """Independent observations behind the value."""
    low: float | None = None
    high: float | None = None
    peer: str = ""
    """What it was measured against, side by side; empty without one."""
    peer_value: float | None = None
    target: float | None = None
    better: Literal["higher", "lower"] = "higher"
    note: str = ""
    """Why the value, or the peer's, is missing."""

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer: above 1 where ours is. None without a peer, or where it would divide by 0."""
        ours, theirs = (self.value, self.peer_value) if self.better == "higher" else (self.peer_value, self.value)
        return ours / theirs if ours is not None and theirs else None

    @property
    def holds(self) -> bool | None:
        """Whether the value reaches its target; None without one of the two."""
        if self.target is None or self.value is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        del data["better"]
        if not self.note:
            del data["note"]
        return data | {"ratio": self.ratio, "holds": self.holds}


def estimate(name: str, interval: Interval, unit: str, **more: Any) -> Row:
    """A row for a value with its interval; `more` are further fields of `Row`."""
    return Row(name=name, value=interval.value, unit=unit, n=interval.n, low=interval.low, high=interval.high, **more)


def share(name: str, successes: int, n: int, *, target: float | None = None) -> Row:
    """A row for `successes` out of `n`, with its Wilson interval."""
    return estimate(name, wilson(successes, n), "share", target=target)


def argument_parser(description: str) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the table there")
    parser.add_argument("--smoke", action="store_true", help="a small run that shows it works; its numbers mean nothing")
    return parser


class Report:
    """Gathers the rows of one benchmark run; its clock starts when it is made.

    Args:
        benchmark: the module's name, as in `python -m symbiotic_gym.benchmarks.NAME`.
    """

    def __init__(self, benchmark: str) -> None:
        self.benchmark = benchmark
        self.rows: list[Row] = []
        self._started = time.perf_counter()

    def add(self, *rows: Row) -> None:
        """Add rows.

        Raises:
            ValueError: a name is there already; comparing two files goes by the names.
        """
        known = {row.name for row in self.rows}
        for row in rows:
            if row.name in known:
                raise ValueError(f"{self.benchmark} has a row {row.name!r} already; every row needs a name of its own")
            known.add(row.name)
            self.rows.append(row)

    def to_json(self) -> dict[str, Any]:
        run = describe_run({})
        return {
            "benchmark": self.benchmark,
            "commit": _named(run["git"]),
            "machine": run["machine"],
            "command": f"python -m symbiotic_gym.benchmarks.{self.benchmark} {' '.join(sys.argv[1:])}".strip(),
            "seconds": round(time.perf_counter() - self._started, 1),
            "rows": [row.to_json() for row in self.rows],
        }

    def finish(self, json_file: Path | None = None) -> bool:
        """Print the table, write the file if one is named, and say whether every target holds.

        One whose value could not be measured does not.
        """
        from rich.console import Console

        console = Console(width=None if sys.stdout.isatty() else 128)
        console.print(_table(self.benchmark, self.rows))
        data = self.to_json()
        console.print(f"{data['command']} | commit {data['commit'][:12] or 'none'} | {data['seconds']} s", highlight=False)
        if json_file is not None:
            write_json(json_file, data)
        return all(row.holds or row.target is None for row in self.rows)


def commit() -> str:
    """The commit that runs, with `+changes` where the tree holds others; empty outside a repository."""
    return _named(describe_run({})["git"])


def _named(git: Mapping[str, Any]) -> str:
    return str(git.get("commit", "")) + ("+changes" if git.get("changed") else "")


_VERDICTS = {True: "holds", False: "MISSED", None: "not measured"}


def _peer(row: Row) -> str:
    if row.peer_value is None:
        return f"{row.peer}: {row.note}" if row.peer and row.note else ""
    return f"{row.peer}: {row.peer_value:.4g}"


def _table(title: str, rows: Sequence[Row]) -> Any:
    from rich.table import Table

    cells = {
        "name": [row.name for row in rows],
        "value": [row.note if row.value is None else f"{row.value:.4g} {row.unit}" for row in rows],
        "95 % interval": ["" if row.low is None or row.high is None else f"{row.low:.3g} to {row.high:.3g}" for row in rows],
        "n": [str(row.n) for row in rows],
        "peer": [_peer(row) for row in rows],
        "ratio": ["" if row.ratio is None else f"{row.ratio:.2f}" for row in rows],
        "target": ["" if row.target is None else f"{row.target:.4g} {_VERDICTS[row.holds]}" for row in rows],
    }
    table = Table(title=title, title_justify="left")
    shown = {heading: column for heading, column in cells.items() if any(column)}
    for heading in shown:
        table.add_column(heading, justify="left" if heading in ("name", "peer") else "right", no_wrap=heading == "name")
    for line in zip(*shown.values(), strict=True):
        table.add_row(*line)
    return table
