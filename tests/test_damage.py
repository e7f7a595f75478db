"""Damaged run folders: every kind is named with its file and reason, everything else loads, and repair keeps what is whole."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from symbiotic_gym.cli import app
from symbiotic_gym.errors import StoreError
from symbiotic_gym.store import Blobs, EpisodeLog, RunFolder, open_run
from symbiotic_gym.store.lines import FORMAT, seal, unseal
from symbiotic_gym.store.mending import merge_runs, repair_run
from symbiotic_gym.store.timeless import timeless
from symbiotic_gym.trainers.export import curate_runs
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory, to_json

Damage = Callable[[Path], object]


def episode(seed: int, *, picture: str = "", attempt: int = 0, status: str = "success") -> Trajectory:
    step = Step(observation={"page": f"page ü {seed}"}, decision=Decision(action="noop()"), reward=1.0, screenshot=picture)
    outcome = Outcome(status=status, kind="browser" if status == "invalid" else "")  # type: ignore[arg-type]
    return Trajectory(task="miniwob.x", seed=seed, goal="g", agent="a", steps=(step,), outcome=outcome, attempt=attempt)


def make_run(path: Path, seeds: range = range(5), config: dict[str, object] | None = None) -> Path:
    with RunFolder(path, config if config is not None else {"agent": "a", "seeds": list(seeds)}):
        log, blobs = EpisodeLog(path / "episodes.jsonl"), Blobs(path / "blobs")
        for seed in seeds:
            log.add(episode(seed, picture=blobs.add_picture(np.full((8, 8, 3), 40 * (seed % 6), np.uint8))))
    return path


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("pristine") / "r")


@pytest.fixture
def run(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "r"))


def lines(run: Path) -> list[bytes]:
    return (run / "episodes.jsonl").read_bytes().splitlines(keepends=True)


def replaced(new: Callable[[bytes], bytes], index: int = 2) -> Damage:
    def damage(run: Path) -> None:
        all_lines = lines(run)
        all_lines[index] = new(all_lines[index])
        (run / "episodes.jsonl").write_bytes(b"".join(all_lines))

    return damage


def sealed(change: Callable[[dict[str, object]], object], **more: object) -> Damage:
    """A line whose checksum is right, of a record that is wrong."""

    def new(line: bytes) -> bytes:
        record = unseal(line)
        change(record)
        return seal(record | more)

    return replaced(new)


def without(key: str) -> Damage:
    return sealed(lambda record: record.pop(key))


def put(key: str, value: object) -> Damage:
    return sealed(lambda record: record.update({key: value}))


def flipped(offset: int) -> Damage:
    return replaced(lambda line: line[:offset] + bytes([line[offset] ^ 0x10]) + line[offset + 1 :])


def written(name: str, data: bytes) -> Damage:
    return lambda run: (run / name).write_bytes(data)


def picture(change: Callable[[Path], object]) -> Damage:
    def damage(run: Path) -> None:
        change(run / "blobs" / unseal(lines(run)[2])["steps"][0]["screenshot"])

    return damage


def in_place(file: Path) -> None:
    """A folder where a file was."""
    file.unlink()
    file.mkdir()


def in_place_of(name: str, make: Callable[[Path], object]) -> Damage:
    def damage(run: Path) -> None:
        file = run / name
        if file.exists():
            file.unlink()
        make(file)

    return damage


IN_A_LINE: dict[str, Damage] = {
    **{f"bit flipped at {offset}": flipped(offset) for offset in (0, 5, 15, 40, 80, 120, 200)},
    **{f"bit flipped {offset} before the end": flipped(-offset) for offset in (3, 6, 12, 20, 30)},
    "cut short": replaced(lambda line: line[: len(line) // 2] + b"\n"),
    "cut at the front": replaced(lambda line: line[len(line) // 2 :]),
    "empty": replaced(lambda line: b"\n"),
    "blanks": replaced(lambda line: b"     \n"),
    "zeros": replaced(lambda line: b"\0" * (len(line) - 1) + b"\n"),
    "ones": replaced(lambda line: b"\xff" * (len(line) - 1) + b"\n"),
    "random bytes": replaced(lambda line: os.urandom(400).replace(b"\n", b"x") + b"\n"),
    "utf-16": replaced(lambda line: line.decode().encode("utf-16-le").replace(b"\n", b"x") + b"\n"),
    "latin-1": replaced(lambda line: line.decode().encode("latin-1")),
    "byte order mark": replaced(lambda line: b"\xef\xbb\xbf" + line),
    "carriage return": replaced(lambda line: line[:-1] + b"\r\n"),
    "no checksum": replaced(lambda line: json.dumps(to_json(episode(2))).encode() + b"\n"),
    "somebody else's checksum": replaced(lambda line: line[:-12] + b"00000000" + line[-4:]),
    "an array": replaced(lambda line: b"[1, 2]\n"),
    "a number": replaced(lambda line: b"17\n"),
    "words": replaced(lambda line: b"hello\n"),
    "nested without end": replaced(lambda line: b"[" * 100_000 + b"\n"),
    "pickle": replaced(lambda line: b"\x80\x04cos\x85R.\n"),
    "written over each other": replaced(lambda line: line[:60] + line),
    "another format": put("format", FORMAT + 1),
    "no format": replaced(lambda line: seal({"format": None})),
    "no task": without("task"),
    "no outcome": without("outcome"),
    "no steps": without("steps"),
    "task is a number": put("task", 3),
    "seed is a text": put("seed", "three"),
    "steps is a text": put("steps", "many"),
    "a step is null": put("steps", [None]),
    "outcome unknown": put("outcome", {"status": "won"}),
    "reward is a text": put("steps", [{"observation": {}, "decision": {"action": "noop()"}, "reward": "lots"}]),
    "the same attempt twice": replaced(lambda line: line + line),
}

BESIDE: dict[str, tuple[str, Damage]] = {
    "run.json missing": ("run.json", lambda run: (run / "run.json").unlink()),
    "run.json empty": ("run.json", written("run.json", b"")),
    "run.json cut": ("run.json", written("run.json", b'{"config": {')),
    "run.json an array": ("run.json", written("run.json", b"[]")),
    "run.json without config": ("run.json", written("run.json", b"{}")),
    "run.json nested without end": ("run.json", written("run.json", b"[" * 100_000)),
    "run.json not text": ("run.json", written("run.json", b"\xff\xfe\x00")),
    "run.json a folder": ("run.json", in_place_of("run.json", Path.mkdir)),
    "metrics cut": ("metrics.json", written("metrics.json", b'{"episodes": ')),
    "picture missing": ("blobs", picture(Path.unlink)),
    "picture empty": ("blobs", picture(lambda file: file.write_bytes(b""))),
    "picture cut": ("blobs", picture(lambda file: file.write_bytes(file.read_bytes()[:20]))),
    "picture of another": ("blobs", picture(lambda file: file.write_bytes(b"RIFF"))),
    "picture a folder": ("blobs", picture(in_place)),
    "picture's name leads elsewhere": (
        "blobs",
        put("steps", [{"observation": {}, "decision": {"action": "a"}, "reward": 0.0, "screenshot": "../../etc/passwd"}]),
    ),
}

WHOLE_LOG: dict[str, Damage] = {
    "log a folder": in_place_of("episodes.jsonl", Path.mkdir),
    "log a pipe": in_place_of("episodes.jsonl", os.mkfifo),
    "log a link to nowhere": in_place_of("episodes.jsonl", lambda file: file.symlink_to("nowhere")),
    "log a link to itself": in_place_of("episodes.jsonl", lambda file: file.symlink_to(file.name)),
    "log compressed": lambda run: (run / "episodes.jsonl").write_bytes(b"\x1f\x8b\x08\x00" + os.urandom(300) + b"\n"),
}


@pytest.mark.parametrize("kind", IN_A_LINE)
def test_a_damaged_line_is_named_and_the_others_load(run: Path, kind: str) -> None:
    IN_A_LINE[kind](run)
    found = open_run(run, blobs=True)
    assert found.problems, f"{kind} went unnoticed"
    assert all(problem.file.name == "episodes.jsonl" and problem.line in (3, 4) and problem.what for problem in found.problems)
    whole = {t.seed for t in found.episodes()}
    assert whole >= {0, 1, 3, 4}
    with pytest.raises(StoreError, match="runs repair"):
        EpisodeLog(run / "episodes.jsonl")
    assert repair_run(run)
    log = EpisodeLog(run / "episodes.jsonl")
    assert {t.seed for t in log} == whole
    assert not open_run(run, blobs=True).problems
    assert (run / "damaged" / "episodes.jsonl.1").exists()
    log.add(episode(2))
    assert {t.seed for t in EpisodeLog(run / "episodes.jsonl")} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("kind", BESIDE)
def test_damage_beside_the_log_is_named(run: Path, kind: str) -> None:
    where, damage = BESIDE[kind]
    damage(run)
    found = open_run(run, blobs=True)
    assert [where in str(problem.file) and bool(problem.what) for problem in found.problems] == [True]
    assert len(list(found.episodes())) == 5
    repair_run(run)
    again = open_run(run)
    assert len(list(again.episodes())) == 5
    assert not again.problems


@pytest.mark.parametrize("kind", WHOLE_LOG)
def test_a_log_that_is_none_is_named(run: Path, kind: str) -> None:
    WHOLE_LOG[kind](run)
    (run / "episodes").mkdir()
    EpisodeLog(run / "episodes" / "more.jsonl").add(episode(9))
    found = open_run(run)
    assert found.problems and all(problem.file.name == "episodes.jsonl" for problem in found.problems)
    assert [t.seed for t in found.episodes()] == [9]
    repair_run(run)
    assert not open_run(run).problems


def test_there_are_fifty_kinds() -> None:
    assert len(IN_A_LINE) + len(BESIDE) + len(WHOLE_LOG) >= 50


def test_every_cut_of_the_log_loads_what_is_before_it(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", range(3))
    whole = (run / "episodes.jsonl").read_bytes()
    ends = [i for i, byte in enumerate(whole, 1) if byte == 10]
    for cut in range(0, len(whole) + 1, 23):
        (run / "episodes.jsonl").write_bytes(whole[:cut])
        found = open_run(run)
        assert not found.problems
        assert len(list(found.episodes())) == sum(end <= cut for end in ends)


def test_verify_and_repair_as_commands(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs" / "one")
    call = CliRunner().invoke
    assert call(app, ["runs", "verify", str(run)]).exit_code == 0
    flipped(30)(run)
    verified = call(app, ["runs", "verify", str(run)])
    assert verified.exit_code == 1 and "episodes.jsonl, line 3: its checksum does not match" in verified.stdout.replace(
        "\n", " "
    )
    assert "damaged" in call(app, ["runs", "show", str(run)]).stdout
    assert call(app, ["runs", "repair", str(run)]).exit_code == 0
    assert "nothing to repair" in call(app, ["runs", "repair", str(run)]).stdout.replace("\n", " ")
    listed = call(app, ["runs", "list", str(tmp_path / "runs")])
    assert "one" in listed.stdout and "100.0%" in listed.stdout and "interrupted" in listed.stdout
    assert call(app, ["runs", "show", str(tmp_path)]).exit_code == 2


@pytest.mark.parametrize("form", ["../../mine.webp", "{}/mine.webp", "..", "a" * 300 + ".webp", "a\0.webp"])
def test_a_pictures_name_that_leads_elsewhere_moves_and_copies_nothing(tmp_path: Path, form: str) -> None:
    mine = tmp_path / "mine.webp"
    mine.write_bytes(b"mine")
    (tmp_path / "below").mkdir()
    run, out = make_run(tmp_path / "run"), tmp_path / "below" / "out"
    EpisodeLog(run / "episodes.jsonl").add(episode(9, picture=form.format(tmp_path)))
    assert [problem.what for problem in open_run(run, blobs=True).problems] == ["its name leads elsewhere"]
    repair_run(run)
    assert mine.read_bytes() == b"mine" and not (run / "damaged").exists()
    assert curate_runs([run], out)[0] == 6
    assert [file.name for file in out.parent.iterdir()] == ["out"]
    assert len(list((out / "blobs").iterdir())) == 5


def test_a_run_that_lost_a_picture_is_merged(tmp_path: Path) -> None:
    one, two = make_run(tmp_path / "1", range(3)), make_run(tmp_path / "2", range(3, 6))
    BESIDE["picture cut"][1](one)
    with pytest.raises(StoreError, match="runs repair"):
        merge_runs([one, two], tmp_path / "m")
    repair_run(one)
    assert merge_runs([one, two], tmp_path / "m") == 6
    assert [problem.what for problem in open_run(tmp_path / "m", blobs=True).problems] == ["it is missing"]


def test_names_in_a_run_neither_style_nor_steer_the_terminal(tmp_path: Path) -> None:
    name = "[/b] \x1b]0;mine\x07 \u202e[red]"
    run = make_run(tmp_path / "runs[0]", config={"agent": name, name: name})
    EpisodeLog(run / "episodes.jsonl").add(replace(episode(7, picture=f"../{name}"), task=name, agent=name))
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(about | {"git": [], "command": name, "started": name}))
    for arguments, status in ((["list", str(tmp_path)], 0), (["show", str(run)], 0), (["verify", str(run)], 1)):
        done = CliRunner().invoke(app, ["runs", *arguments])
        assert done.exit_code == status, done.output
        assert not {"\x1b", "\x07", "\u202e"} & set(done.output)
    shown = CliRunner().invoke(app, ["runs", "show", str(run)]).output
    assert "[/b]" in shown and "[red]" in shown and str(run) in shown


def test_a_run_json_that_leads_nowhere_does_not_hide_the_other_runs(tmp_path: Path) -> None:
    make_run(tmp_path / "whole")
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / "run.json").symlink_to("nowhere")
    done = CliRunner().invoke(app, ["runs", "list", str(tmp_path)])
    assert done.exit_code == 0 and "whole" in done.output and "dead" in done.output


def test_a_folder_that_is_not_there_has_no_list_of_runs(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["runs", "list", str(tmp_path / "nowhere")])
    assert done.exit_code == 2 and "there is no folder" in done.output


def test_a_running_run_is_left_alone(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r")
    with RunFolder(run, {"agent": "a", "seeds": [0, 1, 2, 3, 4]}):
        assert open_run(run).state == "running"
        with pytest.raises(StoreError, match=f"in use by pid {os.getpid()}"):
            repair_run(run)


def test_runs_on_other_seeds_become_one(tmp_path: Path) -> None:
    one, two = make_run(tmp_path / "1", range(3)), make_run(tmp_path / "2", range(2, 6))
    assert merge_runs([one, two], tmp_path / "m") == 6
    merged = open_run(tmp_path / "m", blobs=True)
    assert not merged.problems
    separate = [*open_run(one).episodes(), *list(open_run(two).episodes())[1:]]
    assert [timeless(t) for t in merged.episodes()] == [timeless(t) for t in separate]
    assert merged.about["config"]["seeds"] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("ended", [True, False])
def test_a_merged_run_is_finished_when_its_parts_are(tmp_path: Path, ended: bool) -> None:
    runs = [make_run(tmp_path / "1", range(2)), make_run(tmp_path / "2", range(2, 4))]
    (runs[0] / "metrics.json").write_text(json.dumps({"finished": True}))
    (runs[1] / "metrics.json").write_text(json.dumps({"finished": ended}))
    merge_runs(runs, tmp_path / "m")
    merged = open_run(tmp_path / "m")
    assert merged.state == ("finished" if ended else "interrupted") and merged.metrics["episodes"] == 4


def test_a_merged_run_is_merged_with_another(tmp_path: Path) -> None:
    parts = [make_run(tmp_path / str(i), range(2 * i, 2 * i + 2)) for i in range(3)]
    merge_runs(parts[:2], tmp_path / "m")
    assert merge_runs([tmp_path / "m", parts[2]], tmp_path / "all") == 6
    assert open_run(tmp_path / "all").about["config"]["merged"] == [str(tmp_path / "m"), str(parts[2])]


@pytest.mark.parametrize("order", [1, -1])
def test_an_invalid_episode_gives_way_to_one_that_was_played_elsewhere(tmp_path: Path, order: int) -> None:
    spoiled, played = make_run(tmp_path / "1", range(2)), make_run(tmp_path / "2", range(2, 4))
    for attempt in range(2):
        EpisodeLog(spoiled / "episodes.jsonl").add(episode(3, attempt=attempt, status="invalid"))
    EpisodeLog(spoiled / "episodes.jsonl").add(episode(9, status="invalid"))
    EpisodeLog(played / "episodes.jsonl").add(replace(episode(9, status="invalid"), goal="another"))
    assert merge_runs([spoiled, played][::order], tmp_path / "m") == 5
    merged = {t.seed: str(t.outcome) for t in open_run(tmp_path / "m").episodes()}
    assert merged == {0: "success", 1: "success", 2: "success", 3: "success", 9: "invalid(browser)"}


def test_what_does_not_belong_together_is_not_merged(tmp_path: Path) -> None:
    one, other = make_run(tmp_path / "1"), make_run(tmp_path / "2", range(5, 9), {"agent": "b", "seeds": [5]})
    with pytest.raises(StoreError, match="differ in agent"):
        merge_runs([one, other], tmp_path / "m")
    shutil.copytree(one, tmp_path / "3")
    sealed(lambda record: record.update({"goal": "another"}))(tmp_path / "3")
    with pytest.raises(StoreError, match=r"do not agree on miniwob\.x with seed 2"):
        merge_runs([one, tmp_path / "3"], tmp_path / "m")
    flipped(30)(tmp_path / "3")
    with pytest.raises(StoreError, match="runs repair"):
        merge_runs([one, tmp_path / "3"], tmp_path / "m")
    assert not (tmp_path / "m").exists()
