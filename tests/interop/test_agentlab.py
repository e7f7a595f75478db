# ruff: noqa: E402 - what AgentLab imports has to be imported before it
"""AgentLab's own agent class in our environment, and our agent in one of its studies. Needs AgentLab: `make interop`."""

from pathlib import Path

import gymnasium as gym
import pytest

import symbiotic_gym  # noqa: F401 - registers the environments
from symbiotic_gym.agents import ScriptedAgent
from symbiotic_gym.agents.browsergym_observations import KEYS

pytest.importorskip("agentlab")

from symbiotic_gym.suites.any_browsergym import import_without_downloads

import_without_downloads("browsergym.webarena")  # AgentLab imports it, and it would ask the network for nltk's data

from agentlab.agents.generic_agent import GenericAgentArgs
from agentlab.agents.generic_agent.agent_configs import FLAGS_GPT_3_5
from agentlab.llm.chat_api import BaseModelArgs, CheatMiniWoBLLM

from symbiotic_gym.agents.browsergym_agents import BrowserGymPolicy, PolicyArgs

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("default")]  # AgentLab's packages warn on import


class _CheatArgs(BaseModelArgs):  # type: ignore[misc] # AgentLab ships no types
    """AgentLab's own stand-in for a model, which reads the button's id out of the prompt."""

    def make_model(self) -> CheatMiniWoBLLM:
        model = CheatMiniWoBLLM()
        model.get_stats = lambda: {}
        return model


def test_agentlabs_generic_agent_plays_in_our_environment() -> None:
    model = _CheatArgs(model_name="test/cheat_miniwob_click_test", max_total_tokens=10240, max_input_tokens=8000)
    policy = BrowserGymPolicy(GenericAgentArgs(chat_model_args=model, flags=FLAGS_GPT_3_5))
    env = gym.make("symbiotic/miniwob.click-test-v0", observe=KEYS)
    try:
        observation, _ = env.reset(seed=1)
        policy.reset(observation["goal"], seed=1)
        decision = policy.act(observation)
        _, reward, terminated, _, _ = env.step(decision.action)
    finally:
        env.close()
    assert decision.action.startswith("click(")
    assert (reward, terminated) == (1.0, True)


@pytest.mark.usefixtures("stock_browsergym")
def test_our_agent_plays_in_a_study(tmp_path: Path) -> None:
    import bgym
    from agentlab.analyze import inspect_results
    from agentlab.experiments.study import Study

    benchmark = bgym.DEFAULT_BENCHMARKS["miniwob_tiny_test"]()
    benchmark.env_args_list = benchmark.env_args_list[:2]
    study = Study(agent_args=[PolicyArgs(ScriptedAgent)], benchmark=benchmark)
    study.dir = tmp_path / "study"
    study.run(n_jobs=1, parallel_backend="sequential", n_relaunch=1, exp_root=tmp_path)
    frame = inspect_results.load_result_df(study.dir)
    assert len(frame) == 2
    assert frame["err_msg"].isna().all()
    assert (frame["cum_reward"] == 1.0).all(), frame[["env.task_name", "cum_reward"]]
