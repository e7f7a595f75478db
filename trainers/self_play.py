"""Self-play fine-tuning (SPIN, arXiv 2401.01335): recorded actions are preferred to what the student itself answers, in rounds.

A round asks the student for its own action in every recorded state, makes a pair where it is another one than the record's, and
tunes the adapter on the pairs with the adapter as it was as the reference. Nobody judges, and no environment is needed. What
the student does as the record did is not trained on, and can be lost again: a round's share of differing states shows it. Where
none differs there is nothing left to prefer, and the rounds end.

Each round lies in a folder of its own, `round-N/adapter` and `round-N/tuning.json`; one that is there is not done again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.agents.small import PAGE_BUDGET, read_action
from symbiotic_gym.protocols import LanguageModel, Sampling
from symbiotic_gym.store import read_json, write_json
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.preference_tuning import PreferenceConfig, PreferenceResult, tune_on_pairs
from symbiotic_gym.trainers.preferences import self_play_pairs

__all__ = ["SelfPlayResult", "own_actions", "self_play"]

PLAYED = Sampling(temperature=1.0, max_tokens=48)
"""How the student answers: drawn, as the paper's opponent is, not its likeliest answer."""


@dataclass(frozen=True, kw_only=True)
class SelfPlayResult:
    """What came of the rounds."""

    adapter: Path
    """Of the last round; the one to begin with where the student answered as the record does at once."""
    differing: tuple[float, ...]
    """Share of the states, in [0, 1], in which the student acted otherwise than the record, at the start of each round; a last
    one of 0 is what ended them."""
    rounds: tuple[PreferenceResult, ...]


def self_play(
    config: PreferenceConfig,
    examples: Sequence[Example],
    out: Path,
    *,
    base_model: str | Path,
    adapter: Path,
    rounds: int = 2,
    sampling: Sampling = PLAYED,
    device: str = "auto",
    on_round: Callable[[int, int], None] = lambda number, pairs: None,
) -> SelfPlayResult:
    """Tune an adapter against its own answers.

    Args:
        config: of each round's tuning.
        examples: recorded steps, from `examples_from`.
        out: a folder.
        base_model: a Hugging Face folder or hub id.
        adapter: the student's, to begin with; left as it is.
        rounds: at most so many.
        sampling: how the student answers.
        device: `auto`, or a torch device.
        on_round: called before each round with its number, from 1 on, and how many pairs there are.

    Raises:
        ConfigError: there are pairs, none of which fits into `config.max_tokens`.
        UnknownNameError: there is no such model or adapter.
    """
    student = LocalModel(base_model, adapter=adapter, device=device)
    differing, results = list[float](), list[PreferenceResult]()
    for number in range(1, rounds + 1):
        folder = out / f"round-{number}"
        if (folder / "adapter").exists():
            differing.append(read_json(folder / "differing.json")["share"])
            results.append(PreferenceResult(**read_json(folder / "tuning.json")))
        else:
            student.set_adapter(adapter)
            pairs = self_play_pairs(
                examples, lambda asked: own_actions(student, asked, sampling, page_budget=config.page_budget)
            )
            differing.append(len(pairs) / max(1, len(examples)))
            if not pairs:
                break
            on_round(number, len(pairs))
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / "differing.json", {"share": differing[-1]})
            results.append(tune_on_pairs(config, pairs, folder, base_model=base_model, adapter=adapter, device=device))
        adapter = folder / "adapter"
    return SelfPlayResult(adapter=adapter, differing=tuple(differing), rounds=tuple(results))


def own_actions(
    model: LanguageModel, examples: Sequence[Example], sampling: Sampling, *, page_budget: int = PAGE_BUDGET
) -> list[str]:
    """What a model does in the states of recorded steps, asked as the small agent asks it."""
    prompts = [example.messages("action", page_budget=page_budget) for example in examples]
    return [read_action(answer.text) for answer in model.generate(prompts, sampling)]
