"""Learning from a teacher's distributions on tiny models: what is trained comes nearer to the teacher."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from symbiotic_gym.agents.chat import encode_prompt
from symbiotic_gym.agents.local import LocalModel, OpenWeights
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.store import read_json
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.preference_tuning import PreferenceConfig
from symbiotic_gym.trainers.scoring import answer_tokens, sequence_logprob
from symbiotic_gym.trainers.skd import distillation_loss, speculate
from symbiotic_gym.trainers.teacher_tuning import DraftsConfig, FusionConfig, tune_on_drafts, tune_on_fusion
from tests.tiny import tiny_model

PAGE = '[1] textbox "Name"\n[2] button "OK"'
EXAMPLES = [
    Example(task="t", goal=f"Press {i}", observation={"page": PAGE}, history=(), action='click("2")', reason="because")
    for i in range(6)
]
OFTEN = DraftsConfig(epochs=10, batch_size=2, learning_rate=5e-3, k=1, max_tokens=12)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def learnt(base: Path, out: Path, epochs: int, learning_rate: float) -> Path:
    config = DistillerConfig(batch_size=2, micro_batch_size=2, epochs=epochs, dtype="float32", device="cpu", lambda_reason=0.0)
    config = replace(config, learning_rate=learning_rate)
    return Path(distill(config, EXAMPLES, out, base_model=base).adapter)


@pytest.fixture(scope="module")
def student(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learnt(base, tmp_path_factory.mktemp("student"), 1, 1e-4)


@pytest.fixture(scope="module")
def teacher(base: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenWeights:
    adapter = learnt(base, tmp_path_factory.mktemp("teacher"), 12, 1e-2)
    return LocalModel(base, adapter=adapter, dtype="float32", device="cpu").open()


def opened(base: Path, adapter: Path) -> OpenWeights:
    return LocalModel(base, adapter=adapter, dtype="float32", device="cpu").open()


def apart(weights: OpenWeights, teacher: OpenWeights) -> float:
    """The mean divergence from the teacher on the recorded action."""
    with torch.no_grad():
        return sum(
            distillation_loss(
                weights.model,
                teacher.model,
                encode_prompt(weights.tokenizer, example.messages("action")),
                answer_tokens(weights.tokenizer, example.action),
            ).item()
            for example in EXAMPLES
        ) / len(EXAMPLES)


def test_drafts_bring_the_student_to_the_teacher(base: Path, student: Path, teacher: OpenWeights, tmp_path: Path) -> None:
    before = (student / "adapter_model.safetensors").read_bytes()
    steps: list[tuple[int, int]] = []
    result = tune_on_drafts(
        OFTEN,
        EXAMPLES,
        tmp_path,
        base_model=base,
        adapter=student,
        teacher=teacher,
        device="cpu",
        on_step=lambda step, all_steps, loss: steps.append((step, all_steps)),
    )
    assert steps == [(i + 1, 30) for i in range(30)]
    assert (result.steps, len(result.losses), len(result.acceptance)) == (30, 30, 30)
    assert sum(result.losses[-5:]) < sum(result.losses[:5]) / 2
    assert sum(result.acceptance[-5:]) > sum(result.acceptance[:5])
    assert all(0 <= share <= 1 for share in result.acceptance)
    assert apart(opened(base, tmp_path / "adapter"), teacher) < apart(opened(base, student), teacher) / 2
    assert (student / "adapter_model.safetensors").read_bytes() == before
    assert read_json(tmp_path / "tuning.json")["steps"] == 30


def test_fused_teachers_teach_what_the_better_one_knows(
    base: Path, student: Path, teacher: OpenWeights, tmp_path: Path
) -> None:
    """The record says one thing, the teacher that explains it best another: the student comes to say what the teacher would."""
    otherwise = [replace(example, action='click("1")') for example in EXAMPLES]
    knows_nothing = LocalModel(tiny_model(tmp_path / "other", seed=3), dtype="float32", device="cpu").open()
    config = FusionConfig(epochs=10, batch_size=2, learning_rate=5e-3, gold_share=0.0)
    result = tune_on_fusion(
        config, otherwise, tmp_path / "out", base_model=base, adapter=student, teachers=[knows_nothing, teacher], device="cpu"
    )
    assert result.asked == (0, 6)
    assert sum(result.losses[-5:]) < sum(result.losses[:5])
    weights = opened(base, tmp_path / "out" / "adapter")
    prompt = encode_prompt(weights.tokenizer, EXAMPLES[0].messages("action"))
    with torch.no_grad():
        said, recorded = (
            sequence_logprob(weights.model, prompt, answer_tokens(weights.tokenizer, action)).item()
            for action in ('click("2")', 'click("1")')
        )
    assert said > recorded


def test_what_cannot_be_learnt_from_is_refused(base: Path, student: Path, teacher: OpenWeights, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no examples"):
        tune_on_drafts(OFTEN, [], tmp_path, base_model=base, adapter=student, teacher=teacher, device="cpu")
    with pytest.raises(ConfigError, match="no teachers"):
        tune_on_fusion(FusionConfig(), EXAMPLES, tmp_path, base_model=base, adapter=student, teachers=[], device="cpu")
    foreign = LocalModel(tiny_model(tmp_path / "foreign"), dtype="float32", device="cpu").open()
    foreign.tokenizer.add_tokens(["another"])
    with pytest.raises(ConfigError, match="different vocabularies"):
        tune_on_drafts(OFTEN, EXAMPLES, tmp_path, base_model=base, adapter=student, teacher=foreign, device="cpu")


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (DraftsConfig, {"learning_rate": 0.0}),
        (DraftsConfig, {"gamma": 0}),
        (DraftsConfig, {"k": 0}),
        (DraftsConfig, {"max_tokens": 0}),
        (FusionConfig, {"gold_share": 1.5}),
        (FusionConfig, {"epochs": 0}),
        (PreferenceConfig, {"beta": -1.0}),
        (PreferenceConfig, {"anchor": -1.0}),
        (PreferenceConfig, {"max_tokens": 0}),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(kind: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        kind(**wrong)


def test_vocabularies_padded_to_other_widths_are_compared_where_both_have_tokens(
    base: Path, teacher: OpenWeights, tmp_path: Path
) -> None:
    weights = LocalModel(tiny_model(tmp_path), dtype="float32", device="cpu").open()
    prompt = encode_prompt(weights.tokenizer, EXAMPLES[0].messages("action"))
    answer = answer_tokens(weights.tokenizer, EXAMPLES[0].action)
    same = distillation_loss(weights.model, teacher.model, prompt, answer).item()
    weights.model.resize_token_embeddings(len(weights.tokenizer) + 24)
    assert distillation_loss(weights.model, teacher.model, prompt, answer).item() == pytest.approx(same, rel=1e-4)
    drafted = speculate(weights, teacher, prompt, k=1, max_tokens=6, student_sampling=Sampling(temperature=5.0))
    assert max(drafted.tokens) < len(weights.tokenizer)
