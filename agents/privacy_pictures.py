"""Screenshots for the cloud: with the boxes of private elements painted over, or not at all.

No text recognition: the page's HTML says what each element holds, and the browser where it stands. What shows other than by
text, pictures, canvases, videos and frames, is painted over unread. A private text of the page that is in no element whose box
is known, as in a shadow root, keeps the whole picture here.

Not seen: texts of style sheets (`content:`), background pictures, and texts that run out of their element's box.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.agents.privacy_detectors import DetectorStack
from symbiotic_gym.agents.privacy_vault import Hit, Vault
from symbiotic_gym.agents.privacy_view import framed_lines
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.nodes import Node, page_nodes
from symbiotic_gym.types import Observation

__all__ = ["masked_picture"]

Box = tuple[float, float, float, float]
_MOST_TEXT = 2_000_000
"""Characters of all elements together, each with what is within, up to which a page is looked at."""
_MARGIN = 2
"""Pixels around a box that are painted too."""
_UNREAD = frozenset({"img", "canvas", "video", "iframe", "frame", "object", "embed", "picture"})
"""Elements that show what is not in the page's HTML."""
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "frame", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_SILENT = frozenset({"script", "style", "template", "noscript", "head"})
_SHOWN = ("value", "placeholder", "alt", "label")
"""Attributes that are shown as text."""


def masked_picture(observation: Observation, vault: Vault, stack: DetectorStack | None) -> NDArray[np.uint8] | None:
    """An observation's screenshot without what is private on it.

    Args:
        observation: with `screenshot`, `dom` and `extra`; its page has been looked at already.
        vault: what is private; gets what is found in texts that the page text leaves out.
        stack: the detectors; None: only what the vault knows is private.

    Returns:
        uint8, (height, width, 3); None where it is not known where all private texts are.

    Raises:
        ConfigError: the observation has a screenshot, but not what says where its texts are.
    """
    if not observation.get("dom") or not observation.get("extra"):
        raise ConfigError(
            explain(
                "a screenshot without `dom` and `extra`",
                'an environment made with observe=("screenshot", "dom", "extra")',
                "they say where on the picture private texts are",
                'observe them too, or choose screenshots="never"',
            )
        )
    elements = _Tree(observation["dom"]).elements
    if sum(len(element.text) for element in elements) > _MOST_TEXT or not _found(elements, observation["url"], vault, stack):
        return None
    properties: Mapping[str, Mapping[str, Box | None]] = json.loads(observation["extra"])
    boxes = {bid: box for bid, of in properties.items() if (box := of.get("bbox")) is not None}
    unread = [e for e in elements if e.tag in _UNREAD and (e.bid in boxes or e.bid not in properties)]
    within, said = ([_values(hits) for hits in vault.find_all(texts)] for texts in zip(*map(_texts, elements), strict=True))
    covered: set[str] = set()
    private = []
    for element, own, attributes in zip(elements, within, said, strict=True):
        values = attributes + (own - sum((within[child] for child in element.children), Counter[str]()))
        covered |= set(values)
        private += [element] if values else []
    nodes = page_nodes(observation["page"])
    framed = framed_lines(observation["page"])  # a frame is painted over whole
    painted = [_around(element, boxes) for element in (*unread, *private)]
    for node, hits in zip(nodes, vault.find_all([node.text for node in nodes]), strict=True):
        if not hits or node.hidden or node.line in framed:
            continue
        if node.bid in boxes:
            painted.append(boxes[node.bid])
        elif not set(_values(hits)) <= covered:
            return None
    known = [box for box in painted if box is not None]
    return _paint(observation["screenshot"], known) if len(known) == len(painted) else None


@dataclass
class _Element:
    tag: str
    bid: str = ""
    above: "_Element | None" = None
    attributes: str = ""
    parts: list[str] = field(default_factory=list)
    """Its texts and those of all elements within."""
    own: list[str] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    """Their numbers."""

    @property
    def text(self) -> str:
        return "".join(self.parts)


class _Tree(HTMLParser):
    """What a browser has written down of its page, where every element is closed: its elements, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._open = _Element("")
        self.elements = [self._open]
        self._silent = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        shown = "\n".join(given[name] for name in _SHOWN if name in given)
        element = _Element(tag, given.get("bid", ""), self._open, shown)
        self._open.children.append(len(self.elements))
        self.elements.append(element)
        if tag not in _VOID:
            self._open = element
            self._silent += tag in _SILENT

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID and self._open.above is not None:
            self._silent -= self._open.tag in _SILENT
            self._open = self._open.above

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self._open.own.append(data)
        element: _Element | None = self._open
        while element is not None:
            element.parts.append(data)
            element = element.above


def _found(elements: Sequence[_Element], url: str, vault: Vault, stack: DetectorStack | None) -> bool:
    """Whether the detectors have looked at the elements' own texts; the vault has what they found."""
    if stack is None:
        return True
    texts = [text for element in elements for text in ("".join(element.own).strip(), element.attributes) if text]
    scan = stack.scan([Node(text=text, role="text", part="text") for text in texts], url)
    for finding in scan.findings:
        with suppress(ConfigError):  # one or two letters: whoever reads them learns nothing
            vault.add(texts[finding.node][finding.start : finding.end], finding.kind)
    return not scan.faults


def _texts(element: _Element) -> tuple[str, str]:
    return element.text, element.attributes


def _values(hits: Sequence[Hit]) -> Counter[str]:
    """How often each private value is there."""
    return Counter(hit.known.value for hit in hits)


def _around(element: _Element, boxes: Mapping[str, Box]) -> Box | None:
    """The box of an element, or of the nearest one around it that has any."""
    inner: _Element | None = element
    while inner is not None and inner.bid not in boxes:
        inner = inner.above
    return boxes[inner.bid] if inner is not None else None


def _paint(picture_HWC: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    masked_HWC = np.array(picture_HWC, copy=True)
    height, width = masked_HWC.shape[:2]
    for left, top, wide, high in boxes:
        rows = slice(max(int(top) - _MARGIN, 0), max(min(int(top + high) + _MARGIN + 1, height), 0))
        columns = slice(max(int(left) - _MARGIN, 0), max(min(int(left + wide) + _MARGIN + 1, width), 0))
        masked_HWC[rows, columns] = 0
    return masked_HWC
