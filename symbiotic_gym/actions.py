"""The action grammar: parse, check, canonical form, equality.

An action is text: exactly one call, `click("12")`, with BrowserGym's names and arguments. It is parsed with `ast` and looked up
in the table `VERBS`; nothing generated is ever executed, and a call quoted inside prose is an error, not an action.

Two actions of two renderings are equal when they point at the same thing and say the same: same verb, same element by role,
accessible name and rank among its namesakes, same text after normalisation (`compare`). That equality decides what speculative
synthesis accepts, so each comparison says why.
"""

import ast
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from symbiotic_gym.errors import ActionError, explain, nearest
from symbiotic_gym.urls import BLANK, origin

__all__ = [
    "VERBS",
    "Action",
    "Element",
    "Match",
    "Parameter",
    "Verb",
    "compare",
    "elements",
    "format_action",
    "is_action",
    "parse",
]

Value = str | float | bool | tuple[str, ...]


@dataclass(frozen=True)
class Parameter:
    """One argument of a verb. `kind` is what it must be: bid, text, number, index, flag, texts, button, modifiers or url."""

    name: str
    kind: str
    default: Value | None = None
    """None: the argument must be given."""


@dataclass(frozen=True)
class Verb:
    """One row of the action table."""

    name: str
    parameters: tuple[Parameter, ...]
    summary: str


BUTTONS = ("left", "middle", "right")
MODIFIERS = ("Alt", "Control", "ControlOrMeta", "Meta", "Shift")
_BID = Parameter("bid", "bid")
_BUTTON = Parameter("button", "button", "left")
_MODIFIERS = Parameter("modifiers", "modifiers", ())
_XY = (Parameter("x", "number"), Parameter("y", "number"))


def _verb(name: str, summary: str, *parameters: Parameter) -> tuple[str, Verb]:
    return name, Verb(name, parameters, summary)


VERBS: Mapping[str, Verb] = dict(
    [
        _verb("click", "click an element", _BID, _BUTTON, _MODIFIERS),
        _verb("dblclick", "double-click an element", _BID, _BUTTON, _MODIFIERS),
        _verb(
            "fill",
            "replace the text of a field",
            _BID,
            Parameter("value", "text"),
            Parameter("enable_autocomplete_menu", "flag", False),
        ),
        _verb("clear", "empty a field", _BID),
        _verb("select_option", "choose options of a <select> by label or value", _BID, Parameter("options", "texts")),
        _verb("check", "tick a checkbox or radio button", _BID),
        _verb("uncheck", "untick a checkbox", _BID),
        _verb("press", "focus an element and press a key or combination", _BID, Parameter("key_comb", "text")),
        _verb("focus", "focus an element", _BID),
        _verb("hover", "move the mouse over an element", _BID),
        _verb("drag_and_drop", "drag one element onto another", Parameter("from_bid", "bid"), Parameter("to_bid", "bid")),
        _verb("scroll", "turn the mouse wheel, in pixels", Parameter("delta_x", "number"), Parameter("delta_y", "number")),
        _verb("keyboard_press", "press a key or combination", Parameter("key", "text")),
        _verb("keyboard_type", "type text key by key into what has the focus", Parameter("text", "text")),
        _verb("keyboard_insert_text", "insert text into what has the focus", Parameter("text", "text")),
        _verb("mouse_click", "click at a point, in pixels of the viewport", *_XY, _BUTTON),
        _verb("mouse_dblclick", "double-click at a point", *_XY, _BUTTON),
        _verb("mouse_move", "move the mouse to a point", *_XY),
        _verb("mouse_down", "hold a mouse button down at a point", *_XY, _BUTTON),
        _verb("mouse_up", "let a mouse button go at a point", *_XY, _BUTTON),
        _verb(
            "mouse_drag_and_drop",
            "drag from one point to another",
            *(Parameter(name, "number") for name in ("from_x", "from_y", "to_x", "to_y")),
        ),
        _verb("upload_file", "choose files of the folder for uploads in a file field", _BID, Parameter("file", "texts")),
        _verb("goto", "open an http or https address", Parameter("url", "url")),
        _verb("go_back", "go to the previous page"),
        _verb("go_forward", "go to the next page"),
        _verb("new_tab", "open a tab and make it the active one"),
        _verb("tab_close", "close the active tab"),
        _verb("tab_focus", "make a tab the active one", Parameter("index", "index")),
        _verb("send_msg_to_user", "give the answer, which ends the task", Parameter("text", "text")),
        _verb("report_infeasible", "say why the task cannot be done, which ends it", Parameter("reason", "text")),
        _verb("noop", "do nothing for some milliseconds", Parameter("wait_ms", "number", 1000.0)),
    ]
)


@dataclass(frozen=True)
class Action:
    """A parsed, checked call: a verb of the table and all of its arguments, defaults included."""

    verb: str
    arguments: Mapping[str, Value]

    @property
    def bids(self) -> tuple[str, ...]:
        """The element ids the action names, in order."""
        return tuple(str(self.arguments[p.name]) for p in VERBS[self.verb].parameters if p.kind == "bid")

    def __str__(self) -> str:
        return format_action(self.verb, **self.arguments)


def format_action(verb: str, **arguments: Value) -> str:
    r"""Write a call in its normal form: double quotes, positional arguments, trailing defaults left out.

    >>> format_action("fill", bid="12", value='say "hi"')
    'fill("12", "say \\"hi\\"")'

    Raises:
        ActionError: there is no such verb or argument, or an argument without a default is missing.
    """
    row = VERBS.get(verb)
    if row is None:
        raise _error(f"{verb}(...)", f"there is no action {verb!r} ({nearest(verb, VERBS)})")
    unknown = arguments.keys() - {p.name for p in row.parameters}
    if unknown:
        raise _error(f"{verb}(...)", f"{verb} takes no argument {min(unknown)!r}")
    values: list[tuple[Value, Value | None]] = []
    for parameter in row.parameters:
        value = arguments.get(parameter.name, parameter.default)
        if value is None:
            raise _error(f"{verb}(...)", f"{verb} needs the argument {parameter.name!r}")
        values.append((value, parameter.default))
    while values and values[-1][0] == values[-1][1]:
        values.pop()
    return f"{verb}({', '.join(_literal(value) for value, _ in values)})"


def _literal(value: Value | None) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float | int):
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


# A backslash that starts no Python escape ("C:\\docs") stands for itself. Python reads it so too, but warns, which is an error
# where warnings are; doubling it beforehand keeps `parse` the same everywhere.
_ESCAPE = re.compile(r"\\([\\'\"abfnrtvxuUN0-7\n])|\\")


def parse(text: str) -> Action:
    """Parse and check one action.

    Args:
        text: exactly one call of a verb in `VERBS` with literal arguments, positional or by name.

    Raises:
        ActionError: the text is anything else; the message says what is wrong and what would be right.
    """
    source = _ESCAPE.sub(lambda match: match[0] if match[1] else r"\\", text.strip())
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _error(text, "it is not one call") from None
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise _error(text, "it is not one call of a named action")
    if ast.get_source_segment(source, tree) != source:  # parentheses or a comment, which may quote another call
        raise _error(text, "there is something around the call")
    literals = (ast.get_source_segment(source, node) or "" for node in ast.walk(tree) if isinstance(node, ast.Constant))
    if any(literal[0] in "rRbB" for literal in literals):
        raise _error(text, "its texts must be plain quoted strings, without a prefix")
    if not source.startswith(tree.func.id):  # Python reads the full-width letters of a name, and others, as plain ones
        raise _error(text, "its name is not written in plain letters")
    verb = VERBS.get(tree.func.id)
    if verb is None:
        raise _error(text, f"there is no action {tree.func.id!r} ({nearest(tree.func.id, VERBS)})")
    if len(tree.args) > len(verb.parameters):
        raise _error(text, f"{verb.name} takes at most {len(verb.parameters)} arguments, not {len(tree.args)}")
    given = dict(zip((p.name for p in verb.parameters), tree.args, strict=False))
    for keyword in tree.keywords:
        if keyword.arg not in {p.name for p in verb.parameters} or keyword.arg in given:
            raise _error(text, f"{verb.name} takes no {'second ' if keyword.arg in given else ''}argument {keyword.arg!r}")
        given[keyword.arg] = keyword.value
    arguments: dict[str, Value] = {}
    for parameter in verb.parameters:
        if parameter.name in given:
            arguments[parameter.name] = _value(text, verb, parameter, given[parameter.name])
        elif parameter.default is not None:
            arguments[parameter.name] = parameter.default
        else:
            raise _error(text, f"{verb.name} needs the argument {parameter.name!r}")
    return Action(verb.name, arguments)


def _error(text: str, problem: str) -> ActionError:
    shown = text if len(text) <= 120 else text[:117] + "..."
    return ActionError(
        explain(
            f"{shown!r} was not run: {problem}",
            'exactly one call, such as click("12") or fill("7", "text")',
            "anything looser would also run actions that a page merely quotes",
            "answer with the call alone; the known actions are " + ", ".join(VERBS),
        )
    )


def _value(text: str, verb: Verb, parameter: Parameter, node: ast.expr) -> Value:
    try:
        value: Any = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _error(text, f"{parameter.name!r} of {verb.name} is not a literal") from None
    checked = _CHECKS[parameter.kind](value)
    if checked is None:
        given = (
            ast.unparse(node) if len(text) < 1000 else "what was given"
        )  # not repr(value): it fails for numbers of 4,300 digits
        raise _error(text, f"{parameter.name!r} of {verb.name} must be {_WANTED[parameter.kind]}, not {given:.60}")
    return checked


def _text(value: Any) -> str | None:
    """A text that can be sent anywhere: half a surrogate pair (U+D800 alone) cannot be encoded."""
    return value if isinstance(value, str) and not re.search("[\ud800-\udfff]", value) else None


def _number(value: Any) -> float | None:
    finite = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
    return float(value) if finite else None


def _bid(value: Any) -> str | None:
    value = str(value) if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else value
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z]*[0-9]+", value) else None


def _texts(value: Any) -> tuple[str, ...] | None:
    items = [value] if isinstance(value, str) else value
    fits = isinstance(items, list | tuple) and items and all(_text(item) is not None for item in items)
    return tuple(items) if fits else None


def _modifiers(value: Any) -> tuple[str, ...] | None:
    fits = isinstance(value, list | tuple) and all(item in MODIFIERS for item in value)
    return tuple(value) if fits else None


def _url(value: Any) -> str | None:
    """An address that every program reads alike; whether it may be gone to is for the browser's fence to say."""
    if not isinstance(value, str):
        return None
    try:
        return value if value == BLANK or origin(value) else None
    except ValueError:
        return None


_CHECKS: Mapping[str, Callable[[Any], Value | None]] = {
    "bid": _bid,
    "text": _text,
    "number": _number,
    "index": lambda value: (
        float(value) if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1000 else None
    ),
    "flag": lambda value: value if isinstance(value, bool) else None,
    "texts": _texts,
    "button": lambda value: value if value in BUTTONS else None,
    "modifiers": _modifiers,
    "url": _url,
}
_WANTED = {
    "bid": 'an element id from the page, such as "12"',
    "text": "a quoted text",
    "number": "a number of pixels or milliseconds",
    "index": "the number of a tab, 0 or more",
    "flag": "True or False",
    "texts": "a quoted text or a list of them",
    "button": f"one of {', '.join(BUTTONS)}",
    "modifiers": f"a list of {', '.join(MODIFIERS)}",
    "url": "an http:// or https:// address, written out plainly",
}


@dataclass(frozen=True)
class Element:
    """An element as the page text shows it."""

    bid: str
    role: str
    name: str
    rank: int
    """How many elements of the same role and name stand before it on the page."""
    line: str
    """The whole line, with its properties."""


_LINE = re.compile(r'^\s*\[(?P<bid>[A-Za-z]*[0-9]+)\] (?P<role>\S+)(?: (?P<name>"(?:[^"\\]|\\.)*"))?(?P<rest>.*)$')


@lru_cache(maxsize=64)
def elements(page: str) -> Mapping[str, Element]:
    """Read the elements that can be acted on out of a page text, by bid, in page order."""
    found: dict[str, Element] = {}
    seen: dict[tuple[str, str], int] = {}
    for line in page.split("\n"):  # not splitlines: a name may hold a form feed or U+2028
        match = _LINE.match(line)
        if match is None:
            continue
        role, name = match["role"], _unquote(match["name"] or '""')
        rank = seen.get((role, name), 0)
        seen[role, name] = rank + 1
        found[match["bid"]] = Element(match["bid"], role, name, rank, line.strip())
    return found


def _unquote(name: str) -> str:
    try:
        return str(json.loads(name, strict=False))
    except ValueError:  # a page text that is not ours, with an escape JSON does not know
        return name[1:-1]


@dataclass(frozen=True)
class Match:
    """The answer to "do these two actions do the same?", with the reason on record."""

    equal: bool
    why: str

    def __bool__(self) -> bool:
        return self.equal


def is_action(text: str) -> bool:
    """Whether a text is one action, as `parse` takes it."""
    try:
        parse(text)
    except ActionError:
        return False
    return True


def compare(a: str, page_a: str, b: str, page_b: str) -> Match:
    """Canonical equality of two actions, each read on the page text it was chosen on.

    Equal means: the same verb; elements of the same role, accessible name and rank among their namesakes (ids may differ, since
    two renderings of a page number their elements differently); texts equal after NFKC, case folding and white-space folding
    for answers, and exactly up to outer white space for what is typed; numbers equal; options and modifiers equal in any order.
    A text that does not parse equals nothing.
    """
    try:
        left, right = parse(a), parse(b)
    except ActionError as error:
        return Match(False, "unparsable: " + str(error).splitlines()[0])
    if left.verb != right.verb:
        return Match(False, f"verbs differ: {left.verb} and {right.verb}")
    rules = ["same verb"]
    for parameter in VERBS[left.verb].parameters:
        x, y = left.arguments[parameter.name], right.arguments[parameter.name]
        if parameter.kind == "bid":
            verdict = _same_element(str(x), page_a, str(y), page_b)
            if not verdict:
                return verdict
            rules.append(verdict.why)
        elif _normal(left.verb, x) != _normal(right.verb, y):
            return Match(False, f"{parameter.name} differs: {x!r} and {y!r}")
        elif x != y:
            rules.append(f"same {parameter.name} after normalisation")
    return Match(True, ", ".join(rules))


def _same_element(bid_a: str, page_a: str, bid_b: str, page_b: str) -> Match:
    a, b = elements(page_a).get(bid_a), elements(page_b).get(bid_b)
    if a is None or b is None:
        missing = bid_a if a is None else bid_b
        return Match(False, f"no element [{missing}] on the page")
    if bid_a == bid_b and page_a == page_b:
        return Match(True, "same element")
    if (a.role, a.name, a.rank) != (b.role, b.name, b.rank):
        return Match(False, f"elements differ: {a.role} {a.name!r} #{a.rank} and {b.role} {b.name!r} #{b.rank}")
    return Match(True, f"same {a.role} {a.name!r}")


def _normal(verb: str, value: Value) -> Value:
    if isinstance(value, tuple):  # options and modifiers: their order says nothing
        return tuple(sorted(item.strip() for item in value))
    if not isinstance(value, str):
        return value
    if verb in ("send_msg_to_user", "report_infeasible"):
        return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", value)).casefold().strip(" .")
    return value.strip()
