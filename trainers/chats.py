"""Episodes as chats for TRL: `messages`, or `prompt` and `completion`, rendered as the small agent is asked.

One row per target of a step; invalid and unsuccessful episodes teach nothing and are left out (`examples_from` says what is
kept). The file depends on nothing but the episodes.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from symbiotic_gym.trainers.examples import examples_from
from symbiotic_gym.types import Trajectory

__all__ = ["chat_rows", "export_chats"]

Form = Literal["messages", "prompt-completion"]
_TARGETS: tuple[Literal["action", "reason"], ...] = ("action", "reason")


def chat_rows(trajectories: Iterable[Trajectory], form: Form) -> Iterator[dict[str, Any]]:
    """The rows of a data set for `trl.SFTTrainer`.

    Args:
        trajectories: whose successful ones teach.
        form: `messages`: one chat that ends with the answer; `prompt-completion`: the same in two parts.
    """
    for example in examples_from(trajectories):
        for target in _TARGETS:
            answer = example.action if target == "action" else example.reason
            if not answer:
                continue
            prompt = [dict(message) for message in example.messages(target)]
            completion = [{"role": "assistant", "content": answer}]
            row: dict[str, Any] = {"messages": prompt + completion}
            if form == "prompt-completion":
                row = {"prompt": prompt, "completion": completion}
            yield row | {"task": example.task, "target": target}


def export_chats(trajectories: Iterable[Trajectory], file: Path, form: Form) -> int:
    """Write the rows as JSON lines and return how many there are."""
    count = 0
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", errors="replace") as out:
        for row in chat_rows(trajectories, form):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count
