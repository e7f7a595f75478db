"""Who may be on which site at the same time, and in which order: WebArena's sites keep what a task has done to them.

A task that writes has each of its sites for itself; tasks that only read share them. Whether it writes is told by how it is
judged: an evaluator that looks at the answer or at where the browser ended up asks for reading; one that looks into a site's
state (`program_html`) or at what was sent to it (`network_event`) asks for a change. That is what a *task* needs. A policy
that wanders off can still change a site under a reader's eyes, as it can in every harness.

BrowserGym's own order for WebArena lets each task wait for the one before it on the same site. Two readers do not disturb each
other, so only the pairs matter of which one writes: such a pair is played in the order of the tasks' numbers.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from symbiotic_gym.suites.catalog import find_info

__all__ = ["Claim", "Leases", "claim_of"]

_READING = frozenset({"exact_match", "must_include", "fuzzy_match", "url_match", "agent_response"})
"""Evaluators that are content with an answer or an address."""


@dataclass(frozen=True)
class Claim:
    """The shared sites a task is played on, and whether it changes them. Without sites it shares nothing with anyone."""

    sites: frozenset[str] = frozenset()
    writes: bool = False


def claim_of(task: str) -> Claim:
    """The claim of the task with that id."""
    info = find_info(task)
    return Claim(sites=frozenset(info.sites), writes=bool(info.sites) and not set(info.evaluators) <= _READING)


class Leases:
    """Which sites of which instance are taken. Not locked: it belongs to the `Schedule`, which is."""

    def __init__(self) -> None:
        self._readers: Counter[tuple[str, str]] = Counter()
        self._writers: set[tuple[str, str]] = set()

    def free(self, instance: str, claim: Claim) -> bool:
        """Whether the claim can be met on `instance` now."""
        places = _places(instance, claim.sites)
        return not any(place in self._writers or (claim.writes and self._readers[place]) for place in places)

    def take(self, instance: str, claim: Claim) -> None:
        for place in _places(instance, claim.sites):
            if claim.writes:
                self._writers.add(place)
            else:
                self._readers[place] += 1

    def give_back(self, instance: str, claim: Claim) -> None:
        for place in _places(instance, claim.sites):
            if claim.writes:
                self._writers.discard(place)
            else:
                self._readers[place] -= 1


def _places(instance: str, sites: Collection[str]) -> list[tuple[str, str]]:
    return [(instance, site) for site in sites]
