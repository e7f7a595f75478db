"""What each part of the large agent is worth: the plain prompt, then answers held to a schema, and to that the plan tree, or
retrieval, added.

Every arm plays the same instances, one seed after the other, all arms on a seed before the next: a run that is stopped (Ctrl-C,
a budget, an endpoint that is gone) still prints a table, of the episodes that every arm has played. With `--out` the same
command goes on from there, its account included. What is retrieved are steps by which the scripted expert solved *other*
templates than the one being played, on seeds of their own; the arm `known` may
retrieve other instances of the same one.

    python -m symbiotic_gym.benchmarks.large_agent --large openai:qwen@http://127.0.0.1:8123/v1 --out runs/large-agent

A server on this machine computes what differs from the prompt before it only: let it serve nobody else, with one worker.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from symbiotic_gym.actions import elements
from symbiotic_gym.agents import LargeAgent, OpenAIModel, ScriptedAgent
from symbiotic_gym.agents.spending import Budget, Price, Spending
from symbiotic_gym.agents.testing import ScriptedModel
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, share
from symbiotic_gym.errors import ModelError
from symbiotic_gym.knowledge import Exclusion, KnowledgeBase, Level, leaks
from symbiotic_gym.progress import Progress
from symbiotic_gym.protocols import LanguageModel, Message, Sampling
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.store import EpisodeLog, RunFolder
from symbiotic_gym.types import Trajectory

__all__ = ["ARMS", "MINIWOB", "POCKET", "Arm", "main"]

FIRST_SEED = 9000
"""Nobody has looked at these while the prompts were written."""
DEMONSTRATED_FROM = 2000
TARGET = 0.55

MINIWOB = tuple(
    f"miniwob.{task}"
    for task in (
        *("click-button", "click-button-sequence", "click-checkboxes", "click-dialog", "click-dialog-2", "click-link"),
        *("click-option", "click-tab", "click-tab-2-easy", "click-test", "click-test-2", "click-widget", "choose-list"),
        *("enter-password", "enter-text", "enter-text-2", "focus-text", "focus-text-2", "login-user", "read-table"),
    )
)
POCKET = tuple(
    f"pocket.{template}"  # all of level 1: one or two actions on a short page
    for template in (
        *("shop.open-category", "shop.price-here", "shop.wish-this", "shop.open-page"),
        *("admin.open-section", "admin.switch-coupon", "admin.stock-here"),
        *("forum.board-members", "forum.save-here", "forum.upvote-here", "forum.open-board"),
        *("code.finish-todo", "code.open-page", "code.open-project", "code.star-project"),
        *("map.open-town", "map.create-list"),
        *("wiki.open-category", "wiki.height-here", "wiki.open-article"),
    )
)
VERBS = ("click", "fill", "select_option", "press", "go_back", "send_msg_to_user")


@dataclass(frozen=True)
class Arm:
    """One configuration of the agent."""

    name: str
    schema: bool = True
    plan: bool = False
    retrieval: Level | None = None
    """The level of what is held back; None: nothing is retrieved."""


ARMS = (
    Arm("plain", schema=False),
    Arm("schema"),
    Arm("plan", plan=True),
    Arm("retrieval", retrieval="template"),
    Arm("plan+retrieval", plan=True, retrieval="template"),
    Arm("known", retrieval="instance"),
)
DEFAULT_ARMS = ARMS[:4]
AIMED = "retrieval"
"""The arm that has to reach the target: chosen before anything was measured."""


@dataclass(frozen=True)
class _Setting:
    tasks: Sequence[str]
    seeds: Sequence[int]
    arms: Sequence[Arm]
    max_steps: int
    page_tokens: int
    at_once: int


@dataclass(frozen=True)
class _Run:
    """What all arms share."""

    setting: _Setting
    model: LanguageModel
    knowledge: KnowledgeBase
    rollouts: Rollouts
    out: Path

    def log(self, name: str) -> EpisodeLog:
        return EpisodeLog(self.out / "episodes" / f"{name}.jsonl")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where the target is missed, or the run was stopped."""
    options = _options(arguments)
    setting = _Setting(
        tasks=options.tasks or (MINIWOB[9:10] + POCKET[:1] if options.smoke else MINIWOB + POCKET),
        seeds=range(FIRST_SEED, FIRST_SEED + (1 if options.smoke else options.seeds)),
        arms=[arm for arm in ARMS if arm.name in options.arms],
        max_steps=options.max_steps,
        page_tokens=options.page_tokens,
        at_once=options.workers,
    )
    config = {
        "large": "scripted" if options.smoke else options.large,
        "tasks": list(setting.tasks),
        "seeds": list(setting.seeds),
        "max_steps": setting.max_steps,
        "page_tokens": setting.page_tokens,
    }
    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary) / "run"
        with RunFolder(out, config), Rollouts(options.workers) as rollouts:
            model = ScriptedModel(_first_button, "scripted") if options.smoke else _endpoint(options, out)
            run = _Run(setting, model, KnowledgeBase(out / "knowledge.jsonl"), rollouts, out)
            stopped = _play_all(run)
            report = Report("large_agent")
            report.add(*_rows(run))
        held = report.finish(options.json)
    if stopped:
        print(f"{stopped}\nThe table is of what every arm has played. The same command goes on, if it names an --out folder.")
    return 0 if (held or options.smoke) and not stopped else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--large", metavar="openai:MODEL[@URL]", help="the model; left out with --smoke")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="the run folder; a run cut short goes on from it")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="task ids (default 20 of MiniWoB and 20 of Pocket)")
    default = [arm.name for arm in DEFAULT_ARMS]
    names = [arm.name for arm in ARMS]
    parser.add_argument("--arms", nargs="+", choices=names, default=default, help=f"default {' '.join(default)}")
    parser.add_argument("--seeds", type=int, default=3, help="instances of each task (default 3)")
    parser.add_argument("--max-steps", type=int, default=8, help="after so many steps an episode is truncated (default 8)")
    parser.add_argument("--page-tokens", type=int, default=700, help="what the page may take of the prompt (default 700)")
    parser.add_argument("--workers", type=int, default=1, help="seeds of a task that are played at once (default 1)")
    parser.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS", help="for one request (default 300)")
    parser.add_argument("--max-requests", type=int, help="stop after so many requests, over all resumes")
    parser.add_argument("--max-usd", type=float, help="stop when so much is spent, over all resumes; needs --price")
    parser.add_argument("--price", type=float, nargs=2, metavar=("PROMPT", "COMPLETION"), help="US dollars per million tokens")
    options = parser.parse_args(arguments)
    if not options.smoke and not options.large:
        parser.error("name the model with --large openai:MODEL@URL, or try the script with --smoke")
    return options


def _endpoint(options: argparse.Namespace, out: Path) -> OpenAIModel:
    budget = Budget(usd=options.max_usd, requests=options.max_requests)
    name = OpenAIModel.from_spec(options.large).name
    prices = {name: Price(prompt=options.price[0], completion=options.price[1])} if options.price else None
    model = OpenAIModel.from_spec(
        options.large,
        timeout_s=options.timeout,
        concurrency=options.workers,
        prices=prices,
        spending=Spending(budget, out / "spending.json"),
    )
    model.check()
    return model


def _play_all(run: _Run) -> str:
    """Play what is not played yet; why it was stopped, or nothing."""
    seeds, arms = run.setting.seeds, run.setting.arms
    try:
        if any(arm.retrieval for arm in arms):
            _demonstrate(run)
        for start in range(0, len(seeds), run.setting.at_once):
            for arm in arms:
                _play(run, arm, seeds[start : start + run.setting.at_once])
    except ModelError as error:  # an outage or a spent budget
        return str(error)
    except KeyboardInterrupt:
        return "It was interrupted."
    return ""


def _demonstrate(run: _Run) -> None:
    """Fill the knowledge base with the expert's successes on every task, on seeds that nobody is evaluated on."""
    episodes = [Episode(task, DEMONSTRATED_FROM + i) for task in run.setting.tasks for i in range(2)]
    with Progress().phase("demonstrated", len(episodes)) as bar:
        for one in run.rollouts.run(
            episodes,
            ScriptedAgent,
            name="scripted",
            max_steps=30,
            log=run.log("demonstrated"),
            on_episode=lambda one: bar.advance(one.task),
        ):
            run.knowledge.add(one, iteration=0, source="scripted")


def _play(run: _Run, arm: Arm, seeds: Sequence[int]) -> None:
    log, won = run.log(arm.name), 0
    tasks = run.setting.tasks
    with Progress().phase(f"{arm.name}, seed {seeds[0]}", len(tasks) * len(seeds)) as bar:

        def note(trajectory: Trajectory) -> None:
            nonlocal won
            won += trajectory.success
            bar.advance(f"{won} succeeded, last {trajectory.task}")

        for task in tasks:  # what may be retrieved depends on the task
            run.rollouts.run(
                [Episode(task, seed) for seed in seeds],
                _maker(run, arm, task),
                name=arm.name,
                max_steps=run.setting.max_steps,
                max_refused=3,
                log=log,
                on_episode=note,
            )


def _maker(run: _Run, arm: Arm, task: str) -> Callable[[], LargeAgent]:
    """Makes agents that play a task; short prompts, whose beginnings stay the same as long as they can."""
    return lambda: LargeAgent(
        run.model,
        knowledge=run.knowledge if arm.retrieval else None,
        exclude=Exclusion(level=arm.retrieval or "template", task=task),
        candidates=1,
        schema=arm.schema,
        plan=arm.plan,
        page_tokens=run.setting.page_tokens,
        examples_tokens=400,
        history_tokens=200,
        verbs=VERBS,
        sampling=Sampling(max_tokens=120),
    )


def _rows(run: _Run) -> Iterator[Row]:
    """The rows of all arms, over the episodes that each of them has played to a scored end."""
    played = {arm: {(one.task, one.seed): one for one in run.log(arm.name)} for arm in run.setting.arms}
    wanted = [(task, seed) for task in run.setting.tasks for seed in run.setting.seeds]
    there = [key for key in wanted if all(key in episodes for episodes in played.values())]
    scored = [key for key in there if all(episodes[key].outcome.scored for episodes in played.values())]
    yield Row(name="episodes of every arm", value=len(scored), unit="episodes", n=len(wanted))
    plain: dict[str, float | None] = dict.fromkeys(_GROUPS)
    for arm, episodes in played.items():
        for group in _GROUPS:
            of = [episodes[key] for key in scored if group in ("all", key[0].partition(".")[0])]
            target = TARGET if (arm.name, group) == (AIMED, "all") else None
            row = share(f"success/{arm.name}/{group}", sum(one.success for one in of), len(of), target=target)
            if arm is run.setting.arms[0]:
                plain[group] = row.value
                yield row
            else:
                yield replace(row, peer=run.setting.arms[0].name, peer_value=plain[group])
        invalid = sum(not episodes[key].outcome.scored for key in there)
        yield share(f"invalid/{arm.name}", invalid, len(there))
        yield from _step_rows(run, arm, [episodes[key] for key in scored])


_GROUPS = ("all", "miniwob", "pocket")


def _step_rows(run: _Run, arm: Arm, played: Sequence[Trajectory]) -> Iterator[Row]:
    steps = [step for one in played for step in one.steps]
    usages = [step.decision.usage for step in steps]
    yield share(f"refused actions/{arm.name}", sum(bool(step.error) for step in steps), len(steps))
    yield share(f"repaired/{arm.name}", sum("first_answer" in step.decision.extra for step in steps), len(steps))
    for name, unit, values in (
        ("prompt tokens a request", "tokens", [usage.prompt_tokens / max(1, usage.requests) for usage in usages]),
        ("requests a step", "requests", [float(usage.requests) for usage in usages]),
        ("seconds a step", "s", [usage.seconds for usage in usages]),
    ):
        yield Row(name=f"{name}/{arm.name}", value=mean(values or [0.0]), unit=unit, n=len(values), better="lower")
    if arm.retrieval:
        found = leaks(played, run.knowledge)
        yield share(f"steps with examples/{arm.name}", found.helped, found.decisions)
        for what, nearest in (("goal", found.nearest_goal), ("page", found.nearest_page)):  # words in common
            yield Row(name=f"nearest {what}/{arm.name}: {found.name}", value=nearest, unit="share", n=found.helped)


def _first_button(prompt: Sequence[Message]) -> str:
    """The scripted model of `--smoke`: it clicks what comes first."""
    shown: Any = prompt[1]["content"].partition("<page>\n")[2]
    bids = list(elements(shown))
    return f'<reason>It is the first.</reason><action>click("{bids[0] if bids else 0}")</action>'


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `timeout` and schedulers: the table is printed all the same
    sys.exit(main())
