"""The action grammar by its properties: what is written is read back, nothing loose is accepted, equality is an equality."""

import ast
import contextlib
import json
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbiotic_gym.actions import BUTTONS, MODIFIERS, VERBS, Action, Value, compare, elements, format_action, parse
from symbiotic_gym.errors import ActionError

FEW = settings(max_examples=60, deadline=None)
TEXT = st.text(max_size=40)  # hypothesis leaves half surrogate pairs out, as the grammar does
BIDS = st.from_regex(r"[A-Za-z]{0,3}[0-9]{1,5}", fullmatch=True)
KINDS: dict[str, st.SearchStrategy[Value]] = {
    "bid": BIDS,
    "text": TEXT,
    "number": st.integers(-5000, 5000).map(float) | st.floats(-1e6, 1e6),
    "index": st.integers(0, 999).map(float),
    "flag": st.booleans(),
    "texts": st.lists(TEXT, min_size=1, max_size=3).map(tuple),
    "button": st.sampled_from(BUTTONS),
    "modifiers": st.lists(st.sampled_from(MODIFIERS), unique=True).map(tuple),
    "url": st.sampled_from(["http://shop.pocket/", "https://a.b/c?d=e#f", "HTTP://x"]),
}


@st.composite
def actions(draw: st.DrawFn) -> Action:
    verb = VERBS[draw(st.sampled_from(sorted(VERBS)))]
    return Action(verb.name, {p.name: draw(KINDS[p.kind]) for p in verb.parameters})


def page_of(rows: list[tuple[str, str]], first: int = 1) -> str:
    """A page of (role, name) elements with ids from `first` on."""
    return "\n".join(f"[{first + i}] {role} {json.dumps(name, ensure_ascii=False)}" for i, (role, name) in enumerate(rows))


ROWS = st.lists(
    st.tuples(st.sampled_from(["button", "link"]), st.sampled_from(["OK", "No", "a ] b", 'say "x"', ""])), min_size=1
)


@FEW
@given(actions())
def test_what_is_written_is_read_back(action: Action) -> None:
    assert parse(str(action)) == action


@FEW
@given(actions())
def test_the_normal_form_is_stable_and_arguments_may_be_named(action: Action) -> None:
    assert str(parse(str(action))) == str(action)
    written = {key: int(float(str(value))) if key == "index" else value for key, value in action.arguments.items()}
    assert parse(f"{action.verb}({', '.join(f'{key}={value!r}' for key, value in written.items())})") == action


@FEW
@given(
    actions(), st.sampled_from(["{}; {}", "{} {}", "I would {}", "{} # {}", "({})", "[{}]", "{},", "x = {}", "{}.y", "f({})"])
)
def test_anything_around_the_call_is_refused(action: Action, frame: str) -> None:
    with pytest.raises(ActionError):
        parse(frame.replace("{}", str(action)))


@FEW
@given(st.text(max_size=80) | actions().map(str).flatmap(lambda s: st.integers(0, len(s)).map(lambda i: s[:i] + s[i + 1 :])))
def test_any_text_parses_or_is_an_action_error(text: str) -> None:
    with contextlib.suppress(ActionError):
        action = parse(text)
        assert parse(str(action)) == action


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not one call"),
        ("press", "not one call"),
        ("clik('1')", "nearest: click"),
        ("click()", "needs the argument 'bid'"),
        ("click('1', 'left', [], 4)", "takes at most 3"),
        ("click('1', bid='1')", "second argument"),
        ("click('1', foo=2)", "takes no argument 'foo'"),
        ("click(**{'bid': '1'})", "takes no argument None"),
        ("click(*['1'])", "not a literal"),
        ("click(open('x'))", "not a literal"),
        ("fill('1', f'{x}')", "not a literal"),
        ("fill('1', b'x')", "without a prefix"),
        ("fill('1', r'x')", "without a prefix"),
        ("fill('1', '\\ud800')", "quoted text"),
        ("click('1 2')", "element id"),
        ("click('１２')", "element id"),
        ("ｃｌｉｃｋ('1')", "plain letters"),
        ("click(-1)", "element id"),
        ("click(True)", "element id"),
        ("click('1', 'up')", "left, middle, right"),
        ("scroll(0, '9')", "number of pixels"),
        ("noop(1e400)", "number of pixels"),
        ("tab_focus(-1)", "number of a tab"),
        ("goto('javascript:alert(1)')", "http://"),
        ("goto('file:///etc/passwd')", "http://"),
        ("goto('http:///x')", "http://"),
        ("goto('http://a b')", "http://"),
        ("().__class__('1')", "named action"),
        ("click(0x" + "f" * 5000 + ")", "element id"),
        ("noop(0x" + "f" * 5000 + ")", "number of pixels"),
        ("click(" * 3000, "not one call"),
        ("click(" + "[" * 500 + "]" * 500 + ")", "not"),
    ],
)
def test_refusals_say_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(ActionError, match="was not run") as caught:
        parse(text)
    assert complaint in str(caught.value)
    assert str(caught.value).count("\n") == 3, "four parts"
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("click(12)", 'click("12")'),
        ("  click('a12') \n", 'click("a12")'),
        ("click('1', button='left')", 'click("1")'),
        ("click('1', modifiers=['Shift'])", 'click("1", "left", ["Shift"])'),
        ("select_option('3', 'Blue')", 'select_option("3", ["Blue"])'),
        ("noop()", "noop()"),
        ("noop(500)", "noop(500)"),
        ("fill('1', 'é\u2028\t')", 'fill("1", "é\u2028\\t")'),
    ],
)
def test_normal_forms(text: str, normal: str) -> None:
    assert str(parse(text)) == normal


def test_a_lone_backslash_is_kept_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse(r'fill("1", "C:\docs\\new\n")').arguments["value"] == "C:\\docs\\new\n"


@pytest.mark.parametrize("arguments", [{}, {"bid": "1"}, {"bid": "1", "value": "x", "typo": "y"}])
def test_writing_checks_the_arguments(arguments: dict[str, Value]) -> None:
    with pytest.raises(ActionError, match="argument"):
        format_action("fill", **arguments)
    with pytest.raises(ActionError, match="nearest: fill"):
        format_action("fil", **arguments)


def test_every_verb_says_what_it_does_and_only_required_arguments_come_first() -> None:
    for verb in VERBS.values():
        assert verb.summary
        optional = [p.default is not None for p in verb.parameters]
        assert optional == sorted(optional)
        assert all(ast.literal_eval(repr(p.default)) == p.default for p in verb.parameters)


@FEW
@given(ROWS, st.integers(1, 9))
def test_elements_are_read_as_written(rows: list[tuple[str, str]], first: int) -> None:
    found = elements(page_of(rows, first))
    assert [(e.role, e.name) for e in found.values()] == rows
    assert len({(e.role, e.name, e.rank) for e in found.values()}) == len(rows), "role, name and rank identify an element"


def test_elements_survive_any_name() -> None:
    page = (
        '  [a3] textbox "line\u2028sep\x0c" value="[9] x"\n[4] button\nplain [5] text\n[6] link "bad \\q"\n[7] cell "tab\tin" x'
    )
    found = elements(page)
    assert {bid: e.name for bid, e in found.items()} == {"a3": "line\u2028sep\x0c", "4": "", "6": "bad \\q", "7": "tab\tin"}
    assert found["a3"].line.endswith('value="[9] x"')


@FEW
@given(ROWS, st.data())
def test_equality_across_renderings_follows_the_element(rows: list[tuple[str, str]], data: st.DataObject) -> None:
    here, there = page_of(rows, 1), page_of(rows, 101)
    i, j = (data.draw(st.integers(0, len(rows) - 1)) for _ in range(2))
    verdict = compare(f"click({1 + i})", here, f"click('{101 + j}')", there)
    assert bool(verdict) == (i == j)
    assert verdict.why


@FEW
@given(actions(), actions())
def test_equality_is_reflexive_and_symmetric(a: Action, b: Action) -> None:
    page = page_of([("button", "x")] * 3) + "".join(f'\n[{bid}] link "{bid}"' for bid in a.bids + b.bids)
    assert compare(str(a), page, str(a), page)
    assert bool(compare(str(a), page, str(b), page)) == bool(compare(str(b), page, str(a), page))


PAGE = '[1] textbox "Name"\n[2] button "OK"\n[3] combobox "Colour"'


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("fill(1, 'Bob')", "fill('1', ' Bob ')", True),
        ("fill(1, 'Bob')", "fill(1, 'bob')", False),  # what is typed is compared exactly ...
        ("fill(1, '2²')", "fill(1, '22')", False),
        ("send_msg_to_user('The  Answer.')", "send_msg_to_user('the answer')", True),  # ... what is said is not
        ("send_msg_to_user('ﬁne .')", "send_msg_to_user('fine')", True),
        ("send_msg_to_user('12')", "send_msg_to_user('13')", False),
        ("select_option(3, ['b', 'a '])", "select_option(3, ['a', 'b'])", True),
        ("click(2, 'left', ['Alt', 'Shift'])", "click(2, modifiers=['Shift', 'Alt'])", True),
        ("click(2)", "click(2, 'right')", False),
        ("click(2)", "dblclick(2)", False),
        ("click(9)", "click(9)", False),  # not on the page: points at nothing
        ("noop()", "noop(1000)", True),
        ("scroll(0, 100)", "scroll(0, 200)", False),
        ("nonsense", "nonsense", False),
    ],
)
def test_what_counts_as_the_same(a: str, b: str, equal: bool) -> None:
    assert compare(a, PAGE, b, PAGE).equal is equal
