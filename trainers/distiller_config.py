"""How to distil, and what came of it: the two values around `distill`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal

from symbiotic_gym.agents.small import PAGE_BUDGET
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.trainers.further import FURTHER

__all__ = ["LORA_TARGETS", "DistillResult", "DistillerConfig", "bad_value"]

_LAST_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class DistillerConfig:
    """How to train. Goes through JSON with `symbiotic_gym.types.to_json` and `from_json`.

    Raises:
        ConfigError: a value cannot be used.
    """

    epochs: int = 1
    batch_size: int = 8
    """Rows per optimizer step and process. With several processes the last step repeats rows where they do not divide."""
    micro_batch_size: int = 8
    """Rows that go through the model at once; divides `batch_size`. Fewer take less memory and give the same gradients."""
    learning_rate: float = 5e-4
    schedule: Literal["cosine", "linear"] = "cosine"
    """How the learning rate falls to 0 after the warm-up."""
    warmup: float = 0.05
    """Share of all steps, in [0, 1], over which the learning rate rises."""
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    adapter: Literal["lora", "qlora", "none"] = "lora"
    """What is trained: an adapter beside frozen weights; one beside weights in four bits, on a GPU with bitsandbytes; all
    weights, for which a learning rate of 1e-5 to 5e-5 is usual."""
    lora_r: int = 32
    """Rank of the adapter; one that is continued keeps its own."""
    lora_alpha: int = 64
    lora_dropout: float = 0.0
    """In [0, 1)."""
    lora_targets: Literal["all-linear", "attention"] = "all-linear"
    lambda_reason: float = 0.5
    """Weight of the reason's loss beside the action's; 0 leaves the reasons out."""
    lambda_further: Mapping[str, float] = field(default_factory=dict)
    """Weights of further tasks, by name (`further.FURTHER`: summary, highlight, next_state, value); others are left out."""
    max_tokens: int = 1024
    """Longest row: a prompt and both targets. Page text beyond it is cut, and counted."""
    page_budget: int = PAGE_BUDGET
    """Characters of page text in a prompt; the one of the agent that will use the model."""
    gradient_checkpointing: bool = False
    """Less memory for a third more time."""
    padding_free: bool = False
    """Put the rows of a micro-batch one after another into a single one. The same losses; what padding would take is saved, but
    for attention, at the price of a copy of queries, keys and values in each layer."""
    save_steps: int = 50
    """Optimizer steps between checkpoints."""
    seed: int = 0
    device: str = "auto"
    dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    """Of frozen weights and of the products."""

    def __post_init__(self) -> None:
        for name in (
            "epochs",
            "batch_size",
            "micro_batch_size",
            "lora_r",
            "lora_alpha",
            "max_tokens",
            "page_budget",
            "save_steps",
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise bad_value(name, value, "a whole number, 1 or more")
        for name, fits, expected in (
            ("learning_rate", 0 < self.learning_rate < inf, "more than 0, and finite"),
            ("max_grad_norm", 0 < self.max_grad_norm < inf, "more than 0, and finite"),
            ("weight_decay", 0 <= self.weight_decay < inf, "0 or more, and finite"),
            ("lambda_reason", 0 <= self.lambda_reason < inf, "0 or more, and finite"),
            ("warmup", 0 <= self.warmup <= 1, "a share from 0 to 1"),
            ("lora_dropout", 0 <= self.lora_dropout < 1, "from 0 to below 1"),
            ("schedule", self.schedule in ("cosine", "linear"), "'cosine' or 'linear'"),
            ("adapter", self.adapter in ("lora", "qlora", "none"), "'lora', 'qlora' or 'none'"),
            ("lora_targets", self.lora_targets in LORA_TARGETS, "'all-linear' or 'attention'"),
            ("dtype", self.dtype in ("auto", "bfloat16", "float32"), "'auto', 'bfloat16' or 'float32'"),
            ("micro_batch_size", self.batch_size % self.micro_batch_size == 0, f"a divisor of batch_size, {self.batch_size}"),
            ("lambda_further", not set(self.lambda_further) - set(FURTHER), f"weights of {', '.join(FURTHER)}"),
            ("lambda_further", all(0 <= w < inf for w in self.lambda_further.values()), "weights of 0 or more, and finite"),
        ):
            if not fits:
                raise bad_value(name, getattr(self, name), expected)

    @property
    def tasks(self) -> tuple[str, ...]:
        """What is trained on."""
        return (
            "action",
            *(["reason"] if self.lambda_reason else []),
            *(t for t, weight in self.lambda_further.items() if weight),
        )


LORA_TARGETS: Mapping[str, str | list[str]] = {
    "all-linear": "all-linear",
    "attention": ["q_proj", "k_proj", "v_proj", "o_proj"],
}


def bad_value(name: str, value: Any, expected: str) -> ConfigError:
    """What is raised for a setting of a training that cannot be used."""
    return ConfigError(explain(f"{name} = {value!r}", expected, "the training would fail or mean nothing", f"correct {name}"))


@dataclass(frozen=True, kw_only=True)
class DistillResult:
    """What came of a training; `training.json` holds it."""

    adapter: str
    """The folder of the LoRA adapter; empty where all weights were trained."""
    examples: int
    truncated: int
    """Examples that lost page text to fit into `max_tokens`."""
    steps: int
    tokens: int
    """Real tokens trained on, over all epochs, prompts included."""
    targets: Mapping[str, int]
    """Target tokens per task, in one epoch."""
    losses: Sequence[Mapping[str, float]] = field(repr=False)
    """Per step: `step`, `action`, `reason`, those of further tasks, `learning_rate`."""
    seconds: float
    """Wall-clock, of the call that finished the training."""
    model: str = ""
    """The folder of the model, where all weights were trained: safetensors, config and tokenizer, as any program loads them."""

    @property
    def loss_action(self) -> float:
        """Mean over the last steps."""
        return self._last("action")

    @property
    def loss_reason(self) -> float:
        """Mean over the last steps; 0 without reasons."""
        return self._last("reason")

    def _last(self, task: str) -> float:
        values = [row[task] for row in self.losses[-_LAST_STEPS:]]
        return sum(values) / len(values)

    def summary(self) -> dict[str, Any]:
        """The figures for a table: nothing in it depends on the machine's speed."""
        return {
            "examples": self.examples,
            "truncated": self.truncated,
            "steps": self.steps,
            "tokens": self.tokens,
            "loss_action": round(self.loss_action, 4),
            "loss_reason": round(self.loss_reason, 4),
        }
