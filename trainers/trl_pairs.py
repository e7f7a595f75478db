"""Speculation's pairs as data sets for trl's own preference trainers, DPO and KTO among them.

    DPOTrainer(model, train_dataset=preference_dataset(pairs), ...)
    KTOTrainer(model, train_dataset=unpaired_dataset(pairs), ...)

Rows are chats: trl writes them with the model's own template, so a prompt comes out token for token as the small agent asks it.
`preference_tuning.py` is the faster way to DPO (a pair's prompt is computed once, and the chosen answer is held up); this is
the way to everything else that trl has for pairs.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symbiotic_gym.agents.small import PAGE_BUDGET
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.trainers.pairs import PreferencePair

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["preference_dataset", "unpaired_dataset"]


def preference_dataset(pairs: Sequence[PreferencePair], *, page_budget: int = PAGE_BUDGET) -> "Dataset":
    """One row a pair, `prompt`, `chosen` and `rejected`, as `trl.DPOTrainer` takes them.

    Args:
        pairs: from `pairs.preference_pairs`, or `preferences.self_play_pairs`.
        page_budget: characters of page text in a prompt; the one of the agent that will use the model.

    Raises:
        ConfigError: there are no pairs.
    """
    return _dataset(
        [
            {
                "prompt": _prompt(pair, page_budget),
                "chosen": _answer(pair.chosen.action),
                "rejected": _answer(pair.rejected.action),
            }
            for pair in pairs
        ]
    )


def unpaired_dataset(pairs: Sequence[PreferencePair], *, page_budget: int = PAGE_BUDGET) -> "Dataset":
    """Two rows a pair, `prompt`, `completion` and whether it is wanted (`label`), as `trl.KTOTrainer` takes them.

    All wanted answers come first, so that what KTO takes for unrelated answers (the batch's, shifted by one) are not the two of
    one prompt.

    Args:
        pairs: from `pairs.preference_pairs`, or `preferences.self_play_pairs`.
        page_budget: characters of page text in a prompt; the one of the agent that will use the model.

    Raises:
        ConfigError: there are no pairs.
    """
    return _dataset(
        [
            {
                "prompt": _prompt(pair, page_budget),
                "completion": _answer(pair.chosen.action if label else pair.rejected.action),
                "label": label,
            }
            for label in (True, False)
            for pair in pairs
        ]
    )


def _prompt(pair: PreferencePair, page_budget: int) -> list[dict[str, str]]:
    return [dict(message) for message in pair.messages(page_budget=page_budget)]


def _answer(action: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": action}]


def _dataset(rows: list[dict[str, Any]]) -> "Dataset":
    from datasets import Dataset

    if not rows:
        raise ConfigError(
            explain(
                "no preference pairs",
                "at least one",
                "without one there is nothing to prefer",
                "synthesize more episodes with a student that is sometimes turned down",
            )
        )
    return Dataset.from_list(rows)
