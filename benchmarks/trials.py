"""Episodes of Pocket, each played once in a process with a browser of its own and kept as it ends: a run cut short goes on."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from symbiotic_gym.errors import BrowserError, SiteError
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.pocket.trial import Check
from symbiotic_gym.progress import Progress

if TYPE_CHECKING:
    from symbiotic_gym.browser.session import Session

__all__ = ["play_missing", "session"]

_SESSION: Any = None


class _Played(Protocol):
    @property
    def check(self) -> Check: ...


T = TypeVar("T", bound=_Played)


def session() -> "Session":
    """This process's browser, kept from episode to episode; it ends with the process."""
    global _SESSION
    if _SESSION is None:
        from symbiotic_gym.browser.session import Session

        _SESSION = Session()
    found: Session = _SESSION
    return found


def _end_with_parent() -> None:
    """A pool's processes wait for work for ever when theirs was killed, each with its browser."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)  # the browser's driver ends with its standard input, and the browser with the driver

    threading.Thread(target=watch, daemon=True).start()


def _play(play: Callable[..., T], check: Check, *more: Any) -> T:
    """Twice where the machine was at fault at first: one page that did not load must not end hours of work."""
    try:
        return play(check, *more)
    except (BrowserError, SiteError):
        return play(check, *more)


def play_missing(
    todo: Mapping[Check, tuple[Any, ...]],
    play: Callable[..., T],
    kind: type[T],
    *,
    workers: int,
    kept: Path | None,
    progress: Progress | None,
    phase: str,
    wrong: Callable[[T], str],
) -> list[T]:
    """Play what is not kept yet.

    Args:
        todo: checks, with the further arguments that `play` takes for each.
        play: a module's function, called in one of the processes with a check and its arguments.
        kind: what it returns, a dataclass.
        workers: browsers at once, each in a process of its own.
        kept: where results are kept, one JSON line each; those there are not played again.
        progress: says how far it is, and what came out wrong.
        phase: what it is called there.
        wrong: what to say of a result that is; empty where nothing is.

    Raises:
        BrowserError: an episode's browser failed, and again.
        SiteError: its site did.
        StoreError: a line of `kept` is damaged.
    """
    file = JsonLines(kept)
    found = {result.check: result for result in file.records(kind)}
    missing = [check for check in todo if check not in found]
    progress = progress or Progress(quiet=True)
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent)
    with progress.phase(phase, len(missing)) as bar, pool:
        jobs = [pool.submit(_play, play, check, *todo[check]) for check in missing]

        def keep(result: T) -> None:
            file.append([asdict(result)])  # type: ignore[call-overload] # a dataclass, as its documentation says
            found[result.check] = result  # an interrupt before this has it kept twice rather than never
            name = f"{result.check.template} {result.check.seed} {result.check.kind}"
            bar.advance(name)
            if (said := wrong(result)) and progress.console is not None:
                progress.console.print(f"  {name}: {said}", highlight=False, markup=False)

        try:
            for job in as_completed(jobs):
                keep(job.result())
        except BaseException:  # an interrupt too: what waits for its turn is not played any more, what is being played is kept
            pool.shutdown(cancel_futures=True)
            for job in jobs:
                if job.done() and not job.cancelled() and job.exception() is None and job.result().check not in found:
                    keep(job.result())
            raise
    return [found[check] for check in todo]
