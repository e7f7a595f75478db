r"""Page nodes: the page text taken apart into its quoted texts, each with where it stands and what names it.

A line of a page text is `[bid] role "name" key="value" flags`. A node is one of its quoted texts: a name, a value, or one cell
of `row "a | b"`. Which label a text belongs to is often said elsewhere, by the head of its column or by the text before it,
and that is gathered here, because "4417" is nothing and "4417" under "Code" is a secret. `rewrite` puts other texts in the
same places, quoted as they were; whatever is not changed stays as it was, to the character.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Node", "page_nodes", "rewrite"]

_LINE = re.compile(r"^(?P<indent>\s*)(?:\[(?P<bid>[A-Za-z]*[0-9]+)\] )?(?P<role>[\w:-]+)(?P<rest>.*)$", re.S)
_QUOTED = re.compile(r'(?P<key>[\w-]+=)?(?P<text>"(?:[^"\\]|\\.)*")')
_FIELDS = frozenset({"textbox", "searchbox", "combobox", "spinbutton", "slider"})
_LABEL_CHARS = 40
_CELLS = " | "


@dataclass(frozen=True, kw_only=True)
class Node:
    """One text of a page."""

    text: str
    role: str
    part: str
    """`name`, `value`, `hint` or another key of the line; `cell` in a row."""
    label: str = ""
    """What names it: the head of its column, its field's name, or the short text before it."""
    bid: str = ""
    line: int = 0
    """Which line of the page text, from 0."""
    start: int = 0
    end: int = 0
    """Where in that line its quoted form stands, quotes excluded, before unescaping."""
    row: int = -1
    """The line of the table row it stands in; -1 outside of tables."""
    hidden: bool = False
    """The page's author has made it invisible to people."""
    kind: str = ""
    """What its field is for, as the page's HTML says: `password`, `cc-number`, `email`; empty where that is not known."""


def page_nodes(page: str, kinds: Mapping[str, str] | None = None) -> list[Node]:
    """All texts of a page, in order.

    Args:
        page: the observation's page text.
        kinds: what fields are for, by bid (`symbiotic_gym.agents.privacy_structure.field_kinds` reads it out of HTML).
    """
    reader = _Reader(kinds or {})
    for number, line in enumerate(page.split("\n")):
        reader.read(number, line)
    return reader.nodes


class _Reader:
    """Goes down the lines and remembers what labels the next one."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.nodes: list[Node] = []
        self._kinds = kinds
        self._heads: tuple[str, ...] = ()
        self._row: tuple[int, int, int] | None = None  # indent, line and column within the row that is open
        self._before = ""

    def read(self, number: int, line: str) -> None:
        match = _LINE.match(line)
        if match is None:
            return
        indent, role, bid = match.end("indent"), match["role"], match["bid"] or ""
        if self._row is not None and indent <= self._row[0]:
            self._row = None
        if role == "row":
            self._row_line(number, line, indent)
            return
        label = self._label()
        name = ""
        hidden = line.rstrip().endswith(" hidden")
        kind, row = self._kinds.get(bid, ""), self._row[1] if self._row else -1
        for quoted in _QUOTED.finditer(line, match.start("rest")):
            part = (quoted["key"] or "name=")[:-1]
            text = _unquote(quoted["text"])
            of_field = role in _FIELDS and part == "value"
            self.nodes.append(
                Node(
                    text=text,
                    role=role,
                    part=part,
                    label=name if of_field and name else label,
                    bid=bid,
                    line=number,
                    start=quoted.start("text") + 1,
                    end=quoted.end("text") - 1,
                    row=row,
                    hidden=hidden,
                    kind=kind,
                )
            )
            name = name or (text if part == "name" else "")
        self._before = name if role == "text" and len(name) <= _LABEL_CHARS else ""
        if role in ("heading", "dialog"):
            self._heads = ()

    def _label(self) -> str:
        if self._row is None:
            return self._before
        indent, line, column = self._row
        self._row = (indent, line, column + 1)
        return self._heads[column] if column < len(self._heads) else ""

    def _row_line(self, number: int, line: str, indent: int) -> None:
        quoted = _QUOTED.search(line)
        if quoted is None:
            self._row = (indent, number, 0)
            return
        start = quoted.start("text") + 1
        raw = quoted["text"][1:-1].split(_CELLS)
        cells = tuple(_unquote(f'"{cell}"') for cell in raw)
        is_head = not any(any(char.isdigit() for char in cell) for cell in cells) and len(cells) != len(self._heads)
        for column, (text, source) in enumerate(zip(cells, raw, strict=True)):
            label = "" if is_head or column >= len(self._heads) else self._heads[column]
            self.nodes.append(
                Node(
                    text=text,
                    role="row",
                    part="cell",
                    label=label,
                    line=number,
                    start=start,
                    end=start + len(source),
                    row=number,
                )
            )
            start += len(source) + len(_CELLS)
        if is_head:
            self._heads = cells
        self._before = ""


def _unquote(text: str) -> str:
    if "\\" not in text:
        return text[1:-1]
    try:
        found = str(json.loads(text, strict=False))
    except ValueError:  # a page text that is not ours, with an escape JSON does not know
        return text[1:-1]
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # halves of characters are no text


def rewrite(page: str, nodes: Sequence[Node], texts: Sequence[str]) -> str:
    """The page with `texts[i]` in the place of `nodes[i].text`.

    Args:
        page: the page text that the nodes were read from.
        nodes: what `page_nodes` gave, all of it or some.
        texts: one per node.
    """
    lines = page.split("\n")
    for node, text in reversed(list(zip(nodes, texts, strict=True))):
        if text != node.text:
            line = lines[node.line]
            lines[node.line] = line[: node.start] + json.dumps(text, ensure_ascii=False)[1:-1] + line[node.end :]
    return "\n".join(lines)
