"""How fast our environments are, and how much memory they take, beside stock BrowserGym's in the same run.

Generated shop pages of some 350, 1.3k, 5.4k and 25.8k accessibility nodes; steps that click and steps that fill, in turn;
stock with its defaults, and stock with every wait set to zero (`symbiotic_gym.benchmarks.stepping` says how each is made). The
systems take turns, so that whatever else the machine does falls on all of them. Ratios are of medians, with 95 % bootstrap
intervals.

Blocks of measurements are kept in the file that `--samples` names: a run cut short goes on from it. A system that does not
answer in time on a page is not asked again on that page, and its rows say so.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from symbiotic_gym.benchmarks.pages import PageServer
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, estimate
from symbiotic_gym.benchmarks.samples import Samples
from symbiotic_gym.benchmarks.stepping import ANSWER_S, SHARED, SYSTEMS, NoAnswerError, Subject, memory_mb
from symbiotic_gym.progress import Bar, Progress
from symbiotic_gym.stats import ratio_of_medians

__all__ = ["main"]

SIZES = {"350": 15, "1.3k": 56, "5.4k": 234, "25.8k": 1121}
"""Accessibility nodes -> rows of `pages.catalogue`."""
STEP_TARGETS = {("1.3k", "stock"): 15.0, ("1.3k", "stock-nowait"): 4.0, ("25.8k", "stock-nowait"): 40.0}
RESET_TARGET = 6.0
RATE_TARGET = 4.0
MEMORY_TARGET = 2.0
MOST = 4
"""Environments at once."""
STEPS = 12
"""Of each environment, that are timed by themselves and come before its memory is measured."""
_MOST_S = {"steps": 120.0, "rate": 20.0}
"""A block of steps ends after that long, whatever it has."""


def _kept(samples: Samples, key: str, measure: Callable[..., Any], *arguments: Any) -> Any:
    """The block of that key; `{"no_answer": why}` where the system gave none."""

    def answer() -> Any:
        try:
            return measure(*arguments)
        except NoAnswerError as error:
            return {"no_answer": str(error)}

    return samples.get(key, answer)


class _Rounds:
    """The blocks of every system, and why some have none."""

    def __init__(self, systems: Sequence[str]) -> None:
        self.blocks: dict[str, list[Any]] = {system: [] for system in systems}
        self.silent: dict[str, str] = {}

    def take(self, system: str, block: Callable[[], Any]) -> None:
        """Add a block of the system, unless it has shown that it does not answer here: what it did before counts no more."""
        if system in self.silent:
            return
        found = block()
        if isinstance(found, dict) and "no_answer" in found:
            self.silent[system] = found["no_answer"]
            self.blocks[system] = []
        else:
            self.blocks[system].append(found)

    def each(self, of: Callable[[Any], Sequence[float]]) -> dict[str, list[float]]:
        """The values that `of` finds in the blocks, by system."""
        return {system: [value for block in blocks for value in of(block)] for system, blocks in self.blocks.items()}

    def as_ours(self, system: str) -> "_Rounds":
        """The same with the blocks of `system` in the place of ours."""
        turned = _Rounds(())
        turned.blocks = self.blocks | {"ours": self.blocks[system]}
        turned.silent = self.silent | ({"ours": self.silent[system]} if system in self.silent else {})
        return turned


@contextmanager
def _subjects(system: str, url: str, n: int = 1) -> Iterator[list[Subject]]:
    subjects = [Subject(system, url, n)] if system == SHARED else [Subject(system, url) for _ in range(n)]
    try:
        yield subjects
    finally:
        for subject in subjects:
            subject.close()


def _one(system: str, url: str, resets: int, steps: int) -> dict[str, Any]:
    """First reset, further resets, steps, memory of one environment."""
    with _subjects(system, url) as [subject]:
        first = subject.call("reset")
        again = [subject.call("reset") for _ in range(resets)]
        most_s = _MOST_S["steps"]
        subject.call("steps", n=2, most_s=most_s, bound_s=ANSWER_S + most_s)  # warm
        timed = subject.call("steps", n=steps, most_s=most_s, bound_s=ANSWER_S + most_s)
        return {"first": first, "resets": again, "steps": timed, "memory_mb": memory_mb(subject.pid)}


def _many(system: str, url: str, n: int, most_s: float) -> dict[str, float]:
    """The memory that each of `n` environments takes after as many steps, and their steps per second."""
    with _subjects(system, url, n) as subjects:

        def all_of(what: str, **arguments: Any) -> list[Any]:
            for subject in subjects:
                subject.start(what, **arguments)
            return [subject.finish(ANSWER_S + _MOST_S["steps"]) for subject in subjects]

        all_of("reset")
        all_of("steps", n=STEPS, most_s=_MOST_S["steps"])
        memory = sum(memory_mb(subject.pid) for subject in subjects) / n
        each = [len(steps) / sum(took for _, took in steps) for steps in all_of("steps", n=10**6, most_s=most_s)]
        return {"memory_mb": memory, "steps_per_s": float(sum(each)) * n / len(subjects)}


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _times(name: str, rounds: _Rounds, values: dict[str, list[float]], theirs: str, target: float | None = None) -> Row:
    """How many times greater the median of `theirs` is than ours, with a bootstrap interval."""
    if silent := [system for system in ("ours", theirs) if system in rounds.silent]:
        note = f"{silent[0]}: {rounds.silent[silent[0]]}"
        return Row(name=name, value=None, unit="times", n=0, target=target, note=note)
    return estimate(name, ratio_of_medians(values[theirs], values["ours"]), "times", target=target)


def _beside(name: str, unit: str, rounds: _Rounds, values: dict[str, list[float]], better: Any = "lower") -> list[Row]:
    """Our median beside each stock's."""
    return [
        Row(
            name=f"{name}/{system}",
            value=_median(values["ours"]),
            unit=unit,
            n=len(values["ours"]),
            peer=system,
            peer_value=_median(values[system]),
            better=better,
            note=rounds.silent.get("ours") or rounds.silent.get(system, ""),
        )
        for system in SYSTEMS[1:]
        if system in values
    ]


def _step_rows(size: str, rounds: _Rounds) -> list[Row]:
    rows = []
    for kind in ("click", "fill"):
        times = rounds.each(lambda block: [t for done, t in block["steps"] if done == kind])  # noqa: B023 - called at once
        rows += _beside(f"step/{size}/{kind}", "s", rounds, times)
    whole = rounds.each(lambda block: [t for _, t in block["steps"]])
    for system in SYSTEMS[1:]:
        rows.append(_times(f"step/{size}/times-{system}", rounds, whole, system, STEP_TARGETS.get((size, system))))
    return rows


def _memory_rows(size: str, rounds: _Rounds) -> list[Row]:
    memory = rounds.each(lambda block: [block["memory_mb"]])
    return [
        *_beside(f"memory/{size}", "MiB of PSS", rounds, memory),
        _times(f"memory/{size}/times-stock", rounds, memory, "stock"),
    ]


def _reset_rows(rounds: _Rounds) -> list[Row]:
    resets = rounds.each(lambda block: block["resets"])
    return [
        *_beside("reset", "s", rounds, resets),
        _times("reset/times-stock", rounds, resets, "stock", RESET_TARGET),
        _times("reset/times-stock-nowait", rounds, resets, "stock-nowait"),
        *_beside("first-reset", "s", rounds, rounds.each(lambda block: [block["first"]])),
    ]


def _many_rows(n: int, rounds: _Rounds) -> list[Row]:
    """Ours beside stock without waits, with a worker an environment and with one for all."""
    stock = "stock-nowait"
    rows = []
    for system, rate, takes in (("ours", "steps-per-second", "memory"), (SHARED, "rate-shared", "memory-shared")):
        turned = rounds.as_ours(system)
        rates = turned.each(lambda block: [block["steps_per_s"]])
        rows += _beside(f"{rate}/{n}", "steps/s", turned, rates, "higher")
        # more is better here: the ratio is ours over theirs
        swapped = {"ours": rates[stock], stock: rates["ours"]}
        rows.append(_times(f"{rate}/{n}/times-{stock}", turned, swapped, stock, RATE_TARGET))
        memory = turned.each(lambda block: [block["memory_mb"]])
        target = MEMORY_TARGET if system == SHARED and n == MOST else None  # what is shared has to be shared by some
        rows += _beside(f"{takes}/{n}", "MiB of PSS", turned, memory)
        rows.append(_times(f"{takes}/{n}/times-{stock}", turned, memory, stock, target))
    return rows


def _measure(report: Report, samples: Samples, address: str, *, smoke: bool, rounds: int, bar: Bar) -> None:
    sizes = {"350": SIZES["350"]} if smoke else SIZES
    for size, rows in sizes.items():
        url, resets, steps = (
            f"http://{address}/catalogue?rows={rows}",
            2 if size == "1.3k" or smoke else 0,
            2 if smoke else STEPS,
        )
        one = _Rounds(SYSTEMS)
        for turn in range(rounds):
            for system in SYSTEMS:
                key = f"{size}/{system}/{turn}"
                one.take(system, partial(_kept, samples, key, _one, system, url, resets, steps))
                bar.advance(key)
        report.add(*_step_rows(size, one), *_memory_rows(size, one))
        if resets:
            report.add(*_reset_rows(one))
    size = "350" if smoke else "1.3k"
    url = f"http://{address}/catalogue?rows={SIZES[size]}"
    most_s = 2.0 if smoke else _MOST_S["rate"]
    for n in (2, MOST):
        systems = ("ours", SHARED, "stock-nowait")
        many = _Rounds(systems)
        for turn in range(rounds):
            for system in systems:
                key = f"many/{n}/{system}/{turn}"
                many.take(system, partial(_kept, samples, key, _many, system, url, n, most_s))
                bar.advance(key)
        report.add(*_many_rows(n, many))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a target is missed."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often each measurement is repeated, the systems in turn (default 3)"
    )
    parser.add_argument(
        "--samples", type=Path, metavar="FILE", help="keep the measured blocks there; a run cut short goes on from it"
    )
    options = parser.parse_args(arguments)
    rounds = 1 if options.smoke else options.rounds
    report, server = Report("throughput"), PageServer()
    total = rounds * (len(SYSTEMS) * (1 if options.smoke else len(SIZES)) + 6)
    try:
        with Progress().phase("measuring", total) as bar:
            _measure(report, Samples(options.samples), server.address, smoke=options.smoke, rounds=rounds, bar=bar)
    finally:
        server.close()
    held = report.finish(options.json)
    return 0 if held or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
