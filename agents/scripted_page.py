"""A page text as an expert's script reads it: parsed lines, the labels of its fields, and what was done earlier in the episode.

The scripts see what every other policy sees, the observation, and nothing else: no DOM, no task object. In speculative
synthesis somebody else's action may have been executed since the last decision, so the past is read from the observations'
`last_action`.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from symbiotic_gym.actions import Action, format_action, parse
from symbiotic_gym.errors import ActionError
from symbiotic_gym.types import Candidate, Observation

__all__ = [
    "History",
    "Node",
    "Page",
    "Past",
    "Run",
    "Skill",
    "choose",
    "click",
    "fill",
    "fill_all",
    "is_filled",
    "key",
    "press",
    "read",
    "skills",
]

_LINE = re.compile(
    r'^(?P<indent> *)(?:\[(?P<bid>[A-Za-z]*[0-9]+)\] )?(?P<role>\S+)(?: (?P<name>"(?:[^"\\]|\\.)*"))?(?P<rest>.*)$'
)
_QUOTED = re.compile(r'\b(value|hint)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Node:
    """One line of a page text."""

    index: int
    """Its line number, from 0."""
    depth: int
    bid: str
    """Empty on what cannot be acted on."""
    role: str
    name: str
    value: str
    hint: str
    flags: frozenset[str]
    """`checked`, `selected`, `expanded`, `disabled`, `focused`, `readonly`, `multiline`."""

    @property
    def shown(self) -> str:
        """What a person would call it."""
        return self.name or self.hint or self.role


@dataclass(frozen=True)
class Page:
    """A whole page text."""

    text: str
    nodes: tuple[Node, ...]

    def find(self, role: str = "", name: str | None = None, *, hint: str | None = None) -> list[Node]:
        """The nodes that can be acted on, in page order, of one of the roles in `role` (space-separated; empty: any)."""
        roles = role.split()
        return [
            node
            for node in self.acting
            if (not roles or node.role in roles)
            and (name is None or node.name == name)
            and (hint is None or hint in node.hint.split())
        ]

    @cached_property
    def acting(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.bid)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The names of all lines, the running text among them."""
        return tuple(node.name for node in self.nodes if node.name)

    def label(self, node: Node) -> str:
        """What a field is called: its own name, else the nearest text before it."""
        if node.name:
            return node.name
        before = [other.name for other in self.nodes[: node.index] if other.role in ("text", "heading", "row") and other.name]
        return before[-1] if before else ""

    def button(self, *names: str) -> list[Node]:
        """The buttons called one of `names`, whatever their role and upper or lower case."""
        wanted = {name.casefold() for name in names}
        return [node for node in self.find("button link generic") if node.name.casefold() in wanted]


@lru_cache(maxsize=64)
def read(text: str) -> Page:
    """Parse a page text."""
    nodes: list[Node] = []
    for line in text.split("\n"):  # not splitlines: a name may hold a form feed or U+2028
        match = _LINE.match(line)
        if match is None:
            continue
        quoted = dict(_QUOTED.findall(match["rest"]))
        node = Node(
            index=len(nodes),
            depth=len(match["indent"]) // 2,
            bid=match["bid"] or "",
            role=match["role"],
            name=_unquote((match["name"] or '""')[1:-1]),
            value=_unquote(quoted.get("value", "")),
            hint=_unquote(quoted.get("hint", "")),
            flags=frozenset(_QUOTED.sub("", match["rest"]).split()),
        )
        nodes.append(node)
    return Page(text, tuple(nodes))


def _unquote(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:  # a page text that is not ours, with an escape JSON does not know
        return text


@dataclass(frozen=True)
class Past:
    """An action that was run, and the element it named on the page it was chosen on."""

    page: Page
    action: Action
    target: Node | None


@dataclass
class History:
    """What happened so far in an episode: every page seen, and the actions that ran between them."""

    pages: list[Page] = field(default_factory=list)
    past: list[Past] = field(default_factory=list)

    def record(self, observation: Observation) -> Page:
        """Add an observation; returns its page."""
        if self.pages and observation.get("last_action") and not observation.get("last_action_error"):
            self._ran(observation["last_action"])
        page = read(observation["page"])
        self.pages.append(page)
        return page

    def _ran(self, text: str) -> None:
        try:
            action = parse(text)
        except ActionError:  # it cannot have changed anything
            return
        page = self.pages[-1]
        named = {node.bid: node for node in page.acting}
        target = next((named[bid] for bid in action.bids if bid in named), None)
        self.past.append(Past(page, action, target))

    def clicked(self, *, role: str = "", name: str | None = None) -> list[Past]:
        """The clicks, by mouse or Enter key, on elements of that role and name."""
        return [
            past
            for past in self.past
            if (past.action.verb in ("click", "dblclick") or past.action.arguments.get("key_comb") == "Enter")
            and past.target is not None
            and (not role or past.target.role in role.split())
            and (name is None or past.target.name == name)
        ]

    def typed(self, bid: str) -> str | None:
        """What was last filled into a field."""
        texts = [
            str(past.action.arguments["value"])
            for past in self.past
            if past.action.verb == "fill" and past.action.bids == (bid,)
        ]
        return texts[-1] if texts else None


Run = Callable[[re.Match[str], Page, History], list[Candidate]]
"""Gets the goal's match, the page and the history; gives all actions that are equally right now, best first."""


@dataclass(frozen=True)
class Skill:
    """How to act on one kind of goal, on pages that have an element of every role in `needs` (space-separated)."""

    goal: re.Pattern[str]
    run: Run
    needs: str = ""

    def moves(self, match: re.Match[str], page: Page, history: History) -> list[Candidate]:
        """What `run` gives; nothing where the page lacks what it needs."""
        if not all(page.find(role) for role in self.needs.split()):
            return []
        return list(dict.fromkeys(self.run(match, page, history)))


def skills(*rows: tuple[str, Run, str]) -> tuple[Skill, ...]:
    """A table of (goal pattern, script, needed roles)."""
    return tuple(Skill(re.compile(pattern), run, needs) for pattern, run, needs in rows)


def click(node: Node, reason: str) -> Candidate:
    return Candidate(action=format_action("click", bid=node.bid), reason=reason)


def press(nodes: Sequence[Node], reason: str) -> list[Candidate]:
    """A click on any of `nodes`."""
    return [click(node, reason) for node in nodes]


def fill(node: Node, text: str, reason: str) -> Candidate:
    return Candidate(action=format_action("fill", bid=node.bid, value=text), reason=reason)


def key(node: Node, name: str, reason: str) -> Candidate:
    return Candidate(action=format_action("press", bid=node.bid, key_comb=name), reason=reason)


def choose(node: Node, options: Sequence[str], reason: str) -> Candidate:
    return Candidate(action=format_action("select_option", bid=node.bid, options=tuple(options)), reason=reason)


def is_filled(node: Node, text: str, history: History) -> bool:
    """Whether a field holds `text`. A password shows as dots, so what was typed into it decides."""
    if text and node.value == "•" * len(node.value) == "•" * len(text):
        return history.typed(node.bid) in (text, None)
    return node.value == text


def fill_all(
    fields: Sequence[tuple[Node, str, str]], history: History, then: Callable[[], list[Candidate]] = list
) -> list[Candidate]:
    """Fill what does not hold its text yet, in any order; `then` once all do.

    Args:
        fields: (field, its text, what the field is called in the reason).
        history: the past, for password fields.
        then: what comes after.
    """
    missing = [(node, text, what) for node, text, what in fields if not is_filled(node, text, history)]
    moves = [
        fill(node, text, f'{what} should hold "{text}"' + (" instead of its wrong text." if node.value else " and is empty."))
        for node, text, what in missing
    ]
    return moves or then()
