"""What multi-task learning, speculative synthesis and preferences are each worth to a small model, teacher data being equal.

A scripted expert is the teacher, so that what it costs and how good it is are no part of the question. Five arms learn from as
many verified steps each, half of MiniWoB++ and half of Pocket, from the same base model in one pass:

    action         the teacher's own episodes, actions alone
    multi-task     the same steps, and the reasons behind them
    speculative    half of the steps from episodes in which a student proposed and the teacher verified; actions alone
    both           these steps, and the reasons
    preference     `both`, then tuned on the proposals that the teacher turned down in steps that `both` learnt from

The student that proposes was trained on the half that all arms share. The other half comes from the same task instances in all
arms: played by the teacher alone, or by the student under its eyes. All arms play the same held-out episodes greedily: seeds of
MiniWoB that nothing was learnt from, and Pocket templates of which no instance was. Differences are paired by episode and
bootstrapped over tasks; they are those of one training of each arm, and say nothing of how another would come out. Every
episode, adapter and phase lies in `--out`; a run that was cut off goes on where it was. It takes some two hours on two cores.

    python -m symbiotic_gym.benchmarks.distillation --out FOLDER --json OUT
"""

import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from symbiotic_gym.agents import LocalModel, ScriptedAgent, SmallAgent
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, estimate, share
from symbiotic_gym.models import resolve_model
from symbiotic_gym.pocket.tasks import split, templates
from symbiotic_gym.progress import Progress
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.stats import mean_over_groups
from symbiotic_gym.store import EpisodeLog, PhaseClock, RunFolder, read_json
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.examples import Example, examples_from
from symbiotic_gym.trainers.pairs import acceptance_rate, preference_pairs
from symbiotic_gym.trainers.preference_tuning import PreferenceConfig, tune_on_pairs
from symbiotic_gym.trainers.speculative import SpeculativeAgent
from symbiotic_gym.trainers.summary import seen_before
from symbiotic_gym.types import Trajectory

__all__ = ["ARMS", "Part", "Study", "default_study", "differences", "main", "smoke_study"]

ARMS = ("action", "multi-task", "speculative", "both", "preference")
_MINIWOB = (
    "click-button",
    "click-link",
    "click-dialog-2",
    "click-widget",
    "click-option",
    "click-checkboxes-transfer",
    "click-tab",
    "click-collapsible",
    "enter-text",
    "enter-password",
    "login-user",
    "choose-list",
)
_SEEDS = {"evaluate": 0, "teach": 100_000, "synthesize": 200_000}
"""Where each phase's seeds begin."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One suite's share of the study; episodes are counted for each task."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]
    teach: int
    synthesize: int
    evaluate: int
    examples: int
    """Verified steps that each arm learns from; fewer where the teacher's episodes have not as many."""
    max_steps: int


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is run; the folder belongs to it."""

    parts: tuple[Part, ...]
    train: DistillerConfig
    prefer: PreferenceConfig
    model: str = "smollm2-135m-instruct"
    environments: int = 8
    max_action_tokens: int = 32
    temperature: float = 0.7
    """The proposing student's."""
    seed: int = 0


def default_study(seed: int = 0) -> Study:
    """MiniWoB tasks of many kinds, and Pocket's templates that take a page or two: trained on where they are for training."""
    short = {f"pocket.{t.id}" for t in templates().values() if t.level <= 2}
    train = tuple(task for task in split("train") if task in short)
    held_out = tuple(task for task in (*split("dev"), *split("test")) if task in short)
    miniwob = tuple(f"miniwob.{task}" for task in _MINIWOB)
    part = Part(train=miniwob, held_out=miniwob, teach=14, synthesize=8, evaluate=9, examples=200, max_steps=8)
    pocket = Part(train=train, held_out=held_out, teach=1, synthesize=1, evaluate=4, examples=100, max_steps=6)
    budget = 3000
    return Study(
        parts=(part, pocket),
        train=DistillerConfig(
            batch_size=4,
            micro_batch_size=4,
            padding_free=True,
            learning_rate=1e-3,
            max_tokens=2048,
            page_budget=budget,
            save_steps=20,
            seed=seed,
        ),
        prefer=PreferenceConfig(page_budget=budget, micro_batch_size=2, seed=seed),
        seed=seed,
    )


def smoke_study() -> Study:
    """Small enough to see that it works."""
    whole = default_study()
    tasks = ("miniwob.click-button", "miniwob.focus-text")
    part = Part(train=tasks, held_out=tasks, teach=3, synthesize=2, evaluate=1, examples=6, max_steps=2)
    pocket = replace(
        part, train=whole.parts[1].train[:2], held_out=whole.parts[1].held_out[:1], teach=1, synthesize=1, examples=2
    )
    train = replace(whole.train, page_budget=800)
    return replace(whole, parts=(part, pocket), train=train, prefer=replace(whole.prefer, page_budget=800), environments=2)


class _Run:
    """The study's phases; each is a function of what lies in the folder."""

    def __init__(self, study: Study, out: Path, rollouts: Rollouts, progress: Progress) -> None:
        self.study, self.out, self.rollouts, self.progress = study, out, rollouts, progress
        self.base = resolve_model(study.model)
        self.small = LocalModel(self.base)
        self.clock = PhaseClock(out / "seconds.json")

    def run(self, report: Report) -> None:
        """All phases, in order, into the report."""
        taught = self._play("teach", "train", lambda _: ScriptedAgent())
        first = [example for part in taught for example in self._drawn(part)[: self._sizes(part)[1]]]
        self._distill("first", first, reasons=False)
        student = self._agent("first", Sampling(temperature=self.study.temperature, top_p=0.95))
        tried = self._play("synthesize", "train", lambda task: SpeculativeAgent(student(task), ScriptedAgent()))
        data = self._data(taught, self._play("synthesize-teacher", "train", lambda _: ScriptedAgent()), tried)
        for arm in ARMS[:4]:
            steps = data["speculative" if arm in ("speculative", "both") else "action"]
            self._distill(arm, steps, reasons=arm in ("multi-task", "both"))
        learnt = {example.messages("action")[0]["content"] for example in data["speculative"]}
        turned_down = preference_pairs(episode for part in tried for episode in part)
        pairs = [pair for pair in turned_down if pair.messages()[0]["content"] in learnt]
        tuned = self._tune(pairs)
        played = {}
        for arm in ARMS:
            name = arm if arm != "preference" or tuned else "both"  # nothing was turned down: the same weights
            played[arm] = self._play(f"evaluate-{arm}", "held_out", self._agent(name, Sampling()))
        report.add(*self._about(data, tried, pairs, tuned))
        for part, ours, spoken, held_out in zip(self.study.parts, taught, tried, played["action"], strict=True):
            seen = seen_before((*ours, *spoken), held_out)
            report.add(share(f"held-out instances that look like one learnt from/{_suite(part)}", seen["count"], seen["n"]))
        report.add(*_results(self.study, played))
        report.add(*(Row(name=f"minutes/{key}", value=s / 60, unit="min") for key, s in sorted(self.clock.seconds.items())))

    def _data(
        self, taught: Sequence[list[Trajectory]], alone: Sequence[list[Trajectory]], tried: Sequence[list[Trajectory]]
    ) -> dict[str, list[Example]]:
        """The steps of the two kinds of arms: as many of each suite, the second half of both from the same instances."""
        found: dict[str, list[Example]] = {"action": [], "speculative": []}
        for own, again, spoken in zip(taught, alone, tried, strict=True):
            half = self._sizes(own)[1]
            shared, plain, fresh = self._drawn(own)[:half], self._drawn(again), self._drawn(spoken)
            n = min(len(plain), len(fresh), half)
            found["action"] += shared + plain[:n]
            found["speculative"] += shared + fresh[:n]
        return found

    def _sizes(self, taught: Sequence[Trajectory]) -> tuple[int, int]:
        """How many steps an arm may learn from of this suite, and the half that all arms share."""
        part = next(part for part in self.study.parts if taught[0].task in part.train)
        n = min(part.examples, len(examples_from(taught)))
        return n, n // 2

    def _drawn(self, episodes: Sequence[Trajectory]) -> list[Example]:
        """The steps of episodes in an order that has all tasks everywhere."""
        examples = examples_from(episodes)
        return random.Random(f"study {self.study.seed}").sample(examples, len(examples))

    def _agent(self, arm: str, sampling: Sampling) -> Callable[[str], SmallAgent]:
        adapter = self.out / "arms" / arm / "adapter"
        drawn = replace(sampling, max_tokens=self.study.max_action_tokens)

        def make(task: str) -> SmallAgent:
            self.small.set_adapter(adapter)
            return SmallAgent(self.small, sampling=drawn, page_budget=self.study.train.page_budget)

        return make

    def _play(self, key: str, which: str, make: Callable[[str], Any]) -> list[list[Trajectory]]:
        """The episodes of a phase, suite by suite."""
        phase, found = key.partition("-")[0], []
        for number, part in enumerate(self.study.parts):
            tasks: tuple[str, ...] = getattr(part, which)
            start = 1_000_000 * self.study.seed + _SEEDS[phase]
            episodes = [Episode(task, start + i) for i in range(getattr(part, phase)) for task in tasks]
            log = EpisodeLog(self.out / "episodes" / f"{key}-{number}.jsonl")
            with self.clock.phase(key), self.progress.phase(f"{key}, {tasks[0].partition('.')[0]}", len(episodes)) as bar:
                found.append(
                    self.rollouts.run(
                        episodes,
                        partial(make, tasks[0]),
                        name=key,
                        max_steps=part.max_steps,
                        max_refused=2,
                        log=log,
                        on_episode=lambda _, bar=bar: bar.advance(),
                        whole_waves=phase != "teach",
                    )
                )
        return found

    def _distill(self, arm: str, examples: Sequence[Example], *, reasons: bool) -> None:
        config = self.study.train if reasons else replace(self.study.train, lambda_reason=0.0)
        with self.clock.phase(f"train-{arm}"), self.progress.phase(f"train {arm} on {len(examples)} steps", None) as bar:
            distill(config, examples, self.out / "arms" / arm, base_model=self.base, progress=bar.set)

    def _tune(self, pairs: Sequence[Any]) -> dict[str, Any] | None:
        """`both`, tuned on the pairs; None where there are none."""
        out = self.out / "arms" / "preference"
        if not pairs:
            return None
        if not (out / "adapter").exists():
            with self.clock.phase("train-preference"), self.progress.phase(f"tune on {len(pairs)} pairs", None) as bar:
                tune_on_pairs(
                    self.study.prefer,
                    pairs,
                    out,
                    base_model=self.base,
                    adapter=self.out / "arms" / "both" / "adapter",
                    on_step=lambda step, steps, loss: bar.set(step, steps, f"loss {loss:.3f}"),
                )
        tuned: dict[str, Any] = read_json(out / "tuning.json")
        return tuned

    def _about(
        self, data: dict[str, list[Example]], tried: Sequence[list[Trajectory]], pairs: Sequence[Any], tuned: Any
    ) -> list[Row]:
        """What the arms were made of."""
        rate = acceptance_rate(episode for part in tried for episode in part)
        rows = [Row(name=f"steps learnt from/{kind}", value=len(steps), unit="steps") for kind, steps in data.items()]
        rows.append(Row(name="proposals accepted", value=rate.value, unit="share", n=rate.n, low=rate.low, high=rate.high))
        rows.append(Row(name="pairs", value=len(pairs), unit="pairs"))
        if tuned:
            for when in ("before", "after"):
                preferred = round(tuned[f"preferred_{when}"] * tuned["pairs"])
                rows.append(share(f"pairs preferred rightly {when} tuning", preferred, tuned["pairs"]))
        return rows


def _suite(part: Part) -> str:
    return part.held_out[0].partition(".")[0]


def _results(study: Study, played: dict[str, list[list[Trajectory]]]) -> list[Row]:
    rows = []
    for arm, parts in played.items():
        groups = {_suite(part): episodes for part, episodes in zip(study.parts, parts, strict=True)}
        for name, episodes in (*groups.items(), ("all", [episode for part in parts for episode in part])):
            scored = [episode.success for episode in episodes if episode.outcome.scored]
            rows.append(share(f"{arm}/{name}", sum(scored), len(scored)))
            if name == "all":
                rows.append(Row(name=f"{arm}/invalid", value=len(episodes) - len(scored), unit="episodes", better="lower"))
    rows += [row for arm in ARMS[1:] for row in differences(arm, played[arm], played["action"])]
    return rows


def differences(arm: str, ours: Sequence[list[Trajectory]], plain: Sequence[list[Trajectory]]) -> list[Row]:
    """How much more of the same episodes succeed than with actions alone; bootstrapped over tasks, whose episodes are alike."""
    gains: list[float] = []
    tasks: list[str] = []
    for part, other in zip(ours, plain, strict=True):
        for a, b in zip(part, other, strict=True):
            if a.outcome.scored and b.outcome.scored:
                gains.append(float(a.success) - float(b.success))
                tasks.append(a.task)
    return [estimate(f"{arm} over action", mean_over_groups(gains, tasks), "share")] if gains else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, or go on with it."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--out", type=Path, help="folder for episodes and adapters; the same one goes on")
    parser.add_argument("--seed", type=int, default=0, help="of the data, the worlds and the training")
    options = parser.parse_args(arguments)
    if options.out is None and not options.smoke:
        parser.error("name a folder with --out: the run takes long, and goes on from there")
    study = smoke_study() if options.smoke else default_study(options.seed)
    report = Report("distillation")
    with TemporaryDirectory() as scratch:
        out = options.out or Path(scratch) / "study"
        config = json.loads(json.dumps(asdict(study)))  # as it reads back from run.json
        with RunFolder(out, config), Rollouts(study.environments) as rollouts:
            _Run(study, out, rollouts, Progress()).run(report)
    report.finish(options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
