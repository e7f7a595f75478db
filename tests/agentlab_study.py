"""AgentLab on its own side of the exchange; run by a Python that has AgentLab 0.4.2, browsergym-miniwob and this checkout.

    python -m tests.agentlab_study make OUT     AgentLab plays two MiniWoB++ tasks itself; tests/agentlab_study.tar.gz is that
    python -m tests.agentlab_study check OUT    this project exports three episodes, and AgentLab's readers open them

Two things are not AgentLab's: tokens are counted as words, since its counter downloads a table; and a Chromium that is not
Playwright's own is named to Playwright.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentlab.agents.agent_args import AgentArgs
from agentlab.experiments import loop
from bgym import Agent, HighLevelActionSet
from browsergym.utils.obs import flatten_axtree_to_str

TASKS = ("miniwob.click-test", "miniwob.click-button")


@dataclass
class ClickerArgs(AgentArgs):  # type: ignore[misc] # AgentLab has no types
    """Clicks the button that the goal names, or the only one."""

    agent_name: str = "clicker"

    def make_agent(self) -> Any:
        return Clicker()


class Clicker(Agent):  # type: ignore[misc] # BrowserGym has no types
    action_set = HighLevelActionSet(["bid"])

    def obs_preprocessor(self, obs: Any) -> Any:
        obs["axtree_txt"] = flatten_axtree_to_str(obs["axtree_object"])
        for key in ("dom_object", "axtree_object", "extra_element_properties"):
            obs.pop(key)
        return obs

    def get_action(self, obs: Any) -> Any:
        buttons = [line.strip() for line in obs["axtree_txt"].splitlines() if "] button '" in line]
        named = [line for line in buttons if line.split("'")[1].casefold() in obs["goal"].casefold()]
        bid = (named or buttons)[0].split("]")[0].lstrip("[")
        return f"click('{bid}')", {"think": "The goal names this button.", "stats": {"input_tokens": 7, "output_tokens": 2}}


def make(out: Path) -> None:
    """Have AgentLab play."""
    prepare()
    for task in TASKS:
        for seed in (0, 1):
            environment = loop.EnvArgs(task_name=task, task_seed=seed, max_steps=3)
            experiment = loop.ExpArgs(agent_args=ClickerArgs(), env_args=environment, save_screenshot=False)
            experiment.prepare(out)
            experiment.run()


def prepare() -> None:
    """What AgentLab needs to run on a machine without network and with any Chromium."""
    import browsergym.miniwob  # noqa: F401 - registers the tasks
    from playwright.sync_api import BrowserType

    from symbiotic_gym.browser.find import require_chromium

    loop.count_tokens = lambda text, **_: len(text.split())
    launch, executable = BrowserType.launch, require_chromium()
    BrowserType.launch = lambda self, **kwargs: launch(self, **({"executable_path": executable} | kwargs))  # type: ignore[method-assign]


def check(out: Path) -> None:
    """Export, open with AgentLab's readers, and print what they see."""
    import numpy as np
    from agentlab.analyze.inspect_results import load_result_df

    from symbiotic_gym.exchange.agentlab_export import export_agentlab
    from symbiotic_gym.store.blobs import Blobs
    from symbiotic_gym.types import Decision, Outcome, Step, Trajectory

    blobs = Blobs(out / "blobs")
    picture = blobs.add_picture(np.zeros((4, 6, 3), np.uint8))
    outcomes = [Outcome(status="success"), Outcome(status="failure"), Outcome(status="invalid", kind="browser", message="died")]
    for seed, outcome in enumerate(outcomes):
        reward = float(outcome.status == "success")
        step = Step(
            observation={"page": '[1] button "ok"', "url": "http://a.test/"},
            decision=Decision(action='click("1")', reason="It is the button."),
            reward=reward,
            screenshot=picture,
        )
        trajectory = Trajectory(
            task="miniwob.click-test",
            seed=seed,
            goal="Click ok.",
            agent="ours",
            steps=(step,),
            outcome=outcome,
            final={"page": "done"},
            final_screenshot=picture,
        )
        export_agentlab([trajectory], out / "export", blobs=blobs)
    frame = load_result_df(out / "export", progress_fn=None).reset_index()
    results = list(loop.yield_all_exp_results(out / "export", progress_fn=None, use_cache=False))
    infos = [info for result in results for info in result.steps_info]
    assert all(info.obs["screenshot"].shape == (4, 6, 3) for info in infos)
    assert all(info.obs["goal_object"] == [{"type": "text", "text": "Click ok."}] for info in infos)
    assert {info.agent_info["think"] for info in infos if info.action} == {"It is the button."}
    seen = {
        "rows": len(frame),
        "agents": sorted(set(frame["agent.agent_name"])),
        "rewards": sorted(frame["cum_reward"]),
        "steps": sorted({len(result.steps_info) for result in results}),
        "status": sorted(result.status for result in results),
        "names": sorted(result.exp_args.env_args.task_name for result in results)[:1],
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
