"""Stored pages as texts: what of one is shown within a budget, and when two show the same."""

import re
from collections.abc import Sequence
from hashlib import sha256

from symbiotic_gym.actions import parse
from symbiotic_gym.errors import ActionError

__all__ = ["excerpt", "state_key", "without_ids"]

_ID = re.compile(r"^\s*\[\w+\] ", re.M)


def without_ids(page: str) -> str:
    """A page text without its element ids, which mean nothing on another page."""
    return _ID.sub("", page)


def state_key(goal: str, page: str) -> int:
    """Equal for the same goal on the same page, whatever its elements' ids are; 63 bits of a digest."""
    text = f"{goal}\0{without_ids(page)}".encode("utf-8", "replace")
    return int.from_bytes(sha256(text).digest()[:8], "big") >> 1


def excerpt(page: str, action: str, budget: int) -> str:
    """The lines of `page` around the first element that `action` names, in at most `budget` characters."""
    lines = page.split("\n")
    low = high = _acted_line(lines, action)
    used = len(lines[low])
    if used > budget:
        return lines[low][:budget]
    while True:
        grown = False
        if low > 0 and used + len(lines[low - 1]) + 1 <= budget:
            low, grown = low - 1, True
            used += len(lines[low]) + 1
        if high + 1 < len(lines) and used + len(lines[high + 1]) + 1 <= budget:
            high, grown = high + 1, True
            used += len(lines[high]) + 1
        if not grown:
            return "\n".join(lines[low : high + 1])


def _acted_line(lines: Sequence[str], action: str) -> int:
    try:
        bids = parse(action).bids
    except ActionError:
        bids = ()
    return next((i for i, line in enumerate(lines) if bids and line.lstrip().startswith(f"[{bids[0]}]")), 0)
