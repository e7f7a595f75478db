"""Runs as a person reads them in a terminal."""

from pathlib import Path
from typing import TYPE_CHECKING

from symbiotic_gym.store.runs import find_runs, open_run
from symbiotic_gym.store.tally import Tally

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["list_table", "print_run"]


def list_table(root: Path) -> "Table":
    """The runs at and below a folder, one a row."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=f"runs in {root}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("run", "state", "agent", "episodes", "success", "invalid", "problems"):
        table.add_column(heading, justify="left" if heading in ("run", "state", "agent") else "right", overflow="fold")
    for path in find_runs(root):
        run = open_run(path)
        tally = Tally(run.episodes())
        rate = tally.success
        table.add_row(
            str(path.relative_to(root)) if path != root else path.name,
            run.state,
            str(run.about.get("config", {}).get("agent", "")),
            str(tally.episodes),
            f"{rate.value:.1%} [{rate.low:.0%}, {rate.high:.0%}]" if rate.n else "-",
            str(sum(tally.invalid.values())),
            str(len(run.problems)),
        )
    return table


def print_run(path: Path, console: "Console") -> None:
    """What a run was, what came of it, and what is wrong with its folder.

    Raises:
        StoreError: it is no run's folder.
    """
    run = open_run(path)
    about = run.about
    console.print(f"{path}: {run.state}, begun {about.get('started', 'at an unknown time')}", highlight=False, markup=False)
    console.print(f"command  {about.get('command', '')}", highlight=False, markup=False)
    git = about.get("git", {})
    commit = f"{git.get('commit', '') or 'unknown'}{' and changes' * bool(git.get('changed'))}"
    console.print(f"commit   {commit}", highlight=False, markup=False)
    for name, value in about.get("config", {}).items():
        console.print(f"  {name} = {value!r:.200}", highlight=False, markup=False)
    for log, places in run.logs.items():
        console.print(Tally(t for t in run.episodes_of(log)).table(f"{log.relative_to(path)}: {len(places)} attempts"))
    for problem in run.problems:
        console.print(f"damaged: {problem}", highlight=False, markup=False)
    if run.problems:
        console.print(f"`symbiotic-gym runs repair {path}` keeps what is whole", highlight=False, markup=False)
