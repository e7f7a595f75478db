"""What is said of a step: why an action would be wasted, why an answer holds none, how the history shows one that was taken."""

from symbiotic_gym.actions import compare, elements, parse
from symbiotic_gym.errors import ActionError
from symbiotic_gym.protocols import Completion
from symbiotic_gym.types import Candidate, Observation

__all__ = ["nothing_in", "past_step", "problem_of"]

_IDEMPOTENT = frozenset({"fill", "clear", "select_option", "check", "uncheck", "focus", "hover"})
"""Doing these twice in a row does nothing, and is what weak models like to do."""
_WRITES = frozenset({"fill", "clear", "select_option"})
_CLICKED = frozenset({"button", "checkbox", "link", "menuitem", "option", "radio", "switch", "tab"})
_ERROR_CHARS = 160
_ELEMENT_CHARS = 120


def nothing_in(answer: Completion) -> str:
    """What is said of an answer without an action."""
    cut = " It was cut off: be shorter." if answer.finish == "length" else ""
    return f"There is no valid action in that answer.{cut}"


def problem_of(candidate: Candidate, observation: Observation, before: Observation | None = None) -> str:
    """Why a well-formed action would be a wasted step; empty when nothing speaks against it.

    Args:
        candidate: the action.
        observation: what it was decided on.
        before: what the last action was decided on, if that is known.
    """
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
    if action.verb == "send_msg_to_user" and not failed and last.partition("(")[0] in _WRITES:
        return "What was typed or chosen last has not been sent: click what sends it, or say again that nothing is left to do."
    again = candidate.action == last and action.verb != "noop" and not failed
    if again and before is not None and _same(observation, before):
        return (
            f"{candidate.action} was done just now and changed nothing. If the goal is reached, say so; else do something else."
        )
    return ""


def _same(observation: Observation, before: Observation) -> bool:
    return observation["page"] == before["page"] and observation.get("url", "") == before.get("url", "")


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
    if error:
        return f"{line} -> failed: {error}"
    if before is None:
        return line
    if observation.get("url", "").partition("#")[0] != before.get("url", "").partition("#")[0]:
        return f'{line} -> page "{observation.get("title", "")}"'
    if _same(observation, before):
        return f"{line} -> nothing changed"
    after = elements(observation["page"])
    changed = [after[one.bid].line for one in named if one.bid in after and after[one.bid].line != one.line]
    return line + "".join(f" -> {shown[:_ELEMENT_CHARS]}" for shown in changed)
