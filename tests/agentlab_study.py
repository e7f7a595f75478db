"""AgentLab's own side of the exchange: an agent and a study of its kind. Needs AgentLab 0.4.2 and browsergym-miniwob.

    python -m tests.agentlab_study OUT     AgentLab plays two MiniWoB++ tasks; tests/agentlab_study.tar.gz is what that gave

Two things are not AgentLab's: tokens are counted as words, since its counter downloads a table; and a Chromium that is not
Playwright's own is named to Playwright.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentlab.agents.agent_args import AgentArgs
from agentlab.experiments import loop
from bgym import Agent, HighLevelActionSet
from browsergym.utils.obs import flatten_axtree_to_str

TASKS = ("miniwob.click-test", "miniwob.click-button")
ALLOW = [f"{__name__}.ClickerArgs"]
"""The agent is a class of the study's own, which an import has to be told."""


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


def play(out: Path) -> None:
    """Have AgentLab play two tasks with two seeds each, and write a folder for each as it does."""
    import browsergym.miniwob  # noqa: F401 - registers the tasks

    for task in TASKS:
        for seed in (0, 1):
            environment = loop.EnvArgs(task_name=task, task_seed=seed, max_steps=3)
            experiment = loop.ExpArgs(agent_args=ClickerArgs(), env_args=environment, save_screenshot=False)
            experiment.prepare(out)
            experiment.run()


def prepare() -> None:
    """What AgentLab needs to run on a machine without network and with any Chromium."""
    from playwright.sync_api import BrowserType

    from symbiotic_gym.browser.find import require_chromium

    loop.count_tokens = lambda text, **_: len(text.split())
    launch, executable = BrowserType.launch, require_chromium()
    BrowserType.launch = lambda self, **kwargs: launch(self, **({"executable_path": executable} | kwargs))  # type: ignore[method-assign]


if __name__ == "__main__":
    prepare()
    play(Path(sys.argv[1]))
