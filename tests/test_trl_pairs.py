"""Pairs of a run of speculation in trl's own trainers: the prompts are ours token for token, and steps of them train."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig

from symbiotic_gym.agents.chat import load_tokenizer
from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.agents.small import SmallAgent
from symbiotic_gym.agents.weights import load_base
from symbiotic_gym.benchmarks.toy import TASKS, ToyAgent, ToyEnv
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.trainers.pairs import PreferencePair, preference_pairs
from symbiotic_gym.trainers.preferences import encode_pair
from symbiotic_gym.trainers.speculative import SpeculativeAgent
from symbiotic_gym.trainers.trl_pairs import preference_dataset, unpaired_dataset
from tests.tiny import tiny_model

LORA = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def pairs(base: Path) -> list[PreferencePair]:
    """What is left of a run in which an untrained student proposes."""
    student = LocalModel(base, dtype="float32", device="cpu")
    sampling = Sampling(temperature=1.0, max_tokens=6)
    with Rollouts(1, make_env=ToyEnv) as rollouts:
        episodes = rollouts.run(
            [Episode(TASKS[0], seed) for seed in range(3)],
            lambda: SpeculativeAgent(SmallAgent(student, sampling=sampling), ToyAgent()),
            name="speculative",
        )
    return preference_pairs(episodes)


def settings(out: Path) -> dict[str, Any]:
    return {
        "output_dir": str(out),
        "per_device_train_batch_size": 2,
        "max_steps": 2,
        "learning_rate": 1e-2,
        "max_length": None,
        "gradient_checkpointing": False,
        "bf16": False,
        "use_cpu": True,
        "report_to": "none",
        "save_strategy": "no",
        "logging_steps": 1,
        "disable_tqdm": True,
    }


def adapter(trainer: Any) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in trainer.model.named_parameters() if "lora_B" in n and ".ref." not in n}


def test_a_run_of_speculation_trains_in_trls_dpo(base: Path, pairs: list[PreferencePair], tmp_path: Path) -> None:
    from trl import DPOConfig, DPOTrainer

    assert len(pairs) >= 4
    tokenizer = load_tokenizer(str(base))
    trainer = DPOTrainer(
        model=load_base(str(base), device="cpu", dtype="float32"),
        args=DPOConfig(**settings(tmp_path)),
        train_dataset=preference_dataset(pairs),
        processing_class=tokenizer,
        peft_config=LORA,
    )
    rows: Any = trainer.train_dataset
    for row, pair in zip(rows, pairs, strict=True):
        ours = encode_pair(tokenizer, pair, page_budget=6000)
        assert tuple(row["prompt_ids"]) == ours.prompt, "as the small agent asks"
        for name in ("chosen", "rejected"):
            expected = getattr(ours, name)
            ids = row[f"{name}_ids"]
            assert tuple(ids[: len(expected)]) == expected
            assert tokenizer.decode(ids[len(expected) :]).strip() == "", "what the template writes behind an answer's end"
    trainer.train()
    assert trainer.state.global_step == 2
    assert any(weight.any() for weight in adapter(trainer).values()), "B begins as zeros"
    margins = [entry["rewards/margins"] for entry in trainer.state.log_history if "rewards/margins" in entry]
    assert margins[0] == pytest.approx(0, abs=1e-5)
    assert margins[1] > 0, "after a step the chosen ones are preferred more than by the reference"


def test_a_run_of_speculation_trains_in_trls_kto(base: Path, pairs: list[PreferencePair], tmp_path: Path) -> None:
    from trl import KTOConfig, KTOTrainer

    data = unpaired_dataset(pairs)
    assert data["label"] == [True] * len(pairs) + [False] * len(pairs)
    assert data[0]["prompt"] == data[len(pairs)]["prompt"]
    assert data[0]["completion"][0]["content"] == pairs[0].chosen.action
    trainer = KTOTrainer(
        model=load_base(str(base), device="cpu", dtype="float32"),
        args=KTOConfig(**settings(tmp_path)),
        train_dataset=data,
        processing_class=load_tokenizer(str(base)),
        peft_config=LORA,
    )
    trainer.train()
    assert trainer.state.global_step == 2
    assert any(weight.any() for weight in adapter(trainer).values())


def test_without_pairs_there_is_no_data_set() -> None:
    for make in (preference_dataset, unpaired_dataset):
        with pytest.raises(ConfigError, match="no preference pairs"):
            make([])
