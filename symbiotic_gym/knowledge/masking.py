"""Mask mode: retrieved steps without the particulars that their goals name, so that only the way of doing it can be copied.

What a goal names are its quoted texts, its numbers, and its words with a capital that do not begin a sentence. They are written
`[mask]` wherever they occur in an entry: goal, page, action, reason. So are the texts an action types or says. Ids stay: an
action has to point at a line of its page.

The idea is AgentSymbiotic's second knowledge base (its public code), where a language model did the masking; rules do it the
same way every time, and cost nothing.
"""

import re
from dataclasses import replace

from symbiotic_gym.actions import VERBS, format_action, parse
from symbiotic_gym.errors import ActionError
from symbiotic_gym.knowledge.entries import Entry, Retrieved, Searchable
from symbiotic_gym.knowledge.exclusion import Exclusion

__all__ = ["MASK", "Masked", "particulars"]

MASK = "[mask]"

_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^']+)'(?!\w)")
_NUMBER = re.compile(r"\d[\d.,:/-]*\d|\d")
_NAME = re.compile(r"(?<![.!?:\"“'] )(?<!^)\b[A-Z][\w-]*(?: [A-Z][\w-]*)*", re.M)


def particulars(goal: str) -> list[str]:
    """What a goal names, longest first.

    >>> particulars('Buy 2 of the "Blue lamp" for Ann.')
    ['Blue lamp', 'Ann', '2']
    """
    quoted = ["".join(groups) for groups in _QUOTED.findall(goal)]
    rest = _QUOTED.sub(" ", goal)
    found = {*quoted, *_NUMBER.findall(rest), *_NAME.findall(rest)}
    return sorted((text for text in found if text.strip()), key=lambda text: (-len(text), text))


class Masked:
    """A `Searchable` whose results are masked."""

    def __init__(self, inner: Searchable) -> None:
        self._inner = inner

    def search(
        self, goal: str, page: str, *, exclude: Exclusion, k_goal: int = 1, k_page: int = 2, budget_chars: int = 3000
    ) -> list[Retrieved]:
        """As `KnowledgeBase.search`."""
        found = self._inner.search(goal, page, exclude=exclude, k_goal=k_goal, k_page=k_page, budget_chars=budget_chars)
        return [_masked(retrieved) for retrieved in found]


def _masked(retrieved: Retrieved) -> Retrieved:
    entry = retrieved.entry
    said = _said(entry)
    names = sorted({*particulars(entry.goal), *said}, key=lambda text: (-len(text), text))
    hide = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names)) if names else None

    def mask(text: str) -> str:
        return hide.sub(MASK, text) if hide else text

    lines = [re.match(r"(\s*(?:\[\w+\] )?)(.*)", line, re.S) for line in retrieved.page.split("\n")]
    page = "\n".join(match[1] + mask(match[2]) for match in lines if match)
    hidden = replace(
        entry, goal=mask(entry.goal), reason=mask(entry.reason), summary=mask(entry.summary), action=_action(entry)
    )
    return replace(retrieved, entry=hidden, page=page)


def _said(entry: Entry) -> list[str]:
    """The texts that an entry's action types, chooses or says."""
    try:
        action = parse(entry.action)
    except ActionError:
        return []
    values = [action.arguments[p.name] for p in VERBS[action.verb].parameters if p.kind in ("text", "texts")]
    texts = [text for value in values for text in (value if isinstance(value, tuple) else (value,))]
    return [text for text in texts if isinstance(text, str) and text.strip() and action.verb not in ("press", "keyboard_press")]


def _action(entry: Entry) -> str:
    """The entry's action with its texts masked."""
    if not _said(entry):
        return entry.action
    action = parse(entry.action)
    kinds = {p.name: p.kind for p in VERBS[action.verb].parameters}
    masked: dict[str, str | tuple[str, ...]] = {"text": MASK, "texts": (MASK,)}
    return format_action(action.verb, **{name: masked.get(kinds[name], value) for name, value in action.arguments.items()})
