"""The observation as the cloud may see it: every channel of it redacted, and what was found on the way, as counts.

Page, goal, address, title, tabs, last action and error all go the same way, because a value that is hidden in the page and
stands in the tab's title is not hidden. What the detectors find enters the vault first, so it is hidden wherever else it
stands, in whatever encoding. Page text also loses what imitates the form of a prompt: tags of an answer, ids in brackets,
roles of a chat.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote_plus

from symbiotic_gym.actions import parse
from symbiotic_gym.agents.privacy_detectors import DetectorStack, Scan
from symbiotic_gym.agents.privacy_structure import field_kinds
from symbiotic_gym.agents.privacy_vault import Hit, Vault
from symbiotic_gym.errors import ActionError, ConfigError
from symbiotic_gym.nodes import Node, page_nodes, rewrite
from symbiotic_gym.types import Observation
from symbiotic_gym.urls import origin

__all__ = ["Redacted", "framed_lines", "harmless", "origin_of", "outline", "redact_observation", "without_imitations"]

_CHANNELS = ("goal", "title", "url", "tabs", "last_action", "last_action_error")
_PICTURES = ("screenshot", "axtree", "dom", "extra")
_FRAME = re.compile(r"\s*\[[A-Za-z]+\] iframe ")
_IMITATION = re.compile(
    r"<(?=/?\s*(?:page|action|reason|system|user|assistant|think|tool|im_start|im_end)\b|\|)"
    r"|\[(?=/?(?:INST|[A-Za-z]{0,3}\d+)\])|^(?=(?:system|assistant|user|human)\s*:)",
    re.I | re.M,
)


@dataclass(frozen=True, kw_only=True)
class Redacted:
    """What may be shown, and what was found."""

    observation: Observation
    counts: Mapping[str, int]
    """Private parts by kind, over all channels."""
    scan: Scan
    hidden: int = 0
    """Texts that people cannot see, left out."""


def origin_of(url: str) -> str:
    """The origin of an address as a text; empty where there is none."""
    try:
        scheme, host, port = origin(url)
    except ValueError:
        return ""
    return f"{scheme}://{host}:{port}"


def harmless(text: str) -> str:
    """A page's text without what could be taken for a part of the prompt around it."""
    if "<" not in text and "[" not in text and ":" not in text:
        return text
    return _IMITATION.sub(lambda match: {"<": "‹", "[": "("}.get(match[0], "› "), text)


def without_imitations(observation: Observation) -> Observation:
    """An observation whose page, title, tabs and error hold nothing that imitates a prompt, nor what people cannot see."""
    nodes = page_nodes(observation["page"])
    page = rewrite(observation["page"], nodes, [_told(node, node.text) for node in nodes])
    seen: Mapping[str, object] = observation
    said = {key: harmless(str(seen[key])) for key in ("title", "tabs", "last_action_error") if key in seen}
    found: Any = {**observation, **said, "page": page}
    plain: Observation = found
    return plain


def _told(node: Node, text: str) -> str:
    """What a model is told of a node whose text, redacted or not, is this one."""
    return "" if node.hidden else harmless(text)


def redact_observation(
    observation: Observation,
    vault: Vault,
    stack: DetectorStack | None,
    user_origins: Sequence[str] = (),
    *,
    fence: bool = True,
) -> Redacted:
    """Make the observation that the cloud may see.

    Args:
        observation: as the environment gave it.
        vault: gets what is found.
        stack: the detectors; None: only what the vault knows already is hidden.
        user_origins: where values that the goal names may be typed.
        fence: whether to take the imitation of prompts out of the page's texts, and what people cannot see.
    """
    here = origin_of(observation.get("url", ""))
    kinds, faults = _kinds(observation.get("dom") or "")
    nodes = page_nodes(observation["page"], kinds)
    seen: Mapping[str, object] = observation
    channels = {key: str(seen.get(key, "")) for key in _CHANNELS}
    texts = {key: unquote_plus(text) if key == "url" else text for key, text in channels.items()}
    others = [Node(text=part, role=key, part="text") for key, text in texts.items() for part in _parts(key, text)]
    scan = stack.scan([*nodes, *others], observation.get("url", "")) if stack is not None else Scan(findings=())
    scan = replace(scan, faults=(*scan.faults, *faults))
    framed = framed_lines(observation["page"])
    for finding in scan.findings:
        node = nodes[finding.node] if finding.node < len(nodes) else others[finding.node - len(nodes)]
        try:
            known = vault.add(node.text[finding.start : finding.end], finding.kind)
        except ConfigError:
            continue  # one or two letters: whoever reads them learns nothing
        if node.role == "goal":
            known.origins.update(user_origins)
        elif here and finding.node < len(nodes) and node.line not in framed and not known.declared:
            known.origins.add(here)
    hits = vault.find_all([*(node.text for node in nodes), *channels.values()])
    for node, some in zip(nodes, hits, strict=False):
        for hit in some if here and node.part != "value" and node.line not in framed else ():
            if not hit.known.declared:  # where the user's own belong, the user says, or a page could try all codes there are
                hit.known.origins.add(here)  # who shows it, has it
    counts = Counter(hit.known.kind for some in hits for hit in some)
    shown = {key: vault.redact(text, some) for (key, text), some in zip(channels.items(), hits[len(nodes) :], strict=True)}
    page = _page(observation["page"], nodes, hits, vault, fence=fence)
    view: Any = {key: value for key, value in observation.items() if key not in _PICTURES} | shown | {"page": page}
    hidden = sum(node.hidden for node in nodes) if fence else 0
    return Redacted(observation=view, counts=dict(counts), scan=scan, hidden=hidden)


def _kinds(html: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """What fields are for, and what is wrong where the HTML cannot be read."""
    try:
        return field_kinds(html), ()
    except Exception as error:  # the parser is not made for all that pages hold
        return {}, (f"fields: {type(error).__name__}",)


def framed_lines(page: str) -> set[int]:
    """The lines of a page text that stand in a frame: they may come from another origin than the page's."""
    found: set[int] = set()
    within: int | None = None
    for number, line in enumerate(page.split("\n")):
        indent = len(line) - len(line.lstrip(" "))
        if within is not None and indent > within:
            found.add(number)
            continue
        within = indent if _FRAME.match(line) else None
    return found


def _parts(channel: str, text: str) -> list[str]:
    """What the detectors look at: of an action its arguments, since no call is anybody's name."""
    if channel != "last_action":
        return [text]
    try:
        arguments = parse(text).arguments.values()
    except ActionError:
        return [text]
    given = [part for value in arguments for part in (value if isinstance(value, tuple) else (value,))]
    return [part for part in given if isinstance(part, str)]


def _page(page: str, nodes: Sequence[Node], hits: Sequence[Sequence[Hit]], vault: Vault, *, fence: bool) -> str:
    texts = []
    for node, some in zip(nodes, hits, strict=False):
        text = vault.redact(node.text, some)
        texts.append(_told(node, text) if fence else text)
    return rewrite(page, nodes, texts)


def outline(page: str, keep: int = 60) -> str:
    """A page without what it says: controls and headings stay, longer texts and values are only counted.

    Args:
        page: a redacted page text.
        keep: names of controls and headings up to so many characters stay.
    """
    nodes = page_nodes(page)
    texts = []
    for node in nodes:
        stays = (node.bid or node.role == "heading") and node.part == "name" and len(node.text) <= keep
        texts.append(node.text if stays or not node.text else f"({len(node.text.split())} words)")
    return rewrite(page, nodes, texts)
