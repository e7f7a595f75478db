"""Export to AgentLab's experiment folders, which `load_result_df` and AgentXray open.

They are pickles of AgentLab's own classes, so AgentLab has to be installed to write them; nothing of this project ever reads
one back this way (`agentlab_import` does, without running anything). Whoever opens the folders needs this project too: the
agent's arguments are `symbiotic_gym.exchange.agentlab_agent.RecordedAgentArgs`, since AgentLab's own name agents that were
not there.

An observation's `page` stands where AgentLab has its accessibility tree, `axtree_txt`.
"""

import gzip
import io
import json
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from symbiotic_gym.errors import MissingDependencyError, StoreError, explain
from symbiotic_gym.store.blobs import Blobs
from symbiotic_gym.types import Step, Trajectory

__all__ = ["export_agentlab"]


def export_agentlab(trajectories: Iterable[Trajectory], out: Path, *, blobs: Blobs | None = None) -> int:
    """Write one experiment folder an episode.

    Args:
        trajectories: the episodes.
        out: the folder of the study; new, or empty.
        blobs: where their screenshots are.

    Returns:
        How many were written.

    Raises:
        MissingDependencyError: AgentLab is not installed.
        StoreError: `out` is not empty.
    """
    loop = _agentlab()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StoreError(
            explain(
                f"{out} is {'not empty' if out.is_dir() else 'a file'}",
                "a new folder, or an empty one",
                "steps of an earlier export would stay in its episodes",
                "name another folder with --out, or empty this one",
            )
        )
    count = 0
    for trajectory in trajectories:
        _write(trajectory, _new_folder(out, trajectory), loop, blobs)
        count += 1
    return count


def _new_folder(out: Path, trajectory: Trajectory) -> Path:
    """Names are cut and cleaned, and phases play an episode again: two that would be called alike get a number."""
    name = f"{_safe(trajectory.agent)}_on_{_safe(trajectory.task)}_{trajectory.seed}"
    name += f"_attempt_{trajectory.attempt}" * bool(trajectory.attempt)
    folder, number = out / name, 1
    while folder.exists():
        number += 1
        folder = out / f"{name}-{number}"
    folder.mkdir(parents=True)
    return folder


def _agentlab() -> Any:
    try:
        from agentlab.experiments import loop
    except ImportError as error:
        raise MissingDependencyError(
            explain(
                f"AgentLab cannot be imported: {error}",
                "agentlab 0.4",
                "its experiment folders are pickles of its own classes",
                "pip install agentlab, in an environment that has this project too",
            )
        ) from error
    return loop


def _write(trajectory: Trajectory, folder: Path, loop: Any, blobs: Blobs | None) -> None:
    from symbiotic_gym.exchange.agentlab_agent import RecordedAgentArgs

    infos = _infos(trajectory, loop)
    pictures = [*(step.screenshot for step in trajectory.steps), trajectory.final_screenshot]
    for number, (info, picture) in enumerate(zip(infos, pictures, strict=True)):
        with gzip.open(folder / f"step_{number}.pkl.gz", "wb") as file:
            pickle.dump(info, file)
        if blobs is not None and (webp := blobs.read(picture)) is not None:
            _save_png(webp, folder / f"screenshot_step_{number}.png")
    with gzip.open(folder / "goal_object.pkl.gz", "wb") as file:
        pickle.dump([{"type": "text", "text": trajectory.goal}], file)
    arguments = loop.ExpArgs(
        agent_args=RecordedAgentArgs(agent_name=trajectory.agent),
        env_args=loop.EnvArgs(task_name=trajectory.task, task_seed=trajectory.seed, max_steps=len(trajectory.steps)),
        exp_name=folder.name,
        exp_id=folder.name,
    )
    with (folder / "exp_args.pkl").open("wb") as file:
        pickle.dump(arguments, file)
    (folder / "package_versions.txt").write_text("\n".join(f"{k}=={v}" for k, v in trajectory.versions.items()), "utf-8")
    (folder / "experiment.log").write_text(f"exported; the episode ended as {trajectory.outcome}\n", "utf-8")
    with (folder / "summary_info.json").open("w", encoding="utf-8") as file:
        json.dump(_summary(trajectory), file, indent=4)


def _infos(trajectory: Trajectory, loop: Any) -> list[Any]:
    """AgentLab's steps: each holds what the action of the one before it brought, and the last holds no action."""
    infos, clock = [], 0.0
    status = trajectory.outcome.status
    for number, step in enumerate(trajectory.steps):
        before = trajectory.steps[number - 1] if number else None
        reward = before.reward if before else 0.0
        times = loop.StepTimestamps(env_start=clock, env_stop=clock + (before.step_s if before else 0.0))
        times.agent_start, times.agent_stop = times.env_stop, times.env_stop + step.act_s
        clock = times.agent_stop
        infos.append(
            loop.StepInfo(
                step=number,
                obs=_observation(trajectory.goal, step.observation),
                reward=reward,
                raw_reward=reward,
                terminated=False,
                truncated=False,
                action=step.decision.action,
                agent_info=_agent_info(step),
                stats=_stats(step) | {"step_elapsed": before.step_s if before else 0.0},
                profiling=times,
                task_info={},
            )
        )
    last = trajectory.steps[-1].reward if trajectory.steps else 0.0
    stats = {"step_elapsed": trajectory.steps[-1].step_s} if trajectory.steps else {}
    infos.append(
        loop.StepInfo(
            step=len(infos),
            obs=_observation(trajectory.goal, trajectory.final),
            reward=last,
            raw_reward=last,
            terminated=status in ("success", "failure"),
            truncated=status in ("truncated", "invalid"),
            stats=stats,
            task_info={},
        )
    )
    return infos


def _observation(goal: str, texts: Any) -> dict[str, Any]:
    return {
        "goal": goal,
        "goal_object": None,  # AgentLab's sign that it is in its own file
        "chat_messages": [{"role": "user", "message": goal, "timestamp": 0.0}],
        "url": texts.get("url", ""),
        "open_pages_titles": (texts.get("title", ""),),
        "axtree_txt": texts.get("page", ""),
        "pruned_html": "",
        "dom_txt": "",
        "last_action": texts.get("last_action", ""),
        "last_action_error": texts.get("last_action_error", ""),
        "focused_element_bid": "",
    }


def _agent_info(step: Step) -> dict[str, Any]:
    decision = step.decision
    listed = "\n".join(f"- {c.action}: {c.reason}" for c in decision.candidates)
    info: dict[str, Any] = {"think": decision.reason, "markdown_page": listed, "extra_info": dict(decision.extra)}
    if decision.acceptance is not None:
        verdict = "accepted" if decision.acceptance.accepted else "replaced"
        info["markdown_page"] = (
            f"{verdict}: {decision.acceptance.why}; proposed {decision.acceptance.proposal.action}\n{listed}"
        )
    return info


def _stats(step: Step) -> dict[str, float]:
    usage = step.decision.usage
    return {
        "input_tokens": usage.prompt_tokens,
        "output_tokens": usage.completion_tokens,
        "cost": usage.cost_usd,
        "agent_elapsed": step.act_s,
    }


def _summary(trajectory: Trajectory) -> dict[str, Any]:
    outcome = trajectory.outcome
    summary: dict[str, Any] = {
        "n_steps": len(trajectory.steps),
        "cum_reward": trajectory.reward,
        "cum_raw_reward": trajectory.reward,
        "err_msg": f"{outcome}: {outcome.message}" if outcome.status == "invalid" else None,
        "stack_trace": None,
        "stats.cum_steps": len(trajectory.steps) + 1,
    }
    rows = [_stats(step) | {"step_elapsed": step.step_s} for step in trajectory.steps]
    for key in rows[0] if rows else ():
        summary[f"stats.cum_{key}"] = sum(row[key] for row in rows)
        summary[f"stats.max_{key}"] = max(row[key] for row in rows)
    summary["terminated"] = outcome.status in ("success", "failure")
    summary["truncated"] = outcome.status in ("truncated", "invalid")
    return summary


def _save_png(webp: bytes, file: Path) -> None:
    from PIL import Image

    with Image.open(io.BytesIO(webp)) as image:
        image.convert("RGB").save(file)


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in ".-" else "-" for c in name)[:80]
