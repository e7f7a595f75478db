"""Import of AgentLab's experiment folders: opt-in, each folder read by `agentlab_reader` in a process of its own.

What the reader prints is plain JSON, which is turned into a trajectory here. AgentLab's accessibility text is written anew in
this project's form (`[12] button "ok"`), so that the episodes teach like any other.
"""

import ast
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.exchange import agentlab_reader
from symbiotic_gym.store.episodes import Problem
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory, Usage, from_json, to_json

__all__ = ["import_agentlab", "page_from_axtree"]

READ_TIMEOUT_S = 180.0

ReadPage = Callable[[str], str]
"""Makes this project's page text of what stands in AgentLab's `axtree_txt`."""


def import_agentlab(root: Path, *, allow: Sequence[str] = ()) -> Iterator[Trajectory | Problem]:
    """Every experiment at and below a folder, or why it was not read.

    Args:
        root: a study's folder, or one of many.
        allow: further names that pickles may hold, such as `my_agents.MyArgs`, or beginnings ending in a dot. Nothing is
            imported or run whatever is named; what is not listed is refused, because it is not what was expected.
    """
    known: set[tuple[str, int]] = set()
    for arguments in sorted(root.rglob("exp_args.pkl")):
        found = _read(arguments.parent, allow)
        if "problem" in found:
            yield Problem(arguments.parent, found["problem"])
            continue
        try:
            trajectory = _trajectory(found)
        except (ConfigError, ValueError, TypeError, KeyError, AttributeError) as error:
            yield Problem(arguments.parent, f"it is no episode: {str(error).splitlines()[0]}")
            continue
        if (trajectory.task, trajectory.seed) in known:
            yield Problem(arguments.parent, f"{trajectory.task} with seed {trajectory.seed} was imported from another folder")
            continue
        known.add((trajectory.task, trajectory.seed))
        yield trajectory


def _read(folder: Path, allow: Sequence[str]) -> dict[str, Any]:
    command = [sys.executable, "-I", agentlab_reader.__file__, str(folder.resolve()), *allow]
    try:
        done = subprocess.run(command, capture_output=True, timeout=READ_TIMEOUT_S, env={}, check=False)
    except subprocess.TimeoutExpired:
        return {"problem": f"it was not read within {READ_TIMEOUT_S:g} s"}
    try:
        found = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        return {"problem": f"the reader ended with status {done.returncode} {' '.join(last)}"}
    return found if isinstance(found, dict) else {"problem": "the reader found nothing"}


def _trajectory(found: dict[str, Any]) -> Trajectory:
    infos = found["steps"]
    if not infos:
        raise ConfigError(explain("it has no steps", "an episode", "there is nothing to learn from", "leave it out"))
    goal = infos[0]["obs"].get("goal") or _goal_text(found.get("goal"))
    read = str if found.get("ours") else page_from_axtree
    steps = [_step(info, after, read) for info, after in itertools.pairwise(infos) if info["action"] is not None]
    trajectory = Trajectory(
        task=_task(found["task"]),
        seed=found["seed"] if found["seed"] is not None else 0,
        goal=goal,
        agent=found.get("agent") or "AgentLab",
        steps=tuple(steps),
        outcome=_outcome(found.get("summary") or {}),
        final=_texts(infos[-1]["obs"], read),
    )
    return from_json(Trajectory, to_json(trajectory))  # what a folder claims is checked like any other record


def _step(info: dict[str, Any], after: dict[str, Any], read: ReadPage) -> Step:
    stats = info["stats"]
    usage = Usage(
        requests=1 if stats.get("input_tokens") else 0,
        prompt_tokens=int(stats.get("input_tokens") or 0),
        completion_tokens=int(stats.get("output_tokens") or 0),
        seconds=float(stats.get("agent_elapsed") or 0.0),
        cost_usd=float(stats.get("cost") or 0.0),
    )
    decision = Decision(action=str(info["action"]), reason=str(info.get("think") or ""), usage=usage, source="AgentLab")
    return Step(
        observation=_texts(info["obs"], read),
        decision=decision,
        reward=float(after["reward"]),
        error=str(after["obs"].get("last_action_error") or ""),
        act_s=float(stats.get("agent_elapsed") or 0.0),
        step_s=float(after["stats"].get("step_elapsed") or 0.0),
    )


def _outcome(summary: dict[str, Any]) -> Outcome:
    if summary.get("err_msg"):
        return Outcome(status="invalid", kind="agentlab", message=str(summary["err_msg"]))
    if (summary.get("cum_reward") or 0) > 0:
        return Outcome(status="success")
    if summary.get("truncated"):
        return Outcome(status="truncated")
    if summary.get("terminated"):
        return Outcome(status="failure")
    return Outcome(status="invalid", kind="agentlab", message="the experiment did not come to an end")


def _task(name: Any) -> str:
    return str(name).removeprefix("browsergym/")


def _goal_text(goal: Any) -> str:
    parts = goal if isinstance(goal, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict) and part.get("type") == "text")


def _texts(seen: dict[str, Any], read: ReadPage) -> dict[str, str]:
    titles = seen.get("open_pages_titles") or []
    return {
        "page": read(str(seen.get("axtree_txt") or "")) or str(seen.get("pruned_html") or ""),
        "url": str(seen.get("url") or ""),
        "title": str(titles[0]) if titles else "",
        "tabs": "",
        "last_action": str(seen.get("last_action") or ""),
        "last_action_error": str(seen.get("last_action_error") or ""),
    }


_LINE = re.compile(r"""(\t*)(?:\[(\w+)\] )?(\w+) ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(.*)""")
_VALUE = re.compile(r"""value=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")


def page_from_axtree(axtree: str) -> str:
    """BrowserGym's accessibility text in this project's form; a line of another form stays as it is."""
    return "\n".join(_line(line) for line in axtree.split("\n"))


def _line(line: str) -> str:
    found = _LINE.fullmatch(line)
    if found is None:
        return line.replace("\t", "  ")
    tabs, bid, role, name, rest = found.groups()
    value = _VALUE.search(rest)
    shown = f" value={_quoted(value[1])}" if value else ""
    flags = [flag for flag in re.split(r",\s*", _VALUE.sub("", rest)) if flag and flag not in ("clickable", "visible")]
    more = "".join(f" {flag}" for flag in flags)
    return f"{'  ' * len(tabs)}{f'[{bid}] ' if bid else ''}{role} {_quoted(name)}{shown}{more}"


def _quoted(literal: str) -> str:
    try:
        return json.dumps(ast.literal_eval(literal), ensure_ascii=False)
    except (ValueError, SyntaxError):
        return json.dumps(literal[1:-1], ensure_ascii=False)
