"""Whether the pocket tasks are sound: the oracle is worth 1, doing nothing 0, and each near miss 0.

Everything is played in the browser, through the actions an agent has. `--trials FILE` keeps what was played, one line each; a
run that was cut short goes on from there. Episodes of one template share nothing, so a wrong one is named and the rest goes on.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, share
from symbiotic_gym.benchmarks.trials import play_missing, session
from symbiotic_gym.pocket.pages import THEMES
from symbiotic_gym.pocket.tasks import templates
from symbiotic_gym.pocket.trial import Check, Trial, checks, play
from symbiotic_gym.progress import Progress

__all__ = ["main", "measure"]


def measure(
    todo: Sequence[Check], *, workers: int, theme: str = THEMES[0], kept: Path | None = None, progress: Progress | None = None
) -> list[Trial]:
    """Play all checks, each once.

    Args:
        todo: what to play.
        workers: browsers at once, each in a process of its own.
        theme: how the sites are arranged.
        kept: where trials are kept, one JSON line each; those there are not played again.
        progress: says how far it is, and what came out wrong.

    Raises:
        StoreError: a line of `kept` is damaged.
    """
    return play_missing(
        dict.fromkeys(todo, (theme,)),
        _play,
        Trial,
        workers=workers,
        kept=kept,
        progress=progress,
        phase="playing",
        wrong=lambda trial: "" if trial.right else f"WRONG: {trial.reward} {trial.verdict}",
    )


def rows(trials: Sequence[Trial]) -> Iterator[Row]:
    """Shares of right verdicts by kind, over all and, where not all are right, by template; and what the plays were like."""
    kinds = {"oracle": "oracle", "null": "null agent"}
    groups: dict[str, list[Trial]] = {"oracle": [], "null agent": [], "near misses": []}
    for trial in trials:
        groups[kinds.get(trial.check.kind, "near misses")].append(trial)
    for name, group in groups.items():
        yield share(f"right/{name}", sum(trial.right for trial in group), len(group), target=1.0)
    for trial in {(t.check.template, t.check.kind): t for t in trials if not t.right}.values():
        same = [t for t in trials if (t.check.template, t.check.kind) == (trial.check.template, trial.check.kind)]
        yield share(f"right/{trial.check.template}/{trial.check.kind}", sum(t.right for t in same), len(same), target=1.0)
    names = sorted({trial.check.template for trial in trials})
    misses = [len({t.check.kind for t in trials if t.check.template == name} - set(kinds)) for name in names]
    oracles = groups["oracle"]
    yield Row(name="templates", value=len(names), unit="templates")
    yield Row(name="near misses, fewest of a template", value=min(misses), unit="near misses", n=len(names), target=2)
    yield Row(
        name="actions refused to oracles",
        value=sum(t.refused for t in oracles),
        unit="actions",
        n=len(oracles),
        target=0,
        better="lower",
    )
    yield Row(
        name="steps of an oracle, longest",
        value=max(t.steps for t in oracles),
        unit="steps",
        n=len(oracles),
        target=30,
        better="lower",
    )
    yield Row(name="oracle episode, p50", value=median(t.play_s for t in oracles), unit="s", n=len(oracles), better="lower")
    yield Row(name="reset, p50", value=median(t.reset_s for t in trials), unit="s", n=len(trials), better="lower")


def _play(check: Check, theme: str) -> Trial:
    return play(session(), check, theme)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where anything came out wrong."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--only", default="", metavar="TEXT", help="templates whose id contains this")
    parser.add_argument("--seeds", type=int, default=20, help="instances of each template (default 20)")
    parser.add_argument("--workers", type=int, default=2, help="browsers at once (default 2)")
    parser.add_argument("--theme", choices=THEMES, default=THEMES[0], help="how the sites are arranged")
    parser.add_argument("--trials", type=Path, metavar="FILE", help="keep the trials there; a run cut short goes on from it")
    options = parser.parse_args(arguments)
    names = [name for name in templates() if options.only in name]
    if options.smoke:
        names = [
            next(name for name in names if name.startswith(site)) for site in dict.fromkeys(n.partition(".")[0] for n in names)
        ]
    todo = list(checks(names, range(1 if options.smoke else options.seeds)))
    report = Report("pocket_validity")
    trials = measure(todo, workers=options.workers, theme=options.theme, kept=options.trials, progress=Progress())
    report.add(*rows(trials))
    return 0 if report.finish(options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
