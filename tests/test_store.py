"""Run folders keep what is finished, and refuse what would mix two runs."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from symbiotic_gym.errors import ConfigError, StoreError
from symbiotic_gym.store import EpisodeLog, PhaseClock, RunFolder
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory


def trajectory(seed: int, status: str = "success") -> Trajectory:
    step = Step(observation={"page": '[1] button "ü"'}, decision=Decision(action='click("1")'), reward=1.0)
    return Trajectory(task="miniwob.click-test", seed=seed, goal="g", agent="a", steps=(step,), outcome=Outcome(status=status))  # type: ignore[arg-type]


def test_episodes_come_back_as_they_were(tmp_path: Path) -> None:
    log = EpisodeLog(tmp_path / "e.jsonl")
    for seed in range(3):
        log.add(trajectory(seed))
    log.add(trajectory(1, "failure"))
    again = EpisodeLog(tmp_path / "e.jsonl")
    assert again.trajectories == [trajectory(seed) for seed in range(3)], "an episode was lost, doubled or overwritten"
    assert ("miniwob.click-test", 2) in again


def test_every_cut_of_the_file_loses_at_most_the_last_episode(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    log = EpisodeLog(path)
    for seed in range(2):
        log.add(trajectory(seed))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole), 7):
        path.write_bytes(whole[:cut])
        log = EpisodeLog(path)
        assert log.trajectories == [trajectory(0)]
        log.add(trajectory(1))
        assert path.read_bytes() == whole


def test_damage_in_the_middle_is_reported_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    log = EpisodeLog(path)
    for seed in range(3):
        log.add(trajectory(seed))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:50], lines[2]]) + "\n")
    with pytest.raises(StoreError, match="line 2"):
        EpisodeLog(path)


def test_a_folder_of_another_config_is_refused(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "r", {"a": 1}):
        pass
    with pytest.raises(StoreError, match="a: 1 there, 2 here"):
        RunFolder(tmp_path / "r", {"a": 2})
    about = json.loads((tmp_path / "r" / "run.json").read_text())
    assert about["config"] == {"a": 1} and about["versions"]["python"] and about["machine"]["cores"]


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(StoreError, match="not empty"):
        RunFolder(tmp_path, {})
    with pytest.raises(StoreError, match="is a file"):
        RunFolder(tmp_path / "thesis.txt", {})
    with pytest.raises(StoreError, match="GB free"):
        RunFolder(tmp_path / "r", {}, need_bytes=10**18)


@pytest.mark.parametrize("left", [["lock"], ["lock", "owner"], ["lock", "owner", "run.json.partial"]])
def test_a_folder_whose_first_process_died_at_once_is_begun_again(tmp_path: Path, left: list[str]) -> None:
    for name in left:
        (tmp_path / name).write_text("")
    with RunFolder(tmp_path, {"a": 1}) as folder:
        assert folder.resumed


@pytest.mark.parametrize("text", ["[]", "{}", '{"config": 1}'])
def test_a_run_json_without_a_config_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(StoreError, match="holds no config"):
        RunFolder(tmp_path, {"a": 1})


def test_a_folder_below_a_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(StoreError, match="is a file") as caught:
        RunFolder(tmp_path / "thesis.txt" / "run", {})
    assert "name another folder" in str(caught.value)


def test_half_a_character_does_not_stop_the_log(tmp_path: Path) -> None:
    log = EpisodeLog(tmp_path / "e.jsonl")
    log.add(replace(trajectory(0), goal="half \ud83d of it"))
    assert log.trajectories == EpisodeLog(tmp_path / "e.jsonl").trajectories
    assert log["miniwob.click-test", 0].goal == "half ? of it"


def test_what_has_no_json_form_is_named(tmp_path: Path) -> None:
    step = Step(observation={}, decision=Decision(action="noop()", extra={"model": object()}), reward=0.0)
    with pytest.raises(ConfigError, match=r"'a' on miniwob.click-test cannot be written down"):
        EpisodeLog(tmp_path / "e.jsonl").add(replace(trajectory(0), steps=(step,)))


def test_a_full_disk_leaves_whole_lines_that_the_next_can_follow(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    log = EpisodeLog(tmp_path / "e.jsonl")
    log.add(trajectory(0))
    whole = log.path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            log.add(trajectory(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert log.path.read_bytes() == whole
    log.add(trajectory(2))
    assert len(EpisodeLog(log.path)) == 2


def test_an_episode_too_long_to_be_read_again_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symbiotic_gym.store.lines._MOST_BYTES", 10_000)
    log = EpisodeLog(tmp_path / "e.jsonl")
    with pytest.raises(ConfigError, match="more than an episode may"):
        log.add(replace(trajectory(0), goal="x" * 10_000))
    assert not log.path.exists()


def test_a_config_is_compared_as_it_is_on_disk(tmp_path: Path) -> None:
    for _ in range(2):
        with RunFolder(tmp_path / "r", {"env_kwargs": {"observe": ("dom", "axtree")}}):
            pass


@pytest.mark.parametrize("text", ["[]", '{"rollout": "long"}', '{"rollout": null}'])
def test_seconds_that_are_none_are_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "seconds.json").write_text(text)
    with pytest.raises(StoreError, match="no seconds by phase"):
        PhaseClock(tmp_path / "seconds.json")


def test_two_processes_cannot_share_a_folder(tmp_path: Path) -> None:
    folder = str(tmp_path / "r")
    code = f"from pathlib import Path; from symbiotic_gym.store import RunFolder as R; R(Path({folder!r}), {{}}).__enter__()"
    with RunFolder(tmp_path / "r", {}):
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert other.returncode != 0
    assert "in use by pid" in other.stderr
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0, "the lock outlived its owner"


def test_seconds_add_up_over_processes(tmp_path: Path) -> None:
    for _ in range(2):
        clock = PhaseClock(tmp_path / "s.json")
        before = clock.seconds.get("a", 0.0)
        with clock.phase("a"):
            pass
        assert clock.seconds["a"] >= before
    clock = PhaseClock(tmp_path / "s.json")
    clock.seconds["a"] = 100.0
    with clock.phase("a"):
        pass
    assert PhaseClock(tmp_path / "s.json").seconds["a"] >= 100.0
