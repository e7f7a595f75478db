"""What an open-weight teacher knows beyond its action: its distribution over each next token, learnt by an adapter.

`tune_on_drafts` is token-level speculative distillation (`skd.py`): student and teacher write each answer together, and the
student is drawn to the teacher on what they wrote. `tune_on_fusion` is FuseLLM's (`fusion.py`): several teachers, whose
tokenizers may be others, and the recorded answers.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from symbiotic_gym.agents.chat import encode_prompt
from symbiotic_gym.agents.local import OpenWeights
from symbiotic_gym.agents.small import PAGE_BUDGET
from symbiotic_gym.agents.weights import check_model, pick_device, require_train
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.trainers.adapter_tuning import TuningConfig, open_adapter, save_adapter, tune
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.scoring import answer_logits, answer_tokens

if TYPE_CHECKING:
    import torch

__all__ = ["DraftsConfig", "DraftsResult", "FusionConfig", "FusionResult", "tune_on_drafts", "tune_on_fusion"]


@dataclass(frozen=True, kw_only=True)
class DraftsConfig(TuningConfig):
    """How to tune on drafts. Answers go through the model one by one; a larger micro-batch only takes more memory."""

    micro_batch_size: int = 1
    page_budget: int = PAGE_BUDGET
    """Characters of page text in a prompt; the one of the agent that will use the model."""
    gamma: int = 5
    """Tokens drafted before the teacher reads them."""
    k: int = 25
    """How many of the teacher's likeliest tokens stand."""
    max_tokens: int = 64
    """Of an answer."""

    _counts = ("page_budget", "gamma", "k", "max_tokens")


@dataclass(frozen=True, kw_only=True)
class DraftsResult:
    """What came of it; `tuning.json` holds it."""

    examples: int
    steps: int
    losses: tuple[float, ...]
    """Mean loss of each optimizer step, in nats per token."""
    acceptance: tuple[float, ...]
    """Share of each optimizer step's tokens that were the student's, in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class FusionConfig(TuningConfig):
    """How to tune on fused teachers. Answers go through the model one by one; a larger micro-batch only takes more memory."""

    micro_batch_size: int = 1
    page_budget: int = PAGE_BUDGET
    """Characters of page text in a prompt; the one of the agent that will use the model."""
    gold_share: float = 0.9
    """Weight of the recorded answer beside the fused targets, in [0, 1]."""

    _counts = ("page_budget",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("gold_share", 0 <= self.gold_share <= 1, "a share from 0 to 1")


@dataclass(frozen=True, kw_only=True)
class FusionResult:
    """What came of it; `tuning.json` holds it."""

    examples: int
    steps: int
    losses: tuple[float, ...]
    """Mean loss of each optimizer step, in nats per token."""
    asked: tuple[int, ...]
    """For how many examples each teacher explained the answer best."""


def tune_on_drafts(
    config: DraftsConfig,
    examples: Sequence[Example],
    out: Path,
    *,
    base_model: str | Path,
    adapter: Path,
    teacher: OpenWeights,
    device: str = "auto",
    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> DraftsResult:
    """Go on training an adapter on what it writes together with a teacher (SKD, arXiv 2410.11325).

    Args:
        config: how.
        examples: the states to write an action in, from `examples_from`; what was recorded there is not looked at.
        out: a folder; `out/adapter` appears when it is done.
        base_model: a Hugging Face folder or hub id.
        adapter: the student's, to begin with; left as it is.
        teacher: a model of the same vocabulary, from `LocalModel.open`.
        device: `auto`, or a torch device; the student's.
        on_step: called after each optimizer step with its number, the number of all steps, and the mean loss.

    Raises:
        ConfigError: there are no examples; student and teacher have different vocabularies.
        UnknownNameError: there is no such model or adapter.
    """
    from symbiotic_gym.trainers.skd import check_pair, distillation_loss, speculate

    student = _student(examples, base_model, adapter, device, config.seed)
    check_pair(student, teacher)
    prompts = _prompts(student, examples, config.page_budget)
    drafts: list[tuple[int, int]] = []
    drawn = 0

    def loss(chunk: Sequence[int]) -> "torch.Tensor":
        import torch

        nonlocal drawn
        values = []
        for i in chunk:
            student.model.eval()
            drawn += 1
            draft = speculate(
                student,
                teacher,
                prompts[i],
                gamma=config.gamma,
                k=config.k,
                max_tokens=config.max_tokens,
                seed=config.seed * 1_000_003 + drawn,
            )
            student.model.train()
            drafts.append((len(draft.tokens) - sum(draft.replaced), len(draft.tokens)))
            values.append(distillation_loss(student.model, teacher.model, prompts[i], draft.tokens))
        return torch.stack(values)

    acceptance: list[float] = []

    def stepped(step: int, steps: int, mean: float) -> None:
        acceptance.append(sum(own for own, _ in drafts) / sum(n for _, n in drafts))
        drafts.clear()
        on_step(step, steps, mean)

    losses = tune(student.model, [len(prompt) for prompt in prompts], loss, config, stepped)
    result = DraftsResult(examples=len(examples), steps=len(losses), losses=tuple(losses), acceptance=tuple(acceptance))
    save_adapter(student.model, out, asdict(result))
    return result


def tune_on_fusion(
    config: FusionConfig,
    examples: Sequence[Example],
    out: Path,
    *,
    base_model: str | Path,
    adapter: Path,
    teachers: Sequence[OpenWeights],
    device: str = "auto",
    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> FusionResult:
    """Go on training an adapter on recorded actions and on the distributions of the teacher that explains each best.

    Args:
        config: how.
        examples: verified steps, from `examples_from`.
        out: a folder; `out/adapter` appears when it is done.
        base_model: a Hugging Face folder or hub id.
        adapter: the student's, to begin with; left as it is.
        teachers: one or more, from `LocalModel.open`.
        device: `auto`, or a torch device; the student's.
        on_step: called after each optimizer step with its number, the number of all steps, and the mean loss.

    Raises:
        ConfigError: there are no examples, or no teachers.
        UnknownNameError: there is no such model or adapter.

    Source: FuseLLM, arXiv 2401.10491.
    """
    from symbiotic_gym.trainers.fusion import fused_targets, fusion_loss, vocabulary_map

    if not teachers:
        raise ConfigError(explain("no teachers", "one or more", "there is nothing to fuse", "open some with LocalModel.open"))
    student = _student(examples, base_model, adapter, device, config.seed)
    prompts = _prompts(student, examples, config.page_budget)
    mappings = [vocabulary_map(teacher.tokenizer, student.tokenizer) for teacher in teachers]
    asked: dict[int, int] = {}

    def loss(chunk: Sequence[int]) -> "torch.Tensor":
        import torch

        values = []
        for i in chunk:
            gold = answer_tokens(student.tokenizer, examples[i].action)
            student_NV = answer_logits(student.model, prompts[i], gold)
            messages = examples[i].messages("action", page_budget=config.page_budget)
            targets_NV, best = fused_targets(
                student.tokenizer, student_NV.shape[-1], teachers, mappings, messages, examples[i].action
            )
            asked[i] = best
            gold_N = torch.tensor(gold, device=student_NV.device)
            values.append(fusion_loss(student_NV, targets_NV.to(student_NV.device), gold_N, gold_share=config.gold_share))
        return torch.stack(values)

    losses = tune(student.model, [len(prompt) for prompt in prompts], loss, config, on_step)
    chosen = Counter(asked.values())
    found = tuple(chosen[i] for i in range(len(teachers)))
    result = FusionResult(examples=len(examples), steps=len(losses), losses=tuple(losses), asked=found)
    save_adapter(student.model, out, asdict(result))
    return result


def _student(examples: Sequence[Example], base_model: str | Path, adapter: Path, device: str, seed: int) -> OpenWeights:
    """The student, open for training."""
    require_train()
    from transformers import set_seed

    from symbiotic_gym.agents.chat import end_token, load_tokenizer

    if not examples:
        raise ConfigError(
            explain("no examples", "one or more", "there is nothing to learn from", "play more episodes with the teacher")
        )
    set_seed(seed)
    base = check_model(base_model)
    tokenizer = load_tokenizer(base)
    model = open_adapter(base, adapter, pick_device(device), packed=False)
    return OpenWeights(model=model, tokenizer=tokenizer, ends=(end_token(tokenizer),))


def _prompts(student: OpenWeights, examples: Sequence[Example], page_budget: int) -> list[list[int]]:
    return [list(encode_prompt(student.tokenizer, example.messages("action", page_budget=page_budget))) for example in examples]
