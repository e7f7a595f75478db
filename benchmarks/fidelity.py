"""Whether the page text says what BrowserGym's accessibility tree says, and whether pages are observed after they changed.

**Agreement.** On the same page, at the same moment, BrowserGym's own extraction lists elements with a bid, a role and a name.
Those that can be acted on are looked up in our page text. "Can be acted on" is a widget role of WAI-ARIA (a `gridcell` only
where it can have the focus). Chromium's private names for native controls are read as the roles they stand for
(`_ARIA_ROLES`); the parts inside a date field carry its bid and are one element; names are compared up to white space and up to
our cut at 200 characters. `beyond` counts what our text gives an id to and BrowserGym's text does not. The generated pages
hold no submit button without a label of its own: BrowserGym's extraction writes an empty one onto it before it looks.

**Quiescence.** A page changes a random 0 to 800 ms after an action, by each mechanism of `pages.CHANGES`; the observation that
the action returns has to show it. A page that never rests has to be observed all the same, at the bound.
"""

import logging
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from symbiotic_gym.actions import Element, elements
from symbiotic_gym.benchmarks.pages import CHANGES, HOSTS, PageServer
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, share
from symbiotic_gym.progress import Bar, Progress
from symbiotic_gym.suites import Site, Suite
from symbiotic_gym.suites.miniwob import TASKS, MiniWoB

__all__ = ["Agreement", "Pages", "agreement", "compare", "main", "quiescence"]

AGREEMENT_TARGET = 0.995
QUIESCENCE_TARGET = 0.99
BOUND_S = 4.0
"""A page that never rests has to be observed by then: the bound of 3 s and the observation itself."""
_WIDGETS = frozenset(
    {
        "button",
        "link",
        "textbox",
        "searchbox",
        "combobox",
        "listbox",
        "option",
        "checkbox",
        "radio",
        "switch",
        "slider",
        "spinbutton",
        "tab",
        "menuitem",
        "menuitemcheckbox",
        "menuitemradio",
        "treeitem",
        "gridcell",
        "scrollbar",
    }
)
_ARIA_ROLES = {
    "Date": "textbox",
    "DateTime": "textbox",
    "InputTime": "textbox",
    "ColorWell": "textbox",
    "DisclosureTriangle": "button",
}
_PAGES = (("varied", 300, 4), ("varied", 1200, 8), ("varied", 60, 0))
"""Kind, widgets and frames of the generated pages; each is made with several seeds."""


class Pages:
    """The generated pages as a suite: a task's name is the path and query of its page."""

    name = "pages"

    def tasks(self) -> tuple[str, ...]:
        return ()

    def open(self) -> Site:
        server = PageServer()
        return Site(suite=self.name, hosts=dict.fromkeys(HOSTS, server.address), close=server.close)

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        from browsergym.core.task import OpenEndedTask

        return OpenEndedTask(seed, start_url=f"http://{HOSTS[0]}/{name}", goal="look at the page")


@dataclass
class Agreement:
    """Counts over pages."""

    listed: int = 0
    same: int = 0
    beyond: int = 0
    differences: list[str] = field(default_factory=list)

    def add(self, other: "Agreement") -> None:
        self.listed += other.listed
        self.same += other.same
        self.beyond += other.beyond
        self.differences += other.differences


def compare(page_text: str, axtree: Mapping[str, Any], where: str = "") -> Agreement:
    """Compare a page text with BrowserGym's merged accessibility tree of the same page."""
    from browsergym.utils.obs import flatten_axtree_to_str

    ours, result = elements(page_text), Agreement()
    for bid, role, name in _actionable(axtree):
        result.listed += 1
        found = ours.get(bid)
        if found is not None and found.role == role and _same_name(found, name):
            result.same += 1
        else:
            result.differences.append(f"{where} [{bid}] BrowserGym {role} {name!r}, ours {found.line if found else 'missing'}")
    theirs = elements(flatten_axtree_to_str(axtree).replace("\t", ""))
    result.beyond = len(ours.keys() - theirs.keys())
    return result


def _same_name(ours: Element, theirs: str) -> bool:
    return ours.name == theirs or (ours.name.endswith("…") and theirs.startswith(ours.name[:-1]))


def _actionable(axtree: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    done = set()
    for node in axtree["nodes"]:
        bid = node.get("browsergym_id")
        if node.get("ignored") or bid is None or bid in done:
            continue
        done.add(bid)
        role = _ARIA_ROLES.get(node["role"]["value"], node["role"]["value"])
        can_focus = any(p["name"] == "focusable" and p["value"].get("value") for p in node.get("properties", []))
        if role in _WIDGETS and (role != "gridcell" or can_focus):
            yield bid, role, " ".join(node.get("name", {}).get("value", "").split())


@contextmanager
def _session() -> Iterator[Any]:
    from symbiotic_gym.browser.session import Session

    logging.getLogger("browsergym").setLevel(logging.ERROR)  # its warnings tell of frames it skips
    session = Session()
    try:
        yield session
    finally:
        session.close()


def agreement(pages: Sequence[tuple[Suite, str, int]], bar: Bar | None = None) -> Agreement:
    """Compare on each page, given as suite, task and seed."""
    from browsergym.core import observation as browsergym

    total = Agreement()
    with _session() as session:
        for suite, name, seed in pages:
            session.start(suite, name, seed, {})
            text = session.look()["page"]
            browsergym._pre_extract(session.page, lenient=True)
            try:
                axtree = browsergym.extract_merged_axtree(session.page)
            finally:
                browsergym._post_extract(session.page)
            total.add(compare(text, axtree, f"{suite.name}.{name}"))
            if bar is not None:
                bar.advance(f"{name}: {total.same} of {total.listed}")
    return total


@dataclass
class Waited:
    """What one mechanism's actions returned."""

    seen: int = 0
    n: int = 0
    rest_s: list[float] = field(default_factory=list)


def quiescence(changes: Sequence[str], repeats: int, bar: Bar | None = None) -> dict[str, Waited]:
    """Act on changing pages and look at what each action returns."""
    rng, results, pages = random.Random(0), {change: Waited() for change in changes}, Pages()
    with _session() as session:
        for _ in range(repeats):
            for change in changes:
                field_first = change == "autocomplete"
                started = session.start(pages, f"changing?change={change}&ms={rng.randint(0, 800)}", 0, {})
                role = "textbox" if field_first else "button"
                bid = next(e.bid for e in elements(started["observation"]["page"]).values() if e.role == role)
                answer = session.step(f'fill("{bid}", "abc")' if field_first else f'click("{bid}")')
                result = results[change]
                result.n += 1
                result.seen += '"after"' in answer["observation"]["page"]
                result.rest_s.append(answer["seconds"]["rest"])
                if bar is not None:
                    bar.advance(f"{change}: {result.seen} of {result.n}")
    return results


def _agreement_rows(name: str, found: Agreement) -> list[Row]:
    return [
        share(f"agreement/{name}", found.same, found.listed, target=AGREEMENT_TARGET),
        Row(name=f"beyond/{name}", value=found.beyond, unit="elements", n=found.listed),
    ]


def _quiescence_rows(results: Mapping[str, Waited]) -> list[Row]:
    moving = [result for change, result in results.items() if change not in ("nothing", "never")]
    rows = [share(f"observed-after/{name}", result.seen, result.n) for name, result in results.items() if result in moving]
    rows.append(share("observed-after/all", sum(r.seen for r in moving), sum(r.n for r in moving), target=QUIESCENCE_TARGET))
    for name, better in (("nothing", None), ("never", BOUND_S)):
        if name in results:
            worst = max(results[name].rest_s)
            rows.append(
                Row(name=f"rest/{name}", value=worst, unit="s at most", n=results[name].n, target=better, better="lower")
            )
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a target is missed."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of each kind of generated page (default 5)")
    parser.add_argument("--repeats", type=int, default=25, help="actions of each kind of change (default 25)")
    options = parser.parse_args(arguments)
    seeds, repeats = (1, 1) if options.smoke else (options.seeds, options.repeats)
    tasks = TASKS[::25] if options.smoke else TASKS
    miniwob, pages = MiniWoB(), Pages()
    kinds = _PAGES[-1:] if options.smoke else _PAGES
    generated: list[tuple[Suite, str, int]] = [
        (pages, f"{kind}?seed={seed}&widgets={widgets}&frames={frames}", 0)
        for kind, widgets, frames in kinds
        for seed in range(seeds)
    ]
    report = Report("fidelity")
    with Progress().phase("comparing", len(tasks) + len(generated)) as bar:
        parts = {"miniwob": agreement([(miniwob, task, 0) for task in tasks], bar), "generated": agreement(generated, bar)}
    for name, found in parts.items():
        report.add(*_agreement_rows(name, found))
        for difference in found.differences[:10]:
            print(difference)
    with Progress().phase("waiting", len(CHANGES) * repeats) as bar:
        report.add(*_quiescence_rows(quiescence(list(CHANGES), repeats, bar)))
    return 0 if report.finish(options.json) else 1


if __name__ == "__main__":
    sys.exit(main())
