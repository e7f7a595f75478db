"""How fast episodes are played, how well model calls overlap, and what a run folder survives.

- Episodes a minute of the scripted agent in 1, 2 and 4 environments.
- An agent whose decisions take 0.2 to 2 s, as a model's do: the share of the ideal overlap, which is the wall-clock of one
  environment divided by how many play. With more environments than cores that cannot reach 1 where browsers compute.
- With `--agentlab PYTHON`, a Python that has AgentLab 0.4, its sequential and Ray backends on the same episodes with the same
  actions, in the same run.
- kill -9 at random points of a 60-episode run (`rollout_faults.py`), and a soak with faults in one of ten episodes.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symbiotic_gym.agents import ScriptedAgent
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser
from symbiotic_gym.benchmarks.rollout_faults import killed_rows, soak_rows
from symbiotic_gym.browser.find import require_chromium
from symbiotic_gym.progress import Progress
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.types import Decision, Observation, Trajectory

__all__ = ["main"]

TASKS = (
    "miniwob.click-test",
    "miniwob.click-test-2",
    "miniwob.click-link",
    "miniwob.click-button",
    "miniwob.enter-text",
    "miniwob.click-checkboxes",
)
THINK_S = (0.2, 2.0)
OVERLAP_TARGET = 0.9
PEER_TARGET = 4.0


class _SlowAgent(ScriptedAgent):
    """The scripted agent, as slow as a model; how slow is drawn by the seed, so that every run waits equally long."""

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        super().reset(goal, seed=seed)
        self._delays = random.Random(seed)

    def act(self, observation: Observation) -> Decision:
        time.sleep(self._delays.uniform(*THINK_S))
        return super().act(observation)


def _played(workers: int, episodes: Sequence[Episode], make_agent: Any) -> tuple[float, list[Trajectory]]:
    """Seconds and episodes, in environments whose browsers run already."""
    with Rollouts(workers) as rollouts:
        warm = [Episode("miniwob.click-test", 10**6 + i) for i in range(workers)]
        rollouts.run(warm, ScriptedAgent, name="warm")
        began = time.perf_counter()
        played = rollouts.run(episodes, make_agent, name="timed")
        return time.perf_counter() - began, played


def _speed_rows(episodes: Sequence[Episode], rounds: int) -> tuple[list[Row], dict[int, float], list[Trajectory]]:
    rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
    for _ in range(rounds):
        for workers, found in rates.items():
            seconds, played = _played(workers, episodes, ScriptedAgent)
            found.append(60 * len(episodes) / seconds)
    rows = [
        Row(
            name=f"episodes-per-minute/{workers}",
            value=sum(found) / len(found),
            unit="episodes/min",
            n=len(found) * len(episodes),
            low=min(found) if len(found) > 1 else None,
            high=max(found) if len(found) > 1 else None,
        )
        for workers, found in rates.items()
    ]
    return rows, {workers: sum(found) / len(found) for workers, found in rates.items()}, played


def _overlap_rows(episodes: Sequence[Episode]) -> list[Row]:
    alone, _ = _played(1, episodes, _SlowAgent)
    rows = [
        Row(name="slow-model/episodes-per-minute/1", value=60 * len(episodes) / alone, unit="episodes/min", n=len(episodes))
    ]
    for workers in (2, 4):
        seconds, _ = _played(workers, episodes, _SlowAgent)
        rows += [
            Row(
                name=f"slow-model/episodes-per-minute/{workers}",
                value=60 * len(episodes) / seconds,
                unit="episodes/min",
                n=len(episodes),
            ),
            Row(
                name=f"slow-model/share-of-ideal-overlap/{workers}",
                value=alone / workers / seconds,
                unit="share",
                n=len(episodes),
                target=OVERLAP_TARGET,
            ),
        ]
    return rows


def _peer_rows(python: str, played: Sequence[Trajectory], ours: dict[int, float]) -> list[Row]:
    """AgentLab on the episodes that we succeeded in, with our actions."""
    plan = [[t.task, t.seed, [step.decision.action for step in t.steps]] for t in played if t.success]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.json"
        file.write_text(json.dumps(plan))
        for backend, jobs in (("sequential", 1), ("ray", 2)):
            command = [
                python,
                str(Path(__file__).with_name("agentlab_peer.py")),
                backend,
                str(jobs),
                str(file),
                require_chromium(),
            ]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=os.environ | _miniwob(), check=True)
            told = json.loads(done.stdout.splitlines()[-1])
            theirs = 60 * told["episodes"] / told["seconds"]
            rows += [
                Row(
                    name=f"agentlab-{backend}/episodes-per-minute",
                    value=ours[jobs],
                    unit="episodes/min",
                    n=told["episodes"],
                    peer=f"agentlab {backend} {jobs}",
                    peer_value=theirs,
                ),
                Row(name=f"agentlab-{backend}/times", value=ours[jobs] / theirs, unit="times", n=len(plan), target=PEER_TARGET),
                Row(name=f"agentlab-{backend}/same-successes", value=told["successes"], unit="episodes", n=len(plan)),
            ]
    return rows


def _miniwob() -> dict[str, str]:
    import miniwob

    return {"MINIWOB_URL": f"file://{Path(miniwob.__path__[0]) / 'html' / 'miniwob'}/"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a target is missed."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--agentlab", metavar="PYTHON", help="a Python that has AgentLab 0.4 and browsergym-miniwob")
    options = parser.parse_args(arguments)
    smoke = options.smoke
    episodes = [Episode(task, seed) for seed in range(1 if smoke else 8) for task in (TASKS[:3] if smoke else TASKS)]
    report = Report("rollouts")
    with tempfile.TemporaryDirectory() as folder, Progress().phase("rollouts", None) as bar:
        rows, ours, played = _speed_rows(episodes, 1 if smoke else 3)
        report.add(*rows)
        report.add(*_overlap_rows(episodes))
        if options.agentlab:
            report.add(*_peer_rows(options.agentlab, played, ours))
        report.add(*killed_rows(Path(folder), 3 if smoke else 200, bar))
        report.add(*soak_rows(Path(folder), 10 if smoke else 500, bar))
    held = report.finish(options.json)
    return 0 if held or smoke else 1


if __name__ == "__main__":
    sys.exit(main())
