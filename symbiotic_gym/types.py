"""The plain data that travels between environments, agents, trainers and run folders.

Everything here is frozen, holds no live handle, and round-trips through JSON (`to_json`, `Trajectory.from_json`).
Environments know no agents and agents know no trainers: these types are all they share.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, TypeVar

from symbiotic_gym.errors import ConfigError, explain

__all__ = [
    "OBSERVATION_KEYS",
    "Acceptance",
    "Candidate",
    "Decision",
    "Observation",
    "Outcome",
    "Step",
    "Trajectory",
    "Usage",
    "from_json",
    "to_json",
]

OBSERVATION_KEYS = ("goal", "page", "url", "title", "tabs", "last_action", "last_action_error")


class Observation(TypedDict, total=False):
    """What a policy sees; the texts are always there, the rest only when the environment was made with them.

    `page` is pruned accessibility text, one element a line, `[bid]` before what can be acted on:
    `[12] textbox "Username" value="bob"`. A text that people cannot see ends in `hidden`.
    `tabs` has a line per tab, `*` before the active one.
    """

    goal: str
    page: str
    url: str
    title: str
    tabs: str
    last_action: str
    last_action_error: str
    screenshot: Any
    """uint8 array, (height, width, 3)."""
    axtree: str
    """BrowserGym's merged accessibility tree, as JSON text."""
    dom: str
    """The page's HTML."""
    extra: str
    """BrowserGym's extra element properties, as JSON text."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a decision cost. Adds up with `+`."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    """Wall-clock spent waiting for the model, in seconds."""
    cost_usd: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            requests=self.requests + other.requests,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            seconds=self.seconds + other.seconds,
            cost_usd=self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An action somebody proposes, and one sentence why."""

    action: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """Speculative synthesis at one step: what the student proposed, and what became of it."""

    accepted: bool
    why: str
    """Which rule matched the proposal to a candidate, or why none did."""
    proposal: Candidate
    verifier: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a policy answers to an observation."""

    action: str
    """Exactly one call in the action grammar, `click("12")`."""
    reason: str = ""
    candidates: tuple[Candidate, ...] = ()
    """All actions the policy calls good here, best first; `action` is the first of them when it gave any."""
    usage: Usage = Usage()
    source: str = ""
    """Which model or rule decided."""
    acceptance: Acceptance | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else should be on record (retrieved entries, raw answers): JSON values only."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an episode ended. Only `success`, `failure` and `truncated` are ever scored."""

    status: Literal["success", "failure", "truncated", "invalid"]
    kind: str = ""
    """For `invalid`: which part of the infrastructure failed; empty otherwise."""
    message: str = ""

    @property
    def scored(self) -> bool:
        """Whether the episode says anything about the policy."""
        return self.status != "invalid"

    def __str__(self) -> str:
        return f"{self.status}({self.kind})" if self.kind else self.status


@dataclass(frozen=True, kw_only=True)
class Step:
    """One observation, the decision it led to, and what came back."""

    observation: Mapping[str, str]
    """The observation's texts, without `goal`, which the trajectory holds once."""
    decision: Decision
    reward: float
    error: str = ""
    """The environment's complaint about this step's action; empty when it ran."""
    act_s: float = 0.0
    """Seconds the policy took."""
    step_s: float = 0.0
    """Seconds the environment took."""
    screenshot: str = ""
    """What was seen, when it was recorded: `SHA256.webp` of the run folder's `blobs/`."""
    box: tuple[float, float, float, float] | None = None
    """Where on that screenshot the element stood that was acted on: left, top, width, height in pixels."""


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """One episode, whole."""

    task: str
    seed: int
    goal: str
    agent: str
    steps: tuple[Step, ...]
    outcome: Outcome
    final: Mapping[str, str] = field(default_factory=dict)
    """The texts of the last observation, which no decision follows."""
    final_screenshot: str = ""
    """The picture of the last observation, named like a step's."""
    attempt: int = 0
    """How many invalid tries of the same episode came before."""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def reward(self) -> float:
        """The sum of the steps' rewards."""
        return sum(step.reward for step in self.steps)

    @property
    def success(self) -> bool:
        return self.outcome.status == "success"

    @property
    def usage(self) -> Usage:
        return sum((step.decision.usage for step in self.steps), Usage())

    @property
    def screenshots(self) -> frozenset[str]:
        """The names of its pictures."""
        return frozenset({step.screenshot for step in self.steps} | {self.final_screenshot}) - {""}


T = TypeVar("T")


_ADAPTERS: dict[type[Any], Any] = {}


def _adapter(kind: type[Any]) -> Any:
    if kind not in _ADAPTERS:
        from pydantic import TypeAdapter  # not at import time: it costs more than all of `import symbiotic_gym`

        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def to_json(value: Any) -> Any:
    """Turn one of this module's values into plain JSON data (dicts, lists, strings, numbers)."""
    return _adapter(type(value)).dump_python(value, mode="json")


def from_json(kind: type[T], data: Any) -> T:
    """Build a `kind` from plain JSON data.

    Raises:
        ConfigError: the data does not have the fields or types of `kind`.
    """
    from pydantic import ValidationError

    try:
        value: T = _adapter(kind).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top level"
        raise ConfigError(
            explain(
                f"this is no {kind.__name__}: at {where}: {first['msg']}",
                f"the fields of {kind.__module__}.{kind.__name__}",
                "a record that is read wrongly would train or score the wrong thing",
                "check which version wrote it; a file cut off in the middle can be repaired by running its run again",
            )
        ) from error
    return value
