"""Whether WebArena's evaluators come to our verdicts: the same ends judged by the sites' database and by libwebarena.

For each exported template its oracle, the null agent and its near misses are played in the browser. Each end is judged by us,
and then, on the same pages, by libwebarena's evaluators with the exported JSON. A disagreement is put down to what WebArena's
language lacks (`symbiotic_gym.pocket.export.LIMITS`) only where the task has that limit; every other one is unexplained.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, share
from symbiotic_gym.benchmarks.trials import play_missing, session
from symbiotic_gym.pocket.export import LIMITS, Exported, export
from symbiotic_gym.pocket.trial import Check, checks, play
from symbiotic_gym.progress import Progress

__all__ = ["Judged", "explanation", "main", "measure"]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One episode's end, judged twice."""

    check: Check
    ended: bool
    said: str
    ours: float
    verdict: str
    """What our judge found wrong."""
    theirs: float

    @property
    def agreed(self) -> bool:
        return self.ours == self.theirs


def explanation(judged: Judged, limits: Sequence[str]) -> str:
    """The limit that a disagreement comes from, a name in `LIMITS`; empty where none explains it.

    Args:
        judged: the end; the verdicts differ.
        limits: those of the exported task.
    """
    if judged.ours > judged.theirs:
        return "form" if "form" in limits else ""
    causes = {
        "it was reported infeasible": "reported",
        "the answer ": "more",
        "": "unseen" if "unseen" in limits else "elsewhere",
    }
    cause = next(limit for beginning, limit in causes.items() if judged.verdict.startswith(beginning))
    of_the_state = " should have [" in judged.verdict
    return cause if cause in limits and (of_the_state or cause in ("reported", "more")) else ""


def measure(
    tasks: dict[str, Exported], seed: int, *, workers: int, kept: Path | None = None, progress: Progress | None = None
) -> list[Judged]:
    """Play and judge all checks of these tasks, each once.

    Args:
        tasks: the exported tasks by their templates' ids.
        seed: of which instances they are.
        workers: browsers at once, each in a process of its own.
        kept: where what was judged is kept, one JSON line each; what is there is not played again.
        progress: says how far it is.

    Raises:
        StoreError: a line of `kept` is damaged.
    """

    def wrong(judged: Judged) -> str:
        if judged.agreed:
            return ""
        why = LIMITS.get(explanation(judged, tasks[judged.check.template].limits), "UNEXPLAINED")
        return f"ours {judged.ours:g} ({judged.verdict}), theirs {judged.theirs:g}, said {judged.said!r}: {why}"

    todo = {check: (tasks[check.template].config,) for check in checks(list(tasks), [seed])}
    return play_missing(todo, _judge, Judged, workers=workers, kept=kept, progress=progress, phase="judging", wrong=wrong)


def _judge(check: Check, config: dict[str, Any]) -> Judged:
    from symbiotic_gym.pocket.webarena_judging import webarena_score

    browser = session()
    trial = play(browser, check)
    spoken = [message for message in browser.chat if message["role"] in ("assistant", "infeasible")]
    said = "" if not spoken else "N/A" if spoken[-1]["role"] == "infeasible" else spoken[-1]["message"]
    theirs = webarena_score(config, browser.page, said)
    return Judged(check=check, ended=trial.ended, said=said, ours=trial.reward, verdict=trial.verdict, theirs=theirs)


def rows(tasks: dict[str, Exported], left: int, found: Sequence[Judged]) -> Iterator[Row]:
    """How many were judged, how often the verdicts agree, right and wrong ones, and where the others come from."""
    kinds = Counter(kind for task in tasks.values() for kind in task.config["eval"]["eval_types"])
    yield Row(name="templates judged", value=len(tasks), unit="templates", target=60)
    yield Row(name="templates left out of the export", value=left, unit="templates", better="lower")
    for kind, number in sorted(kinds.items()):
        yield Row(name=f"templates with {kind}", value=number, unit="templates")
    yield share("plays that came to their end", sum(judged.ended for judged in found), len(found), target=1.0)
    for name, value in (("right", 1.0), ("wrong", 0.0)):
        ours = [judged for judged in found if judged.ours == value]
        if ours:
            yield share(f"agreed/{name} by us", sum(judged.agreed for judged in ours), len(ours))
    others = Counter(explanation(each, tasks[each.check.template].limits) for each in found if not each.agreed)
    for limit, number in sorted(others.items()):
        if limit:
            yield Row(name=f"disagreed/{limit}", value=number, unit="ends", n=len(found), better="lower")
    yield Row(name="disagreed/unexplained", value=others[""], unit="ends", n=len(found), target=0, better="lower")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a disagreement is unexplained."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--only", default="", metavar="TEXT", help="templates whose id contains this")
    parser.add_argument("--seed", type=int, default=0, help="which instance of each template (default 0)")
    parser.add_argument("--workers", type=int, default=2, help="browsers at once (default 2)")
    parser.add_argument(
        "--trials", type=Path, metavar="FILE", help="keep what was judged there; a run cut short goes on from it"
    )
    options = parser.parse_args(arguments)
    report = Report("pocket_webarena")
    done = [task for _, task in export(options.only, [options.seed])]
    tasks = {task.config["pocket"]["task"].partition(".")[2]: task for task in done if isinstance(task, Exported)}
    left = len(done) - len(tasks)
    if options.smoke:
        kinds = {tuple(task.config["eval"]["eval_types"]): name for name, task in tasks.items()}
        tasks = {name: tasks[name] for name in kinds.values()}
    found = measure(tasks, options.seed, workers=options.workers, kept=options.trials, progress=Progress())
    for row in rows(tasks, left, found):
        report.add(row)
    return 0 if report.finish(options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
