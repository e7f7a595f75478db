"""AgentLab on given MiniWoB++ episodes, for the rollouts benchmark; run by a Python that has AgentLab 0.4.

    PYTHON benchmarks/agentlab_peer.py sequential|ray JOBS FILE CHROMIUM

FILE holds `[[task, seed, [action, ...]], ...]`: the actions that our scripted agent took, so that both play the same. Prints
the seconds from the first episode's start to the last one's end (starting and ending Ray is not counted) and how many
succeeded. AgentLab's parts run with their defaults; a Chromium that is not Playwright's own is named to Playwright, and tokens
are counted as words, because AgentLab's counter downloads a table.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentlab.agents.agent_args import AgentArgs
from agentlab.experiments import loop
from agentlab.experiments.launch_exp import run_experiments
from bgym import Agent, HighLevelActionSet


@dataclass
class ReplayArgs(AgentArgs):  # type: ignore[misc] # AgentLab has no types
    """Repeats actions."""

    agent_name: str = "replay"
    actions: list[str] = field(default_factory=list)
    chromium: str = ""

    def make_agent(self) -> Any:
        return Replay(self.actions, self.chromium)


class Replay(Agent):  # type: ignore[misc] # BrowserGym has no types
    action_set = HighLevelActionSet(["bid", "nav"])

    def __init__(self, actions: list[str], chromium: str) -> None:
        name_chromium(chromium)  # here, because with Ray the episode runs in another process
        self._actions = list(actions)

    def obs_preprocessor(self, obs: Any) -> Any:
        return obs

    def get_action(self, obs: Any) -> Any:
        return (self._actions.pop(0) if self._actions else "noop()"), {"think": ""}


def name_chromium(executable: str) -> None:
    """Have Playwright start that one, and count words for tokens."""
    import browsergym.miniwob  # noqa: F401 - registers the tasks
    from playwright.sync_api import BrowserType

    loop.count_tokens = lambda text, **_: len(text.split())
    if getattr(BrowserType, "named", False):
        return
    launch = BrowserType.launch
    BrowserType.launch = lambda self, **kwargs: launch(self, **({"executable_path": executable} | kwargs))  # type: ignore[method-assign]
    BrowserType.named = True  # type: ignore[attr-defined]


def timed(backend: str, run: Callable[[], None]) -> float:
    """Seconds that it takes, or those between Ray's start and its end."""
    times = [time.perf_counter()]
    if backend == "ray":
        import ray

        begin, end = ray.init, ray.shutdown

        def begun(**kwargs: Any) -> None:
            begin(**kwargs)
            times.append(time.perf_counter())

        def ended() -> None:
            times.append(time.perf_counter())
            end()

        ray.init, ray.shutdown = begun, ended  # type: ignore[assignment] # every argument passed on
    run()
    times.append(time.perf_counter())
    return times[2] - times[1] if backend == "ray" else times[1] - times[0]


def main() -> None:
    """Play and print one JSON object."""
    backend, jobs, file, chromium = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    episodes = json.loads(file.read_text())
    name_chromium(chromium)
    with tempfile.TemporaryDirectory() as folder:
        experiments = [
            loop.ExpArgs(
                agent_args=ReplayArgs(actions=actions, chromium=chromium),
                env_args=loop.EnvArgs(task_name=task, task_seed=seed, max_steps=len(actions) + 1),
                logging_level=40,
                logging_level_stdout=40,
            )
            for task, seed, actions in episodes
        ]
        for experiment in experiments:
            experiment.prepare(Path(folder))
        seconds = timed(backend, lambda: run_experiments(jobs, experiments, Path(folder), parallel_backend=backend))
        results = list(loop.yield_all_exp_results(folder, progress_fn=None, use_cache=False))
        rewards = [result.summary_info["cum_reward"] for result in results]
    print(json.dumps({"seconds": seconds, "episodes": len(rewards), "successes": sum(reward > 0 for reward in rewards)}))


if __name__ == "__main__":
    main()
