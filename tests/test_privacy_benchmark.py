"""The privacy benchmark's table: modes are compared on the episodes they share, and what was not played is no result."""

import json
from pathlib import Path
from typing import Any

import pytest

from symbiotic_gym.benchmarks import privacy
from symbiotic_gym.benchmarks.privacy import mode_rows, plot, tasks_of
from symbiotic_gym.benchmarks.privacy_plays import Played, _Brain
from symbiotic_gym.benchmarks.report import Row
from symbiotic_gym.errors import ModelError
from symbiotic_gym.pocket.tasks import templates


def played(mode: str, task: str, outcome: str = "success", seed: int = 0, **changes: int) -> Played:
    facts: dict[str, Any] = {"steps": 4, "cloud_steps": 3, "stopped": 0, "private_shown": 10, "private_sent": 0}
    facts |= {"needed_sent": 0, "affordances": 20, "affordances_kept": 20, "tokens": 100} | changes
    return Played(mode=mode, task=task, seed=seed, outcome=outcome, cost_usd=0.5, act_s=0.4, **facts)


def table(*some: Played) -> dict[str, Row]:
    return {row.name.removeprefix("plays/"): row for row in mode_rows(some)}


def test_counts_become_shares_over_all_steps_and_pages() -> None:
    rows = table(played("redact", "a", private_sent=1, stopped=2), played("redact", "b", "failure", affordances_kept=10))
    value = {name.partition("/")[2]: (row.value, row.n) for name, row in rows.items()}
    assert value["success"] == (0.5, 2) and value["irrelevant leak"] == (0.05, 20)
    assert value["affordances kept"] == (0.75, 40) and value["local share"] == (0.25, 8)
    assert value["requests stopped"] == (2, 8) and value["cost"] == (0.5, 2) and value["decision"] == (100.0, 8)
    assert rows["redact/irrelevant leak"].target is None


def test_guarded_is_compared_on_the_episodes_that_all_three_could_play() -> None:
    outcomes = {
        "large": ("success", "success", "success", "success"),
        "small": ("failure", "failure", "success", "success"),
        "guarded": ("success", "failure", "success", "invalid(site)"),
    }
    rows = table(*(played(mode, *one) for mode, some in outcomes.items() for one in zip("abcd", some, strict=True)))
    of_large, over_small = rows["guarded success of all-large"], rows["guarded over all-small"]
    assert of_large.value == pytest.approx(2 / 3) and (of_large.n, of_large.target) == (3, 0.95)
    assert over_small.value == pytest.approx(1 / 3) and (over_small.n, over_small.target) == (3, 0.0)
    assert rows["guarded/success"].n == 3
    assert rows["guarded/irrelevant leak"].target == 0.011 and rows["guarded/irrelevant leak"].holds


def test_what_cannot_be_compared_is_no_success() -> None:
    lost = table(*(played(mode, "a", "failure") for mode in ("large", "small", "guarded")))
    assert lost["guarded success of all-large"].value is None and lost["guarded success of all-large"].target == 0.95
    assert "guarded over all-small" not in lost
    broken = table(played("guarded", "a", "invalid(site)"))
    assert list(broken) == ["guarded/success"] and broken["guarded/success"].target == 0.0
    leaking = table(played("guarded", "a", private_sent=1))
    assert leaking["guarded/irrelevant leak"].holds is False


def test_a_stopped_run_tells_of_what_every_mode_has_played_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, str]] = []
    lasts = 4

    def playing(env: object, mode: str, task: str, seed: int, **settings: Any) -> Played:
        if len(asked) == lasts:
            raise ModelError("the endpoint is gone")
        asked.append((mode, task))
        return played(mode, task, seed=seed)

    class NoBrowser:
        def __init__(self, task: str) -> None:
            pass

        def close(self) -> None:
            pass

    monkeypatch.setattr(privacy, "play", playing)
    monkeypatch.setattr(privacy, "WebEnv", NoBrowser)
    monkeypatch.setattr(privacy, "learn_vocabulary", lambda worlds, seed: None)
    command = ["--parts", "plays", "--tasks", "2", "--modes", "large,small,guarded", "--plays", str(tmp_path)]
    assert privacy.main(command) == 1
    told = capsys.readouterr().out
    assert "the endpoint is gone" in told and "goes on" in told
    assert {task for _, task in asked[:3]} == {asked[0][1]}  # a task in all modes, before the next
    lasts = 99
    assert privacy.main([*command, "--json", str(tmp_path / "all.json")]) == 0
    assert len(asked) == len(set(asked)) == 6  # nothing twice
    rows = {row["name"]: row["n"] for row in json.loads((tmp_path / "all.json").read_text())["rows"]}
    assert {rows[f"plays/{mode}/success"] for mode in ("large", "small", "guarded")} == {2}


def test_levels_choose_tasks() -> None:
    assert {templates()[task.removeprefix("pocket.")].level for task in tasks_of(12, (1, 2))} == {1, 2}
    assert len(tasks_of(12, (1, 2))) == 12


def test_the_plot_has_a_point_for_each_mode(tmp_path: Path) -> None:
    plot(list(mode_rows([played(mode, "a") for mode in ("large", "learned@0.3", "learned@0.7")])), tmp_path / "new")
    assert (tmp_path / "new" / "privacy.png").stat().st_size > 1000
    drawn = (tmp_path / "new" / "privacy.svg").read_text(encoding="utf-8")
    assert all(f"<!-- {mode} -->" in drawn for mode in ("large", "learned@0.3", "learned@0.7"))


def test_tasks_that_need_private_values_come_first_and_sites_are_mixed() -> None:
    tasks = tasks_of(40)
    assert len(tasks) == len(set(tasks)) == 40
    assert len({task.split(".")[1] for task in tasks}) >= 5


def test_an_oracle_that_is_not_shown_what_it_reads_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    brain = _Brain()

    class Lost:
        def act(self, observation: Any) -> None:
            int("(1 words)")

    monkeypatch.setattr(brain, "_oracle", Lost())
    asked = 'Goal: Count\n\nThe page now, "t" at http://forum.pocket/:\n<page>\nx\n</page>\n'
    assert brain.answer([{"content": ""}, {"content": asked}]) == "<action>noop(1)</action>"
    brain.skip({"goal": "Count", "page": "x"})
