"""Retrieval with a language model's help: whether to ask the memory at all, and which of what was found to show.

Both are `Searchable`, around a knowledge base or around each other, so that any agent that takes one takes them. What such a
model answers is advice and no verdict: where it cannot be read, nothing is held back, and it is counted.
"""

import re
from collections.abc import Sequence

from symbiotic_gym.agents.judges import read_verdict
from symbiotic_gym.agents.prompt_files import fenced, load_prompt
from symbiotic_gym.agents.token_budget import cut_page
from symbiotic_gym.errors import JudgeError
from symbiotic_gym.knowledge import Exclusion, Retrieved, Searchable
from symbiotic_gym.protocols import Completion, LanguageModel, Sampling

__all__ = ["AskedFirst", "UsefulOnly"]

_SAMPLING = Sampling(max_tokens=64)


class AskedFirst:
    """The memory is searched only for goals that a model says it helps with; it is asked once a goal.

    Attributes:
        unread: how many answers could not be read; the memory was searched.
    """

    def __init__(self, inner: Searchable, model: LanguageModel) -> None:
        self._inner, self._model = inner, model
        self._said: dict[str, bool] = {}
        self.unread = 0

    def search(
        self, goal: str, page: str, *, exclude: Exclusion, k_goal: int = 1, k_page: int = 2, budget_chars: int = 3000
    ) -> list[Retrieved]:
        """As `KnowledgeBase.search`; nothing for a goal that says all there is to do."""
        if goal not in self._said:
            answer = _ask(self._model, load_prompt("retrieval_v1")["gate"].format(goal=fenced(goal)))
            try:
                self._said[goal] = read_verdict(answer, ("yes", "no")) == "yes"
            except JudgeError:
                self._said[goal] = True
                self.unread += 1
        if not self._said[goal]:
            return []
        return self._inner.search(goal, page, exclude=exclude, k_goal=k_goal, k_page=k_page, budget_chars=budget_chars)


class UsefulOnly:
    """Of what was found, only what a model says would help is kept, which may be nothing.

    Args:
        inner: where to look.
        model: who is asked, once per search that found something.
        page_tokens: what the page that it is shown may take.

    Attributes:
        unread: how many answers could not be read; all that was found was kept.
    """

    def __init__(self, inner: Searchable, model: LanguageModel, *, page_tokens: int = 1000) -> None:
        self._inner, self._model, self._page_tokens = inner, model, page_tokens
        self.unread = 0

    def search(
        self, goal: str, page: str, *, exclude: Exclusion, k_goal: int = 1, k_page: int = 2, budget_chars: int = 3000
    ) -> list[Retrieved]:
        """As `KnowledgeBase.search`, less what would not help."""
        found = self._inner.search(goal, page, exclude=exclude, k_goal=k_goal, k_page=k_page, budget_chars=budget_chars)
        if not found:
            return []
        shown = "\n\n".join(
            f"{number}. Goal: {fenced(r.entry.goal)}\n{fenced(r.page)}\nDone: {fenced(r.entry.action)}"
            for number, r in enumerate(found, 1)
        )
        prompt = load_prompt("retrieval_v1")["useful"]
        answer = _ask(
            self._model,
            prompt.format(goal=fenced(goal), page=fenced(cut_page(page, goal, self._page_tokens)), examples=shown),
        )
        kept = _numbers(answer, len(found))
        if kept is None:
            self.unread += 1
            return found
        return [r for number, r in enumerate(found, 1) if number in kept]


def _ask(model: LanguageModel, text: str) -> Completion:
    (answer,) = model.generate([[{"role": "user", "content": text}]], _SAMPLING)
    return answer


def _numbers(answer: Completion, most: int) -> Sequence[int] | None:
    """The numbers of a verdict such as `1, 3` or `none`; None when it is neither."""
    said = re.findall(r"<verdict>\s*(.*?)\s*(?:</verdict>|\Z)", answer.text, re.S | re.I)
    if not said or not re.fullmatch(r"none|\d+(?:\s*,\s*\d+)*", said[-1].strip(), re.I):
        return None
    numbers = [int(number) for number in re.findall(r"\d+", said[-1])]
    return numbers if all(1 <= number <= most for number in numbers) else None
