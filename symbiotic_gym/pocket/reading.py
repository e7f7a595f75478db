"""What an oracle reads and writes with: the page text as it stands in the observation, and actions with their reasons.

Everything goes by what a reader of the page sees: roles, names, the text nearby. A page that does not show what was looked for
raises `LostError`, which ends the play.
"""

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from symbiotic_gym.actions import Element, elements, format_action
from symbiotic_gym.errors import UnknownNameError, explain, nearest
from symbiotic_gym.types import Candidate, Observation

__all__ = ["LostError", "Page", "Row", "answer", "back", "done", "goto", "infeasible", "money", "through"]

_TYPED = ("textbox", "searchbox", "combobox", "spinbutton")


class LostError(UnknownNameError):
    """A play looks for something that the page does not show."""


@dataclass(frozen=True)
class Row:
    """A table's row: its cells' texts, and its elements that can be acted on."""

    cells: tuple[str, ...]
    page: "Page"
    """The row alone, to click in."""


class Page:
    """A page text, and the actions on it.

    Args:
        text: the observation's `page`, or some of its lines.
        url: the observation's.
        title: the observation's.
        error: the observation's `last_action_error`.
    """

    def __init__(self, text: str, url: str = "", title: str = "", error: str = "") -> None:
        self.text, self.url, self.title, self.error = text, url, title, error
        self.lines = text.split("\n")

    @classmethod
    def of(cls, observation: Observation) -> "Page":
        return cls(observation["page"], observation["url"], observation["title"], observation["last_action_error"])

    # --- reading ---

    def has(self, text: str) -> bool:
        """Whether the page shows this text."""
        return text in self.plain

    @property
    def plain(self) -> str:
        """The page's words, a line an element, without ids, roles and quotes."""
        return "\n".join(_said(line) for line in self.lines)

    def match(self, pattern: str) -> re.Match[str]:
        """The first place in `plain` that fits a regular expression (`^` and `$` are a line's).

        Raises:
            LostError: there is none.
        """
        found = re.search(pattern, self.plain, re.M)
        if found is None:
            raise _lost(f"text like {pattern!r}", [])
        return found

    def matches(self, pattern: str) -> list[tuple[str, ...]]:
        """The groups of every place in `plain` that fits a regular expression with at least one group."""
        return [match.groups() for match in re.finditer(pattern, self.plain, re.M)]

    def options(self, name: str) -> list[str]:
        """What the list of that name offers.

        Raises:
            LostError: there is no such list.
        """
        line = self.find(name, ("combobox", "listbox")).line
        found = []
        for other in self.lines[[line.strip() for line in self.lines].index(line) + 1 :]:
            if not re.match(r"\s*\[\w+\] option ", other):
                break
            found.append(_said(other))
        return found

    def find(self, name: str, role: str | Sequence[str] = (), *, below: str = "") -> Element:
        """The first element that can be acted on with this name, else whose name begins with it.

        Args:
            name: its accessible name.
            role: its role or roles; any when empty.
            below: look only below the first line that shows this text.

        Raises:
            LostError: there is none.
        """
        roles = (role,) if isinstance(role, str) else tuple(role)
        found = [e for e in elements(self.text).values() if not roles or e.role in roles]
        if below:
            place = self._line(below)
            after = {e for line in self.lines[place:] for e in elements(line)}
            found = [e for e in found if e.bid in after]
        for element in [e for e in found if e.name == name] + [e for e in found if e.name.startswith(name)]:
            return element
        raise _lost(f"{' or '.join(roles) or 'element'} {name!r}", [e.name for e in found])

    def offers(self, name: str, role: str | Sequence[str] = ()) -> bool:
        """Whether `find` would find it by its whole name."""
        roles = (role,) if isinstance(role, str) else tuple(role)
        return any(e.name == name and (not roles or e.role in roles) for e in elements(self.text).values())

    def section(self, start: str, end: str | None = None) -> "Page":
        """The lines from the first that shows `start` up to the next that shows `end`, or up to the next heading."""
        first = self._line(start)
        for number in range(first + 1, len(self.lines)):
            line = self.lines[number]
            if (end is not None and end in _said(line)) or (end is None and re.match(r"\s*heading ", line)):
                return self._part(first, number)
        return self._part(first, len(self.lines))

    def cards(self, pattern: str) -> list["Page"]:
        """The page cut before every line of `plain` that fits a regular expression; what comes before the first is left out."""
        starts = [number for number, line in enumerate(self.lines) if re.search(pattern, _said(line))]
        return [self._part(start, end) for start, end in zip(starts, [*starts[1:], len(self.lines)], strict=True)]

    def rows(self, *, below: str = "") -> list[Row]:
        """All rows of tables, headings included; with `below`, those after the first line that shows this text."""
        found = []
        for number in range(self._line(below) if below else 0, len(self.lines)):
            line = self.lines[number]
            if not re.match(r'\s*row( "|$)', line):
                continue
            depth = len(line) - len(line.lstrip())
            end = number + 1
            while end < len(self.lines) and len(self.lines[end]) - len(self.lines[end].lstrip()) > depth:
                end += 1
            part = self._part(number, end)
            cells = _said(line).split(" | ") if '"' in line else [_said(inner) for inner in part.lines[1:]]
            found.append(Row(tuple(cells), part))
        return found

    def row(self, *texts: str) -> Row:
        """The first row in which each text stands in some cell.

        Raises:
            LostError: there is none.
        """
        for row in self.rows():
            if all(any(text in cell for cell in row.cells) for text in texts):
                return row
        raise _lost(f"a row with {', '.join(map(repr, texts))}", [])

    def value(self, name: str) -> str:
        """What stands in the field of that name.

        Raises:
            LostError: there is no such field.
        """
        line = self.find(name, _TYPED).line
        found = re.search(r' value="((?:[^"\\]|\\.)*)"', line)
        return found[1].replace('\\"', '"') if found else ""

    def _line(self, text: str) -> int:
        for number, line in enumerate(self.lines):
            if text in _said(line):
                return number
        raise _lost(f"text {text!r}", [])

    def _part(self, start: int, end: int) -> "Page":
        return Page("\n".join(self.lines[start:end]), self.url, self.title, self.error)

    # --- acting ---

    def click(self, name: str, why: str, role: str | Sequence[str] = (), *, below: str = "") -> Candidate:
        """Click the element that `find` finds."""
        return Candidate(action=format_action("click", bid=self.find(name, role, below=below).bid), reason=why)

    def fill(self, name: str, value: str, why: str) -> Candidate:
        """Write into the field of that name."""
        return Candidate(action=format_action("fill", bid=self.find(name, _TYPED).bid, value=value), reason=why)

    def select(self, name: str, option: str, why: str) -> Candidate:
        """Choose an option of the list of that name."""
        bid = self.find(name, ("combobox", "listbox")).bid
        return Candidate(action=format_action("select_option", bid=bid, options=(option,)), reason=why)

    def check(self, name: str, why: str, *, on: bool = True) -> Candidate:
        """Tick or untick the box of that name."""
        bid = self.find(name, ("checkbox", "radio", "switch")).bid
        return Candidate(action=format_action("check" if on else "uncheck", bid=bid), reason=why)

    def press(self, name: str, key: str, why: str) -> Candidate:
        """Press a key in the field of that name."""
        return Candidate(action=format_action("press", bid=self.find(name, _TYPED).bid, key_comb=key), reason=why)


def answer(text: str, why: str) -> Candidate:
    """Give the answer, which ends the episode."""
    return Candidate(action=format_action("send_msg_to_user", text=text), reason=why)


def done(why: str) -> Candidate:
    """Say that what was asked is done, which ends the episode."""
    return answer("Done.", why)


def infeasible(reason: str) -> Candidate:
    """Report that it cannot be done, which ends the episode."""
    return Candidate(action=format_action("report_infeasible", reason=reason), reason=reason)


def goto(url: str, why: str) -> Candidate:
    """Open an address."""
    return Candidate(action=format_action("goto", url=url), reason=why)


def back(why: str) -> Candidate:
    """Go to the previous page."""
    return Candidate(action=format_action("go_back"), reason=why)


def _said(line: str) -> str:
    """A line's words: its name or text."""
    found = re.search(r'"((?:[^"\\]|\\.)*)"', line)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else ""


def _lost(what: str, there: Sequence[str]) -> LostError:
    return LostError(
        explain(
            f"the page shows no {what} ({nearest(what, there)})" if there else f"the page shows no {what}",
            "what the play looks for",
            "an oracle that is lost proves nothing about the task",
            "compare the page's text with the play",
        )
    )


def money(text: str) -> int:
    """The first amount in a text, in cents.

    Raises:
        LostError: there is none.
    """
    found = re.search(r"(-?)\$([\d,]+)\.(\d\d)", text)
    if found is None:
        raise _lost(f"amount in {text!r}", [])
    cents = int(found[2].replace(",", "")) * 100 + int(found[3])
    return -cents if found[1] else cents


def through(page: Page, why: str = "The list goes on with the next page.") -> Generator[Candidate, Page, list[Page]]:
    """Turn the pages of a list to its end.

    Returns:
        All of them: `pages = yield from through(page)`.
    """
    pages = [page]
    while page.offers("Next page", "link"):
        page = yield page.click("Next page", why, "link")
        pages.append(page)
    return pages
