"""Who decides a step: the cloud, the cloud with placeholders, the local model, or nobody. A pure function, so it can be
replayed.

Redact first, route second: ordinary personal data becomes placeholders and the large model goes on, because under routing a
false hit changes the acting model, and under placeholders it costs one placeholder. The local model acts where a value must
stay here whatever happens, where it must be read to decide, and wherever anything is in doubt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["HARD", "READ", "Route", "Ruling", "Situation", "decide"]

Route = Literal["CLOUD", "CLOUD_REDACTED", "LOCAL", "BLOCK"]

HARD = frozenset({"password", "code", "key", "card", "iban", "ssn", "health"})
"""Kinds that keep a step here even behind a placeholder."""

READ = frozenset({"message"})
"""Kinds that are of no use unread: behind a placeholder nobody can decide what comes next."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that a ruling depends on. Counts only: no value of a page is in here."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """Private parts of the observation, by kind."""
    faults: tuple[str, ...] = ()
    """Detectors that failed."""
    guard_hit: bool = False
    """The request would have held a private value."""
    cloud_failed: bool = False
    """The large model was asked and gave nothing that can be used."""
    has_local: bool = True
    most_private: int = 200
    """From more private parts on, a page is taken for a private one as a whole."""
    redacts: bool = True
    """Whether placeholders may be used at all."""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """Who decides, and why."""

    route: Route
    why: str


def decide(situation: Situation) -> Ruling:
    """Who decides a step.

    >>> decide(Situation(counts={"email": 2})).route
    'CLOUD_REDACTED'
    """
    why = _local_because(situation)
    if why:
        return Ruling(route="LOCAL", why=why) if situation.has_local else Ruling(route="BLOCK", why=f"{why}; no local model")
    if sum(situation.counts.values()):
        return Ruling(route="CLOUD_REDACTED", why="placeholders stand for what is private")
    return Ruling(route="CLOUD", why="nothing private was found")


def _local_because(situation: Situation) -> str:
    if situation.faults:
        return f"a detector failed ({situation.faults[0]})"
    if situation.guard_hit:
        return "the request would have held a private value"
    if situation.cloud_failed:
        return "the large model could not decide with what it was shown"
    there = {kind for kind, count in situation.counts.items() if count}
    if there & HARD:
        return f"{min(there & HARD)} stays on this machine"
    if there & READ:
        return f"{min(there & READ)} has to be read"
    if there and not situation.redacts:
        return "something private was found"
    if sum(situation.counts.values()) > situation.most_private:
        return f"more than {situation.most_private} private parts"
    return ""
