"""What the tables and the report say about numbers that are not there."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from symbiotic_gym.store import write_json
from symbiotic_gym.store.folder import describe_run
from symbiotic_gym.trainers import report
from symbiotic_gym.trainers.report import write_report
from symbiotic_gym.trainers.summary import PhaseResult, Summary, print_summary, summarize
from symbiotic_gym.trainers.symbiosis_config import SymbiosisConfig
from symbiotic_gym.types import Acceptance, Candidate, Decision, Outcome, Step, Trajectory

TASK = "miniwob.click-test"


def summary_of(*, status: str, verified: bool) -> Summary:
    """A run of one iteration whose episodes all ended alike."""
    verdict = Acceptance(accepted=False, why="", proposal=Candidate(action="noop()"), verifier="v") if verified else None
    step = Step(observation={"page": ""}, decision=Decision(action="noop()", acceptance=verdict), reward=0.0)
    episode = Trajectory(task=TASK, seed=0, goal="g", agent="a", steps=(step,), outcome=Outcome(status=status))  # type: ignore[arg-type]
    played = [("evaluate", "small", 0), ("synthesize", "both", 1), ("evaluate", "small", 1)]
    results = [PhaseResult(phase, player, number, phase, (episode,)) for phase, player, number in played]
    return summarize(SymbiosisConfig(tasks=(TASK,)), "scripted expert", results, [], {"00-evaluate-small": 1.0})


def printed(summary: Summary) -> str:
    console = Console(file=StringIO(), width=120)
    print_summary(summary, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_rate_of_nothing_is_a_dash(tmp_path: Path) -> None:
    nothing = summary_of(status="invalid", verified=False)
    text = printed(nothing)
    assert "0.0%" not in text and "100.0%" not in text, "an interval or a rate of no episodes at all"
    write_json(tmp_path / "summary.json", nothing)
    write_json(tmp_path / "run.json", describe_run({}))
    page = write_report(tmp_path).read_text("utf-8")
    assert "0.0%" not in page and page.count("<td>-</td>") == 10, "success and interval of 4 rows, and 2 cells"


def test_a_rate_of_zero_is_one() -> None:
    failed = printed(summary_of(status="failure", verified=True))
    assert "0.0% of 1" in failed and "0.0% - 79.3%" in failed


@pytest.mark.parametrize("verified", [True, False])
def test_the_curve_of_acceptance_is_drawn_where_proposals_were_verified(verified: bool) -> None:
    svg = report._success_curve(summary_of(status="failure", verified=verified))
    assert svg.count("<!-- proposals accepted -->") == verified
    assert svg.count("<!-- small model -->") == 1
