"""The knowledge base: what goes in comes out again, survives being cut off, and never leaks a held-out task."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from bm25s import BM25
from hypothesis import given, settings
from hypothesis import strategies as st

from symbiotic_gym.errors import ConfigError, StoreError
from symbiotic_gym.knowledge import (
    Exclusion,
    Gated,
    KnowledgeBase,
    LeakReport,
    Masked,
    StateValues,
    excerpt,
    leaks,
)
from symbiotic_gym.knowledge import index as index_module
from symbiotic_gym.knowledge.columns import Columns
from symbiotic_gym.knowledge.excerpts import without_ids
from symbiotic_gym.knowledge.index import Bm25Index, words_of
from symbiotic_gym.suites.kinship import template_of
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory

NOTHING = Exclusion(level="none")


def played(
    task: str = "miniwob.click-test",
    seed: int = 0,
    goal: str = "Click the button",
    pages: tuple[str, ...] = ('[1] button "OK"',),
    status: str = "success",
    error: str = "",
) -> Trajectory:
    steps = tuple(
        Step(observation={"page": p}, decision=Decision(action='click("1")', reason="why", source="m"), reward=0.0, error=error)
        for p in pages
    )
    return Trajectory(task=task, seed=seed, goal=goal, agent="a", steps=steps, outcome=Outcome(status=status))  # type: ignore[arg-type]


def test_an_empty_base_answers_with_nothing(tmp_path: Path) -> None:
    assert KnowledgeBase().search("goal", "page", exclude=NOTHING) == []
    assert KnowledgeBase(tmp_path / "none.jsonl").entries == ()
    assert not (tmp_path / "none.jsonl").exists(), "reading writes nothing"


def test_steps_of_successes_are_kept_with_where_they_came_from() -> None:
    base = KnowledgeBase()
    assert base.add(played(pages=("one", "two"), seed=7), iteration=3, source="run-1") == 2
    assert base.add(played(status="failure"), iteration=0) == 0
    assert base.add(played(status="invalid"), iteration=0) == 0
    assert base.add(played(error="no such element"), iteration=0) == 0
    first, second = base.entries
    assert (first.page, second.page) == ("one", "two")
    assert (first.task, first.template, first.suite, first.seed) == ("miniwob.click-test", "miniwob.click-test", "miniwob", 7)
    assert (first.action, first.reason, first.model, first.source, first.iteration) == ('click("1")', "why", "m", "run-1", 3)
    assert first.trajectory == second.trajectory
    assert first.id != second.id


def test_identical_trajectories_count_once_and_others_do_not(tmp_path: Path) -> None:
    path = tmp_path / "kb" / "knowledge.jsonl"
    base = KnowledgeBase(path)
    assert base.add(played(), iteration=0) == 1
    assert base.add(played(), iteration=1) == 0
    assert KnowledgeBase(path).add(played(), iteration=2) == 0
    assert base.add(played(seed=1), iteration=0) == 1
    assert base.add(played(pages=("other",)), iteration=0) == 1
    assert len(path.read_text().splitlines()) == len(base) == 3


def test_it_persists_as_readable_lines(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.jsonl"
    base = KnowledgeBase(path)
    base.add(played(goal="Überweise 5 €\u2028", pages=("a\nb", "c")), iteration=0)
    again = KnowledgeBase(path)
    assert again.entries == base.entries
    assert [json.loads(line)["goal"] for line in path.read_text(encoding="utf-8").split("\n")[:-1]] == [
        "Überweise 5 €\u2028"
    ] * 2


@pytest.mark.parametrize("cut", [1, 5, 40, 170_000])
def test_a_torn_last_line_is_ignored_and_mended(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "knowledge.jsonl"
    base = KnowledgeBase(path)
    base.add(played(), iteration=0)
    last = played(pages=("x" * 200_000,))
    base.add(last, iteration=0)
    path.write_bytes(path.read_bytes()[:-cut])
    torn = KnowledgeBase(path)
    assert torn.entries == base.entries[:1]
    assert torn.add(last, iteration=0) == 1
    assert KnowledgeBase(path).entries == base.entries


def test_an_episode_of_which_half_was_written_is_completed(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.jsonl"
    episode = played(pages=("one", "two", "three"))
    whole = KnowledgeBase(path)
    whole.add(episode, iteration=0)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    base = KnowledgeBase(path)
    assert base.add(episode, iteration=0) == 1
    assert KnowledgeBase(path).entries == whole.entries


@pytest.mark.parametrize("damage", ['{"goal": ', "[1]", '{"task": 1}', "\udcff"])
def test_damage_in_the_middle_is_an_error_with_file_and_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "knowledge.jsonl"
    KnowledgeBase(path).add(played(pages=("one", "two")), iteration=0)
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{damage}\n{second}\n", errors="surrogateescape")
    with pytest.raises(StoreError, match=rf"line 2 of {re.escape(str(path))} is damaged") as error:
        KnowledgeBase(path)
    assert "what to do" in str(error.value)


# --- retrieval


def test_the_most_similar_come_last_by_goal_and_by_page() -> None:
    base = KnowledgeBase()
    base.add(played("t.a", 0, "Buy a blue lamp", ('[1] button "Add lamp to cart"',)), iteration=0)
    base.add(played("t.b", 0, "Delete the mail", ('[1] link "Inbox"\n[2] link "Trash"',)), iteration=0)
    base.add(played("t.c", 0, "Sort by price", ('[1] link "Trash"\n[4] link "Inbox"\n[5] link "Sent"',)), iteration=0)
    base.add(played("t.d", 0, "Unrelated", ("nothing here",)), iteration=0)
    found = base.search("Buy a red lamp", '[9] link "Inbox"\n[1] link "Sent"', exclude=NOTHING)
    assert {r.entry.task for r in found} == {"t.a", "t.b", "t.c"}
    assert [r.score for r in found] == sorted(r.score for r in found)
    assert found == base.search("Buy a red lamp", '[9] link "Inbox"\n[1] link "Sent"', exclude=NOTHING)
    assert [r.entry.task for r in base.search("lamp", "Sent", exclude=NOTHING, k_goal=0, k_page=1)] == ["t.c"]
    assert [r.entry.task for r in base.search("lamp", "Sent", exclude=NOTHING, k_goal=1, k_page=0)] == ["t.a"]


def test_among_equal_goals_the_most_similar_page_wins_and_repeats_count_once() -> None:
    base = KnowledgeBase()
    for seed in range(3):
        base.add(played("t.a", seed, "Log in", ('[1] textbox "User"', '[1] button "Login"')), iteration=0)
    (found,) = base.search("Log in", '[4] button "Login"', exclude=NOTHING, k_page=0)
    assert found.entry.page == '[1] button "Login"'
    pages = [r.entry.page for r in base.search("Log in", '[4] button "Login"', exclude=NOTHING, k_goal=3, k_page=3)]
    assert sorted(pages) == ['[1] button "Login"', '[1] textbox "User"']


def test_ids_say_nothing_about_similarity() -> None:
    base = KnowledgeBase()
    base.add(played("t.a", 0, "g", ('[77] button "Save"',)), iteration=0)
    base.add(played("t.b", 0, "g", ('[1] button "Send"',)), iteration=0)
    assert base.search("", "[77] link", exclude=NOTHING) == []
    assert base.search("", '[77] button "Send"', exclude=NOTHING)[-1].entry.task == "t.b"


def test_new_entries_are_found_at_once_and_history_does_not_matter() -> None:
    episodes = [played("t.x", i, f"goal word{i % 5}", (f'[1] button "name{i}" shared{i % 3}',)) for i in range(20)]
    slowly, at_once = KnowledgeBase(), KnowledgeBase()
    for episode in episodes:
        slowly.add(episode, iteration=0)
        slowly.search("goal", "shared1", exclude=NOTHING)
        at_once.add(episode, iteration=0)
    assert slowly.search("word3", "name19 shared1", exclude=NOTHING)[-1].entry.page.startswith('[1] button "name19"')
    for query in (("word3", "shared1"), ("goal", "name7")):
        assert slowly.search(*query, exclude=NOTHING) == at_once.search(*query, exclude=NOTHING)


WORDS = st.lists(st.sampled_from(["red", "lamp", "cart", "mail", "[12]", "Ok", "1"]), max_size=12).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=8), WORDS)
def test_scores_are_those_of_bm25s(texts: list[str], query: str) -> None:
    ours = Bm25Index()
    ours.add(texts)
    words = [words_of(text) for text in texts]
    if not any(words):
        assert not ours.scores(query).any()
        return
    vocabulary = {word: i for i, word in enumerate(sorted({word for text in words for word in text}))}
    theirs = BM25(method="lucene", k1=1.5, b=0.75)
    theirs.index(([[vocabulary[w] for w in text] for text in words], vocabulary), show_progress=False, create_empty_token=False)
    wanted = [vocabulary[word] for word in set(words_of(query)) & vocabulary.keys()]
    expected = theirs.get_scores_from_ids(wanted) if wanted else np.zeros(len(texts))
    np.testing.assert_allclose(ours.scores(query), expected, rtol=1e-5, atol=1e-6)


def test_pages_are_cut_around_the_line_acted_on() -> None:
    base = KnowledgeBase()
    lines = [f'[{i}] button "number{i}"' for i in range(100)]
    trajectory = played(pages=("\n".join(lines),))
    step = trajectory.steps[0]
    moved = Step(observation=step.observation, decision=Decision(action='click("60")'), reward=0.0)
    base.add(Trajectory(task="t", seed=0, goal="g", agent="a", steps=(moved,), outcome=Outcome(status="success")), iteration=0)
    (found,) = base.search("g", "", exclude=NOTHING, budget_chars=200)
    assert lines[60] in found.page.split("\n")
    assert 100 < len(found.page) <= 200
    assert set(found.page.split("\n")) <= set(lines)
    entry = base.entries[0]
    assert excerpt(entry.page, entry.action, 10) == lines[60][:10]
    assert excerpt(entry.page, entry.action, 100_000) == entry.page


# --- nothing of a held-out task is ever returned

TASKS = st.sampled_from(["s.a", "s.b", "s.c"])
EPISODES = st.lists(st.tuples(TASKS, st.integers(0, 2), st.sampled_from(["", "T1", "T2"])), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(EPISODES, TASKS, st.integers(0, 2), st.sampled_from(["", "T1"]), st.booleans())
def test_held_out_entries_never_come_back(
    episodes: list[tuple[str, int, str]], task: str, seed: int, template: str, seed_known: bool
) -> None:
    base = KnowledgeBase()
    base.add(played(task, seed, "the goal", ("the page planted",)), iteration=0, template=template)
    for i, (other, number, kind) in enumerate(episodes):
        base.add(played(other, number, "the goal", (f"the page {i}",)), iteration=0, template=kind)
    known = seed if seed_known else None
    for level in ("instance", "template"):
        exclude = Exclusion(level=level, task=task, seed=known, template=template)
        found = base.search("the goal", "the page planted", exclude=exclude, k_goal=50, k_page=50)
        entries = [r.entry for r in found]
        assert all((e.task, e.seed) != (task, seed) for e in entries)
        if level == "template" or known is None:
            assert all(e.task != task for e in entries)
        if level == "template" and template:
            assert all(e.template != template for e in entries)
    everything = base.search("the goal", "the page planted", exclude=NOTHING, k_goal=50, k_page=0)
    assert "the page planted" in [r.entry.page for r in everything]


def test_instance_keeps_other_seeds_of_a_generated_task_and_no_seed_of_a_fixed_one() -> None:
    base = KnowledgeBase()
    base.add(played("miniwob.x", 1, "g", ("page one",)), iteration=0)
    base.add(played("webarena.27", 1, "g", ("page two",)), iteration=0, template="intent-9")
    generated = base.search("g", "page", exclude=Exclusion(level="instance", task="miniwob.x", seed=2), k_page=5)
    assert {r.entry.task for r in generated} == {"miniwob.x", "webarena.27"}
    fixed = base.search(
        "g", "page", exclude=Exclusion(level="instance", task="webarena.27", seed=2, template="intent-9"), k_page=5
    )
    assert {r.entry.task for r in fixed} == {"miniwob.x"}
    unaware = base.search("g", "page", exclude=Exclusion(level="instance", task="webarena.27", seed=2), k_page=5)
    assert {r.entry.task for r in unaware} == {"miniwob.x"}


@pytest.mark.parametrize("wrong", [{"level": "instance"}, {"level": "template"}, {"level": "seed", "task": "t"}])
def test_an_exclusion_that_would_hold_nothing_back_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="recorded answers"):
        Exclusion(**wrong)  # type: ignore[arg-type]


REAL = st.sampled_from(
    [
        "miniwob.click-tab",
        "miniwob.click-tab-2",
        "miniwob.click-test",
        "webarena.27",
        "webarena_verified.27",
        "webarena.28",
        "x.y",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(REAL, st.integers(0, 2), st.sampled_from(["", "T1"]), st.integers(0, 2)), min_size=1, max_size=10),
    REAL,
    st.sampled_from([None, 0, 1, 2]),
    st.sampled_from(["", "T1"]),
    st.sampled_from(["instance", "template", "none"]),
)
def test_judging_all_entries_at_once_is_judging_each(
    episodes: list[tuple[str, int, str, int]], task: str, seed: int | None, template: str, level: str
) -> None:
    base = KnowledgeBase()
    for other, number, kind, page in episodes:
        base.add(played(other, number, f"goal {page}", (f"[{number}] page {page}",)), iteration=0, template=kind)
    exclude = Exclusion(level=level, task=task, seed=seed, template=template)  # type: ignore[arg-type]
    columns = Columns()
    columns.add(base.entries)
    at_once = columns.hidden(exclude, "goal 1", "[7] page 1")
    assert at_once.tolist() == [exclude.hides(entry, "goal 1", "[7] page 1") for entry in base.entries]


def test_kin_are_known_across_suites_and_variants() -> None:
    base = KnowledgeBase()
    for task in ("webarena_verified.27", "webarena.28", "webarena_lite.27", "miniwob.click-tab-2-hard", "miniwob.click-test"):
        base.add(played(task, 5, "g", (f"page {task}",)), iteration=0)

    def found(**exclude: object) -> set[str]:
        kept = base.search("g", "page", exclude=Exclusion(**exclude), k_goal=9)  # type: ignore[arg-type]
        return {r.entry.task for r in kept}

    assert template_of("webarena.27") == template_of("webarena_verified.27") != template_of("miniwob.click-tab")
    assert found(task="webarena.27").isdisjoint({"webarena_verified.27", "webarena_lite.27"})
    assert found(level="instance", task="webarena.27", seed=0).isdisjoint({"webarena_verified.27", "webarena_lite.27"})
    assert "miniwob.click-tab-2-hard" not in found(task="miniwob.click-tab")
    assert "miniwob.click-tab-2-hard" in found(level="instance", task="miniwob.click-tab", seed=5)
    assert "miniwob.click-test" in found(task="miniwob.click-tab")


def test_a_seed_that_makes_an_equal_instance_does_not_help() -> None:
    base = KnowledgeBase()
    base.add(played("miniwob.click-test", 1, "Click it", ('[3] button "OK"',)), iteration=0)
    base.add(played("miniwob.click-test", 2, "Click it", ('[3] button "No"',)), iteration=0)
    exclude = Exclusion(level="instance", task="miniwob.click-test", seed=7)
    (found,) = base.search("Click it", '[9] button "OK"', exclude=exclude, k_page=5)
    assert found.entry.page == '[3] button "No"', "only its id tells the other from the page at hand"


def test_failures_are_kept_on_request_and_never_found(tmp_path: Path) -> None:
    base = KnowledgeBase(tmp_path / "k.jsonl", keep_failures=True)
    assert base.add(played("t.a", status="failure"), iteration=2, source="small") == 1
    assert base.add(played("t.b", status="invalid"), iteration=2) == 0
    assert KnowledgeBase(tmp_path / "k.jsonl").entries[0].success is False
    assert base.search("Click the button", '[1] button "OK"', exclude=NOTHING) == []


def test_summaries_are_a_key_beside_the_goal() -> None:
    base = KnowledgeBase()
    base.add(played("t.a", goal="Do it", pages=("one",)), iteration=0, summary="Sorts the products by price")
    base.add(played("t.b", goal="Do it too", pages=("two",)), iteration=0)
    (found,) = base.search("products sorted", "", exclude=NOTHING)
    assert found.entry.task == "t.a" and found.entry.summary == "Sorts the products by price"


def test_a_query_reads_no_more_than_its_bound_and_leaves_out_the_commonest_words(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Bm25Index()
    ours.add(["link home"] * 50 + ["link rare"])
    everything = ours.scores("link rare")
    monkeypatch.setattr(index_module, "READ", 40)
    bounded = ours.scores("link rare")
    assert everything[0] > 0 and bounded[0] == 0 and bounded[-1] > 0
    assert bounded.argmax() == everything.argmax() == 50


@pytest.mark.parametrize("n", [1, 40, 700])
def test_sorting_no_further_than_needed_finds_what_sorting_all_finds(n: int) -> None:
    rng = np.random.default_rng(n)
    base = KnowledgeBase()
    for i in range(n):
        words = " ".join(f"w{w}" for w in rng.integers(0, 5, 4))
        base.add(played("t.a", i, f"goal w{i % 3}", (f"{words} {'x' * (i % 2)}",)), iteration=0)
    found = base.search("w1", "w1 w2 w2 x", exclude=NOTHING, k_goal=0, k_page=n)
    scores = Bm25Index()
    scores.add([without_ids(entry.page) for entry in base.entries])
    scored = zip(scores.scores("w1 w2 w2 x"), base.entries, strict=True)
    wanted = sorted({(-score, entry.page) for score, entry in scored if score > 0})
    assert {r.entry.page for r in found} == {page for _, page in wanted}
    pages = [r.entry.page for r in base.search("", "w1 w2 w2 x", exclude=NOTHING, k_goal=0, k_page=3)]
    assert [-scores.scores("w1 w2 w2 x")[[e.page for e in base.entries].index(p)] for p in reversed(pages)] == [
        score for score, _ in wanted[: len(pages)]
    ]


# --- around a base


def test_a_masked_base_keeps_the_way_and_hides_the_particulars() -> None:
    base = KnowledgeBase()
    page = '[1] textbox "Search"\n[2] link "Blue lamp"\ntext "3 left"\ntext "13 sold to Annabel"'
    step = Step(
        observation={"page": page},
        decision=Decision(action='fill("1", "cheap lamp")', reason="Ann wants a Blue lamp."),
        reward=0,
    )
    goal = 'Buy 3 of the "Blue lamp" for Ann.'
    base.add(
        Trajectory(task="t.a", seed=0, goal=goal, agent="a", steps=(step,), outcome=Outcome(status="success")), iteration=0
    )
    (found,) = Masked(base).search("Buy", "lamp", exclude=NOTHING)
    assert found.entry.goal == 'Buy [mask] of the "[mask]" for [mask].'
    assert found.page == '[1] textbox "Search"\n[2] link "[mask]"\ntext "[mask] left"\ntext "13 sold to Annabel"'
    assert found.entry.action == 'fill("1", "[mask]")'
    assert found.entry.reason == "[mask] wants a [mask]."


def test_values_of_states_come_from_how_episodes_ended() -> None:
    values = StateValues()
    assert values["g", "never"].value == 0.5
    for i in range(8):
        values.add(
            played(
                goal="g", seed=i, pages=(f"[{i}] start", "good" if i < 6 else "bad"), status="success" if i < 6 else "failure"
            )
        )
    values.add(played(goal="g", pages=("bad",), status="invalid"))
    assert (values["g", "[77] start"].success_rate, values["g", "start"].episodes) == (0.75, 8)
    assert values["g", "good"].value == 1.0
    assert 0 < values["g", "bad"].value < 0.25, "two failures are not yet certain"
    assert values["another goal", "good"].episodes == 0


def test_a_gate_opens_where_the_policy_is_not_sure() -> None:
    base = KnowledgeBase(keep_failures=True)
    for seed in range(6):
        base.add(played("t.a", seed, "g", ("known page",)), iteration=0, source="small")
        base.add(played("t.b", seed, "g", ("hard page",), status="success" if seed else "failure"), iteration=0, source="small")
    values = StateValues()
    values.add_entries(base.entries, source="small")
    gated = Gated(base, values)
    assert gated.search("g", "known page", exclude=NOTHING) == []
    assert gated.search("g", "hard page", exclude=NOTHING)
    assert gated.search("g", "a new page", exclude=NOTHING)


def test_the_report_says_of_which_level_a_result_is_and_how_near_the_nearest_was() -> None:
    base = KnowledgeBase()
    for task, seed, page in (("miniwob.click-tab", 1, "a b c d"), ("miniwob.click-tab-2", 1, "a b"), ("pocket.x", 1, "z")):
        base.add(played(task, seed, f"goal {task[-1]}", (page,)), iteration=0)
    instance, template, other = (entry.id for entry in base.entries)

    def report(*ids: str) -> LeakReport:
        decision = Decision(action="noop()", extra={"retrieved": list(ids)})
        steps = (Step(observation={"page": "a b c e"}, decision=decision, reward=0.0),)
        test = played("miniwob.click-tab", 1)
        return leaks([Trajectory(task=test.task, seed=1, goal="goal b", agent="a", steps=steps, outcome=test.outcome)], base)

    assert report().name == "nothing retrieved"
    assert report(other).name == "unseen template"
    assert report(other).nearest_page == 0
    kin = report(other, template)
    assert (kin.name, kin.nearest_page, kin.relations["same template"]) == ("unseen instance of a known template", 0.5, 1)
    assert report(instance, other).name == "leaked: same instance"
    assert report(instance).nearest_page == pytest.approx(3 / 5)
    assert report("nobody:0").unknown == 1
