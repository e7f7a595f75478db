"""Which byte may come next: a small language of expressions, compiled to an automaton over UTF-8 bytes.

An expression is a text, `Seq`, `Alt`, `Chars` or `Text` (what may stand between double quotes). Positions of the compiled
expression are `Node`s; what may come next is a set of them, a `State`. States are made deterministic as they are met, so a
grammar of hundreds of element ids costs nothing until it is walked, and equal sets are one object everywhere: what is learnt
about the inside of a quoted text holds for every page. Each state knows its shortest completion, so that an answer can be
brought to an end before its last token (Geng et al., arXiv 2305.13971, describe decoding under such a grammar).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakValueDictionary

__all__ = ["Alt", "Chars", "Expr", "Seq", "State", "Text", "automaton"]


@dataclass(frozen=True)
class Seq:
    """One after the other."""

    parts: tuple["Expr", ...]

    def __init__(self, *parts: "Expr") -> None:
        object.__setattr__(self, "parts", parts)


@dataclass(frozen=True)
class Alt:
    """One of these; an empty text among them makes the rest optional."""

    options: tuple["Expr", ...]

    def __init__(self, *options: "Expr") -> None:
        object.__setattr__(self, "options", options)


@dataclass(frozen=True)
class Chars:
    """From `least` to `most` of these ASCII characters; `most` None: any number."""

    chars: str
    least: int = 1
    most: int | None = None


@dataclass(frozen=True)
class Text:
    r"""Any text as it stands between double quotes: whole characters, `\"`, `\\`, `\n` and `\t`, nothing else below a blank."""


Expr = str | Seq | Alt | Chars | Text


class Node:
    """A place in an expression that takes one byte out of `bytes`; what may follow is `then`."""

    __slots__ = ("__weakref__", "bytes", "shortest", "then")

    def __init__(self, accepted: Iterable[int], then: "Nodes", shortest: bytes | None = None) -> None:
        self.bytes = tuple(accepted)
        self.then = then
        self.shortest = bytes([min(self.bytes)]) + _shortest(then) if shortest is None else shortest
        """The shortest text from here to the end, the first by value among those; given where `then` is a loop to come."""


Nodes = frozenset[Node]
_END = Node((), frozenset(), b"")
_ACCEPT: Nodes = frozenset((_END,))


class State:
    """What may come next, deterministic; equal states are the same object."""

    __slots__ = ("__weakref__", "_edges", "final", "nodes", "shortest", "text")

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.final = _END in nodes
        """Whether the text may end here."""
        self.shortest = _shortest(nodes)
        """The shortest way to an end, the first by value among those."""
        self.text = any(len(node.bytes) > 1 and node.then == nodes and node.bytes == _PLAIN for node in nodes)
        """Whether this is the inside of a `Text`, where every plain character leads back to this very state."""
        self._edges: dict[int, State] | None = None

    @property
    def edges(self) -> dict[int, "State"]:
        """The state after each byte that may come."""
        if self._edges is None:
            after: dict[int, set[Node]] = {}
            for node in self.nodes:
                for byte in node.bytes:
                    after.setdefault(byte, set()).update(node.then)
            self._edges = {byte: _state(frozenset(nodes)) for byte, nodes in after.items()}
        return self._edges

    @property
    def done(self) -> bool:
        """Whether the text is at its end, with nothing that could be added."""
        return self.final and len(self.nodes) == 1

    def after(self, data: bytes) -> "State | None":
        """The state after some bytes; None where they do not fit."""
        state: State | None = self
        for byte in data:
            state = state.edges.get(byte) if state is not None else None
        return state

    def accepts(self, text: str) -> bool:
        """Whether a whole text fits."""
        end = self.after(text.encode("utf-8", "surrogatepass"))
        return end is not None and end.final


def automaton(expression: Expr) -> State:
    """The state before the first byte of an expression."""
    return _state(_compile(expression, _ACCEPT))


_states: WeakValueDictionary[Nodes, State] = WeakValueDictionary()


def _state(nodes: Nodes) -> State:
    state = _states.get(nodes)
    if state is None:
        state = _states[nodes] = State(nodes)
    return state


def _shortest(nodes: Nodes) -> bytes:
    return min((node.shortest for node in nodes), key=lambda way: (len(way), way))


def _compile(expression: Expr, then: Nodes) -> Nodes:
    """The first places of an expression that `then` follows."""
    if isinstance(expression, Seq):
        for part in reversed(expression.parts):
            then = _compile(part, then)
        return then
    if isinstance(expression, Alt):
        return frozenset().union(*(_compile(option, then) for option in expression.options))
    return _atom(expression, then)


@lru_cache(maxsize=4096)
def _atom(expression: str | Chars | Text, then: Nodes) -> Nodes:
    """Kept, so that the same end of an expression is the same object on every page."""
    if isinstance(expression, str):
        for byte in reversed(expression.encode()):
            then = frozenset((Node((byte,), then),))
        return then
    if isinstance(expression, Chars):
        return _chars(expression, then)
    return _text(then)


def _chars(expression: Chars, then: Nodes) -> Nodes:
    accepted = sorted(expression.chars.encode())
    if expression.most is None:
        loop = Node(accepted, then, bytes(accepted[:1]) + _shortest(then))
        following = loop.then = frozenset((loop,)) | then
        optional = 0
    else:
        following, optional = then, expression.most - expression.least
    for _ in range(optional):
        following = frozenset((Node(accepted, following),)) | then
    for _ in range(expression.least):
        following = frozenset((Node(accepted, following),))
    return following


_PLAIN = tuple(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
_ESCAPED = tuple(b'"\\nt')
# What may follow each first byte of a character of more than one (RFC 3629, section 4: no overlong forms, no surrogates).
_LATER = range(0x80, 0xC0)
_LEADS: tuple[tuple[Iterable[int], tuple[Iterable[int], ...]], ...] = (
    (range(0xC2, 0xE0), (_LATER,)),
    ((0xE0,), (range(0xA0, 0xC0), _LATER)),
    ((*range(0xE1, 0xED), 0xEE, 0xEF), (_LATER, _LATER)),
    ((0xED,), (range(0x80, 0xA0), _LATER)),
    ((0xF0,), (range(0x90, 0xC0), _LATER, _LATER)),
    (range(0xF1, 0xF4), (_LATER, _LATER, _LATER)),
    ((0xF4,), (range(0x80, 0x90), _LATER, _LATER)),
)


def _text(then: Nodes) -> Nodes:
    """The loop of a quoted text; its places are made with their shortest ways first, then closed to a ring."""
    way = _shortest(then)
    back: list[Node] = []  # places whose character is complete

    def place(accepted: Iterable[int], rest: bytes) -> Node:
        node = Node(accepted, frozenset(), bytes([min(accepted)]) + rest)
        back.append(node)
        return node

    first = [place(_PLAIN, way), Node(b"\\", frozenset((place(_ESCAPED, way),)))]
    for leads, later in _LEADS:
        node = place(later[-1], way)
        for accepted in reversed((leads, *later[:-1])):
            node = Node(accepted, frozenset((node,)))
        first.append(node)
    ring = frozenset(first) | then
    for node in back:
        node.then = ring
    return ring
