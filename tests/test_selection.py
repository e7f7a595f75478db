"""Execution-checked selection: what a record claims is run again, and only what works is learnt from."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from symbiotic_gym.agents.chat import encode_prompt, load_tokenizer
from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.benchmarks.toy import TASKS, ToyEnv
from symbiotic_gym.errors import BrowserError
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.trainers.curation import curate
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.examples import examples_from
from symbiotic_gym.trainers.matching import closest
from symbiotic_gym.trainers.scoring import answer_tokens, sequence_logprob
from symbiotic_gym.trainers.selection import executable, replays
from symbiotic_gym.types import Outcome, Trajectory
from tests.tiny import tiny_model

TASK = TASKS[0]


def numbers(observation: Any) -> list[int]:
    return [int(line[1 : line.index("]")]) for line in observation["page"].splitlines()]


def greater(observation: Mapping[str, Any]) -> str:
    return f'click("{max(numbers(observation))}")'


def smaller(observation: Mapping[str, Any]) -> str:
    return f'click("{min(numbers(observation))}")'


@pytest.fixture(scope="module")
def recorded() -> list[Trajectory]:
    """Two episodes that work, and two of the same instances that somebody made up: by their own account they went well."""
    episodes = [Episode(TASK, seed) for seed in (0, 1)]
    with Rollouts(1, make_env=ToyEnv) as rollouts:
        right = rollouts.run(episodes, lambda: greater, name="right")
        wrong = rollouts.run(episodes, lambda: smaller, name="wrong")
    assert [t.success for t in right + wrong] == [True, True, False, False]
    made_up = [
        replace(t, steps=tuple(replace(step, error="") for step in t.steps), outcome=Outcome(status="success")) for t in wrong
    ]
    return [right[0], *made_up, right[1]]


def test_only_what_works_again_is_kept(recorded: list[Trajectory]) -> None:
    none = replace(recorded[0], steps=())
    half = replace(recorded[0], steps=recorded[0].steps[:1])
    with Rollouts(2, make_env=ToyEnv) as rollouts:
        assert replays([*recorded, none, half], rollouts) == [True, False, False, True, False, False]
        wanted = [("works", partial(executable, rollouts=rollouts))]
        kept, dropped = curate(recorded, [*wanted, ("alike", partial(closest, reference=[recorded[0]] * 2, keep=1))])
    assert dropped == [("works", 2), ("alike", 1)]
    assert kept == [recorded[0]]


class Broken:
    """An environment whose browser never comes up."""

    def reset(self, **kwargs: Any) -> Any:
        raise BrowserError("no browser today")

    def close(self) -> None:
        pass


def test_what_could_not_be_run_is_neither_right_nor_wrong(recorded: list[Trajectory]) -> None:
    with Rollouts(1, make_env=lambda task: Broken(), retries=0) as rollouts:  # type: ignore[arg-type,return-value]
        assert replays(recorded, rollouts) == [None] * 4
        assert executable(recorded, rollouts=rollouts) == []


def test_a_model_trained_on_what_works_does_what_works(recorded: list[Trajectory], tmp_path: Path) -> None:
    base = tiny_model(tmp_path / "base")
    tokenizer = load_tokenizer(str(base))
    with Rollouts(1, make_env=ToyEnv) as rollouts:
        kept = executable(recorded, rollouts=rollouts)
    config = DistillerConfig(
        batch_size=2, micro_batch_size=2, epochs=12, learning_rate=1e-2, lora_r=8, dtype="float32", device="cpu"
    )

    def margin(name: str, episodes: list[Trajectory]) -> float:
        adapter = Path(distill(config, examples_from(episodes), tmp_path / name, base_model=base).adapter)
        model = LocalModel(base, adapter=adapter, dtype="float32", device="cpu").open().model
        total = 0.0
        for example in examples_from(kept):
            prompt = encode_prompt(tokenizer, example.messages("action"))
            wrong = smaller(example.observation)
            with torch.no_grad():
                ours, other = (sequence_logprob(model, prompt, answer_tokens(tokenizer, a)) for a in (example.action, wrong))
            total += (ours - other).item()
        return total

    checked, unchecked = margin("checked", kept), margin("unchecked", recorded)
    assert checked > 1
    assert checked > unchecked + 1, "claims that were not checked pull towards what does not work"
