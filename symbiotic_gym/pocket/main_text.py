"""What a page says, as one line of text that Python reads off its HTML and a browser off its elements, and both read alike.

WebArena judges an end state by a JavaScript expression on a page (its "locator") and a text it has to be equal to. Ours gives
the page's main part with the state of its controls, its lines sorted: the order in which things were made says nothing, and
neither do today's moments and what is computed from them (hashes). What loads later (`data-load`) and traces of
the work that no judge asks for (`data-trace`: who edited last) are left out.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser

__all__ = ["locator", "main_text"]

_LINES = "tr,li,p,h1,h2,h3,h4,div,section,article,dt,dd,form,table,ul,ol,dl,fieldset,legend,figure,pre,br,nav,details,summary"
_WITHOUT = "script,style,template,[data-load],[data-trace],[type=hidden]"
_VOID = {"br", "hr", "img", "input", "link", "meta", "source", "wbr", "area", "base", "col", "embed", "track"}
_HEX = "[0-9a-f]{8,64}"
"""Commit hashes and tokens: no two ways to the same end have the same ones."""


def _today(now: datetime) -> str:
    return f"{now:%B} {now.day}, {now.year}( at [0-9]{{2}}:[0-9]{{2}})?"


def locator(now: datetime) -> str:
    """The JavaScript expression that reads an open page; `now` is the world's time."""
    return (
        "document.body && (() => { const read = n => n.nodeType === 3 ? n.data.replace(/\\s+/g, ' ') : "
        f"n.nodeType !== 1 || n.matches('{_WITHOUT}') ? '' : "
        "n.matches('select') ? ' ' + [...n.selectedOptions].map(o => o.textContent).join(' ') + ' ' : "
        "n.matches('[type=checkbox],[type=radio]') ? (n.checked ? ' [x] ' : ' [ ] ') : "
        "n.matches('input,textarea') ? ' ' + n.value.replace(/\\s+/g, ' ') + ' ' : "
        f"(b => b + [...n.childNodes].map(read).join('') + b)(n.matches('{_LINES}') ? '\\n' : ' '); "
        f"return read(document.querySelector('main')).replace(/{_today(now)}/g, '(today)').replace(/\\b{_HEX}\\b/g, '(hash)')"
        ".split('\\n').map(l => l.replace(/ +/g, ' ').trim()).filter(l => l).sort().join(' | '); })()"
    )


def main_text(page: str, now: datetime) -> str:
    """The same, read off the page's HTML; empty when it has no main part."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    text = re.sub(rf"\b{_HEX}\b", "(hash)", re.sub(_today(now), "(today)", "".join(reader.parts)))
    lines = (re.sub(" +", " ", line).strip() for line in text.split("\n"))
    return " | ".join(sorted(line for line in lines if line))


@dataclass
class _Select:
    options: list[str]
    chosen: int = -1


class _Reader(HTMLParser):
    """Gathers the parts; inside what is left out, `_skipping` is the number of elements that are open since."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._inside = 0
        self._skipping = 0
        self._select: _Select | None = None
        self._option = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "main":
            self._inside += 1
        if not self._inside:
            return
        left_out = tag in ("script", "style", "template") or "data-load" in values or "data-trace" in values
        if self._skipping or left_out:
            self._skipping += tag not in _VOID
        elif tag == "select":
            self._select = _Select([])
        elif tag == "option" and self._select is not None:
            self._select.options.append("")
            if "selected" in values:
                self._select.chosen = len(self._select.options) - 1
        elif tag == "input":
            self._control(values)
        else:
            self.parts.append("\n" if tag in _LINES.split(",") else " ")

    def _control(self, values: dict[str, str | None]) -> None:
        kind = values.get("type")
        if kind in ("checkbox", "radio"):
            self.parts.append(" [x] " if "checked" in values else " [ ] ")
        elif kind != "hidden":
            self.parts.append(f" {_folded(values.get('value') or '')} ")

    def handle_endtag(self, tag: str) -> None:
        if not self._inside or tag in _VOID:
            return
        if self._skipping:
            self._skipping -= 1
        elif tag == "select" and self._select is not None:
            shown = self._select.options[max(self._select.chosen, 0)] if self._select.options else ""
            self.parts.append(f" {shown} ")
            self._select = None
        elif tag != "option":
            self.parts.append("\n" if tag in _LINES.split(",") else " ")
        if tag == "main":
            self._inside -= 1

    def handle_data(self, data: str) -> None:
        if not self._inside or self._skipping:
            return
        if self._select is None:
            self.parts.append(_folded(data))
        elif self._select.options:
            self._select.options[-1] += _folded(data)


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text)
