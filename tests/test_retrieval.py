"""Retrieval with a model's help, backward construction, and dense keys."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from symbiotic_gym.agents import LargeAgent
from symbiotic_gym.agents.backward import backward_construct, parts_of, remember_backward
from symbiotic_gym.agents.retrieval import AskedFirst, UsefulOnly
from symbiotic_gym.agents.testing import ScriptedModel
from symbiotic_gym.knowledge import Exclusion, KnowledgeBase
from symbiotic_gym.knowledge.dense import DenseIndex, dense
from symbiotic_gym.trainers.examples import examples_from
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory

NOTHING = Exclusion(level="none")


def played(*actions: str, goal: str = "g", status: str = "success", task: str = "t.a", seed: int = 0) -> Trajectory:
    steps = tuple(
        Step(
            observation={"page": f'[1] button "page {i}"', "last_action": "x" if i else ""},
            decision=Decision(action=action, reason=f"why {i}"),
            reward=0.0,
            error="refused" if action == "lost()" else "",
        )
        for i, action in enumerate(actions)
    )
    outcome = Outcome(status=status)  # type: ignore[arg-type]
    return Trajectory(task=task, seed=seed, goal=goal, agent="a", steps=steps, outcome=outcome, final={"page": "the end"})


def filled() -> KnowledgeBase:
    base = KnowledgeBase()
    base.add(played('click("1")', 'click("1")', 'click("1")', goal="press the button"), iteration=0)
    return base


def test_the_memory_is_asked_only_for_goals_it_helps_with() -> None:
    model = ScriptedModel(["<verdict>no</verdict>", "<verdict>yes</verdict>", "Perhaps."])
    gated = AskedFirst(filled(), model)
    assert gated.search("say hello", "button", exclude=NOTHING) == []
    assert gated.search("say hello", "another button", exclude=NOTHING) == []
    assert model.calls == 1, "once a goal"
    assert gated.search("press it", "button", exclude=NOTHING)
    assert gated.search("unreadable", "button", exclude=NOTHING) and gated.unread == 1


@pytest.mark.parametrize(
    ("said", "kept", "unread"),
    [("<verdict>2</verdict>", 1, 0), ("<verdict>3, 1</verdict>", 2, 0), ("<verdict>none</verdict>", 0, 0)]
    + [(said, 3, 1) for said in ("", "2", "<verdict>4</verdict>", "<verdict>the second</verdict>")],
)
def test_only_what_would_help_is_kept_in_its_order(said: str, kept: int, unread: int) -> None:
    everything = filled().search("press", "button", exclude=NOTHING)
    useful = UsefulOnly(filled(), ScriptedModel([said]))
    found = useful.search("press", "button", exclude=NOTHING)
    assert (len(found), useful.unread) == (kept, unread)
    assert found == [r for r in everything if r in found]


def test_a_large_agent_takes_what_is_searchable() -> None:
    asked = ScriptedModel(['<action>click("1")</action>'])
    agent = LargeAgent(asked, knowledge=UsefulOnly(filled(), ScriptedModel(["<verdict>1</verdict>"])))
    page = '[1] button "page 0"'
    seen = {"goal": "press", "page": page, "url": "", "title": "", "tabs": "", "last_action": "", "last_action_error": ""}
    decision = agent.act(seen)  # type: ignore[arg-type]
    assert len(decision.extra["retrieved"]) == 1


# --- backward construction


def test_parts_are_runs_of_steps_that_were_not_refused() -> None:
    parts = parts_of(played('click("1")', "lost()", 'click("1")', "noop()"), longest=2)
    assert [[s.decision.action for s in part.steps] for part in parts] == [
        ['click("1")'],
        ['click("1")'],
        ["noop()"],
        ['click("1")', "noop()"],
    ]
    assert [part.final["page"] for part in parts] == ['[1] button "page 1"', '[1] button "page 3"', "the end", "the end"]
    assert all(part.steps[0].observation["last_action"] == "" for part in parts), "a part begins its own episode"


def test_parts_of_a_failed_episode_teach_what_they_did_reach() -> None:
    answers = [
        "<summary>It pressed\nthe first.</summary>\n<goal>Press the first button.</goal>",
        "<summary>Nothing.</summary><goal>none</goal>",
        "I do not know.",
    ]
    model = ScriptedModel(answers)
    failed = played('click("1")', 'click("1")', goal="Buy it", status="failure", task="miniwob.click-tab", seed=4)
    (made,) = backward_construct(failed, model)
    assert (made.summary, made.trajectory.goal) == ("It pressed the first.", "Press the first button.")
    assert (made.trajectory.task, made.trajectory.seed, made.trajectory.success) == ("miniwob.click-tab", 4, True)
    assert made.trajectory.agent == "backward(a)"
    shown = model.prompts[0][-1]["content"]
    assert 'The page before:\n[1] button "page 0"' in shown and 'The page after:\n[1] button "page 1"' in shown
    assert "Buy it" not in shown, "what it was meant for would be repeated"

    (example,) = examples_from([made.trajectory])
    assert (example.goal, example.action, example.history) == ("Press the first button.", 'click("1")', ())
    base = KnowledgeBase()
    assert remember_backward(base, [made], iteration=2) == 1
    assert (base.entries[0].summary, base.entries[0].source) == ("It pressed the first.", "backward")
    assert base.search("pressed", "", exclude=Exclusion(task="miniwob.click-tab")) == [], "leak control goes by the episode"


def test_a_committee_has_to_agree_and_an_unreadable_answer_is_a_no() -> None:
    def constructed(*votes: str) -> int:
        model = ScriptedModel(["<summary>s</summary><goal>A goal.</goal>"])
        committee = [ScriptedModel([f"<verdict>{vote}</verdict>"]) for vote in votes]
        return len(backward_construct(played('click("1")'), model, committee=committee))

    assert constructed("yes", "yes") == 1
    assert constructed("yes", "no") == 0
    assert constructed("maybe") == 0


def test_of_many_parts_evenly_spread_ones_are_asked_about_and_equal_goals_count_once() -> None:
    model = ScriptedModel(lambda prompt: "<summary>s</summary><goal>Always this.</goal>")
    found = backward_construct(played(*['click("1")'] * 6), model, most=4)
    assert len(found) == 1 and len(model.prompts) == 4
    assert backward_construct(played('click("1")', status="invalid"), ScriptedModel([])) == []


# --- dense keys


class Letters:
    """An encoder without weights: how often each letter occurs, normalised."""

    def __init__(self, name: str = "letters") -> None:
        self.name = name
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += texts
        counts = np.array([[text.lower().count(c) for c in "abcdefghijklmnopqrstuvwxyz"] for text in texts], dtype=np.float32)
        norms = np.linalg.norm(counts, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (counts / np.maximum(norms, 1)).astype(np.float32)
        return unit


def test_dense_keys_find_what_shares_no_word(tmp_path: Path) -> None:
    base = KnowledgeBase(index=dense(Letters()))
    base.add(played('click("1")', goal="listen now", task="t.a"), iteration=0)
    base.add(played('click("2")', goal="buzz off", task="t.b"), iteration=0)
    assert KnowledgeBase().search("silent won", "", exclude=NOTHING) == []
    (found,) = base.search("silent won", "", exclude=NOTHING, k_page=0)
    assert found.entry.goal == "listen now"
    hidden = base.search("silent won", "", exclude=Exclusion(task="t.a"), k_goal=5)
    assert {r.entry.task for r in hidden} == {"t.b"}, "leak control does not depend on the index"


def test_vectors_are_kept_appended_to_and_made_anew_for_other_texts(tmp_path: Path) -> None:
    file = tmp_path / "goal.f32"

    def encoded(texts: list[str], encoder: str = "letters") -> list[str]:
        made = Letters(encoder)
        index = DenseIndex(made, file)
        index.add(texts)
        assert index.size == len(texts)
        alone = DenseIndex(Letters())
        alone.add(texts)
        asked = list(made.encoded)
        np.testing.assert_array_equal(index.scores("cab"), alone.scores("cab"))
        return asked

    assert encoded(["a", "b"]) == ["a", "b"]
    assert encoded(["a", "b"]) == []
    assert encoded(["a", "b", "c"]) == ["c"], "only what is new"
    assert encoded(["a", "b", "c"]) == []
    assert encoded(["x", "b", "c"]) == ["x", "b", "c"], "other texts"
    assert encoded(["x", "b", "c"], "another") == ["x", "b", "c"], "another encoder"
    file.write_bytes(file.read_bytes()[:-5])
    assert encoded(["x", "b", "c"], "another") == ["x", "b", "c"], "cut off"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["goal.f32", "goal.json"]


def test_appending_one_at_a_time_keeps_what_adding_at_once_keeps(tmp_path: Path) -> None:
    slowly, at_once = DenseIndex(Letters(), tmp_path / "a.f32"), DenseIndex(Letters(), tmp_path / "b.f32")
    for text in ("one", "two", "three"):
        slowly.add([text])
    at_once.add(["one", "two", "three"])
    assert (tmp_path / "a.f32").read_bytes() == (tmp_path / "b.f32").read_bytes()
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()


def test_a_sentence_transformer_is_an_encoder(tmp_path: Path) -> None:
    """The real library over a tiny transformer with random weights, as a plain hub model is loaded: mean over tokens."""
    pytest.importorskip("sentence_transformers")
    from symbiotic_gym.knowledge.dense import SentenceEncoder
    from tests.tiny import tiny_model

    encoder = SentenceEncoder(str(tiny_model(tmp_path / "model")), device="cpu")
    one, two, again = encoder.encode(["click the button", "the page goes on", "click the button"])
    assert one.shape == (32,) and one.dtype == np.float32
    np.testing.assert_allclose(one, again, rtol=1e-4)
    assert not np.allclose(one, two)
