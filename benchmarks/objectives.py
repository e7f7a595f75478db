"""What each further objective moves: trained on episodes of a `distillation` run, measured on others of them.

    dpo, kto          pairs of speculation: how much likelier the teacher's action became than the proposal it replaced; by our
                      trainer and by trl's
    spin              recorded steps: how much likelier the record's action became than the student's own other one
    advantage         the student's own episodes: how much likelier steps of positive advantage became beside those of negative
                      advantage, than by training on the same steps unweighted
    command           the same episodes behind their return: how much likelier an action is under the return it led to than
                      under the other one
    selection         how many recorded successes work when they are run again, and how many recorded failures

All go on from the run's first adapter. Margins are in nats, differences are paired, intervals bootstrapped over steps. `--out`
keeps what was trained; a run that was cut off goes on.

    python -m symbiotic_gym.benchmarks.objectives --run FOLDER --out FOLDER --json OUT
"""

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from symbiotic_gym.agents import LocalModel
from symbiotic_gym.agents.chat import encode_prompt
from symbiotic_gym.benchmarks.objectives_kto import tune_by_kto
from symbiotic_gym.benchmarks.objectives_material import Material, of_run, of_toys
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, estimate, share
from symbiotic_gym.benchmarks.toy import ToyEnv
from symbiotic_gym.models import resolve_model
from symbiotic_gym.progress import Progress
from symbiotic_gym.protocols import Message, Sampling
from symbiotic_gym.rollout import Rollouts
from symbiotic_gym.stats import bootstrap
from symbiotic_gym.store import RunFolder
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.examples import Example, all_examples, examples_from
from symbiotic_gym.trainers.pairs import PreferencePair, preference_pairs
from symbiotic_gym.trainers.preference_tuning import PreferenceConfig, tune_on_pairs
from symbiotic_gym.trainers.preferences import self_play_pairs
from symbiotic_gym.trainers.returns import Critic, advantage_weighted_examples, commanded_examples, returns_of, with_command
from symbiotic_gym.trainers.scoring import answer_tokens, sequence_logprob
from symbiotic_gym.trainers.selection import replays
from symbiotic_gym.trainers.self_play import own_actions
from symbiotic_gym.types import Trajectory

__all__ = ["main"]

Thing = TypeVar("Thing")

_HELD = 1 / 3
_MOST = 90
"""Steps, pairs or episodes that are taken of each kind."""
_OWN = Sampling(temperature=0.7, top_p=0.95, max_tokens=32)
"""How the student answers in self-play."""


class _Study:
    def __init__(self, material: Material, out: Path, rollouts: Rollouts) -> None:
        self.material, self.out, self.rollouts = material, out, rollouts
        self.model = LocalModel(material.base)
        budget = material.page_budget
        self.prefer = PreferenceConfig(page_budget=budget, micro_batch_size=2)
        self.train = DistillerConfig(
            batch_size=4, micro_batch_size=2, learning_rate=3e-4, max_tokens=2048, page_budget=budget, lambda_reason=0.0
        )

    def arms(self) -> dict[str, Callable[[], list[Row]]]:
        """Each objective's measurement."""
        spoken = _drawn(preference_pairs(self.material.tried))
        return {
            "dpo": lambda: self._preferred("dpo", spoken, self._tune),
            "kto": lambda: self._preferred("kto", spoken, self._tune_by_kto),
            "spin": lambda: self._preferred("spin", self._self_play(), self._tune),
            "advantage": self._advantage,
            "command": self._command,
            "selection": self._selection,
        }

    def _preferred(
        self, name: str, pairs: Sequence[PreferencePair], tune: Callable[[Sequence[PreferencePair], Path], Path]
    ) -> list[Row]:
        train, held = _split(pairs)
        if not train or not held:
            return [_nothing(f"{name}/margin gained", f"{len(pairs)} pairs")]
        before = self._margins(self.material.adapter, held)
        after = self._margins(tune(train, self.out / name), held)
        return [
            _mean(f"{name}/margin gained", [b - a for a, b in zip(before, after, strict=True)]),
            share(f"{name}/preferred rightly before", sum(m > 0 for m in before), len(before)),
            share(f"{name}/preferred rightly after", sum(m > 0 for m in after), len(after)),
        ]

    def _tune(self, pairs: Sequence[PreferencePair], out: Path) -> Path:
        if not (out / "adapter").exists():
            tune_on_pairs(self.prefer, pairs, out, base_model=self.material.base, adapter=self.material.adapter)
        return out / "adapter"

    def _tune_by_kto(self, pairs: Sequence[PreferencePair], out: Path) -> Path:
        if not (out / "adapter").exists():
            tune_by_kto(pairs, out, base=self.material.base, adapter=self.material.adapter, page_budget=self.prefer.page_budget)
        return out / "adapter"

    def _self_play(self) -> list[PreferencePair]:
        examples = _drawn(examples_from(self.material.taught))
        self.model.set_adapter(self.material.adapter)
        return self_play_pairs(
            examples, lambda asked: own_actions(self.model, asked, _OWN, page_budget=self.material.page_budget)
        )

    def _advantage(self) -> list[Row]:
        train, held = _split([t for t in self.material.own if t.outcome.scored])
        weighted = advantage_weighted_examples(train, beta=0.5)
        if len({t.success for t in train}) < 2 or len({t.success for t in held}) < 2:
            return [_nothing("advantage/contrast gained", "episodes that all ended alike")]
        plain = [replace(example, weight=1.0) for example in weighted]
        critic = Critic().fit(plain, [after for t in train for after in _returns(t)])
        steps = [(e, r - critic.value(e)) for t in held for (_, e), r in zip(all_examples(t), _returns(t), strict=True)]
        asked = [(self._messages(e), e.action) for e, _ in steps]
        ours = self._logps(self._distilled("advantage", weighted), asked)
        theirs = self._logps(self._distilled("unweighted", plain), asked)
        signed: dict[bool, list[float]] = {True: [], False: []}
        for (_, advantage), a, b in zip(steps, ours, theirs, strict=True):
            signed[advantage > 0].append(a - b)
        return [_contrast("advantage/contrast gained", signed[True], signed[False])]

    def _command(self) -> list[Row]:
        train, held = _split([t for t in self.material.own if t.outcome.scored])
        told, other = list[tuple[list[Message], str]](), list[tuple[list[Message], str]]()
        for t in held:
            for place, example in all_examples(t):
                left = len(t.steps) - place
                for reward, found in ((t.reward, told), (1 - t.reward, other)):
                    found.append(
                        (self._messages(replace(example, goal=with_command(example.goal, reward, left))), example.action)
                    )
        if not told or not train:
            return [_nothing("command/obedience gained", f"{len(self.material.own)} episodes")]

        def obeys(adapter: Path) -> list[float]:
            return [a - b for a, b in zip(self._logps(adapter, told), self._logps(adapter, other), strict=True)]

        before, after = obeys(self.material.adapter), obeys(self._distilled("command", commanded_examples(train)))
        return [_mean("command/obedience gained", [b - a for a, b in zip(before, after, strict=True)])]

    def _selection(self) -> list[Row]:
        rows = []
        for name, wanted in (("successes", True), ("failures", False)):
            known = [t for t in (*self.material.taught, *self.material.own) if t.outcome.scored and t.success is wanted]
            worked = [w for w in replays(_drawn(known)[: _MOST // 3], self.rollouts) if w is not None]
            rows.append(share(f"selection/recorded {name} that work again", sum(worked), len(worked)))
        return rows

    def _distilled(self, name: str, examples: Sequence[Example]) -> Path:
        first = self.material.adapter
        result = distill(self.train, examples, self.out / name, base_model=self.material.base, initial_adapter=first)
        return Path(result.adapter)

    def _messages(self, example: Example) -> list[Message]:
        return example.messages("action", page_budget=self.material.page_budget)

    def _margins(self, adapter: Path, pairs: Sequence[PreferencePair]) -> list[float]:
        prompts = [pair.messages(page_budget=self.material.page_budget) for pair in pairs]
        chosen = self._logps(adapter, [(m, pair.chosen.action) for m, pair in zip(prompts, pairs, strict=True)])
        rejected = self._logps(adapter, [(m, pair.rejected.action) for m, pair in zip(prompts, pairs, strict=True)])
        return [a - b for a, b in zip(chosen, rejected, strict=True)]

    def _logps(self, adapter: Path, asked: Sequence[tuple[list[Message], str]]) -> list[float]:
        """The log-probability of each answer to its chat."""
        import torch

        self.model.set_adapter(adapter)
        weights = self.model.open()
        with torch.inference_mode():
            return [
                sequence_logprob(
                    weights.model, encode_prompt(weights.tokenizer, messages), answer_tokens(weights.tokenizer, action)
                ).item()
                for messages, action in asked
            ]


def _returns(trajectory: Trajectory) -> list[float]:
    """Of the steps that can be learnt from."""
    after = returns_of(trajectory)
    return [after[place] for place, _ in all_examples(trajectory)]


def _drawn(things: Sequence[Thing]) -> list[Thing]:
    """As many as are wanted, in an order that has all tasks everywhere."""
    return random.Random("objectives").sample(list(things), min(_MOST, len(things)))


def _split(things: Sequence[Thing]) -> tuple[list[Thing], list[Thing]]:
    """What is trained on, and what is measured on."""
    drawn = _drawn(things)
    held = round(len(drawn) * _HELD)
    return drawn[held:], drawn[:held]


def _mean(name: str, values: Sequence[float]) -> Row:
    return estimate(name, bootstrap(partial(np.mean, axis=-1), values), "nats")


def _contrast(name: str, good: Sequence[float], bad: Sequence[float]) -> Row:
    if not good or not bad:
        return _nothing(name, "held-out steps whose advantages have one sign")
    return estimate(name, bootstrap(lambda a, b: a.mean(axis=-1) - b.mean(axis=-1), good, bad), "nats")


def _nothing(name: str, given: str) -> Row:
    return Row(name=name, value=None, unit="nats", n=0, note=f"the run has {given}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, or go on with it."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--run", type=Path, help="the folder of a run of `distillation`")
    parser.add_argument("--out", type=Path, help="folder for what is trained; the same one goes on")
    parser.add_argument("--base", default="smollm2-135m-instruct", help="with --smoke: the model")
    options = parser.parse_args(arguments)
    if not options.smoke and (options.run is None or options.out is None):
        parser.error("name the folder of a run of `distillation` with --run, and one for what is trained with --out")
    report = Report("objectives")
    with TemporaryDirectory() as scratch:
        out = options.out or Path(scratch) / "objectives"
        with (
            RunFolder(out, {"run": str(options.run), "smoke": options.smoke}),
            Rollouts(1, make_env=ToyEnv) if options.smoke else Rollouts(2) as rollouts,
        ):
            material = of_toys(resolve_model(options.base), out) if options.smoke else of_run(options.run)
            arms = _Study(material, out, rollouts).arms()
            with Progress().phase("training", len(arms)) as bar:
                for name, measure in arms.items():
                    report.add(*measure())
                    bar.advance(name)
    report.finish(options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
