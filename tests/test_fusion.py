"""Fusion of teachers with tokenizers of their own: who is asked, what is aligned, what training moves."""

from pathlib import Path

import pytest
import torch

from symbiotic_gym.agents.chat import encode_prompt
from symbiotic_gym.agents.local import LocalModel, OpenWeights
from symbiotic_gym.trainers.fusion import align, fused_targets, fusion_loss, min_ce, translate, vocabulary_map
from symbiotic_gym.trainers.scoring import answer_logits, answer_tokens, sequence_logprob
from tests.tiny import tiny_model

ANSWER = 'click("12")'
CHAT = [{"role": "user", "content": "Press it. Predict the action."}]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[OpenWeights]:
    """Student, a teacher with other merges, and a teacher that has learnt the answer."""
    opened = []
    for seed, words in ((0, ""), (1, 'click("'), (2, "")):
        folder = tiny_model(tmp_path_factory.mktemp("tiny"), seed=seed)
        weights = LocalModel(folder, dtype="float32", device="cpu").open()
        if words:
            weights.tokenizer.add_tokens([words])
            weights.model.resize_token_embeddings(len(weights.tokenizer))
        opened.append(weights)
    knows = opened[2]
    optimizer = torch.optim.Adam(knows.model.parameters(), lr=3e-3)
    for _ in range(15):
        optimizer.zero_grad()
        prompt, answer = encode_prompt(knows.tokenizer, CHAT), answer_tokens(knows.tokenizer, ANSWER)
        (-sequence_logprob(knows.model, prompt, answer)).backward()
        optimizer.step()
    return opened


def test_the_teacher_that_best_explains_the_answer_is_asked(models: list[OpenWeights]) -> None:
    best, logits = min_ce(models[1:], CHAT, ANSWER)
    assert best == 1
    assert logits.shape[0] == len(answer_tokens(models[2].tokenizer, ANSWER))
    assert min_ce(models[:0:-1], CHAT, ANSWER)[0] == 0, "wherever it stands"


def test_tokens_are_aligned_where_they_cover_the_same_text(models: list[OpenWeights]) -> None:
    student, coarse, same = (weights.tokenizer for weights in models)
    own = answer_tokens(student, ANSWER)
    assert align(student, same, ANSWER) == list(range(len(own))), "one tokenizer: every token is its own counterpart"
    places = align(student, coarse, ANSWER)
    other = answer_tokens(coarse, ANSWER)
    assert len(other) < len(own), "its first token covers several of the student's"
    assert places[0] is None
    assert places[-1] == len(other) - 1, "the end is the end"
    for token, place in zip(own, places, strict=True):
        assert place is None or student.decode([token]) == coarse.decode([other[place]])


def test_a_vocabulary_is_mapped_by_what_its_tokens_say(models: list[OpenWeights]) -> None:
    student, coarse, same = (weights.tokenizer for weights in models)
    mapping = vocabulary_map(coarse, student)
    assert len(coarse) - 1 not in mapping, "the student has no such token"
    assert all(coarse.decode([a]) == student.decode([b]) for a, b in mapping.items())
    assert vocabulary_map(same, student)[2] == 2


def test_translated_targets_are_distributions_that_fall_back_to_the_answer(models: list[OpenWeights]) -> None:
    student, coarse, same = (weights.tokenizer for weights in models)
    gold, vocabulary = answer_tokens(student, ANSWER), len(student)
    _, logits = min_ce(models[2:], CHAT, ANSWER)
    everything = translate(
        logits, align(student, same, ANSWER), gold, {i: i for i in range(vocabulary)}, vocabulary, k=vocabulary
    )
    torch.testing.assert_close(everything, logits.softmax(-1), atol=1e-5, rtol=1e-4)
    _, logits = min_ce(models[1:2], CHAT, ANSWER)
    places = align(student, coarse, ANSWER)
    targets = translate(logits, places, gold, vocabulary_map(coarse, student), vocabulary)
    torch.testing.assert_close(targets.sum(-1), torch.ones(len(gold)))
    for row, place, token in zip(targets, places, gold, strict=True):
        assert place is not None or row[token] == 1


def test_training_on_fused_targets_brings_the_student_to_them(models: list[OpenWeights], tmp_path: Path) -> None:
    student = LocalModel(tiny_model(tmp_path), dtype="float32", device="cpu").open()
    teachers = models[1:]
    mappings = [vocabulary_map(teacher.tokenizer, student.tokenizer) for teacher in teachers]
    targets, best = fused_targets(student.tokenizer, len(student.tokenizer), teachers, mappings, CHAT, ANSWER)
    assert best == 1
    prompt, gold = encode_prompt(student.tokenizer, CHAT), answer_tokens(student.tokenizer, ANSWER)

    def distance() -> float:
        with torch.no_grad():
            found = answer_logits(student.model, prompt, gold).log_softmax(-1)
        return float(torch.nn.functional.kl_div(found, targets, reduction="batchmean"))

    before = distance()
    optimizer = torch.optim.Adam(student.model.parameters(), lr=3e-3)
    for _ in range(15):
        optimizer.zero_grad()
        loss = fusion_loss(answer_logits(student.model, prompt, gold), targets, torch.tensor(gold), gold_share=0.1)
        loss.backward()
        optimizer.step()
    assert distance() < before / 2
