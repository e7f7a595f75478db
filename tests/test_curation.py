"""What is chosen to learn from: each filter drops what it says, and the counts add up."""

import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from symbiotic_gym.cli import app
from symbiotic_gym.errors import ConfigError, StoreError
from symbiotic_gym.exchange.recording import record_run
from symbiotic_gym.store import open_run
from symbiotic_gym.trainers.curation import at_most_per_task, curate, deduplicate, filters
from symbiotic_gym.trainers.export import curate_runs
from symbiotic_gym.trainers.matching import closest, distances
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory


def episode(
    task: str = "t", seed: int = 0, *, verbs: str = "cc", words: str = "shop cart", status: str = "success", error: str = ""
) -> Trajectory:
    steps = tuple(
        Step(
            observation={"page": f'[{i}] button "{words}"'},
            decision=Decision(action=f'click("{i}")' if verb == "c" else f'fill("{i}", "{words}")'),
            reward=0.0,
            error=error,
        )
        for i, verb in enumerate(verbs)
    )
    return Trajectory(task=task, seed=seed, goal=f"find the {words}", agent="a", steps=steps, outcome=Outcome(status=status))  # type: ignore[arg-type]


def test_each_filter_drops_what_it_says_and_counts_it() -> None:
    episodes = [
        episode(seed=0),
        episode(seed=1),  # the same deeds as the one before
        episode(seed=2, verbs="c"),
        episode(seed=3, status="failure"),
        episode(seed=4, status="truncated", verbs="cccc"),
        episode(seed=5, error="refused", words="other"),
        episode(seed=6, verbs="ccccccc"),
        episode("u", seed=7, verbs="f"),
        episode("t", seed=8, verbs="ff"),
    ]
    wanted = filters(success=True, no_refusals=True, max_steps=5, dedup=True, max_per_task=2)
    kept, dropped = curate(episodes, wanted)
    assert dropped == [("success", 2), ("no refusals", 1), ("at most 5 steps", 1), ("dedup", 1), ("at most 2 a task", 1)]
    assert [t.seed for t in kept] == [0, 2, 7], "the shortest of each task, in the order given"
    assert len(kept) + sum(number for _, number in dropped) == len(episodes)


def test_other_spellings_of_an_action_are_the_same_deed() -> None:
    one, other = episode(seed=0, verbs="c"), episode(seed=1, verbs="c")
    respelled = Trajectory(
        **{**vars(other), "steps": (Step(**{**vars(other.steps[0]), "decision": Decision(action="click('0')")}),)}
    )
    assert [t.seed for t in deduplicate([one, respelled])] == [0]


def test_the_order_of_playing_does_not_matter() -> None:
    episodes = [episode(f"t{i % 3}", i, verbs="c" * (1 + i % 4), words=f"w{i}") for i in range(30)]
    shuffled = random.Random(0).sample(episodes, len(episodes))
    assert {t.seed for t in at_most_per_task(episodes, most=4)} == {t.seed for t in at_most_per_task(shuffled, most=4)}
    reference = [episode(verbs="cc", words=f"w{i}") for i in range(5)]
    assert {t.seed for t in closest(episodes, reference=reference, keep=7)} == {
        t.seed for t in closest(shuffled, reference=reference, keep=7)
    }


def test_what_is_like_the_reference_is_closest() -> None:
    reference = [episode(seed=i, verbs=verbs, words="shop cart price") for i, verbs in enumerate(("ccf", "cfc", "ccf", "ccff"))]
    alike = episode("alike", verbs="cfc", words="shop cart price")
    long = episode("long", verbs="cfc" * 6, words="shop cart price")
    other_mix = episode("mix", verbs="fff", words="shop cart price")
    other_words = episode("words", verbs="cfc", words="forum thread vote")
    scores = distances([alike, long, other_mix, other_words], reference)
    assert scores[0] < min(scores[1:])
    assert scores[0] < 0.5
    assert closest([long, other_mix, alike, other_words], reference=reference, keep=1) == [alike]


def test_the_score_is_the_papers_sum_of_relative_differences() -> None:
    """Equal reference episodes have themselves as averages; twice the steps of the same kind differ in length alone."""
    reference = [episode(seed=i, verbs="cc") for i in range(3)]
    assert distances([episode(seed=9, verbs="cc")], reference) == [pytest.approx(0.0, abs=1e-6)]
    doubled = distances([episode(seed=9, verbs="cccc")], reference)[0]
    assert 1.0 <= doubled < 1.2


def test_a_reference_of_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="reference set of 1"):
        distances([episode()], [episode()])


@pytest.mark.parametrize(
    "options", [{"keep": 3}, {"like": []}, {"max_per_task": 0}, {"max_steps": -1}, {"like": [], "keep": 0}]
)
def test_options_that_choose_nothing_sensible_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"both of them|1 or more"):
        filters(**options)


def test_a_chosen_set_is_made_anew_or_not_at_all(tmp_path: Path) -> None:
    source = record_run([episode(seed=3)], tmp_path / "1", {"agent": "a"})
    assert source.episodes == 1
    curate_runs([tmp_path / "1"], tmp_path / "out", max_per_task=1)
    with pytest.raises(StoreError, match="has a run already"):
        curate_runs([tmp_path / "1"], tmp_path / "out", max_per_task=1)


def test_of_two_runs_the_episode_that_is_not_invalid_is_taken(tmp_path: Path) -> None:
    record_run([episode(seed=1, status="invalid")], tmp_path / "1", {"agent": "a"})
    record_run([episode(seed=1)], tmp_path / "2", {"agent": "a"})
    assert curate_runs([tmp_path / "1", tmp_path / "2"], tmp_path / "out", success=True)[0] == 1


def test_the_command_makes_a_run_and_says_what_was_dropped(tmp_path: Path) -> None:
    record_run(
        [episode(seed=i, words=f"w{i}", status="failure" if i == 2 else "success") for i in range(4)],
        tmp_path / "1",
        {"agent": "a"},
    )
    record_run([episode(seed=i, words=f"w{i}") for i in range(3, 6)], tmp_path / "2", {"agent": "b"})
    arguments = [
        "curate",
        str(tmp_path / "1"),
        str(tmp_path / "2"),
        "--out",
        str(tmp_path / "out"),
        "--success",
        "--max-per-task",
        "3",
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert [line.split(maxsplit=1) for line in done.stdout.splitlines()] == [
        ["1", "dropped: in several runs"],
        ["1", "dropped: success"],
        ["2", "dropped: at most 3 a task"],
        ["3", f"kept in {tmp_path / 'out'}"],
    ]
    assert [t.seed for t in open_run(tmp_path / "out").episodes()] == [0, 1, 3]
