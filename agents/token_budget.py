"""How many tokens a text takes, without a tokenizer, and what of a page is shown where it takes too many.

The estimate is linear in what tokenizers look at: words by their length, digits, signs, line starts. Its weights were fitted to
Qwen2.5's tokenizer on page texts of this project's sites and raised until nineteen texts of twenty take no more than it says
(`benchmarks/pruning.py` says by how much on others). Vocabularies that know more words take fewer.

What is cut is said where it is cut, because a model that does not know will conclude that a thing is not on the page.
"""

import re
from collections import Counter
from collections.abc import Sequence

__all__ = ["cut_lines", "cut_page", "tokens"]

_PIECE = re.compile(r"(?P<line>\n *)|(?P<word>[A-Za-z]+)|(?P<digit>\d)|(?P<sign>[^\sA-Za-z\d])", re.A)
_LETTERS = 5.5
_COSTS = {"line": 1.1, "digit": 1.15, "sign": 0.95}
_FOREIGN = 1.6
"""Per character beyond ASCII."""

_WORD = re.compile(r"\w{3,}")
_LISTED = re.compile(r"\[\w+\] (\w+)")
_NOTE_TOKENS = 16
_HEAD = 3


def tokens(text: str) -> int:
    """About how many tokens a text takes, rather too many than too few."""
    total = 0.0
    for piece in _PIECE.finditer(text):
        kind, found = piece.lastgroup or "", piece.group()
        if kind == "word":
            total += max(1.25, len(found) / _LETTERS)
        else:
            total += _COSTS[kind] if found.isascii() else _FOREIGN
    return round(total) + 1


def cut_page(page: str, goal: str, budget: int) -> str:
    """The page text, or as much of it as fits, with a note in place of every gap.

    Kept are the first lines, then lines that share a word with the goal (the rarer on the page, the sooner) and the rows'
    headings above them, then the rest in order.

    Args:
        page: one element or text a line.
        goal: what the episode is for.
        budget: tokens.
    """
    if tokens(page) <= budget:
        return page
    lines = page.split("\n")
    costs, headings = [tokens(line) for line in lines], _headings(lines)
    left, least = budget - 4 * _NOTE_TOKENS, min(costs)
    kept: set[int] = set()
    for i in _by_importance(lines, goal):
        if left < least:
            break
        for line in (i, headings[i]):
            if line not in kept and costs[line] <= left:
                kept.add(line)
                left -= costs[line]
    return "\n".join(_with_notes(lines, kept))


def _by_importance(lines: Sequence[str], goal: str) -> list[int]:
    wanted = {word.casefold() for word in _WORD.findall(goal)}
    found = [wanted & {word.casefold() for word in _WORD.findall(line)} for line in lines]
    seen = Counter(word for words in found for word in words)
    value = [sum(1 / seen[word] for word in words) for words in found]
    return sorted(range(len(lines)), key=lambda i: (i >= _HEAD, -value[i], i))


def _headings(lines: Sequence[str]) -> list[int]:
    """For every line the first row of its table, or the line that it is indented under; itself where there is neither."""
    found: list[int] = []
    above: list[int] = []  # the lines that the one at hand is indented under
    for i, line in enumerate(lines):
        while above and _depth(lines[above[-1]]) >= _depth(line):
            above.pop()
        if line.startswith("|"):
            found.append(found[i - 1] if i and lines[i - 1].startswith("|") else i)
        else:
            found.append(above[-1] if above else i)
        above.append(i)
    return found


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _with_notes(lines: Sequence[str], kept: set[int]) -> list[str]:
    """The kept lines; at most four notes, so that what the notes take is known: small gaps are told together with the last."""
    gaps: list[tuple[int, int]] = []
    for i in range(len(lines)):
        if i not in kept:
            if gaps and gaps[-1][1] == i:
                gaps[-1] = (gaps[-1][0], i + 1)
            else:
                gaps.append((i, i + 1))
    told = dict(sorted(sorted(gaps, key=lambda gap: gap[0] - gap[1])[:3]))
    shown: list[str] = []
    untold: list[str] = []
    i = 0
    ends = dict(gaps)
    while i < len(lines):
        if i in kept:
            shown.append(lines[i])
            i += 1
            continue
        if i in told:
            shown.append(f"({_what(lines[i : ends[i]])} left out here)")
        else:
            untold += lines[i : ends[i]]
        i = ends[i]
    return [*shown, f"({_what(untold)} left out elsewhere)"] if untold else shown


def _what(lines: Sequence[str]) -> str:
    roles = Counter(role for line in lines for role in _LISTED.findall(line)).most_common(2)
    listed = "".join(f", {n} {role}" for role, n in roles)
    return f"{len(lines)} lines{listed}"


def cut_lines(lines: Sequence[str], budget: int) -> list[str]:
    """The last lines that fit in `budget` tokens, the very last one always, after a note of how many are left out."""
    left, first = budget, len(lines)
    while first > 0 and ((cost := tokens(lines[first - 1])) <= left or first == len(lines)):
        left -= cost
        first -= 1
    return [*([f"({first} earlier left out)"] if first else []), *lines[first:]]
