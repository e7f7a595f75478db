"""How long the viewer takes to show large runs: opened by a fresh server, and page by page once it has read them.

The episodes are made up, with pages of the size that an embedded shop has; the viewer does not know the difference. A page is
fetched over HTTP as a browser does, without drawing it.
"""

import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from symbiotic_gym.benchmarks.report import Report, Row, argument_parser
from symbiotic_gym.store.lines import seal
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory, Usage, to_json
from symbiotic_gym.viewer.runs import Runs
from symbiotic_gym.viewer.server import ViewerServer

__all__ = ["fetch_s", "main", "measure", "open_s", "write_run"]

OPEN_TARGET_S = 1.0


def write_run(folder: Path, episodes: int, steps: int) -> Path:
    """A run with so many episodes of so many steps."""
    page = "\n".join(f'[{i}] link "Product {i} of the shop" description="in stock, from {i}.99"' for i in range(40))
    step = Step(
        observation={"page": page, "url": "http://shop.test/", "title": "Shop", "tabs": "* 0: Shop http://shop.test/"},
        decision=Decision(
            action='click("12")', reason="It is the product that the goal names.", usage=Usage(prompt_tokens=900)
        ),
        reward=0.0,
    )
    outcome = Outcome(status="success")
    made = to_json(Trajectory(task="shop.buy", seed=0, goal="Buy it.", agent="made up", steps=(step,) * steps, outcome=outcome))
    folder.mkdir()
    with (folder / "episodes.jsonl").open("wb") as file:
        for number in range(episodes):
            file.write(seal(made | {"task": f"shop.buy-{number % 100}", "seed": number // 100}))
    return folder


def fetch_s(url: str) -> float:
    """Seconds until a page is there."""
    started = time.perf_counter()
    with urllib.request.urlopen(url, timeout=300) as answer:
        answer.read()
    return time.perf_counter() - started


def open_s(folder: Path) -> float:
    """Seconds from nothing to a first page that has everything: as the browser does, asking again while it is incomplete."""
    started = time.perf_counter()
    server = ViewerServer(Runs([folder]))
    try:
        log = server.address + f"logs/{folder.name}"
        while True:
            with urllib.request.urlopen(log, timeout=300) as answer:
                if b"data-reading" not in answer.read():
                    return time.perf_counter() - started
    finally:
        server.close()


def measure(report: Report, folder: Path, name: str, repeats: int, target_s: float | None) -> None:
    """Add the rows of one run."""
    times = [open_s(folder) for _ in range(repeats)]
    report.add(_row(f"{name}: open", times, target_s))
    server = ViewerServer(Runs([folder]))
    try:
        home = f"{server.address}logs/{folder.name}"
        fetch_s(f"{home}/episodes/0")  # a deep link waits until all has been read
        pages = {"list": home, "filtered list": f"{home}?task=shop.buy-7", "grid": f"{server.address}grid?log={folder.name}"}
        pages |= {"episode": f"{home}/episodes/50", "text that is nowhere": f"{home}?text=nowhere+at+all"}
        for page, address in pages.items():
            report.add(_row(f"{name}: {page}", [fetch_s(address) for _ in range(repeats)], None))
    finally:
        server.close()


def _row(name: str, times: list[float], target_s: float | None) -> Row:
    ordered = sorted(times)
    return Row(
        name=name,
        value=statistics.median(times),
        unit="s",
        n=len(times),
        low=ordered[0],  # the range of seven holds the median of all with 98 %
        high=ordered[-1],
        target=target_s,
        better="lower",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a target is missed."""
    options = argument_parser(__doc__ or "").parse_args(arguments)
    report = Report("viewer")
    sizes = {"1,000 steps": (100, 10)} if options.smoke else {"10,000 steps": (1000, 10), "10,000 episodes": (10_000, 5)}
    with tempfile.TemporaryDirectory() as scratch:
        for name, (episodes, steps) in sizes.items():
            folder = write_run(Path(scratch) / f"run-{episodes}", episodes, steps)
            target_s = OPEN_TARGET_S if name == "10,000 steps" else None
            measure(report, folder, name, 2 if options.smoke else 7, target_s)
    return 0 if report.finish(options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
