"""Token-level speculative distillation on tiny models: which token is tested, who wrote what, and what training on it moves."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from symbiotic_gym.agents.local import LocalModel, OpenWeights, draw
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.trainers import skd, skd_agent
from symbiotic_gym.trainers.divergences import forward_kl
from symbiotic_gym.trainers.pairs import preference_pairs, teacher_cost
from symbiotic_gym.trainers.scoring import answer_logits
from symbiotic_gym.trainers.skd import Drafted, accepted, check_pair, distillation_loss, speculate
from symbiotic_gym.trainers.skd_agent import TokenSpeculativeAgent
from symbiotic_gym.types import Observation, Outcome, Step, Trajectory
from tests.tiny import tiny_model

PROMPT = [1, 60, 70, 80, 90]
HOT, GREEDY = Sampling(temperature=1.0), Sampling()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[OpenWeights, OpenWeights]:
    folders = [tiny_model(tmp_path_factory.mktemp("tiny"), seed=seed) for seed in (0, 1)]
    student, teacher = (LocalModel(folder, dtype="float32", device="cpu").open() for folder in folders)
    return student, teacher


def test_the_drafted_token_itself_is_tested() -> None:
    """Position by position, whatever else the student might have drawn there."""
    teacher = torch.tensor([[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0], [3.0, 2.0, 1.0, 0.0]])
    assert accepted(teacher, torch.tensor([0, 3, 0]), 1) == 3
    assert accepted(teacher, torch.tensor([1, 3, 0]), 1) == 0, "what stands behind a rejection is never looked at"
    assert accepted(teacher, torch.tensor([1, 2, 1]), 2) == 3
    assert accepted(teacher, torch.tensor([1, 1, 0]), 2) == 1
    assert accepted(teacher, torch.tensor([3, 0, 3]), 4) == 3


def test_every_kept_token_is_in_the_teachers_top_k_and_every_replaced_one_ended_a_draft(
    pair: tuple[OpenWeights, OpenWeights], monkeypatch: pytest.MonkeyPatch
) -> None:
    student, teacher = pair
    seen: list[tuple[list[int], int]] = []

    def watched(logits: torch.Tensor, drafted: torch.Tensor, k: int) -> int:
        seen.append((drafted.tolist(), accepted(logits, drafted, k)))
        return seen[-1][1]

    monkeypatch.setattr(skd, "accepted", watched)
    done = speculate(student, teacher, PROMPT, k=40, gamma=3, max_tokens=24, student_sampling=HOT, seed=3)
    assert 0 < sum(done.replaced) < len(done.tokens), "some stand and some do not, or this shows nothing"
    logits = answer_logits(teacher.model, PROMPT, done.tokens)
    for row, token, replaced in zip(logits, done.tokens, done.replaced, strict=True):
        assert replaced or int((row > row[token]).sum()) < 40
    rebuilt: list[int] = []
    for draft, kept in seen:
        assert list(done.tokens[len(rebuilt) : len(rebuilt) + kept]) == draft[:kept], "what stands is what was drafted"
        rebuilt += draft[:kept] if kept == len(draft) else [*draft[:kept], done.tokens[len(rebuilt) + kept]]
    assert tuple(rebuilt) == done.tokens
    assert done.drafted == sum(len(draft) for draft, _ in seen)
    assert done.passes == len(seen) < len(done.tokens)


def greedy(weights: OpenWeights, length: int) -> Iterator[int]:
    """Without caches: the model's own likeliest continuation."""
    text = list(PROMPT)
    for _ in range(length):
        with torch.no_grad():
            text.append(int(draw(weights.model(input_ids=torch.tensor([text])).logits[:, -1], GREEDY, [])))
        yield text[-1]
        if text[-1] in weights.ends:
            return


@pytest.mark.parametrize("gamma", [1, 4])
def test_its_limits_are_the_teachers_text_and_the_students(pair: tuple[OpenWeights, OpenWeights], gamma: int) -> None:
    """And the caches, cropped again and again, change nothing."""
    student, teacher = pair
    both = {"student_sampling": GREEDY, "teacher_sampling": GREEDY, "max_tokens": 12, "gamma": gamma}
    assert list(speculate(student, teacher, PROMPT, k=1, **both).tokens) == list(greedy(teacher, 12))  # type: ignore[arg-type]
    own = speculate(student, teacher, PROMPT, k=10_000, **both)  # type: ignore[arg-type]
    assert list(own.tokens) == list(greedy(student, 12))
    assert own.acceptance == 1
    alone = speculate(student, student, PROMPT, k=1, **both)  # type: ignore[arg-type]
    assert alone.tokens == own.tokens
    assert alone.acceptance == 1


def test_training_on_it_brings_the_student_to_the_teacher(pair: tuple[OpenWeights, OpenWeights], tmp_path: Path) -> None:
    _, teacher = pair
    student = LocalModel(tiny_model(tmp_path), dtype="float32", device="cpu").open()
    answer = speculate(student, teacher, PROMPT, k=10, max_tokens=8, student_sampling=HOT).tokens
    assert distillation_loss(teacher.model, teacher.model, PROMPT, answer).item() == pytest.approx(0, abs=1e-5)
    optimizer = torch.optim.Adam(student.model.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = distillation_loss(student.model, teacher.model, PROMPT, answer)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert all(weight.grad is None for weight in teacher.model.parameters())
    with torch.no_grad():
        per_token = forward_kl(*(answer_logits(w.model, PROMPT, answer) for w in (teacher, student)))
    assert per_token.mean().item() < losses[0] / 2


def test_as_an_agent_it_leaves_a_whole_proposal_beside_what_was_executed(tmp_path: Path) -> None:
    folders = [tiny_model(tmp_path / str(seed), seed=seed) for seed in (0, 1)]
    student, teacher = (LocalModel(folder, dtype="float32", device="cpu") for folder in folders)
    observation: Observation = {"goal": "Press it.", "page": '[2] button "ok"', "last_action": "", "last_action_error": ""}
    options = {"max_tokens": 8, "sampling": GREEDY}
    alone = TokenSpeculativeAgent(student, student, k=1, **options)  # type: ignore[arg-type]
    alone.reset("Press it.", seed=1)
    own = alone.act(observation)
    assert own.acceptance is not None
    assert own.acceptance.accepted
    assert own.source == "student"
    strict = TokenSpeculativeAgent(student, teacher, k=1, **options)  # type: ignore[arg-type]
    strict.reset("Press it.", seed=1)
    decision = strict.act(observation)
    assert decision.acceptance is not None
    assert not decision.acceptance.accepted, "two random models do not agree"
    assert decision.action != own.action
    assert decision.acceptance.proposal.action == own.action, "what the student alone would have done"
    written = decision.extra["teacher_usage"]["completion_tokens"]
    assert decision.acceptance.why.startswith(f"{decision.usage.completion_tokens - written} of")
    step = Step(observation={"page": observation["page"]}, decision=decision, reward=0.0)
    played = Trajectory(task="t", seed=0, goal="g", agent="a", steps=(step,), outcome=Outcome(status="success"))
    [pair] = preference_pairs([played])
    assert (pair.chosen.action, pair.rejected.action) == (decision.action, own.action)
    assert teacher_cost([played]).requests == 1


def test_another_spelling_of_the_same_action_is_no_rejection(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LocalModel(tiny_model(tmp_path_factory.mktemp("tiny")), dtype="float32", device="cpu")
    tokenizer = model.open().tokenizer
    written = iter(('select_option("3", ["a", "b"])', 'select_option("3", ["b", "a"])'))

    def said(*_: object, **__: object) -> Drafted:
        tokens = tuple(tokenizer(next(written), add_special_tokens=False)["input_ids"])
        return Drafted(tokens=tokens, replaced=(True,) * len(tokens), drafted=len(tokens), passes=1, refused=tokens[0])

    monkeypatch.setattr(skd_agent, "speculate", said)
    monkeypatch.setattr(TokenSpeculativeAgent, "_finished", lambda self, *_: tokenizer.decode(said().tokens))
    agent = TokenSpeculativeAgent(model, model)
    page = '[3] listbox "Letters"\n  [4] option "a"\n  [5] option "b"'
    decision = agent.act({"goal": "g", "page": page, "last_action": "", "last_action_error": ""})
    assert decision.acceptance is not None
    assert decision.acceptance.accepted and "the student alone would have done the same" in decision.acceptance.why


def test_models_of_two_vocabularies_are_refused(pair: tuple[OpenWeights, OpenWeights]) -> None:
    student, teacher = pair
    other = copy.deepcopy(teacher.tokenizer)
    other.add_tokens(["<new>"])
    with pytest.raises(ConfigError, match="different vocabularies"):
        check_pair(student, replace(teacher, tokenizer=other))
