"""A page text said shorter, without losing anything that can be acted on.

What AgentOccam (arXiv 2410.13825, section 3.2) does to an accessibility tree is done here to our page text: tables become
rows with bars, the entries of lists and menus stand on one line, what is said twice is said once, and every id of the page is
still there. It is a function of the text alone; texts of the page stay in quotes, so that none can pose as an element or as
one of our notes.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["prune"]

_LINE = re.compile(
    r'(?P<indent> *)(?P<ids>(?:\[\w+\] )*)(?P<role>[^\s"(]\S*)(?: (?P<name>"(?:[^"\\]|\\.)*"))?(?P<rest>.*)', re.S
)
_FOLDED = frozenset({"link", "menuitem", "menuitemcheckbox", "menuitemradio", "option", "tab", "treeitem"})
_SHORT_RUN = 4
"""So many entries of one role in a row stand on one line; fewer read better below each other."""
_SEPARATOR = re.compile(r"[\s·•|,;›»/]*")
_BARE_CELL = re.compile(r'[^"|\[\]()\\]+')


@dataclass
class _Node:
    ids: str
    role: str
    name: str
    """As it stands in the text, quotes included; empty without one."""
    rest: str
    children: list["_Node"] = field(default_factory=list)

    @property
    def said(self) -> str:
        return " ".join(_unquoted(self.name).casefold().split())


def prune(page: str) -> str:
    """The page text in fewer tokens; every id of `page` stands in it.

    Lines that are not in the form of our page text, such as notes of what was left out, are kept as they are.
    """
    root = _Node("", "", "", "")
    path = [(-1, root)]
    for line in page.split("\n"):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        node = (
            _Node(match["ids"], match["role"], match["name"] or "", match["rest"]) if match else _Node("", "", "", line.strip())
        )
        depth = len(match["indent"]) if match else len(line) - len(line.lstrip(" "))
        while path[-1][0] >= depth:
            path.pop()
        path[-1][1].children.append(node)
        path.append((depth, node))
    return "\n".join(_block(_without_echoes(root.children, ""), 0))


def _without_echoes(nodes: Sequence[_Node], parent: str) -> list[_Node]:
    """Without texts that repeat what stands beside or above them, and without bare separators."""
    kept: list[_Node] = []
    for i, node in enumerate(nodes):
        beside = [other.said for other in (*kept[-1:], *nodes[i + 1 : i + 2]) if other.name]
        mute = node.role == "text" or (node.role == "heading" and bool(kept) and kept[-1].role == "heading")
        echo = node.said in (parent, *beside) or _SEPARATOR.fullmatch(node.said)
        if mute and not node.ids and not node.children and echo and not _last_of_a_pair(node, nodes, i):
            continue
        if node.role != "row":  # every cell of a row has its place
            node.children = _without_echoes(node.children, node.said)
        kept.append(node)
    return kept


def _last_of_a_pair(node: _Node, nodes: Sequence[_Node], i: int) -> bool:
    """Two equal texts side by side can be two values of a list of facts: only what is no text itself can be echoed by one."""
    beside = [*nodes[max(0, i - 1) : i], *nodes[i + 1 : i + 2]]
    same = [other for other in beside if other.said == node.said]
    return bool(same) and all(other.role == "text" for other in same) and not _SEPARATOR.fullmatch(node.said)


def _block(nodes: Sequence[_Node], depth: int) -> Iterator[str]:
    """The lines of nodes that stand below each other."""
    indent, i = " " * depth, 0
    while i < len(nodes):
        run = _run(nodes, i)
        node = nodes[i]
        i += len(run)
        if node.role == "text" and not node.ids and not node.children:
            yield indent + " ".join(one.name + one.rest for one in run)
        elif len(run) > 1 and len({one.name + one.rest for one in run}) == 1:
            yield f"{indent}{''.join(one.ids for one in run)}{_shown(node, ids=False)}"
        elif len(run) >= _SHORT_RUN:
            yield f"{indent}{node.role}s: {_entries(run)}"
        else:
            for one in run:
                yield from _single(one, depth)


def _run(nodes: Sequence[_Node], start: int) -> list[_Node]:
    """The nodes from `start` on that can share a line."""
    first = nodes[start]
    run = [first]
    for node in nodes[start + 1 :]:
        if first.children or node.children or node.role != first.role or bool(node.ids) != bool(first.ids):
            break
        same = node.name == first.name and node.rest == first.rest
        if not ((first.role == "text" and not first.ids) or (first.ids and (same or first.role in _FOLDED))):
            break
        run.append(node)
    if first.role in _FOLDED and 1 < len(run) < _SHORT_RUN:  # too short to be folded, but equal neighbours share a line
        equal = [node for node in run if node.name + node.rest == first.name + first.rest]
        return run[: len(equal)] if run[: len(equal)] == equal and len(equal) > 1 else run[:1]
    return run


def _single(node: _Node, depth: int) -> Iterator[str]:
    indent, leaves = " " * depth, all(not child.children for child in node.children)
    if node.role == "row" and not node.ids and leaves:
        cells = _unquoted(node.name).split(" | ") if node.name else []
        shown = [_cell(text) for text in cells] + [_in_row(child) for child in node.children]
        yield f"{indent}| {' | '.join(shown)} |"
    elif len(node.children) == 1 and leaves and not node.ids and node.said == node.children[0].said:
        yield f"{indent}{node.role} {_shown(node.children[0])}"
    elif node.children and leaves and all(child.ids and child.role in _FOLDED for child in node.children):
        yield f"{indent}{_shown(node)}: {_entries(node.children)}"
    else:
        yield indent + _shown(node)
        yield from _block(node.children, depth + 1)


def _entries(nodes: Sequence[_Node]) -> str:
    return ", ".join(node.ids + (node.name or '""') + node.rest for node in nodes)


def _in_row(node: _Node) -> str:
    return _cell(_unquoted(node.name)) if node.role == "text" and not node.ids and not node.rest else _shown(node)


def _cell(text: str) -> str:
    """A cell's text; in quotes where it could be taken for an element, a note or another cell."""
    return text if _BARE_CELL.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _shown(node: _Node, *, ids: bool = True) -> str:
    name = f" {node.name}" if node.name else ""
    return f"{node.ids if ids else ''}{node.role}{name}{node.rest}".strip()


def _unquoted(name: str) -> str:
    try:
        return str(json.loads(name, strict=False)) if name else ""
    except ValueError:
        return name[1:-1]
