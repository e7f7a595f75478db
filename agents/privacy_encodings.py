"""Other ways to write the same text: what a known value is searched through, so that an encoding is no way out.

A value is compared in a *squeezed* form: compatibility characters resolved, accents and case dropped, everything that is
neither letter nor digit left out. That alone covers capitals, full-width letters, zero-width characters, "4 1 1 1" and
"4111-1111". Before it, percent escapes, HTML entities and backslash escapes are undone, twice, since addresses in addresses
are escaped twice. Runs that can be base64 or hexadecimal are decoded and searched on their own; reversed text is searched as a
second spelling of the value.
"""

import base64
import binascii
import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.agents.privacy_search import CodeTable, codes_of

__all__ = ["BARRIER", "ENCODINGS", "View", "decoded_runs", "spellings", "squeeze", "views"]

_ESCAPE = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
    r"|(?:\\u[0-9A-Fa-f]{4})+|\\U[0-9A-Fa-f]{8}|\\u\{[0-9A-Fa-f]{1,6}\}|(?:\\x[0-9A-Fa-f]{2})+|\\[nrtbf]"
)
_SIGN = re.compile(r"[%&\\]")
_RUN = re.compile(r"[A-Za-z0-9+/_-]{8,}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){4,}")
_READABLE = 0.7
_SHORT = 8
"""Bytes; shorter values make runs that are too short to be looked at, or none where other text stands around them."""
_LEAST = 4
_URL_SAFE = str.maketrans("+/", "-_")
BARRIER = "\ue000"
"""Stands between texts that are searched together; no match goes across it."""


class _Squeezed(dict[int, str]):
    """Squeezed characters by code point, each computed once; what `str.translate` takes."""

    def __missing__(self, code: int) -> str:
        folded = unicodedata.normalize("NFKD", chr(code)).casefold()
        self[code] = found = "".join(char for char in folded if char.isalnum())
        return found


_SQUEEZED = _Squeezed({ord(BARRIER): BARRIER})
_SEVERAL = 0x110000


def _squeezed_code(char: str) -> int:
    """The code of the one character that it becomes; 0 where it is left out, `_SEVERAL` where it becomes more than one."""
    found = _SQUEEZED[ord(char)]
    return _SEVERAL if len(found) > 1 else ord(found or "\0")


_SQUEEZED_CODES = CodeTable(_squeezed_code)
_SQUEEZED_LENGTHS = CodeTable(lambda char: len(_SQUEEZED[ord(char)]))
_LONG = 200
"""Characters from which on a look at all of them at once is faster."""


def squeeze(text: str) -> str:
    """The form in which two spellings of a value are equal.

    >>> squeeze("Ｎóra  DIALLO")
    'noradiallo'
    """
    if len(text) < _LONG:
        return text.translate(_SQUEEZED)
    codes = _SQUEEZED_CODES(codes_of(text))
    if (codes == _SEVERAL).any():
        return text.translate(_SQUEEZED)
    return str(codes[codes != 0].tobytes(), "utf-32-le", "surrogatepass")


@dataclass(frozen=True)
class View:
    """A text with some escapes undone, which knows where each of its characters stood before."""

    text: str
    before: "View | None" = None
    """What it was made of; None: nothing was undone, every character stands where it stands."""
    cuts: tuple[tuple[int, int, int], ...] = ()
    """Where each piece begins here and in `before`, and where it ends there if it was an escape, else -1."""

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The part of the text as it was that became `text[start:end]`."""
        if self.before is None:
            return start, end
        here, there, until = self.cuts[bisect_right(self.cuts, start, key=_begins) - 1]
        first = there if until >= 0 else there + start - here
        here, there, until = self.cuts[bisect_right(self.cuts, end - 1, key=_begins) - 1]
        return self.before.source(first, until if until >= 0 else there + end - here)

    def squeezed_places(self) -> NDArray[np.int64]:
        """For each character of the squeezed text, which character of `text` it comes of."""
        lengths = _SQUEEZED_LENGTHS(codes_of(self.text))
        return np.repeat(np.arange(len(lengths)), lengths)


def views(text: str) -> Iterator[View]:
    """The text as it is, then with escapes undone once and twice where there are any."""
    view = View(text)
    yield view
    for _ in range(2):
        escapes = list(_escapes(view.text))
        if not escapes:
            return
        view = _undo(view, escapes)
        yield view


def _escapes(text: str) -> Iterator[re.Match[str]]:
    """All escapes, in order; jumps from sign to sign, which is faster than to look at every character."""
    at = 0
    while sign := _SIGN.search(text, at):
        match = _ESCAPE.match(text, sign.start())
        if match is not None:
            yield match
        at = sign.end() if match is None else match.end()


def _undo(view: View, escapes: Sequence[re.Match[str]]) -> View:
    pieces: list[str] = []
    cuts = [(0, 0, -1)]
    at = last = 0
    for match in escapes:
        plain, meant = view.text[last : match.start()], _meaning(match[0]).replace(BARRIER, " ")
        pieces += [plain, meant]
        cuts.append((at + len(plain), match.start(), match.end()))
        at, last = at + len(plain) + len(meant), match.end()
        cuts.append((at, last, -1))
    return View("".join([*pieces, view.text[last:]]), view, tuple(cuts))


def _begins(cut: tuple[int, int, int]) -> int:
    return cut[0]


def _meaning(escape: str) -> str:
    if escape[0] == "%":
        data = bytes.fromhex(escape.replace("%", ""))
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1")
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[1] in "nrtbf":
        return " "
    if escape[1] == "x":
        return bytes.fromhex(escape.replace("\\x", "")).decode("utf-8", "replace")
    digits = [part.strip("{}") for part in re.split(r"\\[uU]", escape)[1:]]
    units = b"".join(
        int(part, 16).to_bytes(2, "big") if len(part) == 4 else _character(int(part, 16)).encode("utf-16-be") for part in digits
    )
    return units.decode("utf-16-be", "replace")


def _character(code: int) -> str:
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


def decoded_runs(text: str) -> Iterator[tuple[int, int, str]]:
    """What base64 and hexadecimal runs in a text may mean: where each stands, and a readable text it decodes to."""
    for match in _RUN.finditer(text):
        for meaning in _run_meanings(match[0]):
            yield match.start(), match.end(), meaning


@lru_cache(maxsize=8192)
def _run_meanings(run: str) -> tuple[str, ...]:
    return tuple(text for data in (*_base64(run), *_hex(run)) if (text := _readable(data)))


def _readable(data: bytes) -> str:
    """The text that some bytes are; empty where they are none, or none that anybody could read."""
    text = data.decode("utf-8", "ignore")
    if len(text) < 2 or len(text.encode()) < _READABLE * len(data):
        return ""
    return text if sum(char.isalnum() or char in " @.,:;-_/+()'\"" for char in text) >= _READABLE * len(text) else ""


def spellings(value: str) -> list[str]:
    """Base64, wherever in it the value begins, and hexadecimal of a value that `decoded_runs` would not give back."""
    data = value.encode(errors="replace")
    if len(data) > _SHORT and _readable(data):
        return []
    found = []
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        first = -(-8 * before // 6)  # of the letters that say only this value
        last = (8 * (before + len(data))) // 6
        found += [whole[first:last], whole[first:last].translate(_URL_SAFE)]
    return [text for text in dict.fromkeys([*found, data.hex(), data.hex().upper()]) if len(text) >= _LEAST]


def _base64(run: str) -> Iterator[bytes]:
    standard = run.replace("-", "+").replace("_", "/")
    for skipped in range(4):
        whole = (len(standard) - skipped) // 4 * 4
        rest = standard[skipped : skipped + whole]
        tail = standard[skipped + whole :]
        if len(tail) > 1:
            rest += tail + "=" * (4 - len(tail))
        try:
            yield base64.b64decode(rest)
        except (binascii.Error, ValueError):
            continue


def _hex(run: str) -> Iterator[bytes]:
    for match in _HEX.finditer(run):
        yield bytes.fromhex(match[0])
    for match in _HEX.finditer(run, 1):
        yield bytes.fromhex(match[0])


def _spaced(value: str) -> str:
    return " ".join(value)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda value: value,
    "url": lambda value: "".join(
        char if char.isascii() and char.isalnum() else "".join(f"%{b:02X}" for b in char.encode()) for char in value
    ),
    "html": lambda value: "".join(char if char.isalnum() and char.isascii() else f"&#{ord(char)};" for char in value),
    "json": lambda value: "".join(
        f"\\u{int.from_bytes(unit, 'big'):04x}"
        for unit in (value.encode("utf-16-be")[i : i + 2] for i in range(0, 2 * len(value), 2))
    ),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "case": lambda value: value.swapcase(),
    "full-width": lambda value: "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in value),
    "hex": lambda value: value.encode().hex(),
    "spaced": _spaced,
    "zero-width": lambda value: "\u200b".join(value),
    "reversed": lambda value: value[::-1],
}
"""Ways to write a value, by name: what the tests and the benchmark smuggle values in. The first seven are the benchmark's."""
