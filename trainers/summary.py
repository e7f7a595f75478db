"""What a symbiosis run comes down to: success with its interval per iteration, model and task, acceptance, seconds by phase.

*Invalid* episodes (the infrastructure failed) are left out of every rate and counted beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from symbiotic_gym.stats import Interval, wilson
from symbiotic_gym.trainers.distiller_config import DistillResult
from symbiotic_gym.trainers.pairs import acceptance_rate
from symbiotic_gym.trainers.symbiosis_config import SymbiosisConfig
from symbiotic_gym.types import Trajectory

__all__ = [
    "PhaseResult",
    "Summary",
    "cell_text",
    "interval_text",
    "print_summary",
    "rate_text",
    "seen_before",
    "success_rate",
    "summarize",
]

Summary = dict[str, Any]


@dataclass(frozen=True)
class PhaseResult:
    """The episodes of one phase."""

    phase: str
    player: str
    iteration: int
    key: str
    trajectories: tuple[Trajectory, ...]


def success_rate(trajectories: Sequence[Trajectory]) -> Interval:
    """Share of successes among the scored episodes, with its 95 % Wilson interval."""
    scored = [t for t in trajectories if t.outcome.scored]
    return wilson(sum(t.success for t in scored), len(scored))


def summarize(
    config: SymbiosisConfig,
    teacher: str,
    results: Sequence[PhaseResult],
    trainings: Sequence[DistillResult],
    seconds: Mapping[str, float],
) -> Summary:
    """Gather everything a report says, as JSON values."""
    return {
        "small": config.small,
        "large": teacher,
        "tasks": list(config.tasks),
        "seed": config.seed,
        "retrieval": config.retrieval,
        "evaluation": [_row(r) for r in results if r.phase == "evaluate"],
        "exploration": [_row(r) for r in results if r.phase != "evaluate"],
        "acceptance": [
            {"iteration": r.iteration} | _rate(acceptance_rate(r.trajectories)) for r in results if r.phase == "synthesize"
        ],
        "training": [{"iteration": i} | training.summary() for i, training in enumerate(trainings, 1)],
        "seen_before": seen_before(
            (t for r in results if r.phase != "evaluate" for t in r.trajectories),
            (t for r in results if r.phase == "evaluate" for t in r.trajectories),
        ),
        "seconds": dict(seconds),
    }


def seen_before(played: Iterable[Trajectory], evaluated: Iterable[Trajectory]) -> dict[str, int]:
    """How many evaluation instances look, by goal and first page, like one that was played to learn from: seeds never repeat,
    but a task may have few different instances.

    Args:
        played: episodes to learn from.
        evaluated: episodes that were not; an instance may be among them several times.

    Returns:
        `count` of `n` instances.
    """
    known = {_looks(t) for t in played}
    held_out = {(t.task, t.seed): _looks(t) for t in evaluated}
    return {"count": sum(looks in known for looks in held_out.values()), "n": len(held_out)}


def _looks(trajectory: Trajectory) -> tuple[str, str, str]:
    first = trajectory.steps[0].observation if trajectory.steps else trajectory.final
    return trajectory.task, trajectory.goal, first.get("page", "")


def _row(result: PhaseResult) -> dict[str, Any]:
    by_task: dict[str, list[Trajectory]] = {}
    for trajectory in result.trajectories:
        by_task.setdefault(trajectory.task, []).append(trajectory)
    usage = [t.usage for t in result.trajectories]
    return {
        "iteration": result.iteration,
        "model": result.player,
        "phase": result.phase,
        **_rate(success_rate(result.trajectories)),
        "invalid": sum(not t.outcome.scored for t in result.trajectories),
        "truncated": sum(t.outcome.status == "truncated" for t in result.trajectories),
        "steps": sum(len(t.steps) for t in result.trajectories),
        "invalid_actions": sum(bool(step.error) for t in result.trajectories for step in t.steps),
        "prompt_tokens": sum(u.prompt_tokens for u in usage),
        "completion_tokens": sum(u.completion_tokens for u in usage),
        "per_task": {task: _rate(success_rate(episodes)) for task, episodes in by_task.items()},
    }


def _rate(interval: Interval) -> dict[str, Any]:
    numbers = asdict(interval)
    return {"success": numbers.pop("value")} | numbers


def print_summary(summary: Summary, console: Console) -> None:
    """Print the tables a person wants at the end of a run."""
    teacher = "a scripted expert, not a language model" if summary["large"] == "scripted expert" else summary["large"]
    console.print(f"\n[bold]small model[/] {summary['small']}   [bold]large model (teacher)[/] {teacher}\n")
    console.print(_overall(summary))
    seen = summary["seen_before"]
    console.print(f"{seen['count']} of the {seen['n']} held-out instances look (goal and first page) like one learnt from.\n")
    for row in summary.get("leaks", ()):
        console.print(
            f"Large model, iteration {row['iteration']}: {row['name']}; {row['helped']} of {row['decisions']} decisions were "
            f"shown steps, the nearest with {row['nearest_page']:.0%} of the page's words and "
            f"{row['nearest_goal']:.0%} of the goal's."
        )
    console.print(_per_task(summary))
    console.print(_phases(summary))


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))


def _overall(summary: Summary) -> Table:
    table = _table("Success on held-out seeds (95 % Wilson interval)")
    for column in ("model", "when", "success", "interval", "n", "invalid", "acceptance"):
        table.add_column(column, justify="left" if column in ("model", "when") else "right", no_wrap=True)
    acceptance = {row["iteration"]: row for row in summary["acceptance"]}
    for row in sorted(summary["evaluation"], key=lambda row: (row["model"], row["iteration"])):
        accepted = acceptance.get(row["iteration"]) if row["model"] == "small" else None
        table.add_row(
            row["model"],
            f"after iteration {row['iteration']}" if row["iteration"] else "before",
            rate_text(row),
            interval_text(row),
            str(row["n"]),
            str(row["invalid"]),
            (f"{rate_text(accepted)} of {accepted['n']}" if accepted["n"] else "-") if accepted else "",
        )
    return table


def _per_task(summary: Summary) -> Table:
    tasks = summary["tasks"]
    suites = {task.partition(".")[0] for task in tasks}
    shared = f"{suites.pop()}." if len(suites) == 1 else ""
    table = _table(f"Per task{f' of {shared[:-1]}' if shared else ''}: successes of n, and the 95 % interval")
    table.add_column("task", overflow="fold")
    rows = sorted(summary["evaluation"], key=lambda row: (row["model"], row["iteration"]))
    for row in rows:
        when = row["iteration"] or "before"
        table.add_column(f"{row['model']} {when}", justify="right", no_wrap=True)
    for task in tasks:
        cells = [row["per_task"].get(task) for row in rows]
        table.add_row(task.removeprefix(shared), *(cell_text(cell) for cell in cells))
    return table


def rate_text(row: Mapping[str, Any]) -> str:
    """`70.0%`; of nothing there is no rate."""
    return f"{row['success']:.1%}" if row["n"] else "-"


def interval_text(row: Mapping[str, Any]) -> str:
    """`39.7% - 89.2%`, the rate's 95 % interval."""
    return f"{row['low']:.1%} - {row['high']:.1%}" if row["n"] else "-"


def cell_text(cell: Mapping[str, Any] | None) -> str:
    """`7/10 40-89%`."""
    if not cell or not cell["n"]:
        return "-"
    return f"{round(cell['success'] * cell['n'])}/{cell['n']} {100 * cell['low']:.0f}-{100 * cell['high']:.0f}%"


def _phases(summary: Summary) -> Table:
    table = _table("Wall-clock by phase")
    table.add_column("phase")
    table.add_column("seconds", justify="right")
    for phase, seconds in sorted(summary["seconds"].items()):
        table.add_row(phase, f"{seconds:.0f}")
    table.add_row("total", f"{sum(summary['seconds'].values()):.0f}", end_section=True)
    return table
