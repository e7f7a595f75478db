"""Read actions out of a language model's answer: lenient about form, strict about place.

Small models forget closing tags, quote ids in their own way and add prose, and all of that is mended. But an action is only
ever taken from inside an `<action>` tag or from a line that is wholly one call, and never from something the page said:
a page that prints `<action>click("13")</action>` must not become an action because a model repeats it.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from symbiotic_gym.actions import VERBS, Element, elements, parse
from symbiotic_gym.errors import ActionError
from symbiotic_gym.types import Candidate

__all__ = ["PlanCommand", "mend_call", "named_element", "read_candidates", "read_plan_command"]

_PAGE = re.compile(r"<page\b.*?</page>", re.S | re.I)
_TAG = re.compile(r"<(reason|action)\b[^>]*>(.*?)(?:</\1\s*>|(?=</?(?:reason|action|plan)\b)|\Z)", re.S | re.I)
_PLAN = re.compile(r"<plan\b[^>]*>\s*(.*?)\s*(?:</plan\s*>|(?=<)|\Z)", re.S | re.I)
_PLAN_CALL = re.compile(
    r"""(?P<name>branch|prune)\(\s*["']?(?P<node>\d{1,4})["']?\s*,\s*(?P<quote>["'])(?P<text>.*)(?P=quote)\s*\)""", re.S | re.I
)
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"})
_ALIASES = {
    "type": "fill",
    "input": "fill",
    "select": "select_option",
    "double_click": "dblclick",
    "tap": "click",
    "expand": "click",
}
_REASON_CHARS = 500


def read_candidates(answer: str, page: str = "") -> tuple[Candidate, ...]:
    """The well-formed actions of an answer, best first, each with the reason that stands before it.

    Args:
        answer: what the model wrote.
        page: the page text it was shown; what the answer merely repeats from there is not read.

    Returns:
        Candidates in their order, in normal form, each once; empty when there is none.
    """
    answer, said = _PAGE.sub("", answer), _bare(page)
    found: dict[str, Candidate] = {}
    reason = ""
    for tag in _TAG.finditer(answer):
        content = tag[2].strip()
        if tag[1].lower() == "reason":
            reason = " ".join(content.split())[:_REASON_CHARS]
        elif _bare(f"<action>{content}") not in said and (call := _first_call(content, page)):
            found.setdefault(call, Candidate(action=call, reason=reason))
            reason = ""
    if not found:
        calls = (_whole_line(line, said) for line in _TAG.sub("", answer).split("\n"))
        found = {call: Candidate(action=call, reason=reason) for call in calls if call}
    return tuple(found.values())


def _bare(text: str) -> str:
    """A text without what a model changes when it repeats something: case, spaces, quotes and escapes."""
    return re.sub(r"[\s\"'`\\]", "", text).lower()


def _whole_line(line: str, said: str) -> str | None:
    line = line.strip().strip("`").rstrip(";").strip()
    if not line.endswith(")") or _bare(line) in said:
        return None
    try:
        return str(parse(line))
    except ActionError:
        return None


def _first_call(content: str, page: str) -> str | None:
    """The first line of a tag's content that can be read as a call; else the content as a whole."""
    lines = [line.strip().strip("`").strip() for line in content.split("\n")]
    calls = (mend_call(line, page) for line in [*lines, " ".join(lines)])
    return next((call for call in calls if call), None)


def mend_call(text: str, page: str = "") -> str | None:
    r"""The normal form of a call that is written a little wrong, or None.

    Mended are: typographic quotes, a missing closing bracket, prose after the call, `click([12])`, `click("[12]")`,
    `click(a12)`, unquoted words, `page.click(...)`, a few synonyms of the verbs, and an element of the page that is called by
    its name where no other has that name: the commonest mistake of small models.

    >>> mend_call("page.click([12]) to open it")
    'click("12")'
    >>> mend_call("click('Save')", '[31] textbox "Name"\n[32] button "Save"')
    'click("32")'
    """
    on_page = elements(page)
    text = text.strip()
    for variant in (text, text.translate(_QUOTES)):
        for source in (*_prefixes(variant), variant + ")", variant + '")'):
            try:
                action = parse(source)
                if not on_page or all(bid in on_page for bid in action.bids):
                    return str(action)
            except ActionError:
                action = None
            mended = _rewrite(source, on_page)
            if mended is None and action is not None:
                return str(action)  # on an id that is not there: for the caller to complain about
            if mended is not None:
                return mended
    return None


def _prefixes(text: str) -> list[str]:
    """The text up to each closing bracket, longest first: what follows the call is prose."""
    ends = [i + 1 for i, char in enumerate(text[:2000]) if char == ")"]
    return [text[:end] for end in reversed(ends[-20:])]


def _rewrite(source: str, on_page: Mapping[str, Element]) -> str | None:
    """Parse the call as Python, turn what stands for ids and words into strings, and check the result."""
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(tree, ast.Call):
        return None
    name = tree.func.attr if isinstance(tree.func, ast.Attribute) else tree.func.id if isinstance(tree.func, ast.Name) else ""
    verb = VERBS.get(_ALIASES.get(name.lower(), name.lower()))
    if verb is None:
        return None
    kinds = {p.name: p.kind for p in verb.parameters}
    arguments = [_literal(node, p.kind, on_page) for node, p in zip(tree.args, verb.parameters, strict=False)]
    named = [f"{k.arg}={_literal(k.value, kinds.get(k.arg or '', ''), on_page)}" for k in tree.keywords]
    try:
        return str(parse(f"{verb.name}({', '.join(arguments + named)})"))
    except ActionError:
        return None


def _literal(node: ast.expr, kind: str, on_page: Mapping[str, Element]) -> str:
    if kind == "bid":
        called = node.id if isinstance(node, ast.Name) else node.value if isinstance(node, ast.Constant) else None
        if isinstance(called, str | int) and str(called) not in on_page and (bid := named_element(str(called), on_page)):
            return repr(bid)
    if isinstance(node, ast.Name):
        return repr(node.id)
    if kind == "bid":
        digits = re.fullmatch(r"""['"\[\s#]*(?:bid=)?([A-Za-z]*[0-9]+)['"\]\s]*""", ast.unparse(node))
        return repr(digits[1]) if digits else ast.unparse(node)
    if kind == "text" and isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return repr(ast.unparse(node))
    return ast.unparse(node)


_CALLED = re.compile(r"""\[?(?P<bid>\w+)\] \S+.*|(?P<role>[a-z]+)? ?["'](?P<quoted>.+)["'](?: \[(?P<after>\w+)\])?""", re.S)


def named_element(text: str, on_page: Mapping[str, Element]) -> str | None:
    r"""The id of the one element that a text names: by its name, by role and name, or by a whole line of the page.

    >>> named_element('button "Save"', elements('[31] link "Save"\n[32] button "Save"'))
    '32'
    """
    text = text.strip()
    line = _CALLED.fullmatch(text)
    for bid in (line["bid"], line["after"]) if line else ():
        if bid in on_page:
            return str(bid)
    name = _folded(line["quoted"] if line and line["quoted"] else text)
    role = line["role"] if line and line["quoted"] else None
    fits = [e for e in on_page.values() if name and _folded(e.name) == name and role in (None, e.role)]
    return fits[0].bid if len(fits) == 1 else None


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


@dataclass(frozen=True)
class PlanCommand:
    """What an answer wants of the plan."""

    name: str
    """`branch` or `prune`."""
    node: int
    text: str
    """The new intent, or the reason for going back."""


def read_plan_command(answer: str, page: str = "") -> PlanCommand | None:
    """The plan command of an answer, from inside a `<plan>` tag only, and never what the page said."""
    said = _bare(page)
    for tag in _PLAN.finditer(_PAGE.sub("", answer)):
        call = _PLAN_CALL.fullmatch(tag[1].translate(_QUOTES))
        if call is not None and _bare(f"<plan>{tag[1]}") not in said:
            return PlanCommand(call["name"].lower(), int(call["node"]), call["text"])
    return None
