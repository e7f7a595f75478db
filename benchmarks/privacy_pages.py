"""Pages as a signed-in person meets them on Pocket's sites, each with what the world's manifest says is private on it: how many
private ones the detectors miss, how many clean ones they keep from the large model.

A walk clicks links at random, and goes now and then to an address that the manifest names. Walks with seeds below `HELD_OUT`
are for whoever works on the detectors; the benchmark walks from `HELD_OUT` on, in other worlds.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from symbiotic_gym.actions import elements
from symbiotic_gym.agents.privacy_detectors import DetectorStack
from symbiotic_gym.agents.privacy_policy import Situation, decide
from symbiotic_gym.agents.privacy_vault import Vault
from symbiotic_gym.agents.privacy_view import redact_observation
from symbiotic_gym.agents.privacy_vocabulary import PublicVocabulary
from symbiotic_gym.benchmarks.report import Row, commit, share
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import InfrastructureError
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.pocket.instances import manifest
from symbiotic_gym.pocket.tasks import templates
from symbiotic_gym.progress import Bar
from symbiotic_gym.types import Observation

__all__ = ["HELD_OUT", "SITES", "SeenPage", "misses", "site_rows", "walks"]

SITES = ("shop", "admin", "forum", "wiki", "code", "map")
HELD_OUT = 7000
_JUMP = 0.15
"""How often, per step, a walk goes to an address of the manifest instead of clicking."""


@dataclass(frozen=True, kw_only=True)
class SeenPage:
    """One page of a walk."""

    site: str
    seed: int
    step: int
    url: str
    title: str
    page: str
    private: tuple[tuple[str, str], ...]
    """Kind and value of all that the manifest calls private at this address and that the page shows."""
    of: str = ""
    """Steps that the walk was to have, and the commit that walked."""

    @property
    def observation(self) -> Observation:
        return {
            "goal": "",
            "page": self.page,
            "url": self.url,
            "title": self.title,
            "tabs": "",
            "last_action": "",
            "last_action_error": "",
        }


def walks(
    seeds: Sequence[int],
    steps: int,
    folder: Path | None = None,
    bar: Bar | None = None,
    sites: Sequence[str] = SITES,
) -> list[SeenPage]:
    """The pages of one walk a site and seed; those in `folder` already are not walked again.

    Args:
        seeds: of the walks, and of their worlds.
        steps: of each walk.
        folder: where pages are kept.
        bar: advanced with every walk.
        sites: which of Pocket's.
    """
    file = JsonLines(folder / "pages.jsonl" if folder else None)
    kind = f"{steps} steps at {commit()}"
    found = [page for page in file.records(SeenPage) if page.of == kind]
    done = {(page.site, page.seed) for page in found}
    env: WebEnv | None = None
    try:
        for seed in seeds:
            for site in sites:
                if (site, seed) not in done:
                    task = _task(site, seed)
                    env = env or WebEnv(f"pocket.{task}")
                    pages = [replace(page, of=kind) for page in _walk(env, site, task, seed, steps)]
                    file.append([asdict(page) for page in pages])
                    found += pages
                if bar is not None:
                    bar.advance(f"{site} {seed}")
    finally:
        if env is not None:
            env.close()
    distinct = {(page.site, page.seed, page.url, page.page): page for page in found if page.seed in seeds}
    return list(distinct.values())


def _task(site: str, seed: int) -> str:
    """A task that begins signed in on the site."""
    names = [name for name, template in templates().items() if template.site == site and template.signed_in]
    return random.Random(f"{site} {seed}").choice(names or [name for name, t in templates().items() if t.site == site])


def _walk(env: WebEnv, site: str, task: str, seed: int, steps: int) -> Iterator[SeenPage]:
    rng = random.Random(f"walk {site} {seed}")
    entries = [entry for entry, _ in manifest(task, seed)]
    places = sorted({page for entry in entries for page in entry.pages if f"//{site}." in page and "*" not in page[:-1]})
    try:
        observation, _ = env.reset(seed=seed, options={"task": f"pocket.{task}"})
        for step in range(steps):
            texts = observation["page"] + observation["title"]
            here = [e for e in entries if e.value in texts and any(fnmatchcase(observation["url"], page) for page in e.pages)]
            yield SeenPage(
                site=site,
                seed=seed,
                step=step,
                url=observation["url"],
                title=observation["title"],
                page=observation["page"],
                private=tuple(dict.fromkeys((e.kind, e.value) for e in here)),
            )
            observation, _, terminated, truncated, _ = env.step(_next(observation, site, places, rng))
            if terminated or truncated:
                return
    except InfrastructureError:
        return  # a shorter walk


def _next(observation: Observation, site: str, places: Sequence[str], rng: random.Random) -> str:
    links = [e for e in elements(observation["page"]).values() if e.role == "link" and "sign out" not in e.name.lower()]
    if not links or rng.random() < _JUMP:
        address = rng.choice(places).rstrip("*") if places else f"http://{site}.pocket/"
        return f"goto({json.dumps(address)})"
    return f'click("{rng.choice(links).bid}")'


def misses(page: SeenPage, stack: DetectorStack) -> tuple[list[tuple[str, str]], str]:
    """Which private values of a page still stand there whole once it is redacted, and who would decide on it."""
    view = redact_observation(page.observation, Vault(page.seed), stack)
    shown = view.observation["page"] + "\n" + view.observation["title"]
    missed = [(kind, value) for kind, value in page.private if value in shown or json.dumps(value)[1:-1] in shown]
    return missed, decide(Situation(counts=view.counts, faults=view.scan.faults)).route


def site_rows(pages: Sequence[SeenPage], vocabulary: Callable[[int], PublicVocabulary]) -> Iterator[Row]:
    """Clean pages that go to the small model, private ones that pass for clean or keep a value whole, values by kind.

    Args:
        pages: of walks.
        vocabulary: what is public on the sites of a seed's world.
    """
    stack = DetectorStack(timeout_s=60)
    clean, private = Counter[str](), Counter[str]()
    there, missed = Counter[str](), Counter[str]()
    partly = 0
    for page in pages:
        stack.vocabulary = vocabulary(page.seed)
        lost, route = misses(page, stack)
        (private if page.private else clean)[route] += 1
        partly += bool(lost)
        there.update(kind for kind, _ in page.private)
        missed.update(kind for kind, _ in lost)
    yield _rate("sites/clean sent LOCAL", clean["LOCAL"], clean.total(), target=0.05)
    yield _rate("sites/clean with a placeholder", clean["CLOUD_REDACTED"], clean.total())
    yield _rate("sites/private missed", private["CLOUD"], private.total(), target=0.01)
    yield _rate("sites/private with a value left whole", partly, private.total(), target=0.01)
    for kind in sorted(there):
        yield _rate(f"sites/values left whole/{kind}", missed[kind], there[kind])


def _rate(name: str, count: int, n: int, *, target: float | None = None) -> Row:
    if not n:
        return Row(name=name, value=None, unit="share", n=0, target=target, better="lower", note="no such page")
    row = share("", count, n)
    return replace(row, name=name, target=target, better="lower")
