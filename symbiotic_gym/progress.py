"""Progress of long work: one live line a phase on a terminal, plain lines now and then everywhere else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

__all__ = ["Bar", "Progress"]


class Bar:
    """One phase's line."""

    SAY_EVERY_S = 30.0

    def __init__(self, title: str, total: int | None, console: Console | None, live: RichProgress | None) -> None:
        self._title = title
        self._console = console
        self._live = live
        self._task: TaskID | None = live.add_task(title, total=total, note="") if live else None
        self._done, self._total = 0, total
        self._note = ""
        self._started = self._said = time.monotonic()

    def advance(self, note: str = "") -> None:
        """One more of the total is done."""
        self.set(self._done + 1, self._total, note)

    def set(self, done: int, total: int | None, note: str = "") -> None:
        """So much of the total is done; `note` says how it goes."""
        self._done, self._total, self._note = done, total, note
        if self._live is not None and self._task is not None:
            self._live.update(self._task, completed=done, total=total, note=note)
        elif self._console is not None and time.monotonic() - self._said > self.SAY_EVERY_S:
            self._said = time.monotonic()
            self._console.print(f"  {self._title}: {done} of {total or '?'} {note}", highlight=False)

    def finish(self) -> None:
        if self._console is not None:
            seconds = time.monotonic() - self._started
            self._console.print(f"{self._title}: {self._done} done in {seconds:.0f} s {self._note}", highlight=False)


class Progress:
    """Says how far long work is.

    Args:
        console: where to; a terminal gets a live line.
        quiet: say nothing.
    """

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        self.console = None if quiet else (console or Console(stderr=True))

    @contextmanager
    def phase(self, title: str, total: int | None) -> Iterator[Bar]:
        """Show a phase while the block runs, and one line about it afterwards."""
        if self.console is None or not self.console.is_terminal:
            bar = Bar(title, total, self.console, None)
            yield bar
        else:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            with RichProgress(*columns, TextColumn("{task.fields[note]}"), console=self.console, transient=True) as live:
                bar = Bar(title, total, self.console, live)
                yield bar
        bar.finish()
