"""What a symbiosis run is made of: a frozen, printable config, read from TOML and checked before any work starts."""

from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from symbiotic_gym.suites import check_task
from symbiotic_gym.trainers.config_files import build, distiller_config, read_toml, unusable
from symbiotic_gym.trainers.distiller_config import DistillerConfig

__all__ = ["DEFAULT_CONFIG", "SymbiosisConfig", "load_config"]

DEFAULT_CONFIG = resources.files("symbiotic_gym.trainers").joinpath("symbiosis.toml")
"""What `make run` runs."""


@dataclass(frozen=True, kw_only=True)
class SymbiosisConfig:
    """One run of the symbiotic loop (AgentSymbiotic, arXiv 2502.07942, section 3).

    Episode counts are per task; each phase of each iteration plays instances that no other phase plays.

    Raises:
        ConfigError: a value cannot be used.
        UnknownNameError: there is no such task.
    """

    tasks: tuple[str, ...]
    """Task ids, `miniwob.click-test`."""
    iterations: int = 2
    small: str = "smollm2-135m-instruct"
    """A known model's name (`symbiotic-gym models`), a Hugging Face id or a folder."""
    large: str = "scripted"
    """`scripted`, or `openai:MODEL[@BASE_URL]` for any OpenAI-compatible endpoint."""
    seed: int = 0
    explore_large: int = 8
    """Episodes per task and iteration that the large model plays, with retrieval."""
    synthesize: int = 8
    """Episodes per task and iteration of speculative data synthesis."""
    explore_small: int = 4
    """Episodes per task and iteration that the distilled small model plays, sampled."""
    evaluate: int = 10
    """Held-out episodes per task, the same ones for every model and iteration."""
    max_steps: int = 10
    max_refused: int = 2
    """An episode is given up after so many refused actions in a row."""
    max_action_tokens: int = 32
    """The small model's answer is cut there; the longest action the tasks need must fit."""
    environments: int = 8
    """Browsers at once; also the small model's batch."""
    constrained: bool = False
    """Whether the small model can answer only with actions that its page allows (`agents.action_grammar`)."""
    temperature: float = 0.7
    """The small model's, when it explores and proposes; it is evaluated greedily."""
    replay: float = 1.0
    """From the second iteration on: examples of earlier iterations trained on again, per new example."""
    mistakes: float = 0.0
    """The scripted teacher's rate of wrong actions, in [0, 1]."""
    retrieval: Literal["instance", "template"] = "template"
    """What retrieval must not return in evaluation: steps of the same task instance, or of any of the same template."""
    train: DistillerConfig = field(default_factory=DistillerConfig)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tasks", tuple(check_task(task) for task in self.tasks))
        if len(set(self.tasks)) != len(self.tasks) or not self.tasks:
            raise unusable(
                "tasks", list(self.tasks), "at least one task, each once", "episodes are told apart by task and seed"
            )
        for name, least in _COUNTS.items():
            value = getattr(self, name)
            most = MOST_ITERATIONS if name == "iterations" else SEEDS_PER_PHASE - 1
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise unusable(name, value, f"a whole number from {least} to {most}", "phases and runs must not share seeds")
        if self.explore_large + self.synthesize == 0:
            raise unusable(
                "explore_large and synthesize", 0, "at least one of them above 0", "there would be nothing to train on"
            )
        if not 0 <= self.seed < 200:
            raise unusable("seed", self.seed, "a whole number from 0 to 199", "every phase takes a range of seeds below 2**32")
        for name in ("mistakes", "temperature", "replay"):
            if not 0 <= getattr(self, name) <= _MOST[name]:
                raise unusable(name, getattr(self, name), f"a number from 0 to {_MOST[name]:g}", "anything else has no meaning")
        if self.retrieval not in ("instance", "template"):
            raise unusable(
                "retrieval", self.retrieval, "'instance' or 'template'", "it decides what the evaluation may have seen"
            )
        if self.train.adapter == "none":
            raise unusable(
                "train.adapter", "none", "'lora' or 'qlora'", "iterations take turns on one base model with adapters"
            )

    def seeds(self, phase: str, iteration: int = 0) -> range:
        """The seeds of a phase: ranges that never overlap. `evaluate` is meant to be asked for one range for all iterations."""
        start = self.seed * 20_000_000 + (_PHASES.index(phase) + len(_PHASES) * iteration) * SEEDS_PER_PHASE
        return range(start, start + getattr(self, phase))

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        return data | {"tasks": list(self.tasks)}


SEEDS_PER_PHASE = 10_000
MOST_ITERATIONS = 499
_PHASES = ("evaluate", "explore_large", "synthesize", "explore_small")
_COUNTS = {
    "iterations": 1,
    "explore_large": 0,
    "synthesize": 0,
    "explore_small": 0,
    "evaluate": 1,
    "max_steps": 1,
    "max_refused": 1,
    "max_action_tokens": 1,
    "environments": 1,
}
_MOST = {"mistakes": 1.0, "temperature": 5.0, "replay": 100.0}


def load_config(path: Path | None = None, **overrides: Any) -> SymbiosisConfig:
    """Read a TOML config.

    Args:
        path: the file; None reads the default that `make run` uses.
        overrides: values that replace the file's; None leaves the file's.

    Raises:
        ConfigError: the file is missing or not TOML, has an unknown key (the nearest are named), or a value is of the wrong
        type. UnknownNameError: there is no such task.
    """
    data = read_toml(path or DEFAULT_CONFIG, start=f"start from a copy of {DEFAULT_CONFIG}")
    data |= {key: value for key, value in overrides.items() if value is not None}
    train = distiller_config(data.pop("train", {}))
    config: SymbiosisConfig = build(SymbiosisConfig, data)
    return replace(config, train=train)
