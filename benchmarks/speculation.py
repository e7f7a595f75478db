"""What verification costs the teacher: calls and tokens for each verified step, verifier by verifier, against plain rollouts.

The same task instances are played once for each arm: by the teacher alone, of whom one action is asked, and by the student
under each verifier. A step is verified when the teacher vouches for its action, whether the student proposed it or it was put
in its place; the price of each proposal that stood is given too. Intervals are bootstrapped over episodes. Where the teacher's
weights are at hand (a teacher `local:`, or `--weights` beside its endpoint) its forward pass is an arm too.

Every episode lies in `--out`; a run that was cut off goes on where it was. Only the arm that looks up its own earlier episodes
then plays all of its own again: what it had recorded of the episode that was cut off would else be found for nothing.

    python -m symbiotic_gym.benchmarks.speculation --teacher openai:MODEL@BASE_URL --weights MODEL --adapter ADAPTER \
        --out FOLDER --json OUT
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.agents import LargeAgent, LocalModel, OpenAIModel, SmallAgent
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, estimate, share
from symbiotic_gym.models import resolve_model
from symbiotic_gym.progress import Progress
from symbiotic_gym.protocols import LanguageModel, Sampling
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.stats import bootstrap
from symbiotic_gym.store import EpisodeLog, RunFolder
from symbiotic_gym.trainers.candidates import CandidateCache
from symbiotic_gym.trainers.pairs import TeacherCost, acceptance_rate, teacher_cost
from symbiotic_gym.trainers.speculative import SpeculativeAgent
from symbiotic_gym.trainers.verifiers import CandidateList, TopTokens, YesNoJudge
from symbiotic_gym.types import Trajectory

__all__ = ["RECORDED", "main", "play_arms"]

RECORDED = "candidate list, recorded"
"""The arm that remembers."""

_TASKS = ("miniwob.click-button", "miniwob.click-option", "miniwob.enter-text", "miniwob.click-tab", "miniwob.choose-list")
_MEASURES: dict[str, Callable[[TeacherCost], float]] = {
    "teacher calls": lambda cost: cost.requests_per_step,
    "teacher tokens": lambda cost: cost.tokens_per_step,
    "teacher tokens written": lambda cost: cost.written_per_step,
}
_EACH = "teacher tokens, a proposal that stood"


def _teacher(name: str) -> LanguageModel:
    kind, _, rest = name.partition(":")
    return LocalModel(resolve_model(rest)) if kind == "local" else OpenAIModel.from_spec(name)


def _arms(teacher: LanguageModel, student: LocalModel, weights: LocalModel | None) -> dict[str, Callable[[], Any]]:
    """What makes the agent of each arm; the recorded one looks up what the list of its own earlier episodes said."""
    cache = CandidateCache()
    proposes = partial(SmallAgent, student, sampling=Sampling(temperature=0.7, top_p=0.95, max_tokens=32))
    large = partial(LargeAgent, teacher)
    arms: dict[str, Callable[[], Any]] = {
        "teacher alone": partial(LargeAgent, teacher, candidates=1),
        "candidate list": lambda: SpeculativeAgent(proposes(), large()),
        "first candidate": lambda: SpeculativeAgent(proposes(), large(), CandidateList(1)),
        RECORDED: lambda: SpeculativeAgent(proposes(), large(), cache=cache),
        "judge": lambda: SpeculativeAgent(proposes(), large(), YesNoJudge(teacher)),
    }
    if weights is not None:
        arms["top tokens"] = lambda: SpeculativeAgent(proposes(), large(), TopTokens(weights))
    return arms


def play_arms(
    arms: Mapping[str, Callable[[], Any]],
    instances: Sequence[Episode],
    rollouts: Rollouts,
    out: Path,
    *,
    max_steps: int,
    on_episode: Callable[[str], None] = lambda arm: None,
) -> Iterator[tuple[str, list[Trajectory]]]:
    """Play the same episodes once for each arm, or take them from an earlier, unfinished call with this folder.

    Args:
        arms: what makes an agent, by arm.
        instances: the episodes.
        rollouts: the environments.
        out: folder of the arms' logs.
        max_steps: of an episode.
        on_episode: called with its arm after each.
    """
    for arm, make in arms.items():
        path = out / "episodes" / f"{arm.replace(', ', '-').replace(' ', '-')}.jsonl"
        log = EpisodeLog(path)
        if arm == RECORDED and not all(log.finished(i.task, i.seed, rollouts.retries) for i in instances):
            path.unlink(missing_ok=True)
            log = EpisodeLog(path)
        note = partial(_note, on_episode, arm)
        yield arm, rollouts.run(instances, make, name=arm, max_steps=max_steps, max_refused=2, log=log, on_episode=note)


def _note(on_episode: Callable[[str], None], arm: str, trajectory: Trajectory) -> None:
    on_episode(arm)


def _price(
    name: str,
    episodes: Sequence[Trajectory],
    measure: Callable[[TeacherCost], float],
    unit: str,
    peer_value: float | None = None,
) -> Row:
    """A price with its interval; without a finite upper bound where some resamples have nothing to divide by."""

    def of(chosen: NDArray[np.int64]) -> float:
        return measure(teacher_cost([episodes[number] for number in chosen]))

    value = of(np.arange(len(episodes)))
    if not isfinite(value):
        return Row(name=name, value=None, unit=unit, n=len(episodes), better="lower", note="no proposal stood")
    with np.errstate(invalid="ignore"):
        interval = bootstrap(partial(np.apply_along_axis, of, -1), range(len(episodes)), resamples=500)
    low, high = (bound if isfinite(bound) else None for bound in (interval.low, interval.high))
    peer = "" if peer_value is None else "teacher alone"
    return Row(
        name=name, value=value, unit=unit, n=len(episodes), low=low, high=high, peer=peer, peer_value=peer_value, better="lower"
    )


def _rows(arm: str, episodes: Sequence[Trajectory], plain: Sequence[Trajectory]) -> list[Row]:
    rows = []
    for name, measure in _MEASURES.items():
        if arm != "teacher alone":
            rows.append(_price(f"{arm}/{name}", episodes, measure, "a step", peer_value=measure(teacher_cost(plain))))
        else:
            rows.append(_price(f"{arm}/{name}", episodes, measure, "a step"))
    if arm != "teacher alone":
        rows.append(_price(f"{arm}/{_EACH}", episodes, lambda cost: cost.tokens_per_accepted, "each"))
        rate = acceptance_rate(episodes)
        rows.append(estimate(f"{arm}/acceptance", rate, "share"))
    won = [episode.success for episode in episodes if episode.outcome.scored]
    rows.append(share(f"{arm}/success", sum(won), len(won)))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--teacher", required=True, help="openai:MODEL@BASE_URL, or local:NAME for weights on this machine")
    parser.add_argument("--weights", help="the endpoint's teacher as weights on this machine: a name, a folder or a hub id")
    parser.add_argument("--student", default="smollm2-135m-instruct", help="a known model's name, a folder or a hub id")
    parser.add_argument("--adapter", type=Path, help="the student's LoRA adapter, of a distillation")
    parser.add_argument("--tasks", nargs="+", default=list(_TASKS))
    parser.add_argument("--episodes", type=int, default=10, help="for each task")
    parser.add_argument("--out", type=Path, help="folder for the episodes; the same one goes on")
    options = parser.parse_args(arguments)
    tasks, seeds = (options.tasks[:1], range(1)) if options.smoke else (options.tasks, range(options.episodes))
    instances = [Episode(task, seed) for task in tasks for seed in seeds]
    if options.out is None and not options.smoke:
        parser.error("name a folder with --out: the run takes long, and goes on from there")
    if options.weights and options.teacher.startswith("local:"):
        parser.error("--weights stands beside an endpoint; a teacher local: has its own")
    teacher = _teacher(options.teacher)
    weights = LocalModel(resolve_model(options.weights)) if options.weights else None
    weights = teacher if isinstance(teacher, LocalModel) else weights
    arms = _arms(teacher, LocalModel(resolve_model(options.student), adapter=options.adapter), weights)
    config = {
        name: getattr(options, name) for name in ("teacher", "weights", "student", "adapter", "tasks", "episodes", "smoke")
    }
    report = Report("speculation")
    plain: list[Trajectory] = []
    with TemporaryDirectory() as scratch:
        out = options.out or Path(scratch) / "speculation"
        with (
            RunFolder(out, json.loads(json.dumps(config, default=str))),  # as it reads back from run.json
            Rollouts(1 if options.smoke else 2) as rollouts,
            Progress().phase("playing", len(arms) * len(instances)) as bar,
        ):
            steps = 2 if options.smoke else 10
            for arm, episodes in play_arms(arms, instances, rollouts, out, max_steps=steps, on_episode=bar.advance):
                plain = plain or episodes
                report.add(*_rows(arm, episodes, plain))
    return 0 if report.finish(options.json) or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
