"""From examples to packed rows: which tokens a model is trained on, how long they may be, and in which order they come.

A row that is too long loses page text, which its prompt then says, as it would say it at inference. Goals and targets are
never cut.
"""

import random
from collections.abc import Collection, Sequence
from typing import Any

from symbiotic_gym.agents.chat import encode_prompt, end_token
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.further import shown_elements
from symbiotic_gym.trainers.multitask import TASKS
from symbiotic_gym.trainers.packing import PackedRow, Target, pack

__all__ = ["encode", "training_order"]


def encode(
    tokenizer: Any, example: Example, *, max_tokens: int, page_budget: int, tasks: Collection[str] = TASKS
) -> tuple[PackedRow, bool]:
    """Tokenise an example.

    Args:
        tokenizer: the model's, with its chat template.
        example: each of its targets becomes a branch.
        max_tokens: of the whole row.
        page_budget: characters of page text to begin with.
        tasks: what to train on, of `multitask.TASKS`; a target of any other is left out.

    Returns:
        The row, and whether page text was cut to make it fit.

    Raises:
        ConfigError: it does not fit even without any page text.
    """
    end = end_token(tokenizer)
    answers = {task: text for task, text in example.targets.items() if task in tasks}

    def row(budget: int) -> PackedRow:
        targets = []
        for task, text in answers.items():
            messages = example.messages(task, page_budget=budget)
            if task == "highlight":
                text = shown_elements(text, messages[0]["content"])
            if text:
                prompt = tuple(encode_prompt(tokenizer, messages))
                answer = (*tokenizer(text, add_special_tokens=False)["input_ids"], end)
                targets.append(Target(prompt=prompt, answer=answer, task=TASKS.index(task), weight=example.weight))
        return pack(targets)

    whole = row(page_budget)
    if len(whole) <= max_tokens:
        return whole, False
    low, high = 0, min(page_budget, len(example.observation["page"]))
    while high - low > 16:  # characters: the largest page that still fits, nearly
        middle = (low + high) // 2
        low, high = (middle, high) if len(row(middle)) <= max_tokens else (low, middle)
    shortest = row(low)
    if len(shortest) > max_tokens:
        answered = sum(len(branch.tokens) - branch.start for branch in shortest.branches)
        raise ConfigError(
            explain(
                f"an example of {example.task} takes {len(shortest)} tokens without its page, {answered} of "
                f"them targets: {example.action[:80]}",
                f"at most {max_tokens} (max_tokens)",
                "a target that is cut off would teach to stop in the middle",
                "raise max_tokens, or leave the example out",
            )
        )
    return shortest, True


def training_order(lengths: Sequence[int], *, epochs: int, batch_size: int, seed: int) -> list[int]:
    """Which row comes when: every row once an epoch, at random; within an optimizer step by length.

    Steps of like-long rows would waste less padding, but length tells the task: such a step is one task's, and undoes what the
    last one taught of another.

    Args:
        lengths: of the rows, in tokens.
        epochs: passes over all rows.
        batch_size: rows per optimizer step; its micro-batches then hold rows of like length.
        seed: fixes the order.

    Returns:
        Row indices of all epochs, `batch_size` to a step; only the very last step may be short.
    """
    order: list[int] = []
    for epoch in range(epochs):
        order += random.Random(f"order {seed} {epoch}").sample(range(len(lengths)), len(lengths))
    return [
        row
        for start in range(0, len(order), batch_size)
        for row in sorted(order[start : start + batch_size], key=lambda row: lengths[row])
    ]
