"""Whether an action is one that the page itself spells out: such a call is never run.

A page can say `click("13")` as easily as an agent can, and a model that repeats what it read would act on the page's behalf. A
page has no business with calls of the action table, so one that stands there word for word is refused wherever it came from.
"""

from symbiotic_gym.actions import Action, parse
from symbiotic_gym.errors import ActionError

__all__ = ["stands_on"]

_LONGEST = 1000
_MOST_ENDS = 20


def stands_on(page: str, action: Action) -> bool:
    """Whether the page text holds a call that means the same as `action`."""
    opening = action.verb + "("
    if opening not in page:
        return False
    for text in (page, page.replace('\\"', '"').replace("\\\\", "\\")):  # as it stands, and as the quoted names read
        start = text.find(opening)
        while start >= 0:
            if _call_at(text, start) == str(action):
                return True
            start = text.find(opening, start + 1)
    return False


def _call_at(text: str, start: int) -> str | None:
    """The normal form of the call that begins here, if one does."""
    end = start
    for _ in range(_MOST_ENDS):
        end = text.find(")", end + 1, start + _LONGEST)
        if end < 0:
            return None
        try:
            return str(parse(text[start : end + 1]))
        except ActionError:
            continue
    return None
