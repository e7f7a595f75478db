"""Ours under BrowserGym's loop and theirs in our environment, neither of them changed."""

import json
import logging
import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import symbiotic_gym  # noqa: F401 - registers the environments
from symbiotic_gym.actions import VERBS, elements, format_action
from symbiotic_gym.agents import NullAgent, ScriptedAgent
from symbiotic_gym.agents.browsergym_observations import KEYS, dom_snapshot, page_text, to_browsergym
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.types import Decision

pytest.importorskip("browsergym.experiments")

from browsergym.experiments.agent import Agent as TheirAgent
from browsergym.experiments.agent import AgentInfo

from symbiotic_gym.agents.browsergym_agents import BrowserGymPolicy, PolicyAgent, PolicyArgs


def test_every_verb_of_ours_is_known_to_the_action_set_of_theirs() -> None:
    assert set(VERBS) <= set(PolicyAgent.action_set.action_set)


@pytest.mark.parametrize(
    "action",
    [
        format_action("fill", bid="12", value='say "hi"\n\\\\ ü €'),
        format_action("select_option", bid="a3", options=("one", 'two"')),
        format_action("scroll", delta_x=0.0, delta_y=-200.5),
        format_action("drag_and_drop", from_bid="1", to_bid="2"),
        format_action("send_msg_to_user", text="it's 7 (km)"),
        format_action("noop"),
    ],
)
def test_their_code_calls_what_our_action_says(action: str) -> None:
    code = PolicyAgent.action_set.to_python_code(action)
    called: list[tuple[str, tuple[Any, ...]]] = []

    def recorder(verb: str) -> Any:
        return lambda *arguments: called.append((verb, arguments))

    exec(code.strip().splitlines()[-1], {verb: recorder(verb) for verb in VERBS})
    ((verb, arguments),) = called
    assert verb == action.partition("(")[0]
    assert arguments == eval(f"({action.partition('(')[2].rstrip(')')},)") if "(km)" not in action and arguments else True


def node(id: str, role: str, name: str = "", *children: str, bid: str | None = None, **state: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"nodeId": id, "role": {"value": role}, "name": {"value": name}, "childIds": list(children)}
    made["properties"] = [{"name": key, "value": {"value": value}} for key, value in state.items() if key != "value"]
    if "value" in state:
        made["value"] = {"value": state["value"]}
    return made | ({"browsergym_id": bid} if bid else {})


def test_a_page_text_is_read_off_the_accessibility_tree() -> None:
    tree = {
        "nodes": [
            node("0", "RootWebArea", "Shop", "1", "2", "3", "6", "8"),
            node("1", "heading", "Lamps", bid="4"),
            node("2", "textbox", 'The "name"', bid="5", value="Ann", focused=True),
            node("3", "generic", "", "4", bid="6"),
            node("4", "button", "Save", "5", bid="7", disabled=True),
            node("5", "StaticText", "Save"),
            node("6", "generic", "", "7", bid="9"),
            node("7", "StaticText", "More"),
            node("8", "checkbox", "Red", bid="10", checked="true"),
        ]
    }
    assert page_text(tree, {"9": {"clickable": True}}).split("\n") == [
        'heading "Lamps"',
        '[5] textbox "The \\"name\\"" value="Ann" focused',
        '[7] button "Save" disabled',
        "[9] generic",
        '  text "More"',
        '[10] checkbox "Red" checked',
    ]
    assert elements(page_text(tree, {}))["5"].name == 'The "name"'


def test_a_dom_snapshot_flattens_to_the_html_it_was_made_from() -> None:
    from browsergym.utils.obs import flatten_dom_to_str

    html = '<html><body bid="1"><p class="a b">one &amp; two<br>three</p><input bid="3" value="x"><b></b></body></html>'
    flat = "".join(flatten_dom_to_str(dom_snapshot(html)).split())
    assert flat == "".join(html.replace("<br>", "<br/>").replace('"x">', '"x"/>').split())


def test_an_environment_that_does_not_observe_enough_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no screenshot, axtree, dom, extra"):
        to_browsergym({"goal": "g", "page": "", "url": "", "title": "", "tabs": ""}, elapsed_s=0)


def test_what_is_no_agent_is_refused() -> None:
    with pytest.raises(ConfigError, match="agent of BrowserGym"):
        BrowserGymPolicy(NullAgent())
    with pytest.raises(ConfigError, match="makes an agent"):
        PolicyArgs("NullAgent")  # type: ignore[arg-type]


def test_arguments_survive_pickling_as_experiments_do_with_them() -> None:
    args = pickle.loads(pickle.dumps(PolicyArgs(ScriptedAgent, kwargs={"mistakes": 0.5}, seed=3)))
    assert (args.agent_name, args.seed) == ("ScriptedAgent", 3)
    assert args.make_agent()._agent is not None


class Presser(TheirAgent):  # type: ignore[misc] # BrowserGym ships no types
    """One of theirs: reads their text of the accessibility tree, answers in prose with several calls."""

    def get_action(self, obs: dict[str, Any]) -> tuple[str | None, AgentInfo]:
        assert obs["goal_object"][0]["text"] == obs["goal"] and obs["screenshot"].dtype == np.uint8
        assert "<button" in obs["pruned_html"]
        line = next(line for line in obs["axtree_txt"].split("\n") if "button" in line)
        bid = line.partition("[")[2].partition("]")[0]
        answer = f"Now hover('{bid}')\nclick('{bid}', button='left')"
        return answer, AgentInfo(think="press", stats={"input_tokens": 7, "cost": 0.5})


@pytest.mark.browser
def test_an_agent_of_theirs_plays_in_our_environment() -> None:
    env = gym.make("symbiotic/miniwob.click-test-v0", observe=KEYS)
    policy = BrowserGymPolicy(Presser())
    try:
        observation, _ = env.reset(seed=3)
        policy.reset(observation["goal"])
        decisions: list[Decision] = []
        reward = 0.0
        while not reward and len(decisions) < 3:
            decisions.append(policy.act(observation))
            observation, reward, *_ = env.step(decisions[-1].action)  # type: ignore[assignment]
    finally:
        env.close()
    assert reward == 1.0
    assert [decision.action.partition("(")[0] for decision in decisions] == ["hover", "click"]
    assert decisions[0].reason == "press" and (decisions[0].usage.prompt_tokens, decisions[0].usage.cost_usd) == (7, 0.5)


def _close_logs(folder: Path) -> None:
    """BrowserGym's loop takes its log's handler away and leaves the file open, which a later test would be blamed for."""
    for reference in list(logging._handlerList):  # type: ignore[attr-defined]
        handler = reference()
        if isinstance(handler, logging.FileHandler) and Path(handler.baseFilename).is_relative_to(folder):
            handler.close()


@pytest.mark.browser
@pytest.mark.usefixtures("stock_browsergym")
def test_an_agent_of_ours_plays_in_browsergyms_loop(tmp_path: Path) -> None:
    from browsergym.experiments.loop import EnvArgs, ExpArgs, get_exp_result

    env_args = EnvArgs(task_name="miniwob.click-checkboxes", task_seed=5, max_steps=8, slow_mo=0)
    experiment = ExpArgs(agent_args=PolicyArgs(ScriptedAgent), env_args=env_args)
    experiment.prepare(tmp_path)
    experiment.run()
    _close_logs(tmp_path)
    result = get_exp_result(experiment.exp_dir)
    summary = json.loads((Path(experiment.exp_dir) / "summary_info.json").read_text())
    assert summary["err_msg"] is None, summary["stack_trace"]
    assert summary["cum_reward"] == 1.0
    assert 1 < summary["n_steps"] <= 8
    first = result.get_step_info(0)
    assert first.action.startswith("click(") and "checkbox" in first.obs["page"]
    assert first.agent_info["extra_info"]["source"]
