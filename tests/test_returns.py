"""Returns in hindsight, advantages and the critic: failures teach, and teach the right thing."""

from dataclasses import replace
from math import e
from pathlib import Path

import pytest
import torch

from symbiotic_gym.agents.chat import encode_prompt, load_tokenizer
from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.agents.weights import load_base
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.returns import (
    Critic,
    advantage_weighted_examples,
    advantage_weights,
    commanded_examples,
    returns_of,
    with_command,
)
from symbiotic_gym.trainers.scoring import answer_tokens, sequence_logprob
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory
from tests.tiny import tiny_model

PAGE = '[2] button "OK"\n[3] button "Cancel"'


def played(*actions: str, won: bool, status: str = "", page: str = PAGE) -> Trajectory:
    last = len(actions) - 1
    steps = tuple(
        Step(observation={"page": page}, decision=Decision(action=action), reward=float(won and i == last))
        for i, action in enumerate(actions)
    )
    outcome = Outcome(status=status or ("success" if won else "failure"))  # type: ignore[arg-type]
    return Trajectory(task="t", seed=0, goal="Press OK", agent="a", steps=steps, outcome=outcome)


def test_failures_teach_behind_the_return_they_came_to() -> None:
    episodes = [
        played("noop()", 'click("2")', won=True),
        played('click("3")', "not an action", won=False),
        played("go_back()", won=False, status="invalid"),
    ]
    found = [(example.goal, example.action) for example in commanded_examples(episodes)]
    assert found == [
        ("<return=1.00><steps_left=2> Press OK", "noop()"),
        ("<return=1.00><steps_left=1> Press OK", 'click("2")'),
        ("<return=0.00><steps_left=2> Press OK", 'click("3")'),
    ]
    assert with_command("Press OK", 1.0, 2) == found[0][0], "what is asked for at inference reads as in training"


def test_a_commanded_model_does_what_led_to_the_return_it_is_asked_for(tmp_path: Path) -> None:
    base = tiny_model(tmp_path)
    model = load_base(str(base), device="cpu", dtype="float32")
    tokenizer = load_tokenizer(str(base))
    examples = commanded_examples([played('click("2")', won=True), played('click("3")', won=False)])
    data = [(encode_prompt(tokenizer, x.messages("action")), answer_tokens(tokenizer, x.action)) for x in examples]
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = -sum((sequence_logprob(model, *pair) for pair in data), torch.zeros(()))
        loss.backward()
        optimizer.step()
    (high, right), (low, wrong) = data
    with torch.no_grad():
        assert sequence_logprob(model, high, right) > sequence_logprob(model, high, wrong) + 1
        assert sequence_logprob(model, low, wrong) > sequence_logprob(model, low, right) + 1


def test_returns_are_what_came_after() -> None:
    trajectory = played("noop()", "noop()", 'click("2")', won=True)
    assert returns_of(trajectory) == [1, 1, 1]
    assert returns_of(trajectory, discount=0.5) == [0.25, 0.5, 1]


def test_weights_are_the_exponentials_of_advantages_with_a_mean_of_one() -> None:
    weights = advantage_weights([1.0, 0.0, 0.5], [0.5, 0.5, 0.5], beta=0.5)
    raw = [e, 1 / e, 1.0]
    assert weights == pytest.approx([3 * value / sum(raw) for value in raw])
    assert advantage_weights([0.3, 0.3], [0.1, 0.1]) == pytest.approx([1, 1]), "without a difference it is plain training"
    cut = advantage_weights([1000.0, 0.0], [0.0, 0.0], beta=0.1, most=20.0)
    assert cut[0] / cut[1] == pytest.approx(20)
    assert advantage_weights([], []) == []


def test_the_critic_tells_hopeful_states_from_hopeless_ones_it_has_not_seen() -> None:
    def state(kind: str, number: int) -> Example:
        return Example(
            task="t",
            goal="Press OK",
            observation={"page": f'[2] button "{kind}"\n[3] text "item {number}"'},
            history=(),
            action="noop()",
        )

    states = [state(kind, i) for i in range(20) for kind in ("OK", "Error")]
    critic = Critic().fit(states, [float("OK" in x.observation["page"].split("\n")[0]) for x in states])
    assert critic.value(state("OK", 77)) > 0.7
    assert critic.value(state("Error", 77)) < 0.3
    assert Critic().fit(states, [0.4] * 40).value(state("OK", 5)) == pytest.approx(0.4)


def test_every_step_of_every_valid_episode_gets_the_weight_of_what_it_came_to() -> None:
    episodes = [
        played("noop()", 'click("2")', won=True),
        played('click("3")', won=False),
        played("go_back()", won=False, status="invalid"),
    ]
    examples = advantage_weighted_examples(episodes, beta=0.5)
    assert [example.action for example in examples] == ["noop()", 'click("2")', 'click("3")']
    assert sum(example.weight for example in examples) == pytest.approx(3)
    assert examples[0].weight > 3 * examples[2].weight, "the state is the same; one came to 1, the other to 0"
    flat = Critic().fit(examples, [0.0, 0.0, 0.0])
    by_hand = advantage_weights([1.0, 1.0, 0.0], [0.0, 0.0, 0.0], beta=0.5)
    assert [x.weight for x in advantage_weighted_examples(episodes, critic=flat, beta=0.5)] == pytest.approx(by_hand)
    assert advantage_weighted_examples([]) == []


def test_advantage_weighted_training_makes_what_paid_likelier_than_what_did_not(tmp_path: Path) -> None:
    """The same steps, once with their advantages' weights and once all alike: failures came more often than successes."""
    base = tiny_model(tmp_path / "base")
    tokenizer = load_tokenizer(str(base))
    episodes = [played('click("2")', won=True)] + [played('click("3")', won=False)] * 3
    weighted = advantage_weighted_examples(episodes, beta=0.2)
    plain = [replace(example, weight=1.0) for example in weighted]
    config = DistillerConfig(
        batch_size=4, micro_batch_size=2, epochs=12, learning_rate=1e-2, lora_r=8, lora_alpha=16, dtype="float32", device="cpu"
    )

    def margin(adapter: str | None) -> float:
        model = LocalModel(base, adapter=Path(adapter) if adapter else None, dtype="float32", device="cpu").open().model
        prompt = encode_prompt(tokenizer, weighted[0].messages("action"))
        with torch.no_grad():
            right, wrong = (sequence_logprob(model, prompt, answer_tokens(tokenizer, f'click("{i}")')) for i in (2, 3))
        return (right - wrong).item()

    before = margin(None)
    after = {
        name: margin(distill(config, examples, tmp_path / name, base_model=base).adapter)
        for name, examples in (("weighted", weighted), ("plain", plain))
    }
    assert after["weighted"] > before + 0.5
    assert after["weighted"] > 0 > after["plain"], "plain training does what was done most often"
