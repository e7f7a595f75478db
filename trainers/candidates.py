"""What a teacher called good, by canonical state: the free check before the paid one.

Two renderings of a page number their elements differently, so a state is the goal and the page text with each id replaced by
its place, and a candidate is kept with places instead of ids. What is looked up is written in the ids of the page at hand.
"""

import hashlib
import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from symbiotic_gym.actions import VERBS, format_action, parse
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.types import Candidate, Observation

__all__ = ["CandidateCache", "state_key"]

_ID = re.compile(r"^(\s*)\[([A-Za-z]*[0-9]+)\](?= )", re.MULTILINE)
_QUOTED_ID = re.compile(r"\[([A-Za-z]*[0-9]+)\]")
_QUOTED_PLACE = re.compile(r"\[#([0-9]+)\]")


@dataclass(frozen=True, kw_only=True)
class _Recorded:
    """One line of the cache's file."""

    state: str
    candidates: tuple[Candidate, ...]


class CandidateCache:
    """What a teacher answered, by state: the same teacher, the same goal and the same page, whatever its ids.

    Args:
        path: a JSON lines file to keep them in; None: in memory. Start a new one when the teacher has become better.

    Attributes:
        path: the file.
        hits: how many lookups found something.
        misses: how many did not.

    Raises:
        StoreError: a line of the file is damaged.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.hits = 0
        self.misses = 0
        self.path = path
        self._file = JsonLines(path)
        self._lock = threading.Lock()
        self._known = {row.state: row.candidates for row in self._file.records(_Recorded)}

    def __len__(self) -> int:
        return len(self._known)

    def get(self, teacher: str, observation: Observation) -> tuple[Candidate, ...]:
        """The candidates on record for this state, best first, in this page's ids; empty if there are none."""
        with self._lock:
            found = self._known.get(state_key(teacher, observation), ())
            self.hits += bool(found)
            self.misses += not found
        ids = {str(place): bid for place, bid in enumerate(_ids(observation["page"]))}
        return _rewritten(found, ids, _QUOTED_PLACE, "")

    def put(self, teacher: str, observation: Observation, candidates: Sequence[Candidate]) -> None:
        """Keep what the teacher answered, less what points at nothing on the page; the last answer for a state counts."""
        key = state_key(teacher, observation)
        places: dict[str, str] = {}
        for place, bid in enumerate(_ids(observation["page"])):
            places.setdefault(bid, str(place))
        kept = _rewritten(candidates, places, _QUOTED_ID, "#")
        with self._lock:
            if kept and self._known.get(key) != kept:
                self._known[key] = kept
                self._file.append([asdict(_Recorded(state=key, candidates=kept))])


def state_key(teacher: str, observation: Observation) -> str:
    """A digest that is equal for equal states."""
    page = _ID.sub(r"\1[]", observation["page"])
    text = "\0".join((teacher, observation["goal"], page))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _ids(page: str) -> list[str]:
    return [bid for _, bid in _ID.findall(page)]


def _rewritten(
    candidates: Sequence[Candidate], names: Mapping[str, str], quoted: re.Pattern[str], mark: str
) -> tuple[Candidate, ...]:
    """The candidates with every element named anew, in reasons too; those that act on an unknown one are left out."""
    kept = []
    for candidate in candidates:
        action = parse(candidate.action)
        if all(bid in names for bid in action.bids):
            bids = {p.name: names[str(action.arguments[p.name])] for p in VERBS[action.verb].parameters if p.kind == "bid"}
            reason = quoted.sub(lambda found: f"[{mark}{names[found[1]]}]" if found[1] in names else found[0], candidate.reason)
            text = format_action(action.verb, **{**action.arguments, **bids})
            kept.append(replace(candidate, action=text, reason=reason))
    return tuple(kept)
