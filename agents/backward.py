"""Backward construction (Learn-by-Interact, arXiv 2501.10893): what a part of an episode achieves, as a goal of its own.

An episode holds many shorter ones: each run of consecutive steps is the right way to *something*, whatever it was meant for, so
that failed episodes teach too. A large model is told the actions and the pages before and after, and says in a sentence what
was done, and what goal that would be the perfect way to reach. Each answer becomes a `Trajectory` with that goal: an example to
train on like any other (`trainers/examples.py`), and an entry of the knowledge base whose summary is a key beside its goal.

The task and seed stay those of the episode, so that leak control holds for what was made from it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symbiotic_gym.agents.judges import read_verdict
from symbiotic_gym.agents.prompt_files import fenced, load_prompt
from symbiotic_gym.agents.token_budget import cut_page
from symbiotic_gym.agents.transcripts import describe_steps, last_page
from symbiotic_gym.errors import JudgeError
from symbiotic_gym.knowledge import KnowledgeBase
from symbiotic_gym.protocols import LanguageModel, Message, Sampling
from symbiotic_gym.types import Outcome, Trajectory, Usage

__all__ = ["Constructed", "backward_construct", "parts_of", "remember_backward"]

_SAMPLING = Sampling(max_tokens=160)
_TAG = r"<{0}>\s*(.*?)\s*(?:</{0}>|(?=<(?:summary|goal)>)|\Z)"


@dataclass(frozen=True, kw_only=True)
class Constructed:
    """A part of an episode, with the goal it reaches."""

    trajectory: Trajectory
    """The part, as a success at that goal."""
    summary: str
    """What was done, in a sentence."""
    usage: Usage = Usage()  # noqa: RUF009 - frozen


def parts_of(trajectory: Trajectory, *, shortest: int = 1, longest: int = 5) -> list[Trajectory]:
    """All runs of consecutive steps of which none was refused and that led to another page, shorter ones first.

    Args:
        trajectory: an episode, successful or not.
        shortest: fewest steps of a part.
        longest: most steps of a part.
    """
    steps = trajectory.steps
    pages = [step.observation.get("page", "") for step in steps] + [last_page(trajectory)]
    after = [step.observation for step in steps[1:]] + [trajectory.final]
    found = []
    for length in range(shortest, min(longest, len(steps)) + 1):
        for start in range(len(steps) - length + 1):
            part = steps[start : start + length]
            if any(step.error for step in part) or pages[start] == pages[start + length]:
                continue
            begun = replace(part[0], observation={**part[0].observation, "last_action": "", "last_action_error": ""})
            found.append(replace(trajectory, steps=(begun, *part[1:]), final=after[start + length - 1]))
    return found


def backward_construct(
    trajectory: Trajectory,
    model: LanguageModel,
    *,
    most: int = 8,
    shortest: int = 1,
    longest: int = 5,
    committee: Sequence[LanguageModel] = (),
    page_tokens: int = 700,
) -> list[Constructed]:
    """The goals that parts of an episode reach, each once.

    Args:
        trajectory: an episode. One that is invalid gives nothing.
        model: who says what a part achieves.
        most: parts that are asked about; of more, evenly spread ones are.
        shortest: fewest steps of a part.
        longest: most steps of a part.
        committee: models that all have to agree that the part reaches the goal; an answer that cannot be read is a no.
        page_tokens: what each page shown may take.

    Raises:
        ModelError: a model failed for good.
    """
    parts = parts_of(trajectory, shortest=shortest, longest=longest) if trajectory.outcome.scored else []
    parts = [parts[i * len(parts) // most] for i in range(most)] if len(parts) > most else parts
    if not parts:
        return []
    prompt = load_prompt("backward_v1")
    shown = [_shown(part, page_tokens) for part in parts]
    asked: list[list[Message]] = [
        [{"role": "system", "content": prompt["system"]}, {"role": "user", "content": prompt["user"].format(**texts)}]
        for texts in shown
    ]
    found: dict[str, Constructed] = {}
    for part, texts, answer in zip(parts, shown, model.generate(asked, _SAMPLING), strict=True):
        summary, goal = (_read(tag, answer.text) for tag in ("summary", "goal"))
        if not summary or not goal or goal.strip(" .").lower() == "none" or goal in found:
            continue
        checks = [_agrees(member, prompt["check"].format(goal=fenced(goal), **texts)) for member in committee]
        if all(checks):
            made = replace(part, goal=goal, agent=f"backward({trajectory.agent})", outcome=Outcome(status="success"))
            found[goal] = Constructed(trajectory=made, summary=summary, usage=answer.usage)
    return list(found.values())


def remember_backward(
    base: KnowledgeBase, constructed: Sequence[Constructed], *, iteration: int, source: str = "backward"
) -> int:
    """Keep what was constructed, with its summaries as keys; how many entries are new."""
    return sum(base.add(made.trajectory, iteration=iteration, source=source, summary=made.summary) for made in constructed)


def _shown(part: Trajectory, page_tokens: int) -> dict[str, str]:
    pages = {"before": part.steps[0].observation.get("page", ""), "after": part.final.get("page", "")}
    done = describe_steps(part.steps)  # the lines that were acted on are the last to be cut
    return {name: fenced(cut_page(page, done, page_tokens)) for name, page in pages.items()} | {"steps": done}


def _read(tag: str, text: str) -> str:
    said: list[str] = re.findall(_TAG.format(tag), text, re.S | re.I)
    return " ".join(said[-1].split()) if said else ""


def _agrees(model: LanguageModel, text: str) -> bool:
    (answer,) = model.generate([[{"role": "user", "content": text}]], _SAMPLING)
    try:
        return read_verdict(answer, ("yes", "no")) == "yes"
    except JudgeError:
        return False
