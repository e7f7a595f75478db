"""Episodes for other programs and from them: what is written reads there, what is read here runs nothing."""

import gzip
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from symbiotic_gym.cli import app
from symbiotic_gym.errors import MissingDependencyError, StoreError, UnknownNameError
from symbiotic_gym.exchange.agentlab_import import import_agentlab, page_from_axtree
from symbiotic_gym.exchange.recording import record_imported, record_run
from symbiotic_gym.exchange.tables import openenv_result
from symbiotic_gym.store import open_run
from symbiotic_gym.store.episodes import Problem
from symbiotic_gym.trainers.examples import examples_from
from symbiotic_gym.trainers.export import export
from symbiotic_gym.types import Candidate, Decision, Outcome, Step, Trajectory, Usage

ALLOW = ["__main__.ClickerArgs"]
"""The agent of the study was a class of its own, defined in the program that was run."""

AGENTLAB = Path(__file__).parent / "agentlab_study.tar.gz"


def episode(seed: int = 0, status: str = "success") -> Trajectory:
    decision = Decision(
        action='click("13")',
        reason="It is the button.",
        candidates=(Candidate(action='click("13")'),),
        usage=Usage(requests=1, prompt_tokens=10, completion_tokens=3, cost_usd=0.01),
    )
    step = Step(observation={"page": f'[13] button "ok {seed}"', "url": "http://a.test/"}, decision=decision, reward=1.0)
    outcome = Outcome(status=status, kind="browser" if status == "invalid" else "", message="died" * (status == "invalid"))  # type: ignore[arg-type]
    return Trajectory(task="miniwob.click-test", seed=seed, goal="Click ok.", agent="a/b", steps=(step,), outcome=outcome)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    record_run([episode(0), episode(1), episode(2, "failure"), episode(3, "invalid")], tmp_path / "run", {"agent": "a"})
    return tmp_path / "run"


# --- out ---


def test_chats_are_what_the_small_agent_is_asked(run: Path, tmp_path: Path) -> None:
    assert export(run, "messages", tmp_path / "m.jsonl") == 4
    rows = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert [row["messages"][-1]["content"] for row in rows] == ['click("13")', "It is the button."] * 2
    assert 'button "ok 0" [13]' in rows[0]["messages"][0]["content"]
    export(run, "prompt-completion", tmp_path / "p.jsonl")
    parts = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [row["prompt"] + row["completion"] for row in parts] == [row["messages"] for row in rows]


def test_chats_load_as_a_data_set(run: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    export(run, "messages", tmp_path / "m.jsonl")
    rows = datasets.load_dataset("json", data_files=str(tmp_path / "m.jsonl"), split="train", cache_dir=str(tmp_path / "c"))
    assert rows[0]["messages"][-1] == {"role": "assistant", "content": 'click("13")'}


def test_parquet_has_a_row_a_step(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    from pyarrow import parquet  # type: ignore[import-untyped]

    assert export(run, "parquet", tmp_path / "s.parquet") == 4
    rows = parquet.read_table(tmp_path / "s.parquet").to_pylist()
    assert [(row["seed"], row["success"], row["outcome"]) for row in rows] == [
        (0, True, "success"),
        (1, True, "success"),
        (2, False, "failure"),
        (3, False, "invalid(browser)"),
    ]


def test_a_run_without_episodes_has_the_same_columns(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    from pyarrow import parquet

    record_run([], tmp_path / "none", {"agent": "a"})
    assert export(tmp_path / "none", "parquet", tmp_path / "none.parquet") == 0
    export(run, "parquet", tmp_path / "some.parquet")
    assert parquet.read_schema(tmp_path / "none.parquet").equals(parquet.read_schema(tmp_path / "some.parquet"))


def test_a_place_that_cannot_be_written_is_told_in_words(run: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    for place in (tmp_path / "taken", run / "run.json" / "below", tmp_path / ("x" * 300)):
        done = CliRunner().invoke(app, ["export", str(run), "--to", "messages", "--out", str(place)])
        assert done.exit_code == 1 and "what to do" in done.output, done.output


def test_openenv_gets_null_for_what_cannot_be_scored(run: Path, tmp_path: Path) -> None:
    assert export(run, "openenv", tmp_path / "results.jsonl") == 4
    rows = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [row["reward"] for row in rows] == [1.0, 1.0, 1.0, None]
    assert rows[0]["episode_id"] == "miniwob.click-test/0/0"
    assert openenv_result(episode())["messages"][-1] == {"role": "assistant", "content": 'click("13")'}


def test_formats_and_damage_are_told(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="nearest: parquet"):
        export(run, "parket", tmp_path / "x")
    monkeypatch.setitem(sys.modules, "agentlab", None)
    with pytest.raises(MissingDependencyError, match="agentlab"):
        export(run, "agentlab", tmp_path / "x")
    log = run / "episodes.jsonl"
    log.write_bytes(log.read_bytes().replace(b"Click", b"Cluck", 1))
    with pytest.raises(StoreError, match="line 1"):
        export(run, "openenv", tmp_path / "x")


# --- in ---


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("RootWebArea 'Test', focused", 'RootWebArea "Test" focused'),
        ("\t[13] button 'Click Me!', clickable, visible", '  [13] button "Click Me!"'),
        ("\t\t[a4] textbox 'User \"x\"', value='bob\\'s', required", '    [a4] textbox "User \\"x\\"" value="bob\'s" required'),
        ('\tStaticText "it\'s"', '  StaticText "it\'s"'),
        ("something else", "something else"),
    ],
)
def test_their_page_text_becomes_ours(theirs: str, ours: str) -> None:
    assert page_from_axtree(theirs) == ours


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two experiments that AgentLab 0.4.2 itself ran on MiniWoB++ (`tests/agentlab_study.py` says how)."""
    shutil.unpack_archive(AGENTLAB, tmp_path / "study", filter="data")
    return tmp_path / "study"


def test_a_run_of_agentlab_becomes_training_examples(study: Path, tmp_path: Path) -> None:
    tally, problems = record_imported(study, tmp_path / "run", allow=ALLOW)
    assert not problems
    assert tally.total["success"] >= 1
    trajectories = list(open_run(tmp_path / "run").episodes())
    assert all(t.task.startswith("miniwob.click-") and t.goal and t.steps for t in trajectories)
    examples = examples_from(trajectories)
    assert examples
    assert all(e.action.startswith("click(") and "button" in e.messages("action")[0]["content"] for e in examples)


class _Hostile:
    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> Any:
        return self.call, self.arguments


def _hostile(marker: Path) -> dict[str, bytes]:
    touch = f"touch {marker}"
    raw = f"cos\nsystem\n(S'{touch}'\ntR.".encode()
    return {
        "os.system": raw,
        "eval": pickle.dumps(_Hostile(eval, f"open({str(marker)!r}, 'w')")),
        "exec": pickle.dumps(_Hostile(exec, f"open({str(marker)!r}, 'w')")),
        "open": pickle.dumps(_Hostile(open, str(marker), "w")),
        "subprocess": pickle.dumps(_Hostile(subprocess.check_call, ["touch", str(marker)])),
        "getattr": pickle.dumps(_Hostile(getattr, Path, "touch")),
        "import": pickle.dumps(_Hostile(__import__, "antigravity")),
        "below an allowed name": f"cagentlab.experiments.loop\nos.system\n(S'{touch}'\ntR.".encode(),
        "extension": b"\x80\x02\x82\x01.",
        "persistent": b"Pabc\n.",
        "memory": b"\x80\x04" + b"\x8e" + (2**40).to_bytes(8, "little") + b"x.",
        "deep": b"(" * 200_000 + b"t" * 200_000 + b".",
        "cut": pickle.dumps({"a": 1})[:-3],
        "empty": b"",
        "words": b"hello",
    }


@pytest.mark.parametrize("where", ["exp_args.pkl", "step_0.pkl.gz", "goal_object.pkl.gz"])
def test_a_hostile_pickle_runs_nothing_and_is_named(study: Path, tmp_path: Path, where: str) -> None:
    marker = tmp_path / "it-ran"
    folders = sorted(file.parent for file in study.rglob("exp_args.pkl"))
    kinds = _hostile(marker) if where == "exp_args.pkl" else dict(list(_hostile(marker).items())[:3])
    for kind, data in kinds.items():
        victim = tmp_path / "victims" / kind
        shutil.copytree(folders[0], victim)
        (victim / where).write_bytes(gzip.compress(data) if where.endswith(".gz") else data)
    found = list(import_agentlab(tmp_path / "victims", allow=ALLOW))
    assert not marker.exists(), "a pickle ran something"
    problems = {item.file.name: item.what for item in found if isinstance(item, Problem)}
    harmless = {"below an allowed name"}  # its name is taken for a class of AgentLab's and becomes an inert stand-in
    assert problems.keys() >= kinds.keys() - harmless
    assert "os" not in kinds or "posix.system" in problems["os.system"] or "os.system" in problems["os.system"]
    assert all(problem.strip() for problem in problems.values())


def test_the_command_leaves_out_what_does_not_read(study: Path, tmp_path: Path) -> None:
    folder = sorted(file.parent for file in study.rglob("exp_args.pkl"))[0]
    (folder / "exp_args.pkl").write_bytes(_hostile(tmp_path / "m")["eval"])
    done = CliRunner().invoke(app, ["import-agentlab", str(study), "--out", str(tmp_path / "run"), "--allow", ALLOW[0]])
    assert done.exit_code == 0
    assert "1 folders left out" in " ".join(done.stdout.split())
    assert "builtins.eval" in done.stderr
    assert CliRunner().invoke(app, ["import-agentlab", str(tmp_path / "nothing"), "--out", str(tmp_path / "r2")]).exit_code == 2


def test_the_reader_does_not_import_what_a_pickle_names(study: Path) -> None:
    """Not even the allowed classes: AgentLab, numpy and this project stay unloaded."""
    from symbiotic_gym.exchange import agentlab_reader

    folder = sorted(file.parent for file in study.rglob("exp_args.pkl"))[0]
    code = f"""
import runpy, sys, io
sys.argv = ["reader", {str(folder)!r}, {ALLOW[0]!r}]
runpy.run_path({agentlab_reader.__file__!r}, run_name="__main__")
print("loaded:", *(m for m in ("agentlab", "browsergym", "numpy", "symbiotic_gym") if m in sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert json.loads(done.stdout)["steps"]
    assert done.stderr.strip() == "loaded:"
