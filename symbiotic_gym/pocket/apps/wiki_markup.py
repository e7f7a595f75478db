"""A section's text as its page shows it: paragraphs with `[[links]]`, and tables of `| a | b |` lines, the first the header."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Block", "blocks"]

Piece = tuple[str, str]
"""A run of text with the address it links to, which is empty for plain text."""


@dataclass(frozen=True)
class Block:
    """A paragraph (`text`) or a table (`rows`, each a sequence of cells)."""

    text: Sequence[Piece] = ()
    rows: Sequence[Sequence[Sequence[Piece]]] = ()


def blocks(body: str, slugs: Mapping[str, str]) -> list[Block]:
    """Cut a text into its blocks.

    Args:
        body: as it is stored and edited.
        slugs: the addresses of the articles by title; a link to anything else stays plain text.
    """
    found: list[Block] = []
    for part in re.split(r"\n\s*\n", body.replace("\r\n", "\n").strip()):
        lines = [line.strip() for line in part.split("\n") if line.strip()]
        if lines and all(line.startswith("|") for line in lines):
            cells = [[_pieces(cell.strip(), slugs) for cell in line.strip("|").split("|")] for line in lines]
            found.append(Block(rows=cells))
        elif lines:
            found.append(Block(text=_pieces(" ".join(lines), slugs)))
    return found


def _pieces(text: str, slugs: Mapping[str, str]) -> list[Piece]:
    pieces: list[Piece] = []
    for number, part in enumerate(re.split(r"\[\[([^\]]+)\]\]", text)):
        if part:
            pieces.append((part, f"/a/{slugs[part]}" if number % 2 and part in slugs else ""))
    return pieces
