"""What is said of a step: why an action would be wasted, why an answer holds none, how the history shows one that was taken."""

import json
import re
from collections.abc import Mapping, Sequence

from symbiotic_gym.actions import Element, compare, elements, parse
from symbiotic_gym.errors import ActionError
from symbiotic_gym.protocols import Completion
from symbiotic_gym.types import Candidate, Observation

__all__ = ["doubt_of", "nothing_in", "past_step", "problem_of"]

_IDEMPOTENT = frozenset({"fill", "clear", "select_option", "check", "uncheck", "focus", "hover"})
"""Doing these twice in a row does nothing, and is what weak models like to do."""
_DONE_ONCE = frozenset({"click", "goto", "go_back", "send_msg_to_user"})
"""Doing these again where they changed nothing does nothing; keys and the mouse may act on what no page shows."""
_WRITES = frozenset({"fill", "clear", "select_option"})
_CLICKED = frozenset({"button", "checkbox", "link", "menuitem", "option", "radio", "switch", "tab"})
_ERROR_CHARS = 160
_OUTCOME_CHARS = 120
_FOCUSED = re.compile(r" focused(?= |$)", re.M)


def nothing_in(answer: Completion) -> str:
    """What is said of an answer without an action."""
    cut = " It was cut off: be shorter." if answer.finish == "length" else ""
    return f"There is no valid action in that answer.{cut}"


def problem_of(candidate: Candidate, observation: Observation) -> str:
    """Why a well-formed action would do nothing on this page; empty when nothing speaks against it."""
    action = parse(candidate.action)
    lost = [bid for bid in action.bids if bid not in elements(observation["page"])]
    if lost:
        return f"There is no [{lost[0]}] on the page."
    first = elements(observation["page"]).get(action.bids[0]) if action.bids else None
    if first is not None and action.verb in _WRITES and first.role in _CLICKED:
        return f"[{first.bid}] is a {first.role}: {action.verb} does not work on it."
    last, failed = observation["last_action"], observation["last_action_error"]
    if action.verb in _IDEMPOTENT and not failed and compare(candidate.action, observation["page"], last, observation["page"]):
        return f"{candidate.action} is done already."
    return ""


def doubt_of(candidate: Candidate, observation: Observation, before: Observation | None) -> str:
    """Why an action that would do something is likely a mistake, and worth one question; empty when nothing speaks against it.

    Args:
        candidate: the action.
        observation: what it was decided on.
        before: what the last action was decided on, if that is known.
    """
    last = observation["last_action"]
    if not last or observation["last_action_error"] or before is None or _address(observation) != _address(before):
        return ""
    verb = parse(candidate.action).verb
    if verb == "send_msg_to_user" and last.partition("(")[0] in _WRITES:
        return "What was typed or chosen last has not been sent: click what sends it, or say again that nothing is left to do."
    if verb in _DONE_ONCE and candidate.action == last and _same(observation, before):
        return (
            f"{candidate.action} was done just now and changed nothing. If the goal is reached, say so; else do something else."
        )
    return ""


def past_step(observation: Observation, before: Observation | None) -> str:
    """A step as the history shows it: the call, what it was done to, and what came of it."""
    line, named = observation["last_action"], []
    try:
        on_page = elements(before["page"]) if before else {}
        named = [on_page[bid] for bid in parse(line).bids if bid in on_page]
        line += "".join(f' on {element.role} "{element.name}"' for element in named if element.name)
    except ActionError:
        pass
    error = " ".join(observation["last_action_error"].split())[:_ERROR_CHARS]
    outcome = f"failed: {error}" if error else _outcome(observation, before, named)
    return f"{line} -> {outcome}" if outcome else line


def _outcome(observation: Observation, before: Observation | None, named: Sequence[Element]) -> str:
    """What came of an action: another page, no change that shows, or what its elements say now; empty where that is unclear."""
    if before is None:
        return ""
    if _address(observation) != _address(before):
        return f'page "{observation.get("title", "")}"'
    if _same(observation, before):
        return "nothing changed"
    after, said = elements(observation["page"]), []
    for old in named:
        one = after.get(old.bid)
        if one is not None and (one.role, one.name) == (old.role, old.name):  # pages that are loaded anew count anew
            had, has = _properties(old), _properties(one)
            said += [has or f"no longer {had}"] if has != had else []
    return ", ".join(text for text in said if len(text) <= _OUTCOME_CHARS)


def _address(observation: Observation) -> str:
    return observation.get("url", "").partition("#")[0]


def _same(observation: Observation, before: Observation) -> bool:
    """Whether two observations show the same, wherever the focus is."""
    texts: list[Mapping[str, object]] = [observation, before]
    now, then = (
        [_FOCUSED.sub("", str(seen["page"])), *(seen.get(key, "") for key in ("url", "title", "tabs"))] for seen in texts
    )
    return now == then


def _properties(element: Element) -> str:
    """What a line says of an element behind its role and name, wherever the focus is."""
    named = f"[{element.bid}] {element.role} {json.dumps(element.name, ensure_ascii=False)}"
    return _FOCUSED.sub("", element.line).removeprefix(named).strip()
