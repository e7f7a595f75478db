"""Whether an action is one that the page itself spells out: such a call is never run.

A page can say `click("13")` as easily as an agent can, and a model that repeats what it read would act on the page's behalf. A
page has no business with calls of the action table, so one that stands there word for word is refused wherever it came from.
"""

import re

from symbiotic_gym.actions import Action, parse
from symbiotic_gym.errors import ActionError

__all__ = ["stands_on"]

_LONGEST = 8000
"""Characters of a call that are looked at: more than the page text shows of any one value, escapes included."""
_DEEPEST = 5
"""Parentheses within each other; a call of the table needs one pair."""
_PARTS = re.compile(
    r""""{3}(?:[^\\]|\\.)*?"{3}|'{3}(?:[^\\]|\\.)*?'{3}|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[()]|[^()"']+""", re.S
)
"""Of a call: texts, whose parentheses do not count, parentheses, and what is between."""
_ESCAPED = re.compile(r'\\(["\\nt])')


def stands_on(shown: str, action: Action) -> bool:
    """Whether a call that means the same as `action` is among what a page shows: its text, its title, its tabs."""
    opening = re.compile(action.verb + r"\s*\(")
    for text in (shown, _ESCAPED.sub(_unescaped, shown)):  # as it stands, and as the quoted names read
        if any(_call_at(text, found.start()) == str(action) for found in opening.finditer(text)):
            return True
    return False


def _unescaped(escape: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(escape[1], escape[1])


def _call_at(text: str, start: int) -> str | None:
    """The normal form of the call that begins here, if one does."""
    end, depth, limit = start, 0, min(start + _LONGEST, len(text))
    while part := _PARTS.match(text, end, limit):
        end = part.end()
        depth += {"(": 1, ")": -1}.get(part[0], 0)
        if depth > _DEEPEST:
            return None
        if depth == 0 and part[0] == ")":
            break
    else:
        return None
    try:
        return str(parse(text[start:end]))
    except ActionError:
        return None
