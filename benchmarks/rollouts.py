"""How fast episodes are played and how well model calls overlap, beside AgentLab's backends in the same run.

- Episodes a minute of the scripted agent in 1, 2 and 4 environments.
- An agent whose decisions take 0.2 to 2 s, as a model's do: the share of the ideal overlap, which is the wall-clock of one
  environment divided by how many play. With more environments than cores that cannot reach 1 where browsers compute. It is
  given twice: for the whole run, at whose end some environments have nothing left while others play their last episodes, which
  counts the less the more episodes a run has; and without the time in which an environment has nothing left.
- With `--agentlab PYTHON`, a Python that has AgentLab 0.4 and Ray, its sequential and Ray backends on the same episodes with
  the same actions. Starting browsers counts on both sides: once on ours, in every episode on theirs.

All of that is one round; the systems take turns. Intervals are Student's over rounds. Blocks are kept in the file that
`--samples` names: a run cut short goes on from it.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from symbiotic_gym.agents import ScriptedAgent
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser
from symbiotic_gym.benchmarks.samples import Samples
from symbiotic_gym.browser.find import require_chromium
from symbiotic_gym.progress import Bar, Progress
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.types import Decision, Observation

__all__ = ["main"]

TASKS = (
    "miniwob.click-test",
    "miniwob.click-test-2",
    "miniwob.click-link",
    "miniwob.click-button",
    "miniwob.enter-text",
    "miniwob.click-checkboxes",
)
WORKERS = (1, 2, 4)
THINK_S = (0.2, 2.0)
OVERLAP_TARGET = 0.9
PEER_TARGET = 4.0
PEERS = {"sequential": 1, "ray": 2}
"""AgentLab's backends -> how many episodes each plays at once."""
_MORE, _TURN = 3, 1000
"""How many times the episodes the slow agent plays, and what their seeds differ by."""
_STUDENT = (0.0, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""97.5 % quantiles of Student's t, by degrees of freedom."""


class _SlowAgent(ScriptedAgent):
    """The scripted agent, as slow as a model; how slow is drawn by the seed, so that every run waits equally long."""

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        super().reset(goal, seed=seed)
        self._delays = random.Random(seed)

    def act(self, observation: Observation) -> Decision:
        time.sleep(self._delays.uniform(*THINK_S))
        return super().act(observation)


def _ours(workers: int, episodes: Sequence[Episode], make_agent: Any) -> dict[str, Any]:
    """Seconds for all episodes, those to start the browsers apart, and the actions of the episodes that succeeded.

    `idle_s` is how long, on the average, an environment had nothing left to play.
    """
    ends: list[float] = []
    started = time.perf_counter()
    with Rollouts(workers) as rollouts:
        warm = [Episode("miniwob.click-test", 10**6 + i) for i in range(workers)]
        rollouts.run(warm, ScriptedAgent, name="warm")
        began = time.perf_counter()
        played = rollouts.run(episodes, make_agent, name="timed", on_episode=lambda _: ends.append(time.perf_counter()))
        ended = time.perf_counter()
    idle = sum(ended - end for end in sorted(ends)[-workers:]) / workers
    plan = [[t.task, t.seed, [step.decision.action for step in t.steps]] for t in played if t.success]
    times = {"seconds": ended - began, "idle_s": idle, "start_s": began - started}
    return times | {"episodes": len(played), "plan": plan}


def _agentlab(python: str, backend: str, plan: Sequence[Any]) -> dict[str, Any]:
    """What AgentLab took for the episodes of a plan."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.json"
        file.write_text(json.dumps(plan))
        peer = Path(__file__).with_name("agentlab_peer.py")
        command = [python, str(peer), backend, str(PEERS[backend]), str(file), require_chromium()]
        results = {"AGENTLAB_EXP_ROOT": folder}  # else it makes a folder in the user's home
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | _miniwob() | results
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _miniwob() -> dict[str, str]:
    import miniwob

    return {"MINIWOB_URL": f"file://{Path(miniwob.__path__[0]) / 'html' / 'miniwob'}/"}


def _play_rounds(
    samples: Samples, rounds: int, episodes: Sequence[Episode], python: str | None, bar: Bar
) -> dict[str, list[dict[str, Any]]]:
    """Blocks by system, one a round."""
    found: dict[str, list[dict[str, Any]]] = {}

    def measure(name: str, number: int, block: Any) -> None:
        key = f"{number}/{name}/2"  # 2: blocks have `idle_s`
        found.setdefault(name, []).append(samples.get(key, block))
        bar.advance(f"{number}/{name}")

    more = [replace(one, seed=one.seed + turn * _TURN) for turn in range(_MORE) for one in episodes]
    for number in range(rounds):
        for workers in WORKERS:
            measure(f"scripted/{workers}", number, lambda: _ours(workers, episodes, ScriptedAgent))  # noqa: B023 - called at once
        for workers in WORKERS:
            measure(f"slow/{workers}", number, lambda: _ours(workers, more, _SlowAgent))  # noqa: B023
        for backend in PEERS if python else ():
            plan = found["scripted/1"][number]["plan"]
            measure(f"agentlab/{backend}", number, lambda: _agentlab(python or "", backend, plan))  # noqa: B023
    return found


def _row(name: str, unit: str, values: Sequence[float], **more: Any) -> Row:
    """The mean over rounds with its interval."""
    mean, n = statistics.mean(values), len(values)
    low = high = None
    if n > 1:
        half = _STUDENT[min(n - 1, len(_STUDENT) - 1)] * statistics.stdev(values) / n**0.5
        low, high = mean - half, mean + half
    return Row(name=name, value=mean, unit=unit, n=n, low=low, high=high, **more)


def _rates(blocks: Sequence[dict[str, Any]]) -> list[float]:
    return [60 * block["episodes"] / block["seconds"] for block in blocks]


def _playing(block: dict[str, Any]) -> float:
    """Seconds in which an environment had something to play, on the average over environments."""
    return float(block["seconds"] - block["idle_s"])


def _rows(found: dict[str, list[dict[str, Any]]]) -> list[Row]:
    rows = []
    for agent in ("scripted", "slow"):
        for workers in WORKERS:
            rows.append(_row(f"{agent}/episodes-per-minute/{workers}", "episodes/min", _rates(found[f"{agent}/{workers}"])))
    for workers in WORKERS[1:]:
        pairs = list(zip(found["slow/1"], found[f"slow/{workers}"], strict=True))
        whole_run = [alone["seconds"] / workers / many["seconds"] for alone, many in pairs]
        rows.append(_row(f"slow/share-of-ideal-overlap/{workers}", "share", whole_run))
        playing = [_playing(alone) / workers / _playing(many) for alone, many in pairs]
        rows.append(_row(f"slow/share-of-ideal-overlap-while-playing/{workers}", "share", playing, target=OVERLAP_TARGET))
    for backend, jobs in PEERS.items():
        theirs = found.get(f"agentlab/{backend}")
        if theirs is None:
            continue
        ours = found[f"scripted/{jobs}"]
        whole = [block | {"seconds": block["seconds"] + block["start_s"]} for block in ours]  # theirs start theirs in that time
        times = [mine / peers for mine, peers in zip(_rates(whole), _rates(theirs), strict=True)]
        rows += [
            _row(
                f"agentlab-{backend}/episodes-per-minute/{jobs}",
                "episodes/min",
                _rates(whole),
                peer=f"agentlab {backend} {jobs}",
                peer_value=statistics.mean(_rates(theirs)),
            ),
            _row(f"agentlab-{backend}/times", "times", times, target=PEER_TARGET),
            Row(
                name=f"agentlab-{backend}/same-successes",
                value=sum(block["successes"] for block in theirs),
                unit="episodes",
                n=sum(block["episodes"] for block in theirs),
            ),
        ]
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a target is missed."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--agentlab", metavar="PYTHON", help="a Python that has AgentLab 0.4, Ray and browsergym-miniwob")
    parser.add_argument("--rounds", type=int, default=3, help="how often each system takes its turn (default 3)")
    parser.add_argument(
        "--samples", type=Path, metavar="FILE", help="keep the measured blocks there; a run cut short goes on from it"
    )
    options = parser.parse_args(arguments)
    smoke = options.smoke
    rounds = 1 if smoke else options.rounds
    episodes = [Episode(task, seed) for seed in range(1 if smoke else 4) for task in (TASKS[:3] if smoke else TASKS)]
    report = Report("rollouts")
    total = rounds * (2 * len(WORKERS) + len(PEERS) * bool(options.agentlab))
    with Progress().phase("rollouts", total) as bar:
        report.add(*_rows(_play_rounds(Samples(options.samples), rounds, episodes, options.agentlab, bar)))
    held = report.finish(options.json)
    return 0 if held or smoke else 1


if __name__ == "__main__":
    sys.exit(main())
