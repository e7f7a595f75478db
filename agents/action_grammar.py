"""The actions that a page allows, as an expression: calls of known verbs, on elements that are there, whose role the verb fits.

A decoder that keeps to it answers with well-formed calls only (the idea of GEMEL's prefix trie of entities, arXiv 2306.12725,
with actions for entities). Calls are in the normal form of `actions.format_action`, which is what training targets are in.
Free text stands between quotes; options, keys, tabs and addresses are those that the observation names. `upload_file` is left
out: which files there are is on no page.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from symbiotic_gym.actions import BUTTONS, MODIFIERS
from symbiotic_gym.agents.affordances import affordances, labels
from symbiotic_gym.agents.automaton import Alt, Chars, Expr, Seq, Text
from symbiotic_gym.agents.scripted_page import Node
from symbiotic_gym.urls import origin

__all__ = ["action_grammar", "to_gbnf"]

_DIGITS = "0123456789"
_END = '")'
_INTEGER = Alt("0", Seq(Alt("", "-"), Chars("123456789", 1, 1), Chars(_DIGITS, 0, 3)))
_DECIMAL = Seq(Alt("", "-"), Chars(_DIGITS, 1, 9), Alt("", Seq(".", Chars(_DIGITS, 1, 4))))

_TICKED = frozenset({"checkbox", "radio", "switch", "menuitemcheckbox", "menuitemradio"})
_UNTICKED = _TICKED - {"radio", "menuitemradio"}
_MULTIPLE = 4
"""Options that one `select_option` may name."""


def _month_and_day() -> Expr:
    def days(last: int) -> Alt:
        return Alt(*(f"{day:02}" for day in range(1, last + 1)))

    long, short = ("01", "03", "05", "07", "08", "10", "12"), ("04", "06", "09", "11")
    return Alt(Seq(Alt(*long), "-", days(31)), Seq(Alt(*short), "-", days(30)), Seq("02-", days(28)))


_YEAR = Seq(Alt("19", "20"), Chars(_DIGITS, 2, 2))
_MONTHS = Alt(*(f"{month:02}" for month in range(1, 13)))
_DATE = Seq(_YEAR, "-", _month_and_day())
_TIME = Seq(Alt(*(f"{hour:02}" for hour in range(24))), ":", Chars("012345", 1, 1), Chars(_DIGITS, 1, 1))
_FORMATS: Mapping[str, Expr] = {
    "type=date": _DATE,
    "type=time": _TIME,
    "type=datetime-local": Seq(_DATE, "T", _TIME),
    "type=month": Seq(_YEAR, "-", _MONTHS),
    "type=week": Seq(_YEAR, "-W", Alt(*(f"{week:02}" for week in range(1, 53)))),
    "type=color": Seq("#", Chars(_DIGITS + "abcdef", 6, 6)),
}
"""What a field with such a property takes; the browser refuses anything else."""

_KEYS = Seq(
    Alt("", *(f"{modifier}+" for modifier in MODIFIERS)),
    Alt(
        *("Enter", "Tab", "Escape", "Backspace", "Delete", "Insert", "Home", "End", "PageUp", "PageDown", "Space"),
        *("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"),
        *(f"F{number}" for number in range(1, 13)),
        Chars(_DIGITS + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 1, 1),
    ),
)
_URL_CHARS = _DIGITS + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + "-._~/?=&%+#,:;!@$*()"


def _after_click() -> Expr:
    modifiers = Alt(*(f'", ["{modifier}"])' for modifier in MODIFIERS))
    return Alt(_END, *(f'", "{button}")' for button in BUTTONS[1:]), Seq('", "', Alt(*BUTTONS), modifiers))


def _mouse() -> Expr:
    whole = Alt("0", Seq(Chars("123456789", 1, 1), Chars(_DIGITS, 0, 3)))
    point = Seq(whole, ", ", whole)
    button = Alt("", *(f', "{name}"' for name in BUTTONS[1:]))
    return Alt(
        *(Seq(f"{verb}(", point, button, ")") for verb in ("mouse_click", "mouse_dblclick", "mouse_down", "mouse_up")),
        Seq("mouse_move(", point, ")"),
        Seq("mouse_drag_and_drop(", point, ", ", point, ")"),
    )


_ANYWHERE = Alt(
    Seq("scroll(", _INTEGER, ", ", _INTEGER, ")"),
    Seq('keyboard_press("', _KEYS, _END),
    *(Seq(f'{verb}("', Text(), _END) for verb in ("keyboard_type", "keyboard_insert_text")),
    *(Seq(f'{verb}("', Text(), _END) for verb in ("send_msg_to_user", "report_infeasible")),
    *("go_back()", "go_forward()", "new_tab()", "noop()"),
    Seq("noop(", Chars("123456789", 1, 1), Chars(_DIGITS, 0, 3), ")"),
    _mouse(),
)


def action_grammar(observation: Mapping[str, Any]) -> Expr:
    """The expression of all actions that an observation allows.

    Args:
        observation: `page` says which elements there are; `tabs` and `url` which tabs and sites. A caller that shows its
            model only a part of the page hands on that part.
    """
    tabs = str(observation.get("tabs", "")).strip()
    return Alt(_on_page(str(observation["page"])), _ANYWHERE, *_tabs(tabs), *_addresses(str(observation.get("url", "")), tabs))


@lru_cache(maxsize=64)
def _on_page(page: str) -> Expr:
    can = affordances(page)
    free, writable, options = can.free, can.writable, can.options
    calls: list[Expr] = [_call("click", can.usable, _after_click()), _call("dblclick", free, _after_click())]
    calls += [_call(verb, free, _END) for verb in ("hover", "focus")]
    calls.append(_call("press", free, Seq('", "', _KEYS, _END)))
    calls.append(_call("clear", writable, _END))
    calls += [_call("fill", found, Seq('", "', value, Alt(_END, '", True)'))) for value, found in _by_format(writable)]
    calls.append(_call("check", [node for node in free if node.role in _TICKED], _END))
    calls.append(_call("uncheck", [node for node in free if node.role in _UNTICKED], _END))
    calls += [_select(node, options[node.bid]) for node in free if node.bid in options]
    calls.append(_drag(free))
    return Alt(*(call for call in calls if call != _NOTHING))


_NOTHING = Alt()


def _call(verb: str, nodes: Iterable[Node], rest: Expr) -> Expr:
    bids = tuple(node.bid for node in nodes)
    return Seq(f'{verb}("', Alt(*bids), rest) if bids else _NOTHING


def _drag(nodes: Iterable[Node]) -> Expr:
    bids = Alt(*(node.bid for node in nodes))
    return Seq('drag_and_drop("', bids, '", "', bids, _END) if bids.options else _NOTHING


def _by_format(nodes: Iterable[Node]) -> list[tuple[Expr, list[Node]]]:
    groups: dict[Expr, list[Node]] = {}
    for node in nodes:
        form = next((_FORMATS[flag] for flag in node.flags if flag in _FORMATS), None)
        groups.setdefault(form or (_DECIMAL if node.role in ("spinbutton", "slider") else Text()), []).append(node)
    return list(groups.items())


def _select(node: Node, options: Iterable[Node]) -> Expr:
    """`select_option` with labels that the page lists whole: one, or for a list of several choices up to four."""
    written = [json.dumps(label, ensure_ascii=False) for label in labels(options)]
    if not written:
        return _NOTHING
    label = Alt(*written)
    more: Expr = ""
    for _ in range(_MULTIPLE - 1 if node.role == "listbox" else 0):
        more = Alt("", Seq(", ", label, more))
    return Seq(f'select_option("{node.bid}", [', label, more, "])")


def _tabs(tabs: str) -> list[Expr]:
    count = len(tabs.split("\n")) if tabs else 1
    return ["tab_close()", Seq("tab_focus(", Alt(*map(str, range(count))), ")")] if count > 1 else []


def _addresses(url: str, tabs: str) -> list[Expr]:
    """`goto` within the sites that are open."""
    sites = []
    for address in (url, *(line.rpartition(" ")[2] for line in tabs.split("\n"))):
        try:
            origin(address)
        except ValueError:
            continue
        parts = urlsplit(address)
        sites.append(f"{parts.scheme}://{parts.netloc}/")
    return [Seq('goto("', Alt(*dict.fromkeys(sites)), Chars(_URL_CHARS, 0, None), _END)] if sites else []


_GBNF_TEXT = r"""text ::= ([^"\\\x00-\x1f\x7f] | "\\" ["\\nt]){0,200}"""


def to_gbnf(grammar: Expr) -> str:
    """The same language for llama.cpp and vLLM (GBNF), with texts of at most 200 characters."""
    return f"root ::= {_gbnf(grammar)}\n{_GBNF_TEXT}\n"


def _gbnf(expression: Expr) -> str:
    if isinstance(expression, Text):
        return "text"
    if isinstance(expression, Seq):
        return " ".join(_gbnf(part) for part in expression.parts)
    if isinstance(expression, Alt):
        return "(" + " | ".join(_gbnf(option) for option in expression.options) + ")"
    if isinstance(expression, Chars):
        shown = "".join("\\" + char if char in "-]\\^" else char for char in expression.chars)
        most = 200 if expression.most is None else expression.most
        return f"[{shown}]{{{expression.least},{most}}}"
    return json.dumps(expression, ensure_ascii=False)
