# ruff: noqa: E402 - what AgentLab imports has to be imported before it
"""Episodes from AgentLab and for it, by AgentLab's own hand on the other side. Needs AgentLab: `make interop`."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("agentlab")

from symbiotic_gym.suites.any_browsergym import import_without_downloads

import_without_downloads("browsergym.webarena")  # AgentLab imports it, and it would ask the network for nltk's data

from agentlab.experiments import loop

from symbiotic_gym.errors import StoreError
from symbiotic_gym.exchange.agentlab_export import export_agentlab
from symbiotic_gym.exchange.agentlab_import import import_agentlab
from symbiotic_gym.exchange.recording import record_imported
from symbiotic_gym.store import Blobs, open_run
from symbiotic_gym.trainers.examples import examples_from
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory, Usage
from tests.agentlab_study import ALLOW, play

pytestmark = pytest.mark.filterwarnings("default")  # AgentLab's packages warn on import


def episode(outcome: Outcome, seed: int, picture: str = "") -> Trajectory:
    """One whose page text AgentLab's form cannot say: a comma in a value, a comma behind it."""
    usage = Usage(requests=1, prompt_tokens=10, completion_tokens=3, seconds=0.25, cost_usd=0.5)
    page = 'heading "A, b" level=1\n[1] button "ok" description="in stock, from 1.99"\n  [2] textbox "x" value="a, b" focused'
    texts = {"url": "http://a.test/", "title": "A", "tabs": "", "last_action": "", "last_action_error": ""}
    step = Step(
        observation={"page": page, **texts},
        decision=Decision(action='click("1")', reason="It is the button.", usage=usage, source="AgentLab"),
        reward=float(outcome.status == "success"),
        act_s=0.25,
        step_s=0.5,
        screenshot=picture,
    )
    end = {"page": "done", **texts}
    return Trajectory(
        task="miniwob.click-test", seed=seed, goal="Click ok.", agent="ours", steps=(step,), outcome=outcome, final=end
    )


OUTCOMES = [
    Outcome(status="success"),
    Outcome(status="failure"),
    Outcome(status="truncated"),
    Outcome(status="invalid", kind="browser", message="died"),
]


def test_agentlab_opens_an_export(tmp_path: Path) -> None:
    """`load_result_df`, and every step as AgentXray reads it."""
    from agentlab.analyze.inspect_results import load_result_df

    blobs = Blobs(tmp_path / "blobs")
    picture = blobs.add_picture(np.zeros((4, 6, 3), np.uint8))
    episodes = [replace(episode(outcome, seed, picture), final_screenshot=picture) for seed, outcome in enumerate(OUTCOMES)]
    assert export_agentlab(episodes, tmp_path / "export", blobs=blobs) == 4
    frame = load_result_df(tmp_path / "export", progress_fn=None).reset_index()
    assert sorted(frame["cum_reward"]) == [0.0, 0.0, 0.0, 1.0] and set(frame["agent.agent_name"]) == {"ours"}
    results: list[Any] = list(loop.yield_all_exp_results(tmp_path / "export", progress_fn=None, use_cache=False))
    assert sorted(result.status for result in results) == ["done", "done", "done", "error"]
    infos = [info for result in results for info in result.steps_info]
    assert len(infos) == 8
    assert all(info.obs["screenshot"].shape == (4, 6, 3) for info in infos)
    assert all(info.obs["goal_object"] == [{"type": "text", "text": "Click ok."}] for info in infos)
    assert {info.agent_info["think"] for info in infos if info.action} == {"It is the button."}


def test_episodes_that_would_be_called_alike_get_folders_of_their_own(tmp_path: Path) -> None:
    twice = [episode(OUTCOMES[0], 0), episode(OUTCOMES[1], 0)]
    assert export_agentlab(twice, tmp_path / "export") == 2
    assert len(list((tmp_path / "export").glob("*/summary_info.json"))) == 2
    with pytest.raises(StoreError, match="not empty"):
        export_agentlab(twice, tmp_path / "export")


def test_what_goes_to_agentlab_comes_back(tmp_path: Path) -> None:
    episodes = [episode(outcome, seed) for seed, outcome in enumerate(OUTCOMES)]
    export_agentlab(episodes, tmp_path / "export")
    back = sorted((t for t in import_agentlab(tmp_path / "export") if isinstance(t, Trajectory)), key=lambda t: t.seed)
    assert back[:3] == episodes[:3]
    assert back[3] == replace(
        episodes[3], outcome=Outcome(status="invalid", kind="agentlab", message="invalid(browser): died")
    ), "an error of AgentLab's is one text"


@pytest.mark.browser
@pytest.mark.usefixtures("stock_browsergym")
def test_a_run_of_agentlabs_own_becomes_training_examples(tmp_path: Path) -> None:
    play(tmp_path / "study")
    tally, problems = record_imported(tmp_path / "study", tmp_path / "run", allow=ALLOW)
    assert not problems and tally.episodes == 4 and tally.statuses["success"] >= 2
    trajectories = list(open_run(tmp_path / "run").episodes())
    examples = examples_from(trajectories)
    assert {e.task for e in examples} <= {"miniwob.click-test", "miniwob.click-button"}
    assert all(e.action.startswith("click(") and "button" in e.messages("action")[0]["content"] for e in examples)
    theirs = next((tmp_path / "study").rglob("summary_info.json"))
    assert json.loads(theirs.read_text())["n_steps"] >= 1
    shutil.rmtree(tmp_path / "study")
