"""Episodes for other tools' loaders: OpenEnv's `results.jsonl`, and parquet with a row per step."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from symbiotic_gym.errors import MissingDependencyError, explain
from symbiotic_gym.types import Trajectory

__all__ = ["export_openenv", "export_parquet", "openenv_result", "step_rows"]

_COLUMNS = {
    **{"task": "string", "seed": "int64", "attempt": "int64", "agent": "string", "goal": "string", "outcome": "string"},
    **{"success": "bool", "step": "int64", "page": "string", "url": "string", "title": "string", "tabs": "string"},
    **{"last_action": "string", "action": "string", "reason": "string", "candidates": "string", "accepted": "bool"},
    **{"source": "string", "reward": "float64", "error": "string", "screenshot": "string", "prompt_tokens": "int64"},
    **{"completion_tokens": "int64", "cost_usd": "float64"},
}
"""Of the parquet file, a run without episodes included."""


def export_openenv(trajectories: Iterable[Trajectory], file: Path) -> int:
    """Write OpenEnv's `results.jsonl`, a line per episode, and return how many there are.

    An invalid episode has the reward null there: unscorable, not 0.
    """
    count = 0
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", errors="replace") as out:
        for trajectory in trajectories:
            out.write(json.dumps(openenv_result(trajectory), ensure_ascii=False) + "\n")
            count += 1
    return count


def openenv_result(trajectory: Trajectory) -> dict[str, Any]:
    """One episode as `openenv collect` writes it: messages, reward, done, tool trace and metrics."""
    messages: list[dict[str, str]] = [{"role": "user", "content": trajectory.goal}]
    trace = []
    for step in trajectory.steps:
        messages.append({"role": "user", "content": step.observation.get("page", "")})
        messages.append({"role": "assistant", "content": step.decision.action})
        trace.append({"tool": "browser", "action": step.decision.action, "reward": step.reward, "error": step.error})
    return {
        "episode_id": f"{trajectory.task}/{trajectory.seed}/{trajectory.attempt}",
        "task_id": trajectory.task,
        "messages": messages,
        "reward": trajectory.reward if trajectory.outcome.scored else None,
        "done": trajectory.outcome.status in ("success", "failure"),
        "tool_trace": trace,
        "metrics": {
            "outcome": str(trajectory.outcome),
            "success": trajectory.success,
            "steps": len(trajectory.steps),
            "prompt_tokens": trajectory.usage.prompt_tokens,
            "completion_tokens": trajectory.usage.completion_tokens,
            "cost_usd": trajectory.usage.cost_usd,
        },
    }


def step_rows(trajectories: Iterable[Trajectory]) -> Iterator[dict[str, Any]]:
    """A flat row per step, the same columns in each."""
    for trajectory in trajectories:
        for number, step in enumerate(trajectory.steps):
            decision = step.decision
            yield {
                "task": trajectory.task,
                "seed": trajectory.seed,
                "attempt": trajectory.attempt,
                "agent": trajectory.agent,
                "goal": trajectory.goal,
                "outcome": str(trajectory.outcome),
                "success": trajectory.success,
                "step": number,
                **{key: step.observation.get(key, "") for key in ("page", "url", "title", "tabs", "last_action")},
                "action": decision.action,
                "reason": decision.reason,
                "candidates": json.dumps([c.action for c in decision.candidates], ensure_ascii=False),
                "accepted": decision.acceptance.accepted if decision.acceptance else None,
                "source": decision.source,
                "reward": float(step.reward),
                "error": step.error,
                "screenshot": step.screenshot,
                "prompt_tokens": decision.usage.prompt_tokens,
                "completion_tokens": decision.usage.completion_tokens,
                "cost_usd": float(decision.usage.cost_usd),
            }


def export_parquet(trajectories: Iterable[Trajectory], file: Path) -> int:
    """Write a parquet file with a row per step, and return how many there are.

    Raises:
        MissingDependencyError: `datasets` is not installed.
    """
    try:
        from datasets import Dataset, Features, Value
    except ImportError as error:
        raise MissingDependencyError(
            explain(
                "parquet needs the package datasets, which is not installed",
                "the extra train",
                "it writes the file as `datasets.load_dataset` reads it",
                "pip install 'symbiotic-gym[train]'",
            )
        ) from error
    rows = list(step_rows(trajectories))
    features = Features({name: Value(kind) for name, kind in _COLUMNS.items()})
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [row[name] for row in rows] for name in _COLUMNS}
    Dataset.from_dict(columns, features=features).to_parquet(str(file))
    return len(rows)
