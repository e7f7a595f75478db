"""BrowserGym's observations and ours, each made from the other, so that agents of both kinds see what they were written for.

Ours from theirs: the page text is read off their accessibility tree, in the form of `symbiotic_gym.types.Observation`. Theirs
from ours: an environment that was made with `observe=KEYS` brings their tree, element properties and picture along; the DOM
snapshot, which their agents flatten to HTML, is put together again from the page's HTML.
"""

import json
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import numpy as np

from symbiotic_gym.actions import elements
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.types import Observation

__all__ = ["KEYS", "from_browsergym", "page_text", "to_browsergym"]

KEYS = ("screenshot", "axtree", "dom", "extra")
"""What an environment has to observe beside its default, for BrowserGym's agents."""

_ACTED_ON = frozenset(
    {"button", "checkbox", "combobox", "gridcell", "link", "listbox", "menuitem", "menuitemcheckbox", "menuitemradio"}
    | {"option", "radio", "searchbox", "slider", "spinbutton", "switch", "tab", "textbox", "treeitem"}
)
_FLAGS = ("checked", "selected", "expanded", "disabled", "readonly", "multiline", "focused")
_SILENT = frozenset({"generic", "none", "LineBreak", "InlineTextBox", "RootWebArea", "ListMarker"})
_TAB = re.compile(r"^([* ]) \d+: (.*) (\S+)$")
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905


def from_browsergym(observation: Mapping[str, Any]) -> Observation:
    """Ours, from theirs."""
    urls, titles = observation["open_pages_urls"], observation["open_pages_titles"]
    active = int(np.asarray(observation["active_page_index"]).reshape(-1)[0])
    tabs = [f"{'*' if i == active else ' '} {i}: {t} {u}" for i, (t, u) in enumerate(zip(titles, urls, strict=True))]
    return {
        "goal": _goal(observation),
        "page": page_text(observation["axtree_object"], observation["extra_element_properties"]),
        "url": observation["url"],
        "title": titles[active] if active < len(titles) else "",
        "tabs": "\n".join(tabs),
        "last_action": observation["last_action"],
        "last_action_error": observation["last_action_error"],
    }


def _goal(observation: Mapping[str, Any]) -> str:
    """The texts of their goal; pictures in it are not shown to agents that read."""
    parts = observation.get("goal_object") or ()
    return "\n".join(part["text"] for part in parts if part.get("type") == "text") or observation.get("goal", "")


def page_text(axtree: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    """The page text of an accessibility tree, with ids on what can be acted on.

    Args:
        axtree: BrowserGym's `axtree_object`.
        properties: its `extra_element_properties`, which know what is clickable.
    """
    nodes = {node["nodeId"]: node for node in axtree["nodes"]}
    lines: list[str] = []

    def walk(node: Mapping[str, Any], depth: int, said: str) -> None:
        name = " ".join(str(node.get("name", {}).get("value", "")).split())
        line = _line(node, name, said, properties)
        if line:
            lines.append("  " * depth + line)
        for child in node.get("childIds", ()):
            if child in nodes and child != node["nodeId"]:
                walk(nodes[child], depth + bool(line), name if line else said)

    if axtree["nodes"]:
        walk(axtree["nodes"][0], 0, "")
    return "\n".join(lines)


def _line(node: Mapping[str, Any], name: str, said: str, properties: Mapping[str, Any]) -> str:
    """What a node adds to the page text; nothing, if it only holds others or repeats what was said."""
    role = node["role"]["value"]
    if role == "StaticText":
        return f"text {_quote(name)}" if name and name not in said else ""
    bid = node.get("browsergym_id")
    acted_on = bid is not None and (role in _ACTED_ON or bool(properties.get(bid, {}).get("clickable")))
    if not acted_on and (role in _SILENT or not name):
        return ""
    value = node.get("value", {}).get("value")
    held = [f"value={_quote(str(value))}"] if value not in (None, "") else []
    state = {p["name"]: p.get("value", {}).get("value") for p in node.get("properties", ())}
    held += [flag for flag in _FLAGS if state.get(flag) in (True, "true", "mixed")]
    start = f"[{bid}] {role}" if acted_on else role
    return " ".join([start, *([_quote(name)] if name else []), *held])


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def to_browsergym(observation: Observation, *, elapsed_s: float) -> dict[str, Any]:
    """Theirs, from ours.

    Args:
        observation: of an environment made with `observe=KEYS`.
        elapsed_s: seconds since the episode began.

    Raises:
        ConfigError: the environment does not observe what their agents need.
    """
    missing = [key for key in KEYS if key not in observation]
    if missing:
        raise ConfigError(
            explain(
                f"the observation has no {', '.join(missing)}",
                f"an environment made with observe={KEYS}",
                "BrowserGym's agents read its accessibility tree, DOM, element properties and picture",
                f"gym.make(..., observe={KEYS}), or Rollouts(make_env=lambda task: WebEnv(task, observe={KEYS}))",
            )
        )
    tabs = [match for match in map(_TAB.match, observation["tabs"].split("\n")) if match]
    goal = observation["goal"]
    focused = [bid for bid, element in elements(observation["page"]).items() if element.line.endswith(" focused")]
    return {
        "chat_messages": ({"role": "user", "timestamp": 0.0, "message": goal},),
        "goal": goal,
        "goal_object": ({"type": "text", "text": goal},),
        "open_pages_urls": tuple(match[3] for match in tabs),
        "open_pages_titles": tuple(match[2] for match in tabs),
        "active_page_index": np.array([next((i for i, match in enumerate(tabs) if match[1] == "*"), 0)]),
        "url": observation["url"],
        "screenshot": np.asarray(observation["screenshot"]),
        "dom_object": dom_snapshot(observation["dom"]),
        "axtree_object": json.loads(observation["axtree"]),
        "extra_element_properties": json.loads(observation["extra"]),
        "focused_element_bid": focused[0] if focused else "",
        "last_action": observation["last_action"],
        "last_action_error": observation["last_action_error"],
        "elapsed_time": np.array([elapsed_s]),
    }


def dom_snapshot(html: str) -> dict[str, Any]:
    """What of Chromium's DOM snapshot BrowserGym's agents read, from a page's HTML; frames are left out."""
    snapshot = _Snapshot()
    snapshot.feed(html)
    snapshot.close()
    return {"strings": list(snapshot.strings), "documents": [{"nodes": snapshot.nodes}]}


class _Snapshot(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.strings: dict[str, int] = {}
        self.nodes: dict[str, Any] = {
            **{name: [] for name in ("nodeType", "nodeName", "nodeValue", "parentIndex", "attributes")},
            "contentDocumentIndex": {"index": [], "value": []},
        }
        self._open: list[tuple[str, int]] = []
        self._open.append(("#document", self._node(9, "#document")))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        index = self._node(1, tag, attributes=[self._string(text or "") for pair in attrs for text in pair])
        if tag not in _VOID:
            self._open.append((tag, index))

    def handle_endtag(self, tag: str) -> None:
        if any(name == tag for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._node(3, "#text", value=data)

    def _node(self, kind: int, name: str, *, value: str | None = None, attributes: Sequence[int] = ()) -> int:
        nodes = self.nodes
        nodes["nodeType"].append(kind)
        nodes["nodeName"].append(self._string(name))
        nodes["nodeValue"].append(-1 if value is None else self._string(value))
        nodes["parentIndex"].append(self._open[-1][1] if self._open else -1)
        nodes["attributes"].append(list(attributes))
        return len(nodes["nodeType"]) - 1

    def _string(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))
