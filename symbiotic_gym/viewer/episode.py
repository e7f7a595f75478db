"""One episode as its page shows it: plain values, of bounded length, whatever was on record.

An episode is read as plain JSON and not as a `Trajectory`: what another version wrote, or a hostile hand, should be looked at
rather than refused. Everything passes through `text`, `cut` and `number` on its way, so that a template meets no surprise.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from symbiotic_gym.actions import parse
from symbiotic_gym.errors import ActionError
from symbiotic_gym.viewer.index import Row, map_of, number, text_of
from symbiotic_gym.viewer.shown import cut

__all__ = ["Episode", "Line", "PageText", "Picture", "Proposal", "Step", "read_episode", "whole_page"]

STEPS_PER_PAGE = 50
_LINES = 160
_LINE_CHARS = 600
_TEXT_CHARS = 4_000
_EXTRA_CHARS = 20_000
_MOST_CANDIDATES = 40
_MOST_FACTS = 40
_BLOB = re.compile(r"([0-9a-f]{64})(\.(?:webp|png))?")
_BID = re.compile(r"\s*\[(\w{1,40})\] ")


@dataclass(frozen=True)
class Line:
    """A line of a page text."""

    text: str
    acted: bool
    """The action is about this element."""
    new: bool
    """It was not there at the step before."""


@dataclass(frozen=True)
class PageText:
    """The part of a page text around what was acted on."""

    lines: list[Line]
    before: int
    """Lines left out above."""
    after: int
    """Lines left out below."""

    @property
    def whole(self) -> bool:
        return not self.before and not self.after and all(len(line.text) < _LINE_CHARS for line in self.lines)


@dataclass(frozen=True)
class Proposal:
    """An action somebody proposed, and why."""

    action: str
    reason: str
    executed: bool = False


@dataclass(frozen=True)
class Picture:
    """A screenshot, with what was acted on.

    Attributes:
        blob: its file's name in the run's blobs.
        boxes: of the elements acted on: x, y, width, height in the screenshot's pixels.
        points: where the mouse acted.
    """

    blob: str
    boxes: list[tuple[float, float, float, float]]
    points: list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step."""

    number: int
    """From 1, as people count."""
    url: str
    title: str
    tabs: str
    page: PageText
    action: str
    verb: str
    reason: str
    source: str
    error: str
    reward: float
    candidates: list[Proposal]
    more_candidates: int
    accepted: bool | None
    """None where nobody proposed."""
    why: str
    verifier: str
    proposal: Proposal | None
    retrieved: list[str]
    privacy: list[tuple[str, str]]
    extra: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    model_s: float
    act_s: float
    step_s: float
    picture: Picture | None


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One episode, or as many of its steps as a page shows."""

    row: Row
    goal: str
    message: str
    """What went wrong, where the outcome is invalid."""
    versions: dict[str, str]
    steps: list[Step]
    chunk: int
    """Which part of the steps this is, from 1."""
    chunks: int
    final: PageText | None
    final_url: str
    final_picture: Picture | None


def read_episode(data: Mapping[str, Any], row: Row, chunk: int = 1) -> Episode:
    """An episode from its JSON data.

    Args:
        data: as its line holds it.
        row: as the index has it.
        chunk: which part of its steps, from 1; held within what there is.
    """
    steps = data["steps"]
    chunks = max(1, -(-len(steps) // STEPS_PER_PAGE))
    chunk = min(max(chunk, 1), chunks)
    first = (chunk - 1) * STEPS_PER_PAGE
    shown = [_step(i, steps[i], steps[i - 1] if i else None) for i in range(first, min(first + STEPS_PER_PAGE, len(steps)))]
    final = map_of(data.get("final"))
    last = map_of(map_of(steps[-1]).get("observation")) if steps else {}
    return Episode(
        row=row,
        goal=cut(text_of(data.get("goal")), _TEXT_CHARS),
        message=cut(text_of(map_of(data.get("outcome")).get("message")), _TEXT_CHARS),
        versions={cut(name, 60): _text(value, 60) for name, value in list(map_of(data.get("versions")).items())[:20]},
        steps=shown,
        chunk=chunk,
        chunks=chunks,
        final=_page(final, last, frozenset()) if chunk == chunks and final else None,
        final_url=_text(final.get("url"), 1000),
        final_picture=_picture({"screenshot": data.get("final_screenshot")}, ""),
    )


def whole_page(data: Mapping[str, Any], step: int) -> str | None:
    """The page text at a step (from 1), or at the end where `step` is one more than there are; None beyond."""
    steps = data["steps"]
    if not 1 <= step <= len(steps) + 1:
        return None
    observation = map_of(steps[step - 1]).get("observation") if step <= len(steps) else data.get("final")
    return text_of(map_of(observation).get("page"))


def _step(index: int, raw: Any, before: Any) -> Step:
    step = map_of(raw)
    observation, decision = map_of(step.get("observation")), map_of(step.get("decision"))
    usage, extra = map_of(decision.get("usage")), map_of(decision.get("extra"))
    action = text_of(decision.get("action"))
    verb, bids = _target(action)
    given = decision.get("candidates")
    candidates: list[Any] = given if isinstance(given, list) else []
    verdict = decision.get("acceptance") if isinstance(decision.get("acceptance"), dict) else None
    return Step(
        number=index + 1,
        url=_text(observation.get("url"), 1000),
        title=_text(observation.get("title"), 300),
        tabs=_text(observation.get("tabs"), 1000),
        page=_page(observation, map_of(map_of(before).get("observation")) if before is not None else None, bids),
        action=cut(action, _TEXT_CHARS),
        verb=cut(verb, 30),
        reason=_text(decision.get("reason"), _TEXT_CHARS),
        source=_text(decision.get("source"), 100),
        error=_text(step.get("error"), 1000),
        reward=number(step.get("reward")),
        candidates=[_proposal(c, action) for c in candidates[:_MOST_CANDIDATES]],
        more_candidates=max(0, len(candidates) - _MOST_CANDIDATES),
        accepted=None if verdict is None else verdict.get("accepted") is True,
        why=_text(map_of(verdict).get("why"), 1000),
        verifier=_text(map_of(verdict).get("verifier"), 100),
        proposal=None if verdict is None else _proposal(verdict.get("proposal"), action),
        retrieved=_retrieved(extra),
        privacy=[
            (cut(str(key), 100), _json(told, 1000)) for key, told in islice(map_of(extra.get("privacy")).items(), _MOST_FACTS)
        ],
        extra=_extra({key: value for key, value in extra.items() if key not in ("retrieved", "privacy")}),
        requests=int(number(usage.get("requests"))),
        prompt_tokens=int(number(usage.get("prompt_tokens"))),
        completion_tokens=int(number(usage.get("completion_tokens"))),
        cost_usd=number(usage.get("cost_usd")),
        model_s=number(usage.get("seconds")),
        act_s=number(step.get("act_s")),
        step_s=number(step.get("step_s")),
        picture=_picture(step, action),
    )


def _text(value: Any, most: int) -> str:
    return cut(text_of(value), most)


def _json(value: Any, most: int, indent: int | None = None) -> str:
    try:
        return cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=indent), most)
    except RecursionError:
        return "nested too deeply to show; it is in the episode's JSON"


def _target(action: str) -> tuple[str, frozenset[str]]:
    """The verb and the elements of an action; of a text that is none, its beginning."""
    try:
        parsed = parse(action)
    except ActionError:
        return action.strip().partition("(")[0][:30] or "nothing", frozenset()
    return parsed.verb, frozenset(parsed.bids)


def _proposal(value: Any, executed: str) -> Proposal:
    candidate = map_of(value)
    action = text_of(candidate.get("action"))
    return Proposal(cut(action, _TEXT_CHARS), _text(candidate.get("reason"), _TEXT_CHARS), action == executed)


def _page(observation: Mapping[str, Any], before: Mapping[str, Any] | None, bids: frozenset[str]) -> PageText:
    lines = text_of(observation.get("page")).split("\n")
    acted = [i for i, line in enumerate(lines) if (found := _BID.match(line)) and found[1] in bids] if bids else []
    start = min(max(0, (acted[0] if acted else 0) - _LINES // 2), max(0, len(lines) - _LINES))
    known = None if before is None else {line.strip() for line in text_of(before.get("page")).split("\n")}
    shown = [
        Line(cut(line, _LINE_CHARS), start + i in acted, known is not None and line.strip() not in known)
        for i, line in enumerate(lines[start : start + _LINES])
    ]
    return PageText(shown, start, max(0, len(lines) - start - _LINES))


def _retrieved(extra: Mapping[str, Any], depth: int = 0) -> list[str]:
    """The ids of what was retrieved from the knowledge base, by the agent itself or by one it asked."""
    found = []
    for key, value in extra.items():
        if key == "retrieved" and isinstance(value, list):
            found += [text_of(map_of(hit).get("id")) if isinstance(hit, dict) else text_of(hit) for hit in value]
        elif isinstance(value, dict) and depth < 3:
            found += _retrieved(value, depth + 1)
    return [cut(hit, 200) for hit in dict.fromkeys(found) if hit][:30]


def _extra(extra: Mapping[str, Any]) -> str:
    left = {key: value for key, value in extra.items() if value not in ({}, [], "", None) and not _only_retrieved(value)}
    return _json(left, _EXTRA_CHARS, indent=2) if left else ""


def _only_retrieved(value: Any) -> bool:
    return isinstance(value, dict) and all(key == "retrieved" or inner in ({}, None) for key, inner in value.items())


def _picture(step: Mapping[str, Any], action: str) -> Picture | None:
    """The screenshot that the step names by its digest, if it names one."""
    named = step.get("screenshot")
    found = _BLOB.search(named) if isinstance(named, str) and len(named) < 200 else None
    if found is None:
        return None
    box = _box(step.get("box"))
    return Picture(found[1] + (found[2] or ".webp"), [box] if box else [], _points(action))


def _box(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, Sequence) or len(value) != 4:
        return None
    x, y, width, height = (number(part) for part in value)
    return x, y, width, height


def _points(action: str) -> list[tuple[float, float]]:
    """Where a mouse action acts, in the page's pixels."""
    try:
        parsed = parse(action)
    except ActionError:
        return []
    values = parsed.arguments
    pairs = (("x", "y"), ("from_x", "from_y"), ("to_x", "to_y"))
    return [(number(values[x]), number(values[y])) for x, y in pairs if x in values and y in values]
