"""What an answer may be on a page, as a JSON schema, and such an answer read.

A server that enforces it leaves a model no way to name an element that is not there, to fill what is no field, or to choose
an option that a list does not have. Only what every known server understands is used: objects whose members are all required,
`enum`, `anyOf`. Whatever comes back is checked as if nothing had been enforced.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from symbiotic_gym.actions import VERBS, elements, format_action, parse
from symbiotic_gym.agents.affordances import affordances, labels
from symbiotic_gym.agents.parsing import PlanCommand, named_element
from symbiotic_gym.errors import ActionError
from symbiotic_gym.types import Candidate

__all__ = ["RANKS", "answer_schema", "read_json_answer"]

RANKS = ("best", "second", "third", "fourth", "fifth")
"""The members of an answer with several candidates: fixed names instead of a list, whose length some servers cannot bound."""

_TYPED = frozenset({"fill", "clear"})
_MOST_LISTED = 250
"""Ids in one `enum`; on larger pages an id is any text."""
_TYPES = {"text": "string", "texts": "string", "url": "string", "number": "number", "index": "integer"}
_REASON = {"type": "string"}


def answer_schema(page: str, verbs: Sequence[str], *, candidates: int = 1, plan_nodes: Sequence[int] = ()) -> dict[str, Any]:
    """The schema of an answer.

    Args:
        page: the page text, uncut.
        verbs: the actions to choose among; those that nothing on the page allows are left out.
        candidates: one: the answer is `{reason, action}`; more: such objects by their rank, all but the best may be null.
        plan_nodes: the nodes that a plan command may name; none: the answer has no `plan`.
    """
    action = {"anyOf": list(_actions(page, verbs))}
    choice = _object(reason=_REASON, action=action)
    plan = {"plan": _plan(plan_nodes)} if plan_nodes else {}
    if candidates == 1:
        return _object(**plan, **choice["properties"])
    ranked = {rank: choice if rank == "best" else {"anyOf": [choice, {"type": "null"}]} for rank in RANKS[:candidates]}
    return _object(**plan, **ranked)


def _object(**members: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def _enum(values: Sequence[Any]) -> dict[str, Any]:
    return {"type": "integer" if isinstance(values[0], int) else "string", "enum": list(values)}


def _plan(nodes: Sequence[int]) -> dict[str, Any]:
    branch = _object(name=_enum(["branch"]), node=_enum(nodes), text=_REASON)
    prune = _object(name=_enum(["prune"]), node=_enum(nodes), text=_REASON)
    return {"anyOf": [{"type": "null"}, branch, prune]}


def _actions(page: str, verbs: Sequence[str]) -> Iterator[dict[str, Any]]:
    can = affordances(page)
    usable, fields = [node.bid for node in can.usable], [node.bid for node in can.writable]
    chosen_from = {bid: found for bid, options in can.options.items() if (found := labels(options)[:_MOST_LISTED])}
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for verb in verbs:
        required = tuple((p.name, p.kind) for p in VERBS[verb].parameters if p.default is None)
        if verb == "select_option":
            for bid, found in chosen_from.items():
                yield _object(name=_enum([verb]), bid=_enum([bid]), options=_enum(found))
        elif verb in _TYPED and fields:
            rest = {name: {"type": _TYPES[kind]} for name, kind in required if kind != "bid"}
            yield _object(name=_enum([verb]), bid=_listed(fields), **rest)
        elif verb not in _TYPED and (usable or not any(kind == "bid" for _, kind in required)):
            alike.setdefault(required, []).append(verb)
    for parameters, names in alike.items():  # verbs that take the same share one alternative
        bids = _listed(usable)
        yield _object(
            name=_enum(names), **{name: bids if kind == "bid" else {"type": _TYPES[kind]} for name, kind in parameters}
        )


def _listed(bids: Sequence[str]) -> dict[str, Any]:
    return _enum(bids) if 0 < len(bids) <= _MOST_LISTED else {"type": "string"}


def read_json_answer(text: str, page: str) -> tuple[tuple[Candidate, ...], PlanCommand | None] | None:
    """The well-formed actions of a JSON answer, best first, and its plan command; None when it is no such answer."""
    start = text.find("{")
    try:
        answer, _ = json.JSONDecoder(strict=False).raw_decode(text, max(start, 0))
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    choices = [answer] if "action" in answer else [answer.get(rank) for rank in RANKS]
    found: dict[str, Candidate] = {}
    for choice in choices:
        if isinstance(choice, dict) and (call := _call(choice.get("action"), page)) is not None:
            reason = choice.get("reason")
            found.setdefault(call, Candidate(action=call, reason=" ".join(reason.split()) if isinstance(reason, str) else ""))
    return tuple(found.values()), _command(answer.get("plan"))


def _call(action: Any, page: str) -> str | None:
    """The call that `{"name": "click", "bid": "12"}` stands for; an element may also be called by its name."""
    verb = VERBS.get(str(action.get("name"))) if isinstance(action, dict) else None
    if verb is None:
        return None
    on_page = elements(page)
    arguments: dict[str, Any] = {}
    for parameter in verb.parameters:
        value = action.get(parameter.name)
        if value is None:
            continue
        if parameter.kind == "bid":
            value = str(value).strip("[]")
            value = value if value in on_page else named_element(value, on_page) or value
        elif parameter.kind == "texts":
            value = tuple(map(str, value)) if isinstance(value, list) else (str(value),)
        elif parameter.kind in ("text", "url") and isinstance(value, str | int | float):
            value = str(value)
        arguments[parameter.name] = value
    try:
        return str(parse(format_action(verb.name, **arguments)))
    except (ActionError, TypeError, ValueError):
        return None


def _command(plan: Any) -> PlanCommand | None:
    if not isinstance(plan, dict) or plan.get("name") not in ("branch", "prune"):
        return None
    node, text = plan.get("node"), plan.get("text")
    return PlanCommand(plan["name"], node, text) if isinstance(node, int) and isinstance(text, str) else None
