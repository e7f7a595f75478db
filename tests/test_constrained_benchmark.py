"""What the benchmark of constrained decoding counts and times, on a tiny model and episodes made here."""

from pathlib import Path

from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.benchmarks.constrained import TASKS, _episode_rows, _long, _mask_rows, _recorded, _speed_rows
from symbiotic_gym.suites import check_task
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory
from tests.tiny import tiny_model


def episode(*actions: str, status: str = "failure") -> Trajectory:
    observation = {
        "page": '[12] button "Go"\n[13] textbox ""',
        "last_action": "",
        "last_action_error": "",
        "tabs": "",
        "url": "",
    }
    steps = tuple(Step(observation=observation, decision=Decision(action=action), reward=0.0) for action in actions)
    return Trajectory(task="t", seed=0, goal="g", agent="a", steps=steps, outcome=Outcome(status=status))  # type: ignore[arg-type]


def test_an_action_counts_as_valid_when_the_page_allows_it() -> None:
    played = [episode('click("12")', 'click("9")', 'fill("12", "x")', "I would click"), episode("noop()", status="invalid")]
    rows = {row.name: row for row in _episode_rows("constrained", played)}
    assert (rows["valid/constrained"].value, rows["valid/constrained"].n) == (0.25, 4)
    assert rows["valid/constrained"].holds is False
    assert rows["call-of-what-is-there/constrained"].value == 0.5
    assert rows["invalid-episodes/constrained"].value == 0.5


def test_every_combination_is_timed_on_the_same_prompts(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path)
    models = {
        name: LocalModel(folder, dtype="float32", prefix_cache_bytes=size)
        for name, size in (("no-cache", 0), ("cache", 1 << 28))
    }
    recorded = _recorded([episode('click("12")', 'fill("13", "x")'), episode("noop()")], 4)
    assert [len(replay.observations) for replay in recorded] == [2]
    rows = _speed_rows("kind", models, recorded, 1)
    timed = [row for row in rows if row.name.startswith("seconds-per-step/")]
    assert [row.name.removeprefix("seconds-per-step/kind/") for row in timed] == [
        *("free/no-cache", "constrained/no-cache", "free/cache", "constrained/cache")
    ]
    assert all(row.n == 2 and (row.value or 0) > 0 for row in timed)
    assert [row.peer for row in timed] == ["", "", "no-cache", "no-cache"]
    assert 0 < (rows[-1].value or 0) < 1
    assert rows[-1].name == "prompt-tokens-reused/kind"
    [mask] = _mask_rows(models["cache"].vocabulary, [episode('click("12")')], 1.0)
    assert 0 < (mask.value or 0) < 60
    assert len(_long(2).observations[0]["page"]) < 6000


def test_the_tasks_exist() -> None:
    assert len(TASKS) >= 20
    assert all(check_task(task) for task in TASKS)
