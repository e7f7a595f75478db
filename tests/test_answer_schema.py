"""What a schema allows on a page, and what is made of answers in JSON, those that ignore it included."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from symbiotic_gym.actions import elements, parse
from symbiotic_gym.agents.answer_schema import answer_schema, read_json_answer
from symbiotic_gym.agents.parsing import PlanCommand

PAGE = """[1] textbox "Name"
[2] button "OK"
[3] button "Late" disabled
[4] combobox "Colour" value="red"
  [5] option "red" selected
  [6] option "blue"
[7] searchbox "disabled" readonly
"""
VERBS = ("click", "hover", "fill", "select_option", "press", "scroll", "go_back", "send_msg_to_user")


def alternatives(page: str, verbs: tuple[str, ...] = VERBS) -> dict[str, dict[str, Any]]:
    found = answer_schema(page, verbs)["properties"]["action"]["anyOf"]
    return {name: one["properties"] for one in found for name in one["properties"]["name"]["enum"]}


def test_ids_are_those_of_the_page_that_the_verb_fits() -> None:
    allowed = alternatives(PAGE)
    assert allowed["click"]["bid"]["enum"] == ["1", "2", "4", "5", "6", "7"]
    assert allowed["click"] is allowed["hover"]
    assert allowed["fill"]["bid"]["enum"] == ["1"]
    assert allowed["select_option"] == {
        "name": {"type": "string", "enum": ["select_option"]},
        "bid": {"type": "string", "enum": ["4"]},
        "options": {"type": "string", "enum": ["red", "blue"]},
    }
    assert allowed["scroll"]["delta_y"] == {"type": "number"}
    assert list(allowed["go_back"]) == ["name"]


def test_verbs_that_nothing_on_the_page_allows_are_left_out() -> None:
    assert set(alternatives('[2] button "OK"')) == set(VERBS) - {"fill", "select_option"}
    assert set(alternatives("")) == {"scroll", "go_back", "send_msg_to_user"}


def test_huge_pages_do_not_list_their_ids() -> None:
    page = "\n".join(f'[{i}] link "l{i}"' for i in range(400))
    assert alternatives(page)["click"]["bid"] == {"type": "string"}


def every_object(schema: Any) -> list[dict[str, Any]]:
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    own = [schema] if isinstance(schema, dict) and schema.get("type") == "object" else []
    return own + [one for part in inside for one in every_object(part)]


@pytest.mark.parametrize("candidates", [1, 3])
@pytest.mark.parametrize("nodes", [(), (0, 1)])
def test_strict_servers_take_it(candidates: int, nodes: tuple[int, ...]) -> None:
    schema = answer_schema(PAGE, VERBS, candidates=candidates, plan_nodes=nodes)
    objects = every_object(schema)
    assert len(objects) > 5
    assert all(one["required"] == list(one["properties"]) and one["additionalProperties"] is False for one in objects)
    assert ("plan" in schema["properties"]) == bool(nodes)
    json.dumps(schema)


def read(answer: Any) -> list[tuple[str, str]]:
    found = read_json_answer(answer if isinstance(answer, str) else json.dumps(answer), PAGE)
    return [] if found is None else [(one.action, one.reason) for one in found[0]]


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ({"name": "click", "bid": "2"}, 'click("2")'),
        ({"name": "click", "bid": 2}, 'click("2")'),
        ({"name": "click", "bid": "OK"}, 'click("2")'),
        ({"name": "click", "bid": "[2] button"}, 'click("2")'),
        ({"name": "fill", "bid": "1", "value": 'say "hi"'}, 'fill("1", "say \\"hi\\"")'),
        ({"name": "fill", "bid": "1", "value": 7}, 'fill("1", "7")'),
        ({"name": "select_option", "bid": "4", "options": "blue"}, 'select_option("4", ["blue"])'),
        ({"name": "scroll", "delta_x": 0, "delta_y": 200}, "scroll(0, 200)"),
        ({"name": "click", "bid": "99"}, 'click("99")'),
    ],
)
def test_actions_are_read(action: dict[str, Any], call: str) -> None:
    assert read({"reason": "so", "action": action}) == [(str(parse(call)), "so")]


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "no",
        "{",
        "[1]",
        '{"action": 3}',
        {"action": {"name": "launch"}},
        {"reason": 3, "action": {"name": "click"}},
        {"action": {"name": "scroll", "delta_x": "a", "delta_y": [1]}},
        {"best": None},
        {"action": {"name": "goto", "url": "file:///etc"}},
    ],
)
def test_what_is_no_action_is_none(answer: Any) -> None:
    assert read(answer) == []


def test_ranks_fences_and_plan_commands() -> None:
    choice = {"reason": "a", "action": {"name": "click", "bid": "2"}}
    other = {"reason": "b", "action": {"name": "click", "bid": "1"}}
    assert read({"best": choice, "second": other, "third": choice}) == [('click("2")', "a"), ('click("1")', "b")]
    assert read(f"```json\n{json.dumps(choice)}\n```") == [('click("2")', "a")]
    planned = read_json_answer(json.dumps({"plan": {"name": "branch", "node": 0, "text": "next"}, **choice}), PAGE)
    assert planned is not None
    assert planned[1] == PlanCommand("branch", 0, "next")
    odd = read_json_answer(json.dumps({"plan": {"name": "branch", "node": "0", "text": 3}, **choice}), PAGE)
    assert odd is not None
    assert odd[1] is None


def values(schema: Any) -> st.SearchStrategy[Any]:
    """What a server that enforces the schema can answer."""
    if "anyOf" in schema:
        return st.one_of([values(one) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "null": st.none(),
        "string": st.text(max_size=5),
        "number": st.floats(-500, 500),
        "integer": st.integers(0, 5),
    }
    if schema["type"] == "object":
        return st.fixed_dictionaries({name: values(one) for name, one in schema["properties"].items()})
    return kinds[schema["type"]]


SCHEMA = answer_schema(PAGE, VERBS, candidates=2, plan_nodes=(0, 1))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(values(SCHEMA))
def test_whatever_the_schema_allows_is_an_action_on_this_page(answer: Any) -> None:
    found = read_json_answer(json.dumps(answer), PAGE)
    assert found is not None
    assert found[0]
    assert all(bid in elements(PAGE) for one in found[0] for bid in parse(one.action).bids)
    assert (found[1] is None) == (answer["plan"] is None)
