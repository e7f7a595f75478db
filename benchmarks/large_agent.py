"""What each part of the large agent is worth: the plain prompt, then answers held to a schema, the plan tree, and retrieval
added.

Every arm plays the same instances. What is retrieved are steps by which the scripted expert and Pocket's oracle solved
*other* templates than the one being played, on seeds of their own. With `--out` a run that was interrupted goes on where it
was, its budget included.

    python -m symbiotic_gym.benchmarks.large_agent --large openai:qwen@http://127.0.0.1:8123/v1 --out runs/large-agent
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from symbiotic_gym.actions import elements
from symbiotic_gym.agents import LargeAgent, OpenAIModel, OracleAgent
from symbiotic_gym.agents.spending import Budget, Price, Spending
from symbiotic_gym.agents.testing import ScriptedModel
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, share
from symbiotic_gym.errors import ModelError
from symbiotic_gym.knowledge import Exclusion, KnowledgeBase
from symbiotic_gym.progress import Progress
from symbiotic_gym.protocols import LanguageModel, Message, Sampling
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.store import EpisodeLog, RunFolder
from symbiotic_gym.types import Trajectory

__all__ = ["ARMS", "MINIWOB", "POCKET", "Arm", "main"]

FIRST_SEED = 7000
DEMONSTRATED_FROM = 2000
TARGET = 0.55

MINIWOB = tuple(
    f"miniwob.{task}"
    for task in (
        *("click-button", "click-button-sequence", "click-checkboxes", "click-dialog", "click-dialog-2", "click-link"),
        *("click-option", "click-tab", "click-tab-2-easy", "click-test", "click-test-2", "click-widget", "choose-list"),
        *("enter-date", "enter-password", "enter-text", "enter-text-2", "focus-text", "focus-text-2", "login-user"),
        *("navigate-tree", "read-table"),
    )
)
POCKET = tuple(
    f"pocket.{template}"
    for template in (
        *(
            "shop.open-category",
            "shop.price-of",
            "shop.wish-this",
            "shop.change-quantity",
            "shop.main-address",
            "shop.price-here",
        ),
        *("admin.open-section", "admin.switch-coupon", "forum.board-members", "forum.save-here", "forum.upvote-here"),
        *("forum.open-board", "code.open-part", "code.finish-todo", "code.open-page", "map.open-town", "map.create-list"),
        *("wiki.open-category", "wiki.height-here", "wiki.open-article", "wiki.open-history", "wiki.watch"),
    )
)
VERBS = ("click", "fill", "select_option", "press", "go_back", "send_msg_to_user")


@dataclass(frozen=True)
class Arm:
    """One configuration of the agent; each adds a part to the one before."""

    name: str
    schema: bool
    plan: bool
    retrieval: bool


ARMS = (
    Arm("plain", schema=False, plan=False, retrieval=False),
    Arm("schema", schema=True, plan=False, retrieval=False),
    Arm("plan", schema=True, plan=True, retrieval=False),
    Arm("retrieval", schema=True, plan=False, retrieval=True),
    Arm("plan+retrieval", schema=True, plan=True, retrieval=True),
)


@dataclass(frozen=True)
class _Setting:
    tasks: Sequence[str]
    seeds: Sequence[int]
    arms: Sequence[Arm]
    max_steps: int
    page_tokens: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where the best arm misses the target."""
    options = _options(arguments)
    setting = _Setting(
        tasks=options.tasks or (MINIWOB[9:10] + POCKET[:1] if options.smoke else MINIWOB + POCKET),
        seeds=range(FIRST_SEED, FIRST_SEED + (1 if options.smoke else options.seeds)),
        arms=[arm for arm in ARMS if arm.name in options.arms],
        max_steps=options.max_steps,
        page_tokens=options.page_tokens,
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
            report = Report("large_agent")
            report.add(*_measure(setting, model, out, rollouts))
        return 0 if report.finish(options.json) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--large", metavar="openai:MODEL[@URL]", help="the model; left out with --smoke")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="the run folder; a run cut short goes on from it")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="task ids (default 22 of MiniWoB and 22 of Pocket)")
    parser.add_argument("--arms", nargs="+", choices=[arm.name for arm in ARMS], default=[arm.name for arm in ARMS])
    parser.add_argument("--seeds", type=int, default=3, help="instances of each task (default 3)")
    parser.add_argument("--max-steps", type=int, default=10, help="after so many steps an episode is truncated (default 10)")
    parser.add_argument("--page-tokens", type=int, default=1200, help="what the page may take of the prompt (default 1200)")
    parser.add_argument("--workers", type=int, default=1, help="browsers, and requests, at once (default 1)")
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


def _measure(setting: _Setting, model: LanguageModel, out: Path, rollouts: Rollouts) -> list[Row]:
    """The rows of all arms."""
    knowledge = KnowledgeBase(out / "knowledge.jsonl")
    if any(arm.retrieval for arm in setting.arms):
        _demonstrate(setting.tasks, knowledge, out, rollouts)
    rows: list[Row] = []
    for arm in setting.arms:
        played = _play(setting, arm, model, knowledge, out, rollouts)
        rows += _rows(arm, played, target=TARGET if arm is setting.arms[-1] else None)
    return rows


def _demonstrate(tasks: Sequence[str], knowledge: KnowledgeBase, out: Path, rollouts: Rollouts) -> None:
    """Fill the knowledge base with the oracles' successes on every task, on seeds that nobody is evaluated on."""
    log = EpisodeLog(out / "episodes" / "demonstrated.jsonl")
    seeds = range(DEMONSTRATED_FROM, DEMONSTRATED_FROM + 2)
    with Progress().phase("demonstrated", len(tasks) * len(seeds)) as bar:
        for task in tasks:
            episodes = [Episode(task, seed) for seed in seeds]
            for trajectory in rollouts.run(episodes, OracleAgent, name="oracle", max_steps=30, log=log):
                knowledge.add(trajectory, iteration=0, source="oracle")
                bar.advance(task)


def _play(
    setting: _Setting, arm: Arm, model: LanguageModel, knowledge: KnowledgeBase, out: Path, rollouts: Rollouts
) -> list[Trajectory]:
    log = EpisodeLog(out / "episodes" / f"{arm.name}.jsonl")
    won = 0
    with Progress().phase(arm.name, len(setting.tasks) * len(setting.seeds)) as bar:

        def note(trajectory: Trajectory) -> None:
            nonlocal won
            won += trajectory.success
            bar.advance(f"{won} succeeded, last {trajectory.task}")

        trajectories: list[Trajectory] = []
        for task in setting.tasks:  # what may be retrieved depends on the task
            trajectories += rollouts.run(
                [Episode(task, seed) for seed in setting.seeds],
                _maker(setting, arm, model, knowledge, task),
                name=arm.name,
                max_steps=setting.max_steps,
                log=log,
                on_episode=note,
            )
    return trajectories


def _maker(setting: _Setting, arm: Arm, model: LanguageModel, knowledge: KnowledgeBase, task: str) -> Callable[[], LargeAgent]:
    """Makes agents that play a task, and are shown nothing of its template."""
    return lambda: LargeAgent(
        model,
        knowledge=knowledge if arm.retrieval else None,
        exclude=Exclusion(level="template", task=task),
        candidates=1,
        schema=arm.schema,
        plan=arm.plan,
        page_tokens=setting.page_tokens,
        examples_tokens=500,
        history_tokens=250,
        verbs=VERBS,
        sampling=Sampling(max_tokens=160),
    )


def _rows(arm: Arm, played: Sequence[Trajectory], *, target: float | None) -> list[Row]:
    rows = []
    for group in ("all", "miniwob", "pocket"):
        episodes = [one for one in played if one.outcome.scored and (group == "all" or one.task.startswith(group))]
        wanted = target if group == "all" else None
        rows.append(share(f"success/{arm.name}/{group}", sum(one.success for one in episodes), len(episodes), target=wanted))
    steps = [step for one in played for step in one.steps]
    rows.append(share(f"invalid/{arm.name}", sum(not one.outcome.scored for one in played), len(played)))
    rows.append(share(f"refused actions/{arm.name}", sum(bool(step.error) for step in steps), len(steps)))
    rows.append(share(f"repaired/{arm.name}", sum("first_answer" in step.decision.extra for step in steps), len(steps)))
    for name, unit, values in (
        (
            "prompt tokens a request",
            "tokens",
            [s.decision.usage.prompt_tokens / max(1, s.decision.usage.requests) for s in steps],
        ),
        ("requests a step", "requests", [float(s.decision.usage.requests) for s in steps]),
        ("seconds a step", "s", [s.decision.usage.seconds for s in steps]),
    ):
        rows.append(Row(name=f"{name}/{arm.name}", value=mean(values or [0.0]), unit=unit, n=len(values), better="lower"))
    return rows


def _first_button(prompt: Sequence[Message]) -> str:
    """The scripted model of `--smoke`: it clicks what comes first."""
    shown: Any = prompt[1]["content"].partition("<page>\n")[2]
    bids = list(elements(shown))
    return f'<reason>It is the first.</reason><action>click("{bids[0] if bids else 0}")</action>'


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ModelError as error:  # an outage or a spent budget: what was played is kept
        sys.exit(f"{error}\nThe same command goes on from here, if it names an --out folder.")
