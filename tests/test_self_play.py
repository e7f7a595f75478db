"""Self-play: what the record did gains on what the student itself would do, until the student does it."""

from pathlib import Path

from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.preference_tuning import PreferenceConfig
from symbiotic_gym.trainers.self_play import SelfPlayResult, own_actions, self_play
from tests.tiny import tiny_model

GREEDY = Sampling(max_tokens=24)


def example(goal: str, action: str) -> Example:
    page = '[2] button "OK"\n[3] button "Cancel"'
    return Example(task="t", goal=goal, observation={"page": page}, history=(), action=action)


def test_the_records_action_gains_on_the_students_own_until_nothing_differs(tmp_path: Path) -> None:
    base = tiny_model(tmp_path / "base")
    record = [example(goal, 'click("2")') for goal in ("Go on.", "Yes.")]
    habits = [example(goal, 'click("3")') for goal in ("Go on.", "Yes.")]
    train = DistillerConfig(
        batch_size=2, micro_batch_size=2, epochs=30, learning_rate=1e-2, lora_r=16, dtype="float32", device="cpu"
    )
    first = Path(distill(train, habits, tmp_path / "first", base_model=base).adapter)
    student = LocalModel(base, adapter=first, device="cpu")
    assert own_actions(student, record, GREEDY) == ['click("3")', 'click("3")']

    config = PreferenceConfig(epochs=25, batch_size=2, micro_batch_size=2, learning_rate=3e-3)
    told: list[tuple[int, int]] = []

    def play() -> SelfPlayResult:
        return self_play(
            config,
            record,
            tmp_path / "out",
            base_model=base,
            adapter=first,
            rounds=3,
            sampling=GREEDY,
            device="cpu",
            on_round=lambda number, pairs: told.append((number, pairs)),
        )

    result = play()
    assert told == [(1, 2)]
    assert result.differing == (1.0, 0.0), "the rounds end when there is nothing left to prefer"
    assert result.rounds[0].margin_before < 0, "its own answer is the likelier one"
    assert result.rounds[0].margin_after > result.rounds[0].margin_before + 2
    student.set_adapter(result.adapter)
    assert own_actions(student, record, GREEDY) == [step.action for step in record]

    assert play() == result, "a round that is there is taken"
    assert told == [(1, 2)]
