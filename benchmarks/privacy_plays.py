"""Every mode on Pocket's tasks: what it reaches, what it shows, what it keeps here, what it costs.

The scripted pair is two oracles. The one in the cloud sits behind the endpoint and reads nothing but the requests, so it plays
on placeholders; what it would have been told of steps decided here it is told as its history would tell it, redacted. The one
on this machine sees everything and errs now and then. With `--large` and `--small` two real models take their places.
"""

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from time import perf_counter
from typing import Any

from symbiotic_gym.actions import elements
from symbiotic_gym.agents.hybrid import PRIVATE_VERBS, HybridAgent
from symbiotic_gym.agents.large import LargeAgent
from symbiotic_gym.agents.openai_model import OpenAIModel
from symbiotic_gym.agents.privacy_detectors import DetectorStack
from symbiotic_gym.agents.privacy_guard import EgressGuard
from symbiotic_gym.agents.privacy_router import Router
from symbiotic_gym.agents.privacy_vocabulary import PublicVocabulary
from symbiotic_gym.agents.spending import Price
from symbiotic_gym.benchmarks.privacy_endpoint import Recorder
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import InfrastructureError, PrivacyError
from symbiotic_gym.pocket.instances import manifest
from symbiotic_gym.pocket.oracle import OracleAgent
from symbiotic_gym.pocket.world import Private
from symbiotic_gym.types import Decision, Observation

__all__ = ["ORIGINS", "Played", "play"]

ORIGINS = tuple(f"http://{site}.pocket:80" for site in ("shop", "admin", "forum", "wiki", "code", "map", "home"))
SLIP = 0.05
"""How often, per step, the scripted local model does the wrong thing, in [0, 1]."""

_LOST = (RuntimeError, LookupError, ValueError)
"""What an oracle raises where it looks for texts and numbers that it is not shown."""
_PRICE = Price(prompt=2.5, completion=10.0)
_PROMPT = re.compile(
    r'The page now, "(?P<title>.*?)" at (?P<url>\S*?)(?:, stands between.*?)?[.:].*?<page>\n(?P<page>.*)\n</page>', re.S
)
_GOAL = re.compile(r"Goal: (.*?)\n\nThe page now", re.S)


@dataclass(frozen=True, kw_only=True)
class Played:
    """One episode in one mode; counts over its steps."""

    mode: str
    task: str
    seed: int
    outcome: str
    steps: int
    cloud_steps: int
    stopped: int
    """Requests that the guard stopped."""
    private_shown: int
    """Distinct private values on the pages, that the task can do without."""
    private_sent: int
    """How many of them are in the bytes that left."""
    needed_sent: int
    """Private values in these bytes that the task cannot do without."""
    affordances: int
    """Elements that can be acted on and hold nothing private, on pages shown to the cloud."""
    affordances_kept: int
    """How many of them the cloud saw as they are."""
    tokens: int
    cost_usd: float
    act_s: float
    pair: str = ""
    """The models behind it."""


class _Brain:
    """The scripted model in the cloud: an oracle that sees requests only."""

    def __init__(self) -> None:
        self._oracle = OracleAgent()
        self._said = ""

    def reset(self) -> None:
        self._oracle.reset("")

    def answer(self, messages: Sequence[Mapping[str, str]]) -> str:
        if len(messages) > 2:
            return self._said  # asked to repair its answer: it has no other
        text = messages[1]["content"]
        found, goal = _PROMPT.search(text), _GOAL.search(text)
        if found is None or goal is None:
            return "<action>noop(1)</action>"
        past = text[found.end() :].partition("Already done")[2].strip().split("\n")
        failed = [line for line in past if line.startswith("- ")][-1:]
        error = failed[0].partition(" -> failed: ")[2] if failed else ""
        observation: Observation = {
            "goal": goal[1], "page": found["page"], "url": found["url"], "title": found["title"], "last_action_error": error,
        }  # fmt: skip
        try:
            decision = self._oracle.act(observation)
        except _LOST:
            return "<action>noop(1)</action>"
        self._said = f"<reason>{decision.reason}</reason>\n<action>{decision.action}</action>"
        return self._said

    def skip(self, observation: Observation) -> None:
        """A step that was decided elsewhere, as its history tells it."""
        with suppress(*_LOST):
            self._oracle.act(observation)


class _Cloud:
    """The large agent, with what is sent and shown kept for counting."""

    def __init__(self, agent: LargeAgent, brain: _Brain | None) -> None:
        self.name, self.model = agent.name, agent.model
        self._agent, self._brain = agent, brain
        self.shown: Observation | None = None

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        self._agent.reset(goal, seed=seed)
        if self._brain is not None:
            self._brain.reset()

    def observe(self, observation: Observation) -> None:
        self._agent.observe(observation)
        if self._brain is not None:
            self._brain.skip(observation)

    def retell(self, rewrite: Callable[[str], str]) -> None:
        self._agent.retell(rewrite)

    def act(self, observation: Observation) -> Decision:
        try:
            decision = self._agent.act(observation)
        except PrivacyError:
            if self._brain is not None:
                self._brain.skip(observation)
            raise
        self.shown = observation
        return decision


class ScriptedSmall:
    """The scripted model on this machine: an oracle that slips."""

    name = "scripted-small"

    def __init__(self, slip: float = SLIP) -> None:
        self._oracle, self._slip = OracleAgent(), slip
        self._random = random.Random(0)

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        self._oracle.reset(goal)
        self._random = random.Random(f"{goal} {seed}")

    def observe(self, observation: Observation) -> None:
        self._random.random()
        self._oracle.act(observation)

    def act(self, observation: Observation) -> Decision:
        slips = self._random.random() < self._slip
        decision = self._oracle.act(observation)
        there = [e for e in elements(observation["page"]).values() if e.role in ("link", "button")]
        if slips and there:
            action = f'click("{self._random.choice(there).bid}")'
            return Decision(action=action, reason="This looks right.", source=self.name)
        return Decision(action=decision.action, reason=decision.reason, source=self.name)


def play(
    env: WebEnv,
    mode: str,
    task: str,
    seed: int,
    *,
    vocabulary: PublicVocabulary,
    threshold: float | None = None,
    router: Router | None = None,
    large: tuple[str, str] | None = None,
    make_small: Callable[[], Any] = ScriptedSmall,
    max_steps: int = 40,
    page_tokens: int = 2000,
) -> Played:
    """Play one episode.

    Args:
        env: any pocket environment; it is reset to the task.
        mode: of the hybrid agent.
        task: `pocket.SITE.TEMPLATE`.
        seed: of the instance.
        vocabulary: what is public on the sites.
        threshold: the router's, in mode `learned`.
        router: what it has learned so far; goes on learning.
        large: name and address of a real model; None: the scripted one.
        make_small: makes the local agent.
        max_steps: after so many the episode is truncated.
        page_tokens: what a page may take of a real large model's prompt.
    """
    entries = manifest(task.removeprefix("pocket."), seed)
    brain = _Brain() if large is None else None
    with Recorder(brain.answer if brain else None, large[1] if large else None) as recorder:
        guard = EgressGuard() if mode in ("guarded", "delegate", "oracle", "learned") else None
        name = large[0] if large else "oracle"
        model = OpenAIModel(name, base_url=recorder.url, guard=guard, max_retries=0, timeout_s=300, prices={name: _PRICE})
        cloud = _Cloud(_large(model, None if brain is not None else page_tokens), brain)
        if router is not None and threshold is not None:
            router.threshold = threshold
        agent = HybridAgent(
            cloud,
            make_small(),
            mode=mode,
            detectors=DetectorStack(vocabulary=vocabulary, timeout_s=30),
            declared=[(e.kind, e.value) for e, _ in entries] if mode == "oracle" else (),
            origins=ORIGINS,
            side_effects={"leave": "deny"},
            router=router,
            price_usd=0.002,
        )
        try:
            return _episode(env, agent, cloud, recorder, entries, mode, task, seed, max_steps)
        finally:
            model.close()


def _large(model: OpenAIModel, page_tokens: int | None) -> LargeAgent:
    """The agent in the cloud; for the scripted model (None), which reads pages as they are, whole, and writes tagged text."""
    if page_tokens is None:
        return LargeAgent(model, prompt="private_v3", verbs=PRIVATE_VERBS, schema=False, pruned=False, page_tokens=10**6)
    return LargeAgent(model, prompt="private_v3", verbs=PRIVATE_VERBS, candidates=1, page_tokens=page_tokens)


def _episode(
    env: WebEnv,
    agent: HybridAgent,
    cloud: _Cloud,
    recorder: Recorder,
    entries: Sequence[tuple[Private, bool]],
    mode: str,
    task: str,
    seed: int,
    max_steps: int,
) -> Played:
    observation, _ = env.reset(seed=seed, options={"task": task})
    agent.reset(observation["goal"], seed=seed)
    counts = dict.fromkeys(("steps", "cloud_steps", "affordances", "affordances_kept", "tokens"), 0)
    shown: set[str] = set()
    sent: set[str] = set()
    cost, seconds, outcome = 0.0, 0.0, "truncated"
    for _ in range(max_steps):
        here = {e.value for e, _ in entries if _is_shown(e, observation)}
        shown |= here
        before, cloud.shown = len(recorder.bodies), None
        started = perf_counter()
        decision = agent.act(observation)
        seconds += perf_counter() - started
        sent |= _sent(recorder.bodies[before:], shown)
        counts["steps"] += 1
        in_cloud = decision.extra["privacy"]["route"].startswith("CLOUD")
        counts["cloud_steps"] += in_cloud
        counts["tokens"] += decision.usage.prompt_tokens
        cost += decision.usage.cost_usd if mode != "small" else 0.0
        if cloud.shown is not None:
            whole, kept = _affordances(observation["page"], cloud.shown["page"], here)
            counts["affordances"] += whole
            counts["affordances_kept"] += kept
        try:
            observation, _, terminated, truncated, info = env.step(decision.action)
        except InfrastructureError as error:
            outcome = f"invalid({error.kind})"
            break
        if terminated or truncated:
            outcome = info.get("outcome", "truncated")
            break
    needed = {e.value for e, necessary in entries if necessary}
    return Played(
        mode=mode,
        task=task,
        seed=seed,
        outcome=outcome,
        stopped=agent.guard.stopped,
        private_shown=len(shown - needed),
        private_sent=len(sent - needed),
        needed_sent=len(sent & needed),
        cost_usd=cost,
        act_s=round(seconds, 3),
        steps=counts["steps"],
        cloud_steps=counts["cloud_steps"],
        affordances=counts["affordances"],
        affordances_kept=counts["affordances_kept"],
        tokens=counts["tokens"],
    )


def _is_shown(entry: Private, observation: Observation) -> bool:
    """Whether a page shows a private value where the manifest calls it private."""
    texts = observation["page"] + observation["title"]
    return entry.value in texts and any(fnmatchcase(observation["url"], page) for page in entry.pages)


def _sent(bodies: Sequence[bytes], values: set[str]) -> set[str]:
    texts = []
    for body in bodies:
        texts.append(body.decode())
        texts += [str(message["content"]) for message in json.loads(body).get("messages", [])]
    everything = "\x00".join(texts)
    return {value for value in values if value in everything or json.dumps(value)[1:-1] in everything}


def _affordances(page: str, view: str, private: set[str]) -> tuple[int, int]:
    """Elements without anything private, and how many of them are the same in the view."""
    there, shown = elements(page), elements(view)
    public = [e for e in there.values() if not any(value in e.line for value in private)]
    return len(public), sum(e.bid in shown and shown[e.bid].line == e.line for e in public)
