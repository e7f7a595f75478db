"""What each further objective moves: trained on episodes of a `distillation` run, measured on others of them.

    dpo, kto          pairs of speculation: how much likelier the teacher's action became than the proposal it replaced; by our
                      trainer and by trl's
    reference         the same pairs, held to the preferences of an open-weight teacher instead of the student's own
    spin              recorded steps: how much likelier the record's action became than the student's own other one
    advantage         the student's own episodes: how much likelier steps of positive advantage became beside those of negative
                      advantage, than by training on the same steps unweighted
    command           the same episodes behind their return: how much likelier an action is under the return it led to than
                      under the other one
    drafts            token-level speculation with that teacher: how much nearer the student's distributions came to its own on
                      recorded actions, and how much of what the student drafts stands
    fusion            two such teachers: how much nearer the student came to the fused targets
    reason weight     the reason's weight beside the action's, swept: both losses of a model that learnt with it from the base
    selection         how many recorded successes work when they are run again, and how many recorded failures

All but the sweep go on from the run's first adapter, `--epochs` times over two thirds of what there is, `--most` at most; the
teachers are its adapters that learnt from more, and the student's own episodes are played at its training tasks. Margins are in
nats, differences are paired, intervals bootstrapped over steps, those of commands over episodes. `--out` keeps what was played
and trained; a run that was cut off goes on.

    python -m symbiotic_gym.benchmarks.objectives --run FOLDER --out FOLDER --json OUT
"""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import torch

from symbiotic_gym.agents import LocalModel
from symbiotic_gym.agents.chat import encode_prompt
from symbiotic_gym.agents.local import OpenWeights
from symbiotic_gym.benchmarks.objectives_kto import tune_by_kto
from symbiotic_gym.benchmarks.objectives_material import Material, of_run, of_toys
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, estimate, share
from symbiotic_gym.benchmarks.toy import ToyEnv
from symbiotic_gym.models import resolve_model
from symbiotic_gym.progress import Progress
from symbiotic_gym.protocols import Message, Sampling
from symbiotic_gym.rollout import Rollouts
from symbiotic_gym.stats import bootstrap, mean_over_groups
from symbiotic_gym.store import RunFolder
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillerConfig
from symbiotic_gym.trainers.examples import Example, all_examples, examples_from
from symbiotic_gym.trainers.fusion import fused_targets, fusion_loss, vocabulary_map
from symbiotic_gym.trainers.pairs import PreferencePair, preference_pairs
from symbiotic_gym.trainers.preference_tuning import PreferenceConfig, tune_on_pairs
from symbiotic_gym.trainers.preferences import self_play_pairs
from symbiotic_gym.trainers.returns import Critic, advantage_weighted_examples, commanded_examples, returns_of, with_command
from symbiotic_gym.trainers.scoring import answer_logits, answer_tokens, sequence_logprob
from symbiotic_gym.trainers.selection import replays
from symbiotic_gym.trainers.self_play import own_actions
from symbiotic_gym.trainers.skd import distillation_loss, speculate
from symbiotic_gym.trainers.teacher_tuning import DraftsConfig, FusionConfig, tune_on_drafts, tune_on_fusion
from symbiotic_gym.types import Trajectory

__all__ = ["main"]

Thing = TypeVar("Thing")

_HELD = 1 / 3
_REPLAYED = 16
"""Recorded successes, and as many failures, that are run again."""
_OWN = Sampling(temperature=0.7, top_p=0.95, max_tokens=32)
"""How the student answers in self-play."""
_PER_TOKEN = "nats a token"
_ARMS = ("dpo", "kto", "reference", "spin", "advantage", "command", "drafts", "fusion", "reason weight", "selection")
_OF_OWN = frozenset({"advantage", "command", "selection"})
"""Those that learn from the student's own episodes."""
_WEIGHTS = (0.0, 0.2, 0.5, 1.0)
"""Of the reason, in the sweep."""


class _Study:
    def __init__(
        self, material: Material, out: Path, rollouts: Rollouts, progress: Progress, *, most: int, epochs: int
    ) -> None:
        self.material, self.out, self.rollouts, self.progress, self.most = material, out, rollouts, progress, most
        self.model = LocalModel(material.base)
        self.teachers = [LocalModel(material.base, adapter=adapter) for adapter in material.teachers]
        budget = material.page_budget
        self.prefer = PreferenceConfig(epochs=epochs, page_budget=budget, micro_batch_size=2)
        self.follow = DraftsConfig(epochs=epochs, page_budget=budget)
        self.fuse = FusionConfig(epochs=epochs, page_budget=budget)
        self.train = DistillerConfig(
            epochs=epochs,
            batch_size=4,
            micro_batch_size=2,
            learning_rate=3e-4,
            max_tokens=2048,
            page_budget=budget,
            lambda_reason=0.0,
        )

    def arms(self) -> dict[str, Callable[[], list[Row]]]:
        """Each objective's measurement."""
        spoken = self._drawn(preference_pairs(self.material.tried))
        return {
            "dpo": lambda: self._preferred("dpo", spoken, self._tune),
            "kto": lambda: self._preferred("kto", spoken, self._tune_by_kto),
            "reference": lambda: self._of_teachers(
                "reference", lambda: self._preferred("reference", spoken, partial(self._tune, teacher=self.teachers[0]))
            ),
            "spin": lambda: self._preferred("spin", self._self_play(), self._tune),
            "advantage": self._advantage,
            "command": self._command,
            "drafts": lambda: self._of_teachers("drafts", self._drafts),
            "fusion": lambda: self._of_teachers("fusion", self._fusion, 2),
            "reason weight": self._reason_weight,
            "selection": self._selection,
        }

    def _of_teachers(self, name: str, measure: Callable[[], list[Row]], least: int = 1) -> list[Row]:
        """A measurement that needs so many teachers."""
        there = len(self.teachers)
        return measure() if there >= least else [_nothing(f"{name}/gained", f"{there} adapters that could teach")]

    def _preferred(
        self, name: str, pairs: Sequence[PreferencePair], tune: Callable[[Sequence[PreferencePair], Path], Path]
    ) -> list[Row]:
        train, held = self._split(pairs)
        if not train or not held:
            return [_nothing(f"{name}/margin gained", f"{len(pairs)} pairs")]
        before = self._margins(self.material.adapter, held)
        after = self._margins(tune(train, self.out / name), held)
        return [
            _mean(f"{name}/margin gained", [b - a for a, b in zip(before, after, strict=True)]),
            share(f"{name}/preferred rightly before", sum(m > 0 for m in before), len(before)),
            share(f"{name}/preferred rightly after", sum(m > 0 for m in after), len(after)),
        ]

    def _tune(self, pairs: Sequence[PreferencePair], out: Path, teacher: LocalModel | None = None) -> Path:
        if not (out / "adapter").exists():
            first, reference = self.material.adapter, teacher.open() if teacher else None
            with self._told(out.name) as on_step:
                tune_on_pairs(
                    self.prefer,
                    pairs,
                    out,
                    base_model=self.material.base,
                    adapter=first,
                    reference=reference,
                    on_step=on_step,
                )
        return out / "adapter"

    def _tune_by_kto(self, pairs: Sequence[PreferencePair], out: Path) -> Path:
        if not (out / "adapter").exists():
            tune_by_kto(pairs, out, base=self.material.base, adapter=self.material.adapter, config=self.prefer)
        return out / "adapter"

    def _self_play(self) -> list[PreferencePair]:
        examples = self._drawn(examples_from(self.material.taught))
        self.model.set_adapter(self.material.adapter)
        return self_play_pairs(
            examples, lambda asked: own_actions(self.model, asked, _OWN, page_budget=self.material.page_budget)
        )

    def _advantage(self) -> list[Row]:
        train, held = self._split([t for t in self.material.own if t.outcome.scored])
        weighted = advantage_weighted_examples(train, beta=0.5)
        if len({t.success for t in train}) < 2 or len({t.success for t in held}) < 2:
            return [_nothing("advantage/contrast gained", "episodes that all ended alike")]
        plain = [replace(example, weight=1.0) for example in weighted]
        critic = Critic().fit(plain, [after for t in train for after in _returns(t)])
        steps = [(e, r - critic.value(e)) for t in held for (_, e), r in zip(all_examples(t), _returns(t), strict=True)]
        asked = [(self._messages(e), e.action) for e, _ in steps]
        ours = self._logps(self._adapted("advantage", weighted), asked)
        theirs = self._logps(self._adapted("unweighted", plain), asked)
        signed: dict[bool, list[float]] = {True: [], False: []}
        for (_, advantage), a, b in zip(steps, ours, theirs, strict=True):
            signed[advantage > 0].append(a - b)
        return [_contrast("advantage/contrast gained", signed[True], signed[False])]

    def _command(self) -> list[Row]:
        train, held = self._split([t for t in self.material.own if t.outcome.scored])
        told, other = list[tuple[list[Message], str]](), list[tuple[list[Message], str]]()
        episodes = []
        for number, t in enumerate(held):
            for place, example in all_examples(t):
                episodes.append(number)
                left = len(t.steps) - place
                for reward, found in ((t.reward, told), (1 - t.reward, other)):
                    found.append(
                        (self._messages(replace(example, goal=with_command(example.goal, reward, left))), example.action)
                    )
        if not told or not train:
            return [_nothing("command/obedience gained", f"{len(self.material.own)} episodes")]

        def obeys(adapter: Path) -> list[float]:
            return [a - b for a, b in zip(self._logps(adapter, told), self._logps(adapter, other), strict=True)]

        before, after = obeys(self.material.adapter), obeys(self._adapted("command", commanded_examples(train)))
        gained = mean_over_groups([b - a for a, b in zip(before, after, strict=True)], episodes)
        return [estimate("command/obedience gained", gained, "nats")]

    def _drafts(self) -> list[Row]:
        train, held = self._split(examples_from(self.material.taught))
        out, teacher = self.out / "drafts", self.teachers[0].open()
        if not (out / "adapter").exists():
            first = self.material.adapter
            with self._told("drafts") as on_step:
                tune_on_drafts(
                    self.follow, train, out, base_model=self.material.base, adapter=first, teacher=teacher, on_step=on_step
                )

        def standing(adapter: Path) -> tuple[list[float], list[float]]:
            """The divergence from the teacher, and the share of tokens that stood, at each held-out step."""
            student = self._opened(adapter)
            far, stood = [], []
            for place, example in enumerate(held):
                prompt = encode_prompt(student.tokenizer, self._messages(example))
                answer = answer_tokens(student.tokenizer, example.action)
                with torch.no_grad():
                    far.append(distillation_loss(student.model, teacher.model, prompt, answer).item())
                stood.append(speculate(student, teacher, prompt, k=1, seed=place).acceptance)
            return far, stood

        far, stood = standing(self.material.adapter)
        far_after, stood_after = standing(out / "adapter")
        return [
            _mean("drafts/divergence from the teacher before", far, _PER_TOKEN),
            _mean("drafts/divergence lost", [a - b for a, b in zip(far, far_after, strict=True)], _PER_TOKEN),
            _mean("drafts/tokens that are the teacher's likeliest before", stood, "share"),
            _mean("drafts/tokens that are the teacher's likeliest after", stood_after, "share"),
        ]

    def _fusion(self) -> list[Row]:
        train, held = self._split(examples_from(self.material.taught))
        out, teachers = self.out / "fusion", [teacher.open() for teacher in self.teachers]
        if not (out / "adapter").exists():
            first = self.material.adapter
            with self._told("fusion") as on_step:
                tune_on_fusion(
                    self.fuse, train, out, base_model=self.material.base, adapter=first, teachers=teachers, on_step=on_step
                )
        tokenizer = teachers[0].tokenizer
        mappings = [vocabulary_map(teacher.tokenizer, tokenizer) for teacher in teachers]

        def apart(adapter: Path) -> list[float]:
            """The cross-entropy to the fused targets at each held-out step, in nats per token."""
            student, found = self._opened(adapter), []
            for example in held:
                messages = self._messages(example)
                gold = answer_tokens(tokenizer, example.action)
                with torch.no_grad():
                    logits_NV = answer_logits(student.model, encode_prompt(tokenizer, messages), gold)
                    targets_NV, _ = fused_targets(tokenizer, logits_NV.shape[-1], teachers, mappings, messages, example.action)
                    targets_NV = targets_NV.to(logits_NV.device)
                    found.append(fusion_loss(logits_NV, targets_NV, logits_NV.argmax(-1), gold_share=0.0).item())
            return found

        before, after = apart(self.material.adapter), apart(out / "adapter")
        return [
            _mean("fusion/cross-entropy to the fused targets before", before, _PER_TOKEN),
            _mean("fusion/cross-entropy lost", [a - b for a, b in zip(before, after, strict=True)], _PER_TOKEN),
        ]

    def _reason_weight(self) -> list[Row]:
        train, held = self._split([example for example in examples_from(self.material.taught) if example.reason])
        if not train or not held:
            return [_nothing("reason weight/loss", "no steps with a reason")]
        rows = []
        for weight in _WEIGHTS:
            config = replace(self.train, lambda_reason=weight)
            learnt = self._distilled(f"reason-weight-{weight}", train, config, None)
            for task, wanted in (("action", [e.action for e in held]), ("reason", [e.reason for e in held])):
                asked = [
                    (e.messages(task, page_budget=self.material.page_budget), answer)
                    for e, answer in zip(held, wanted, strict=True)
                ]
                lost = [-logp / n for logp, n in zip(self._logps(learnt, asked), self._lengths(wanted), strict=True)]
                rows.append(_mean(f"reason weight {weight}/{task}'s loss", lost, _PER_TOKEN))
        return rows

    def _lengths(self, answers: Sequence[str]) -> list[int]:
        """Tokens of each answer."""
        tokenizer = self.model.open().tokenizer
        return [len(answer_tokens(tokenizer, answer)) for answer in answers]

    def _opened(self, adapter: Path) -> OpenWeights:
        """The student with an adapter of its own."""
        self.model.set_adapter(adapter)
        return self.model.open()

    def _selection(self) -> list[Row]:
        rows = []
        for name, wanted in (("successes", True), ("failures", False)):
            known = [t for t in (*self.material.taught, *self.material.own) if t.outcome.scored and t.success is wanted]
            worked = [w for w in replays(self._drawn(known)[:_REPLAYED], self.rollouts) if w is not None]
            rows.append(share(f"selection/recorded {name} that work again", sum(worked), len(worked)))
        return rows

    def _distilled(self, name: str, examples: Sequence[Example], config: DistillerConfig, first: Path | None) -> Path:
        with self.progress.phase(f"train {name}", None) as bar:
            result = distill(
                config, examples, self.out / name, base_model=self.material.base, initial_adapter=first, progress=bar.set
            )
        return Path(result.adapter)

    def _adapted(self, name: str, examples: Sequence[Example]) -> Path:
        return self._distilled(name, examples, self.train, self.material.adapter)

    @contextmanager
    def _told(self, name: str) -> Iterator[Callable[[int, int, float], None]]:
        """What shows how far a tuning is."""
        with self.progress.phase(f"train {name}", None) as bar:
            yield lambda step, steps, loss: bar.set(step, steps, f"loss {loss:.3f}")

    def _messages(self, example: Example) -> list[Message]:
        return example.messages("action", page_budget=self.material.page_budget)

    def _margins(self, adapter: Path, pairs: Sequence[PreferencePair]) -> list[float]:
        prompts = [pair.messages(page_budget=self.material.page_budget) for pair in pairs]
        chosen = self._logps(adapter, [(m, pair.chosen.action) for m, pair in zip(prompts, pairs, strict=True)])
        rejected = self._logps(adapter, [(m, pair.rejected.action) for m, pair in zip(prompts, pairs, strict=True)])
        return [a - b for a, b in zip(chosen, rejected, strict=True)]

    def _drawn(self, things: Sequence[Thing]) -> list[Thing]:
        """As many as are wanted, in an order that has all tasks everywhere."""
        return random.Random("objectives").sample(list(things), min(self.most, len(things)))

    def _split(self, things: Sequence[Thing]) -> tuple[list[Thing], list[Thing]]:
        """What is trained on, and what is measured on."""
        drawn = self._drawn(things)
        held = round(len(drawn) * _HELD)
        return drawn[held:], drawn[:held]

    def _logps(self, adapter: Path, asked: Sequence[tuple[list[Message], str]]) -> list[float]:
        """The log-probability of each answer to its chat."""
        weights = self._opened(adapter)
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


def _mean(name: str, values: Sequence[float], unit: str = "nats") -> Row:
    return estimate(name, bootstrap(partial(np.mean, axis=-1), values), unit)


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
    parser.add_argument("--arms", nargs="+", choices=_ARMS, default=_ARMS, help="which of them")
    parser.add_argument("--most", type=int, default=48, help="steps, pairs or episodes that are taken of each kind")
    parser.add_argument("--epochs", type=int, default=1, help="how often each is learnt from")
    parser.add_argument("--base", default="smollm2-135m-instruct", help="with --smoke: the model")
    options = parser.parse_args(arguments)
    if not options.smoke and (options.run is None or options.out is None):
        parser.error("name the folder of a run of `distillation` with --run, and one for what is trained with --out")
    report, progress = Report("objectives"), Progress()
    with TemporaryDirectory() as scratch:
        out = options.out or Path(scratch) / "objectives"
        with (
            RunFolder(out, {name: str(getattr(options, name)) for name in ("run", "smoke", "most", "epochs")}),
            Rollouts(1, make_env=ToyEnv) if options.smoke else Rollouts(8) as rollouts,
        ):
            own = not _OF_OWN.isdisjoint(options.arms)
            if options.smoke:
                material = of_toys(resolve_model(options.base), out)
            else:
                material = of_run(options.run, out, rollouts, progress, own=own)
            study = _Study(material, out, rollouts, progress, most=options.most, epochs=options.epochs)
            for name, measure in study.arms().items():
                if name in options.arms:
                    report.add(*measure())
    report.finish(options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
