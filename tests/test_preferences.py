"""Preference objectives: known values, the same numbers as separate sequences, and margins that move on a tiny model."""

from math import log
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from symbiotic_gym.agents.chat import encode_prompt, load_tokenizer
from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.agents.weights import load_base
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.trainers import preference_tuning
from symbiotic_gym.trainers.attention import register_attention
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.pairs import PreferencePair
from symbiotic_gym.trainers.preference_tuning import PreferenceConfig, tune_on_pairs
from symbiotic_gym.trainers.preferences import (
    EncodedPair,
    dpo_loss,
    encode_pair,
    kto_pair_loss,
    pair_logprobs,
    self_play_pairs,
)
from symbiotic_gym.trainers.scoring import answer_tokens, sequence_logprob
from symbiotic_gym.types import Candidate
from tests.tiny import tiny_model

PAGE = '[1] textbox "Name"\n[2] button "OK"'
PAIRS = [
    PreferencePair(
        task="t",
        seed=i,
        goal=f"Enter Ann{i}",
        observation={"page": PAGE},
        chosen=Candidate(action=f'fill("1", "Ann{i}")'),
        rejected=Candidate(action='click("2")'),
    )
    for i in range(3)
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def fresh(base: Path) -> Any:
    return load_base(str(base), device="cpu", dtype="float32", attention="sdpa")


def encoded(base: Path) -> list[EncodedPair]:
    tokenizer = load_tokenizer(str(base))
    return [encode_pair(tokenizer, pair, page_budget=6000) for pair in PAIRS]


def test_both_answers_of_a_pair_share_the_prompt_and_score_as_if_they_stood_alone(base: Path) -> None:
    model, pairs = fresh(base), encoded(base)
    chosen, rejected = pair_logprobs(model, pairs, 0)
    for i, pair in enumerate(pairs):
        assert chosen[i].item() == pytest.approx(sequence_logprob(model, pair.prompt, pair.chosen).item(), abs=1e-4)
        assert rejected[i].item() == pytest.approx(sequence_logprob(model, pair.prompt, pair.rejected).item(), abs=1e-4)
    (chosen.sum() - rejected.sum()).backward()
    packed = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    for pair in pairs:
        apart = sequence_logprob(model, pair.prompt, pair.chosen) - sequence_logprob(model, pair.prompt, pair.rejected)
        apart.backward()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(packed[name], weight.grad, atol=1e-3, rtol=1e-3)


def test_losses_known_by_hand() -> None:
    same = torch.tensor([-3.0, -8.0]), torch.tensor([-5.0, -2.0])
    assert dpo_loss(*same, *same).tolist() == pytest.approx([log(2)] * 2)
    assert dpo_loss(*same, *same, kind="hinge").tolist() == [1.0, 1.0]
    assert kto_pair_loss(*same, *same).tolist() == [0.5] * 4
    policy = torch.tensor([-1.0]), torch.tensor([-9.0])
    reference = torch.tensor([-3.0]), torch.tensor([-5.0])
    assert dpo_loss(*policy, *reference, beta=0.5).item() == pytest.approx(log(1 + torch.e ** -(0.5 * (8 - 2))))
    assert dpo_loss(*policy, *reference, beta=0.5, kind="hinge").item() == 0
    worse = dpo_loss(policy[1], policy[0], *reference, beta=0.5)
    assert worse.item() > log(2), "preferring the rejected one costs more than no preference"
    kto = kto_pair_loss(*policy, *reference, beta=0.5)
    assert kto.tolist() == pytest.approx([1 / (1 + torch.e**1), 1 / (1 + torch.e**3)])


def test_the_reference_gets_no_gradient() -> None:
    numbers = [torch.tensor([-1.0, -2.0], requires_grad=True) for _ in range(4)]
    for loss in (dpo_loss(*numbers), dpo_loss(*numbers, kind="hinge"), kto_pair_loss(*numbers)):
        loss.sum().backward()
    assert [number.grad is not None for number in numbers] == [True, True, False, False]


@pytest.mark.parametrize("loss", [dpo_loss, kto_pair_loss])
def test_training_on_pairs_widens_the_margin(base: Path, loss: Any) -> None:
    model, pairs = fresh(base), encoded(base)
    with torch.no_grad():
        reference = pair_logprobs(model, pairs, 0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(12):
        optimizer.zero_grad()
        loss(*pair_logprobs(model, pairs, 0), *reference).mean().backward()
        optimizer.step()
    with torch.no_grad():
        chosen, rejected = pair_logprobs(model, pairs, 0)
    assert (chosen - rejected > reference[0] - reference[1] + 1).all()


def test_self_play_prefers_the_record_to_the_students_own_answer_where_they_differ() -> None:
    examples = [
        Example(task="t", goal=str(i), observation={"page": PAGE}, history=("noop()",), action='click("2")', reason="r")
        for i in range(3)
    ]
    answers = ["click(2)", 'fill("1", "x")', "nonsense"]
    pairs = self_play_pairs(examples, lambda asked: answers[: len(asked)])
    assert [(p.goal, p.chosen.action, p.rejected.action) for p in pairs] == [
        ("1", 'click("2")', 'fill("1", "x")'),
        ("2", 'click("2")', "nonsense"),
    ]
    assert pairs[0].messages() == examples[1].messages("action"), "the prompt of training is the prompt of play"


def test_an_adapter_is_tuned_on_pairs_and_the_reference_is_what_it_was(base: Path, tmp_path: Path) -> None:
    """What speculation turned down becomes less likely than what was put in its place, which stays as likely as it was."""
    examples = [
        Example(task="t", goal=pair.goal, observation=pair.observation, history=(), action=pair.rejected.action)
        for pair in PAIRS
    ]
    config = DistillerConfig(batch_size=3, micro_batch_size=3, epochs=20, learning_rate=1e-2, dtype="float32", device="cpu")
    first = Path(distill(config, examples, tmp_path / "first", base_model=base).adapter)
    before = (first / "adapter_model.safetensors").read_bytes()
    tuned = PreferenceConfig(epochs=15, batch_size=3, micro_batch_size=2, learning_rate=5e-3)
    losses: list[float] = []
    result = tune_on_pairs(
        tuned,
        PAIRS,
        tmp_path / "tuned",
        base_model=base,
        adapter=first,
        device="cpu",
        on_step=lambda step, steps, loss: losses.append(loss),
    )
    assert (result.pairs, result.left_out, result.steps, len(losses)) == (3, 0, 15, 15)
    assert (result.preferred_before, result.preferred_after) == (0.0, 1.0)
    assert (first / "adapter_model.safetensors").read_bytes() == before
    model = LocalModel(base, adapter=tmp_path / "tuned" / "adapter", dtype="float32", device="cpu").open().model
    with torch.no_grad():
        chosen, rejected = pair_logprobs(model, encoded(base), 0)
    assert (chosen > rejected + 1).all(), "the adapter on disk is the tuned one"
    with pytest.raises(ConfigError, match="none of which fits into 10 tokens"):
        tune_on_pairs(PreferenceConfig(max_tokens=10), PAIRS, tmp_path / "no", base_model=base, adapter=first, device="cpu")


def test_pairs_can_be_held_to_a_teachers_preferences(base: Path, tmp_path: Path) -> None:
    """LLaVA-MoD's reference: the first loss is that of the teacher's margins, each answer read as a sequence of its own."""
    examples = [Example(task="t", goal="g", observation={"page": PAGE}, history=(), action='click("2")')]
    config = DistillerConfig(batch_size=1, micro_batch_size=1, dtype="float32", device="cpu")
    first = Path(distill(config, examples, tmp_path / "first", base_model=base).adapter)
    other = tiny_model(tmp_path / "other", seed=5)
    teacher = LocalModel(other, dtype="float32", device="cpu").open()
    itself = LocalModel(base, adapter=first, dtype="float32", device="cpu").open()

    def margins(weights: Any) -> torch.Tensor:
        rows = []
        for pair in PAIRS:
            prompt = encode_prompt(weights.tokenizer, pair.messages())
            chosen, rejected = (answer_tokens(weights.tokenizer, c.action) for c in (pair.chosen, pair.rejected))
            with torch.no_grad():
                rows.append(sequence_logprob(weights.model, prompt, chosen) - sequence_logprob(weights.model, prompt, rejected))
        return torch.stack(rows)

    expected = -torch.nn.functional.logsigmoid(0.1 * (margins(itself) - margins(teacher))).mean().item()
    tuned = PreferenceConfig(batch_size=3, micro_batch_size=3, anchor=0.0)
    losses: list[float] = []
    for number, reference in enumerate((teacher, itself, None)):
        tune_on_pairs(
            tuned,
            PAIRS,
            tmp_path / str(number),
            base_model=base,
            adapter=first,
            reference=reference,
            device="cpu",
            on_step=lambda step, steps, loss: losses.append(loss),
        )
    assert losses[0] == pytest.approx(expected, rel=0.02), "bfloat16 where this machine has it"
    assert abs(losses[0] - log(2)) > 0.01
    assert losses[1] == pytest.approx(log(2), abs=0.02)
    assert losses[2] == pytest.approx(log(2), abs=1e-4), "by default the reference is the student itself"


def test_nothing_is_dropped_out_of_the_reference(base: Path) -> None:
    config = LoraConfig(target_modules="all-linear", lora_dropout=0.5, init_lora_weights=False)
    plain = load_base(str(base), device="cpu", dtype="float32", attention=register_attention())
    model: Any = get_peft_model(plain, config).train()
    first, again = (preference_tuning._scores(model, encoded(base), 0, 2) for _ in range(2))
    assert first.equal(again)
    assert model.training, "the training goes on with it"
