"""What the `objectives` benchmark trains on: the episodes of a run of `distillation`, or for a small run a few toy ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from symbiotic_gym.agents import LocalModel, SmallAgent
from symbiotic_gym.benchmarks.toy import TASKS, ToyAgent, ToyEnv
from symbiotic_gym.models import resolve_model
from symbiotic_gym.progress import Progress
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.store import EpisodeLog, read_json
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.examples import examples_from
from symbiotic_gym.trainers.speculative import SpeculativeAgent
from symbiotic_gym.types import Trajectory

__all__ = ["Material", "of_run", "of_toys"]

_OWN_SEEDS = 300_000
"""Where the student's own episodes begin; `distillation` teaches and evaluates on others."""
_OWN_EPISODES = 10
"""Of each task."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a run left."""

    base: str
    adapter: Path
    """The student's, which all objectives go on from."""
    teachers: Sequence[Path]
    """Adapters that know more than the student, as open-weight teachers of its own base; the best one first."""
    page_budget: int
    taught: Sequence[Trajectory]
    """The teacher's episodes."""
    tried: Sequence[Trajectory]
    """Episodes of speculation."""
    own: Sequence[Trajectory]
    """The student's own, failures among them."""


def of_run(run: Path, out: Path, rollouts: Rollouts, progress: Progress, *, own: bool) -> Material:
    """The material of a run's folder; with `own`, the student plays episodes of MiniWoB's training tasks into `out`."""
    study = read_json(run / "run.json")["config"]
    base, adapter, page_budget = (
        resolve_model(study["model"]),
        run / "arms" / "first" / "adapter",
        study["train"]["page_budget"],
    )
    part = study["parts"][0]
    student = partial(
        SmallAgent,
        LocalModel(base, adapter=adapter),
        sampling=Sampling(temperature=study["temperature"], top_p=0.95, max_tokens=study["max_action_tokens"]),
        page_budget=page_budget,
    )
    instances = [Episode(task, _OWN_SEEDS + i) for i in range(_OWN_EPISODES if own else 0) for task in part["train"]]
    with progress.phase("the student's own episodes", len(instances)) as bar:
        played = rollouts.run(
            instances,
            student,
            name="own",
            max_steps=part["max_steps"],
            max_refused=2,
            log=EpisodeLog(out / "own.jsonl"),
            on_episode=lambda _: bar.advance(),
            whole_waves=True,
        )

    def episodes(key: str) -> list[Trajectory]:
        return [t for log in sorted((run / "episodes").glob(f"{key}-[0-9].jsonl")) for t in EpisodeLog(log).trajectories]

    return Material(
        base=base,
        adapter=adapter,
        teachers=[folder for arm in ("both", "speculative") if (folder := run / "arms" / arm / "adapter").exists()],
        page_budget=page_budget,
        taught=episodes("teach"),
        tried=episodes("synthesize"),
        own=played,
    )


def of_toys(base: str, out: Path) -> Material:
    """A few episodes of an environment without a browser, and a student of them, trained in `out`."""

    def played(task: str, n: int, agent: Callable[[], Any], rollouts: Rollouts) -> list[Trajectory]:
        return rollouts.run([Episode(task, seed) for seed in range(n)], agent, name="toy")

    with Rollouts(1, make_env=ToyEnv) as rollouts:
        taught = played(TASKS[0], 6, ToyAgent, rollouts)
        config = DistillerConfig(batch_size=4, micro_batch_size=4, page_budget=500)
        examples = examples_from(taught)
        adapter = Path(distill(config, examples[:4], out / "first", base_model=base).adapter)
        longer = replace(config, epochs=4, learning_rate=3e-3)
        teachers = [
            Path(distill(longer, part, out / f"teacher-{i}", base_model=base).adapter)
            for i, part in enumerate((examples, examples[::2]))
        ]
        student = partial(SmallAgent, LocalModel(base, adapter=adapter), sampling=Sampling(temperature=1.0, max_tokens=8))
        tried = played(TASKS[0], 4, lambda: SpeculativeAgent(student(), ToyAgent()), rollouts)
        own = played(TASKS[2], 8, ToyAgent, rollouts)
    return Material(base=base, adapter=adapter, teachers=teachers, page_budget=500, taught=taught, tried=tried, own=own)
