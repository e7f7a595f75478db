"""Runs as a person reads them in a terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbiotic_gym.errors import StoreError, explain
from symbiotic_gym.store.runs import find_runs, open_run
from symbiotic_gym.store.tally import Tally
from symbiotic_gym.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["list_table", "print_run"]


def list_table(root: Path) -> "Table":
    """The runs at and below a folder, one a row.

    Raises:
        StoreError: there is no such folder.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    if not root.is_dir():
        raise StoreError(
            explain(f"there is no folder {root}", "a folder with runs below it", "there is nothing to list", "name another one")
        )
    table = Table(title=plain(f"runs in {root}"), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("run", "state", "agent", "episodes", "success", "invalid", "problems"):
        table.add_column(heading, justify="left" if heading in ("run", "state", "agent") else "right", overflow="fold")
    for path in find_runs(root):
        run = open_run(path)
        tally = Tally(run.episodes())
        rate = tally.success
        table.add_row(
            plain(str(path.relative_to(root)) if path != root else path.resolve().name),
            run.state,
            plain(str(run.about.get("config", {}).get("agent", ""))),
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
    git = run.about.get("git")
    state: Mapping[str, Any] = git if isinstance(git, dict) else {}
    lines = [
        f"{path}: {run.state}, begun {run.about.get('started', 'at an unknown time')}",
        f"command  {run.about.get('command', '')}",
        f"commit   {state.get('commit', '') or 'unknown'}{' and changes' * bool(state.get('changed'))}",
        *(f"  {name} = {value!r:.200}" for name, value in run.about.get("config", {}).items()),
    ]
    console.print(plain("\n".join(lines)), soft_wrap=True)
    for log, places in run.logs.items():
        console.print(Tally(run.episodes_of(log)).table(f"{log.relative_to(path)}: {len(places)} attempts"))
    problems = [f"damaged: {problem}" for problem in run.problems]
    if problems:
        problems.append(f"`symbiotic-gym runs repair {path}` keeps what is whole")
        console.print(plain("\n".join(problems)), soft_wrap=True)
