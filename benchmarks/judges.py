"""How far each judge agrees with the environment's reward, on successes and on failures.

The episodes come from a run folder (`--run FOLDER`), or are played here: on Pocket the oracle's and a near miss's of the same
instance, on MiniWoB those of the scripted expert, of one that errs and of random play, of the same instances too. A verdict is
asked for once: `--verdicts FILE` keeps them, and a run that was cut short goes on from there. All judges see an episode before
the next, and episodes come in an order that mixes them, so that what a stopped run prints is a fair sample. An answer that
cannot be read is counted beside the agreement, never in it.

Without `--model`, only the judge that needs none is measured. `--model openai:NAME@URL` measures those that ask one; a panel or
a debate of one model is of three that draw their answers differently.
"""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from symbiotic_gym.agents import RandomAgent, ScriptedAgent
from symbiotic_gym.agents.judge_panels import DebateJudge, Panel
from symbiotic_gym.agents.judges import RubricJudge, ScoreJudge, StateValueJudge, StatusJudge
from symbiotic_gym.agents.openai_model import OpenAIModel
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, share
from symbiotic_gym.errors import JudgeError, ModelError
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.knowledge import StateValues
from symbiotic_gym.knowledge.entries import trajectory_digest
from symbiotic_gym.pocket.instances import draw
from symbiotic_gym.pocket.oracle import OracleAgent, PlayAgent
from symbiotic_gym.pocket.tasks import templates
from symbiotic_gym.progress import Progress
from symbiotic_gym.protocols import Agent, Completion, Judge, LanguageModel, Message, Sampling
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.store import EpisodeLog
from symbiotic_gym.types import Trajectory

__all__ = ["main", "measure"]

POCKET_STEPS = 40
MINIWOB = (
    "click-checkboxes",
    "click-dialog-2",
    "click-link",
    "click-tab-2",
    "enter-text",
    "login-user",
    "choose-list",
    "use-spinner",
)


@dataclass(frozen=True)
class Said:
    """One judge's verdict on one episode, as it is kept."""

    judge: str
    episode: str
    success: bool | None
    """None: no verdict could be read."""
    score: float
    tokens: int


class Drawn:
    """A model that always draws its answers, from a sequence of its own: one of several members of one panel."""

    def __init__(self, inner: LanguageModel, number: int, temperature: float = 0.7) -> None:
        self.name = f"{inner.name} #{number}"
        self._inner, self._number, self._temperature = inner, number, temperature

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> list[Completion]:
        """The inner model's answers, drawn."""
        own = [1000 * self._number + i for i in range(len(prompts))]
        return self._inner.generate(prompts, replace(sampling, temperature=self._temperature), own)


def play(folder: Path, *, pocket: int, miniwob: int, progress: Progress) -> list[EpisodeLog]:
    """Play what is not there yet: `pocket` templates by oracle and near miss, `miniwob` seeds of each task by three agents.

    Returns:
        One log per player, each with the same instances as the others of its suite.
    """
    names = list(templates())
    chosen = names[:: max(1, len(names) // max(1, pocket))][:pocket]
    instances = [(name, seed) for seed, name in enumerate(chosen)]
    simple = [Episode(f"miniwob.{task}", seed) for seed in range(miniwob) for task in MINIWOB]
    players: list[tuple[str, list[tuple[Episode, Callable[[], Agent]]], int]] = [
        ("oracle", [(Episode(f"pocket.{n}", s), OracleAgent) for n, s in instances], POCKET_STEPS),
        ("near miss", [(Episode(f"pocket.{n}", s), _missing(n, s)) for n, s in instances], POCKET_STEPS),
        ("scripted", [(episode, ScriptedAgent) for episode in simple], 10),
        ("half wrong", [(episode, lambda: ScriptedAgent(mistakes=0.5)) for episode in simple], 10),
        ("random", [(episode, RandomAgent) for episode in simple], 10),
    ]
    logs = [EpisodeLog(folder / f"{name.replace(' ', '-')}.jsonl") for name, _, _ in players]
    with Rollouts(1) as rollouts, progress.phase("playing", sum(len(plays) for _, plays, _ in players)) as bar:
        for log, (name, plays, steps) in zip(logs, players, strict=True):
            for episode, make_agent in plays:
                rollouts.run([episode], make_agent, name=name, max_steps=steps, log=log)
                bar.advance(f"{episode.task} {name}")
    return logs


def _missing(name: str, seed: int) -> Callable[[], Agent]:
    drawn = draw(name, seed)
    misses = drawn.template.misses(drawn.instance)
    player = list(misses.values())[seed % len(misses)]
    return lambda: PlayAgent(lambda goal: (player, drawn.instance.params), "near miss")


def judges_of(
    model: LanguageModel | None, trajectories: Sequence[Trajectory]
) -> Iterator[tuple[str, Callable[[Trajectory], Judge]]]:
    """The judges by name; each made for an episode, because the state values must not know the one that is judged."""
    yield "state value", lambda trajectory: _values_without(trajectory, trajectories)
    if model is None:
        return
    several = [Drawn(model, number) for number in (1, 2, 3)]
    made: Mapping[str, Judge] = {
        "status A-E": StatusJudge(model),
        "rubric": RubricJudge(model),
        "score 0-10": ScoreJudge(model),
        "panel of 3, adjudicated": Panel(several, model),
        "debate of 3": DebateJudge(several),
    }
    for name, judge in made.items():
        yield name, lambda trajectory, judge=judge: judge  # type: ignore[misc]


def _values_without(left_out: Trajectory, trajectories: Sequence[Trajectory]) -> Judge:
    values = StateValues()
    for trajectory in trajectories:
        if trajectory is not left_out:
            values.add(trajectory)
    return StateValueJudge(values)


def measure(
    trajectories: Sequence[Trajectory], model: LanguageModel | None, kept: Path | None, progress: Progress
) -> Iterator[tuple[Trajectory, dict[str, Said]]]:
    """Each episode with every judge's verdict; those that are kept are not asked for again."""
    file = JsonLines(kept)
    asked = f" {model.name}" if model is not None else ""
    found = {(said.judge, said.episode): said for said in file.records(Said)}
    judges = list(judges_of(model, trajectories))
    with progress.phase("judging", len(trajectories)) as bar:
        for episode, trajectory in sorted(((trajectory_digest(t), t) for t in trajectories), key=lambda pair: pair[0]):
            said: dict[str, Said] = {}
            for name, make in judges:
                key = name if name == "state value" else name + asked
                if name == "state value" or (key, episode) not in found:  # free, and depends on all other episodes
                    found[key, episode] = _judge(make(trajectory), key, trajectory)
                    if name != "state value":
                        file.append([vars(found[key, episode])])
                said[name] = found[key, episode]
            bar.advance(trajectory.task)
            yield trajectory, said


def _judge(judge: Judge, key: str, trajectory: Trajectory) -> Said:
    episode = trajectory_digest(trajectory)
    try:
        verdict = judge.judge(trajectory)
    except JudgeError:
        return Said(key, episode, None, 0.0, 0)
    tokens = verdict.usage.prompt_tokens + verdict.usage.completion_tokens
    return Said(key, episode, verdict.success, verdict.score, tokens)


def rows(judged: Sequence[tuple[Trajectory, Mapping[str, Said]]]) -> Iterator[Row]:
    """Per judge: agreement over all, on successes, on failures; how often it ranks a success first; what could not be read."""
    trajectories = [trajectory for trajectory, _ in judged]
    said = {name: [verdicts[name] for _, verdicts in judged] for name in (judged[0][1] if judged else ())}
    won = sum(t.success for t in trajectories)
    yield Row(name="episodes", value=len(trajectories), unit="episodes", n=len(trajectories))
    yield Row(name="episodes/successes", value=won, unit="episodes", n=len(trajectories))
    for name, verdicts in said.items():
        pairs = [(t.success, v) for t, v in zip(trajectories, verdicts, strict=True) if v.success is not None]
        for label, kind in (("agreement", None), ("agreement/successes", True), ("agreement/failures", False)):
            of = [(truth, v) for truth, v in pairs if kind in (None, truth)]
            if of:
                yield share(f"{name}/{label}", sum(v.success == truth for truth, v in of), len(of))
        good, bad = ([v.score for truth, v in pairs if truth is kind] for kind in (True, False))
        if good and bad:
            ranked = sum((a > b) + 0.5 * (a == b) for a in good for b in bad) / (len(good) * len(bad))
            yield Row(name=f"{name}/ranks a success above a failure", value=ranked, unit="share", n=len(pairs))
        yield share(f"{name}/no verdict", len(verdicts) - len(pairs), len(verdicts))
        tokens = sum(v.tokens for v in verdicts) / max(1, len(pairs))
        if tokens:
            yield Row(name=f"{name}/tokens", value=tokens, unit="tokens an episode", n=len(pairs), better="lower")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--model", metavar="openai:NAME@URL", help="the model that the judges ask")
    parser.add_argument("--run", type=Path, metavar="FOLDER", help="judge the episodes of this run folder instead of playing")
    parser.add_argument("--folder", type=Path, default=Path("runs/judges"), help="where played episodes are kept")
    parser.add_argument("--verdicts", type=Path, metavar="FILE", help="where verdicts are kept (default: in the folder)")
    parser.add_argument("--pocket", type=int, default=40, help="Pocket templates, two episodes each (default 40)")
    parser.add_argument("--miniwob", type=int, default=3, help="seeds of each of 8 MiniWoB tasks, by three agents (default 3)")
    options = parser.parse_args(arguments)
    progress = Progress()
    folder = options.folder / "smoke" if options.smoke else options.folder
    if options.run is not None:
        logs = [EpisodeLog(file) for file in sorted((options.run / "episodes").glob("*.jsonl"))]
    elif options.smoke:
        logs = play(folder, pocket=1, miniwob=1, progress=progress)
    else:
        logs = play(folder, pocket=options.pocket, miniwob=options.miniwob, progress=progress)
    trajectories = [t for log in logs for t in log.trajectories if t.outcome.scored]
    model = OpenAIModel.from_spec(options.model) if options.model else None
    judged: list[tuple[Trajectory, dict[str, Said]]] = []
    stopped = ""
    try:
        for pair in measure(trajectories, model, options.verdicts or folder / "verdicts.jsonl", progress):
            judged.append(pair)  # one by one: what was judged when it stops, is kept
    except (ModelError, KeyboardInterrupt) as error:
        stopped = f"Stopped after {len(judged)} of {len(trajectories)} episodes; the same command goes on. {error}"
    report = Report("judges")
    report.add(*rows(judged))
    report.finish(options.json)
    print(stopped, end="\n" * bool(stopped))
    return 1 if stopped else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `timeout` and schedulers: the table is printed all the same
    sys.exit(main())
