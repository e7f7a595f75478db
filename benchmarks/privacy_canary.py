"""Canaries: seeded private values in every channel and every encoding, looked for in the bytes that left and in the files that
stay.

The values are on the user's list, so `guarded` has no excuse. The search for them is not the guard's: each value is written in
each encoding and looked for as a plain substring, in the bytes and in the texts that the bytes' JSON holds.
"""

import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from symbiotic_gym.agents.hybrid import PRIVATE_VERBS, HybridAgent
from symbiotic_gym.agents.large import LargeAgent
from symbiotic_gym.agents.openai_model import OpenAIModel
from symbiotic_gym.agents.privacy_detectors import DetectorStack
from symbiotic_gym.agents.privacy_encodings import ENCODINGS
from symbiotic_gym.agents.privacy_guard import EgressGuard
from symbiotic_gym.agents.privacy_ledger import Ledger
from symbiotic_gym.agents.privacy_vault import Vault
from symbiotic_gym.benchmarks.privacy_endpoint import Recorder
from symbiotic_gym.benchmarks.privacy_keys import canaries
from symbiotic_gym.benchmarks.report import Row, commit
from symbiotic_gym.benchmarks.samples import Samples
from symbiotic_gym.errors import PrivacyError
from symbiotic_gym.knowledge import KnowledgeBase
from symbiotic_gym.progress import Bar
from symbiotic_gym.store.episodes import EpisodeLog
from symbiotic_gym.types import Decision, Observation, Outcome, Step, Trajectory

__all__ = ["CHANNELS", "Count", "canary_rows", "count_leaks", "knowledge_of"]

CHANNELS = (
    "goal",
    "name",
    "value",
    "url",
    "title",
    "tabs",
    "dialog",
    "error",
    "history",
    "reason",
    "retrieval",
    "screenshot",
    "dom",
    "tools",
)
MODES = ("large", "paper", "redact", "guarded")
_ENCODINGS = tuple(ENCODINGS)[:7]
_BATCH = 20
"""Values in one step; of an error, whose text is cut, one."""


@dataclass
class Count:
    """What one mode let out."""

    cases: int = 0
    leaked: int = 0
    requests: int = 0
    in_files: int = 0
    """Values x channels."""
    by_channel: dict[str, int] = field(default_factory=dict)


def canary_rows(count: int, seed: int = 0, bar: Bar | None = None, samples: Samples | None = None) -> Iterator[Row]:
    """Per mode: how many of all value x channel x encoding are in the recorded bytes, and of value x channel in logs and files.

    What `large` lets out of each channel is how much it carries at all: nothing can be said of the rest.

    Args:
        count: how many values.
        seed: of the values.
        bar: advanced with every channel of every mode.
        samples: keeps what was counted.
    """
    values, key = canaries(count, seed), f"{count} values of seed {seed} at {commit()}"
    for mode in MODES:
        found = count_leaks(mode, values, samples=samples, key=key, bar=bar)
        target = 0.0 if mode == "guarded" else None
        yield Row(
            name=f"canary/{mode}/in bytes", value=found.leaked, unit="cases", n=found.cases, target=target, better="lower"
        )
        yield Row(name=f"canary/{mode}/requests made", value=found.requests, unit="requests")
        if mode in ("redact", "guarded"):
            yield Row(
                name=f"canary/{mode}/in logs and files",
                value=found.in_files,
                unit="cases",
                n=count * len(CHANNELS),
                target=target,
                better="lower",
            )
        for channel, leaks in found.by_channel.items():
            if leaks or mode == "large":  # what all-large does not carry, nobody could have stopped
                yield Row(
                    name=f"canary/{mode}/in bytes/{channel}",
                    value=leaks,
                    unit="cases",
                    n=found.cases // len(CHANNELS),
                    better="lower",
                )


def count_leaks(
    mode: str,
    values: Sequence[tuple[str, str]],
    encodings: Sequence[str] = _ENCODINGS,
    *,
    samples: Samples | None = None,
    key: str = "",
    bar: Bar | None = None,
) -> Count:
    """Put every value through every channel in every encoding.

    Args:
        mode: of the hybrid agent.
        values: `(kind, value)`.
        encodings: names out of `ENCODINGS`.
        samples: keeps what was counted.
        key: what tells these values and this code from others that are kept there.
        bar: advanced with every channel.
    """
    count, samples = Count(), samples or Samples(None)
    for channel in CHANNELS:
        told = samples.get(f"{mode} {channel}, {key}", partial(_leaks, mode, channel, values, encodings))
        count = _added(count, Count(**told))
        if bar is not None:
            bar.advance(f"{mode} {channel}")
    return count


def _added(a: Count, b: Count) -> Count:
    return Count(
        cases=a.cases + b.cases,
        leaked=a.leaked + b.leaked,
        requests=a.requests + b.requests,
        in_files=a.in_files + b.in_files,
        by_channel=a.by_channel | b.by_channel,
    )


def _leaks(mode: str, channel: str, values: Sequence[tuple[str, str]], encodings: Sequence[str]) -> dict[str, Any]:
    """Every value through one channel: the fields of `Count`."""
    count = Count()
    size = 1 if channel == "error" else _BATCH
    with tempfile.TemporaryDirectory() as scratch, Recorder() as cloud, _debug_log(Path(scratch) / "log.txt"):
        folder = Path(scratch)
        ledger = Ledger(folder / "ledger.jsonl")
        model = OpenAIModel("cloud", base_url=cloud.url, guard=EgressGuard() if mode == "guarded" else None, max_retries=0)
        stack = DetectorStack(timeout_s=30)
        for encoding in encodings:
            for start in range(0, len(values), size):
                batch = values[start : start + size]
                before = len(cloud.bodies)
                if channel in ("screenshot", "tools"):
                    _direct(mode, model, channel, batch, encoding)
                else:
                    case = f"{channel}.{encoding}.{start}"
                    _through_agent(mode, model, stack, channel, batch, encoding, folder, ledger, case)
                count.cases += len(batch)
                count.leaked += _found_in(cloud.bodies[before:], batch)
                count.requests += len(cloud.bodies) - before
        model.close()
        kept = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
        count.in_files = _found_in(kept, values)
    count.by_channel = {channel: count.leaked}
    return asdict(count)


def _found_in(bodies: Sequence[bytes], values: Sequence[tuple[str, str]]) -> int:
    """How many of the values are in there, in any encoding."""
    texts = []
    for body in bodies:
        text = body.decode("utf-8", "replace")
        texts.append(text)
        for line in text.split("\n"):
            try:
                texts.append("\x00".join(_strings(json.loads(line))))
            except ValueError:
                continue
    everything = "\x00".join(texts)
    return sum(any(write(value) in everything for write in ENCODINGS.values()) for _, value in values)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (str(key), *_strings(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    else:
        yield str(value)


def _observation(channel: str, texts: Sequence[str]) -> Observation:
    joined = " ; ".join(texts)
    line = {"name": [f"text {json.dumps(text)}" for text in texts], "dialog": [f"dialog {json.dumps(joined)}"]}.get(channel, [])
    if channel == "value":
        line = [f'[{50 + i}] textbox "Field {i}" value={json.dumps(text)}' for i, text in enumerate(texts)]
    page = "\n".join(['[1] link "Home"', 'heading "Overview"', *line, '[2] button "Next"'])
    observation: Observation = {
        "goal": f"Go on with {joined}" if channel == "goal" else "Go on to the next page",
        "page": page,
        "url": f"http://site.test/list?q={joined.replace(' ', '+')}" if channel == "url" else "http://site.test/list",
        "title": joined if channel == "title" else "Overview",
        "tabs": f"  0: {joined} http://site.test/\n* 1: Overview http://site.test/list" if channel == "tabs" else "",
        "last_action": f'fill("50", {json.dumps(joined)})' if channel == "history" else "",
        "last_action_error": f"Timeout: {joined}" if channel == "error" else "",
    }
    if channel == "error":
        observation["last_action"] = 'click("1")'
    if channel == "dom":
        observation["dom"] = f"<p>{joined}</p>"
        observation["axtree"] = observation["extra"] = json.dumps({"text": joined})
        observation["screenshot"] = np.zeros((4, 4, 3), np.uint8)
    return observation


def _through_agent(
    mode: str,
    model: OpenAIModel,
    stack: DetectorStack,
    channel: str,
    batch: Sequence[tuple[str, str]],
    encoding: str,
    folder: Path,
    ledger: Ledger,
    case: str,
) -> None:
    """One step of a hybrid agent, and its episode put on record."""
    texts = [ENCODINGS[encoding](value) for _, value in batch]
    knowledge = knowledge_of(texts) if channel == "retrieval" else None
    large = LargeAgent(
        model, knowledge=knowledge, prompt="private_v3", verbs=PRIVATE_VERBS, page_tokens=10**6, examples_tokens=10**6
    )
    small = _Local(" ; ".join(texts) if channel == "reason" else "It comes next.")
    agent = HybridAgent(large, small, mode=mode, detectors=None if mode == "large" else stack, declared=batch, ledger=ledger)
    observation = _observation(channel, texts)
    agent.reset(observation["goal"], seed=1)
    steps = []
    for _ in range(2 if channel in ("history", "reason") else 1):
        decision = agent.act(observation)
        shown = {key: value for key, value in observation.items() if isinstance(value, str) and key != "goal"}
        steps.append(Step(observation=shown, decision=decision, reward=0.0))
        observation = {**observation, "last_action": decision.action}
    if mode in ("redact", "guarded"):
        episode = Trajectory(
            task=f"canary.{case}",
            seed=1,
            goal=observation["goal"],
            agent="hybrid",
            steps=tuple(steps),
            outcome=Outcome(status="success"),
        )
        log = EpisodeLog(folder / f"{case}.jsonl")
        log.add(agent.record(episode))
        KnowledgeBase(folder / f"{case}.kb.jsonl").add(agent.record(episode), iteration=0)


class _Local:
    """A local model that says private things in its reasons."""

    name = "local"

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def act(self, observation: Observation) -> Decision:
        return Decision(action='click("2")', reason=self._reason, source=self.name)


def knowledge_of(texts: Sequence[str]) -> KnowledgeBase:
    """A base that was filled without any protection."""
    joined = " ; ".join(texts)
    page = f'[1] link "Home"\nheading "Overview"\ntext {json.dumps(joined)}\n[2] button "Next"'
    decision = Decision(action='click("2")', reason=f"{joined} comes next", source="old")
    step = Step(observation={"page": page}, decision=decision, reward=1.0)
    base = KnowledgeBase()
    base.add(
        Trajectory(
            task="canary.old",
            seed=0,
            goal="Go on to the next page",
            agent="old",
            steps=(step,),
            outcome=Outcome(status="success"),
        ),
        iteration=0,
    )
    return base


def _direct(mode: str, model: OpenAIModel, channel: str, batch: Sequence[tuple[str, str]], encoding: str) -> None:
    """A request with a picture, tools and metadata, which the agents here do not send and others may."""
    vault = Vault(1)
    for kind, value in batch:
        vault.add(value, kind, declared=True)
    if model.guard is not None:
        model.guard.protect(vault)
    client = model._client  # with tools and pictures, which its own method does not send
    text = " ; ".join(ENCODINGS[encoding](value) for _, value in batch)
    extra: dict[str, Any]
    if channel == "screenshot":
        part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + text.replace(" ", "")}}
        extra = {"messages": [{"role": "user", "content": [part]}]}
    else:
        tool = {"type": "function", "function": {"name": "look", "description": text, "parameters": {}}}
        extra = {
            "messages": [{"role": "user", "content": "look"}],
            "tools": [tool],
            "user": text,
            "metadata": {text[:60]: text},
        }
    with suppress(PrivacyError):
        client.chat.completions.create(model="cloud", **extra)


class _debug_log:
    """All log records of all libraries, at the level of debugging, into a file, for as long as it lasts."""

    def __init__(self, file: Path) -> None:
        self._handler = logging.FileHandler(file, encoding="utf-8")

    def __enter__(self) -> None:
        self._level = logging.getLogger().level
        logging.getLogger().addHandler(self._handler)
        logging.getLogger().setLevel(logging.DEBUG)

    def __exit__(self, *error: object) -> None:
        logging.getLogger().removeHandler(self._handler)
        logging.getLogger().setLevel(self._level)
        self._handler.close()
