"""How fast our environments are, and how much memory they take, beside stock BrowserGym's in the same run.

Generated shop pages of some 350, 1.3k, 5.4k and 25.8k accessibility nodes; steps that click and steps that fill, in turn;
stock with its defaults, and stock with every wait set to zero (`symbiotic_gym.benchmarks.stepping` says how each is made). The
systems take turns, so that whatever else the machine does falls on all of them. Ratios are of medians, with 95 % bootstrap
intervals.

Blocks of measurements are kept in the file that `--samples` names: a run cut short goes on from it.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.benchmarks.pages import PageServer
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser
from symbiotic_gym.benchmarks.samples import Samples
from symbiotic_gym.benchmarks.stepping import SYSTEMS, Subject, memory_mb
from symbiotic_gym.progress import Bar, Progress

__all__ = ["main"]

SIZES = {"350": 15, "1.3k": 56, "5.4k": 234, "25.8k": 1121}
"""Accessibility nodes -> rows of `pages.catalogue`."""
STEP_TARGETS = {("1.3k", "stock"): 15.0, ("1.3k", "stock-nowait"): 4.0, ("25.8k", "stock-nowait"): 40.0}
RESET_TARGET = 6.0
RATE_TARGET = 4.0
MEMORY_TARGET = 2.0
_MOST_S = {"steps": 120.0, "rate": 20.0}
"""A block of steps ends after that long, whatever it has."""


@contextmanager
def _subjects(system: str, url: str, n: int = 1) -> Iterator[list[Subject]]:
    subjects = [Subject(system, url) for _ in range(n)]
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
        subject.call("steps", n=2, most_s=_MOST_S["steps"])  # warm
        timed = subject.call("steps", n=steps, most_s=_MOST_S["steps"])
        return {"first": first, "resets": again, "steps": timed, "memory_mb": memory_mb(subject.pid)}


def _rate(system: str, url: str, n: int, most_s: float) -> float:
    """Steps per second of `n` environments at once."""
    with _subjects(system, url, n) as subjects:
        for subject in subjects:
            subject.start("reset")
        for subject in subjects:
            subject.finish()
        for subject in subjects:
            subject.start("steps", n=10**6, most_s=most_s)
        finished = [subject.finish() for subject in subjects]
        return float(sum(len(steps) / sum(took for _, took in steps) for steps in finished))


def _ratio(name: str, theirs: Sequence[float], ours: Sequence[float], target: float | None = None) -> Row:
    """How many times greater the median of `theirs` is, with a bootstrap interval."""
    rng = np.random.default_rng(0)

    def medians(values: Sequence[float]) -> NDArray[np.float64]:
        drawn = rng.choice(np.asarray(values), (2000, len(values)))
        return np.asarray(np.median(drawn, axis=1))

    value = float(np.median(theirs) / np.median(ours))
    low, high = (float(x) for x in np.percentile(medians(theirs) / medians(ours), (2.5, 97.5)))
    return Row(name=name, value=value, unit="times", n=min(len(theirs), len(ours)), low=low, high=high, target=target)


def _beside(name: str, unit: str, values: dict[str, list[float]], better: Any = "lower") -> list[Row]:
    """Our median beside each stock's."""
    return [
        Row(
            name=f"{name}/{system}",
            value=float(np.median(values["ours"])),
            unit=unit,
            n=len(values["ours"]),
            peer=system,
            peer_value=float(np.median(values[system])),
            better=better,
        )
        for system in SYSTEMS[1:]
        if system in values
    ]


def _step_rows(size: str, blocks: dict[str, list[dict[str, Any]]]) -> list[Row]:
    rows = []
    times = {
        s: {k: [t for b in bs for kind, t in b["steps"] if kind == k] for k in ("click", "fill")} for s, bs in blocks.items()
    }
    for kind in ("click", "fill"):
        rows += _beside(f"step/{size}/{kind}", "s", {system: by_kind[kind] for system, by_kind in times.items()})
    whole = {system: by_kind["click"] + by_kind["fill"] for system, by_kind in times.items()}
    for system in SYSTEMS[1:]:
        rows.append(_ratio(f"step/{size}/times-{system}", whole[system], whole["ours"], STEP_TARGETS.get((size, system))))
    return rows


def _memory_rows(size: str, blocks: dict[str, list[dict[str, Any]]]) -> list[Row]:
    memory = {system: [block["memory_mb"] for block in found] for system, found in blocks.items()}
    return [
        *_beside(f"memory/{size}", "MiB of PSS", memory),
        _ratio(f"memory/{size}/times-stock", memory["stock"], memory["ours"], MEMORY_TARGET),
    ]


def _reset_rows(blocks: dict[str, list[dict[str, Any]]]) -> list[Row]:
    resets = {system: [t for block in found for t in block["resets"]] for system, found in blocks.items()}
    first = {system: [block["first"] for block in found] for system, found in blocks.items()}
    return [
        *_beside("reset", "s", resets),
        _ratio("reset/times-stock", resets["stock"], resets["ours"], RESET_TARGET),
        _ratio("reset/times-stock-nowait", resets["stock-nowait"], resets["ours"]),
        *_beside("first-reset", "s", first),
    ]


def _measure(report: Report, samples: Samples, address: str, *, smoke: bool, rounds: int, bar: Bar) -> None:
    sizes = {"350": SIZES["350"]} if smoke else SIZES
    for size, rows in sizes.items():
        url, resets, steps = f"http://{address}/catalogue?rows={rows}", 2 if size == "1.3k" or smoke else 0, 2 if smoke else 12
        blocks: dict[str, list[dict[str, Any]]] = {system: [] for system in SYSTEMS}
        for turn in range(rounds):
            for system in SYSTEMS:
                key = f"{size}/{system}/{turn}"
                blocks[system].append(samples.get(key, lambda: _one(system, url, resets, steps)))  # noqa: B023 - called at once
                bar.advance(key)
        report.add(*_step_rows(size, blocks), *_memory_rows(size, blocks))
        if resets:
            report.add(*_reset_rows(blocks))
    size = "350" if smoke else "1.3k"
    url = f"http://{address}/catalogue?rows={SIZES[size]}"
    for n in (2, 4):
        rates: dict[str, list[float]] = {system: [] for system in SYSTEMS[:2]}
        for turn in range(rounds):
            for system in rates:
                key = f"rate/{n}/{system}/{turn}"
                most_s = 2.0 if smoke else _MOST_S["rate"]
                rates[system].append(samples.get(key, lambda: _rate(system, url, n, most_s)))  # noqa: B023 - called at once
                bar.advance(key)
        report.add(*_beside(f"steps-per-second/{n}", "steps/s", rates, "higher"))
        report.add(_ratio(f"steps-per-second/{n}/times-stock-nowait", rates["ours"], rates["stock-nowait"], RATE_TARGET))


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
    total = rounds * (len(SYSTEMS) * (1 if options.smoke else len(SIZES)) + 4)
    try:
        with Progress().phase("measuring", total) as bar:
            _measure(report, Samples(options.samples), server.address, smoke=options.smoke, rounds=rounds, bar=bar)
    finally:
        server.close()
    held = report.finish(options.json)
    return 0 if held or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
