"""Playing one check of a template in a browser: its oracle, the null agent, or one of its near misses."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.instances import draw
from symbiotic_gym.pocket.oracle import OracleAgent, PlayAgent
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.template import Params, Play, Player

if TYPE_CHECKING:
    from symbiotic_gym.browser.session import Session

__all__ = ["Check", "Trial", "checks", "play"]

MAX_STEPS = 80


@dataclass(frozen=True)
class Check:
    """One episode to play."""

    template: str
    seed: int
    kind: str
    """`oracle`, `null`, or the name of a near miss."""

    @property
    def expected(self) -> float:
        """What it must be worth."""
        return float(self.kind == "oracle")


@dataclass(frozen=True)
class Trial:
    """How a check came out."""

    check: Check
    reward: float
    ended: bool
    """Whether the play came to its end: one that lost its way proves nothing, whatever it is worth."""
    verdict: str
    """What the judge found wrong, or where the play was lost."""
    refused: int
    """Actions the browser refused on the way."""
    steps: int
    reset_s: float
    play_s: float

    @property
    def right(self) -> bool:
        return self.ended and self.reward == self.check.expected


def checks(names: Sequence[str], seeds: Sequence[int]) -> Iterator[Check]:
    """All that shows whether these templates are sound; seed by seed, so that a run cut short has seen every template."""
    for seed in seeds:
        for name in names:
            drawn = draw(name, seed)
            for kind in ("oracle", "null", *drawn.template.misses(drawn.instance)):
                yield Check(name, seed, kind)


def play(session: "Session", check: Check, theme: str = "daylight") -> Trial:
    """Play it to its end."""
    started = time.perf_counter()
    first = session.reset(f"pocket.{check.template}", check.seed, {"theme": theme})
    ready = time.perf_counter()
    texts = {"goal": first["goal"], "last_action": "", "last_action_error": "", **first["observation"]}
    agent = _agent(check)
    agent.reset(first["goal"])
    steps, refused, ended, reward, lost = 0, 0, False, 0.0, ""
    while not ended and steps < MAX_STEPS and not lost:
        decision = agent.act(texts)  # type: ignore[arg-type] # the same texts, as a plain dict
        lost = decision.reason if decision.action == "noop(1)" else ""
        answer = session.step(decision.action)
        texts |= answer["observation"] | {"last_action": decision.action, "last_action_error": answer["error"]}
        ended, reward, steps = answer["done"], answer["reward"], steps + 1
        refused += bool(answer["error"])
    verdict = lost or session.task.verdict
    return Trial(check, reward, ended, verdict, refused, steps, ready - started, time.perf_counter() - ready)


def _agent(check: Check) -> PlayAgent:
    if check.kind == "oracle":
        return OracleAgent()
    drawn = draw(check.template, check.seed)
    player: Player = _nothing if check.kind == "null" else drawn.template.misses(drawn.instance)[check.kind]
    return PlayAgent(lambda goal: (player, drawn.instance.params), check.kind)


def _nothing(page: Page, p: Params) -> Play:
    yield done("Nothing was done.")
