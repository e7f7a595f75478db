"""WebArena's official evaluators, asked once, at the end, and kept from turning what is nobody's failure into a 0.

Runs in the worker process, where browsergym-webarena and libwebarena are. Four things are changed around them, none inside:

- `validate` says after each step whether the policy has stopped; the verdict is `conclude`'s, asked for once.
- The judge they name is a model that is no longer served. Their questions to it are collected, wording included, and answered
  by the judge of the environment; a verdict that another rule has settled asks nobody.
- Where they ask nltk for words, its data is fetched or done without (`tokenizer.py`).
- A site that breaks while they look at it makes the episode invalid.

`eval` of theirs gets the page's address as text between quotes, so an address is given to them without quotes in it.
"""

import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

from playwright.sync_api import Error as PlaywrightError

from symbiotic_gym.errors import InfrastructureError, JudgeError, SiteError, explain
from symbiotic_gym.suites.tokenizer import word_tokenize
from symbiotic_gym.suites.wrapping import WrappedTask, has_reported

__all__ = ["OfficialTask"]

Chat = list[dict[str, str]]

_BOTH_AGREE = "correct, and the same"
"""Read as a yes by both of the questions that the evaluators put."""
_USABLE = re.compile(r"correct|same|different")
_ASKING = ("webarena.evaluation_harness.helper_functions", "browsergym.webarenalite.helper_functions")
_TOKENIZING = ("webarena.evaluation_harness.evaluators", "browsergym.webarenalite.evaluators")


class OfficialTask(WrappedTask):
    """A task of browsergym-webarena or browsergym-webarenalite; see `symbiotic_gym.suites.JudgedAtTheEnd`."""

    def validate(self, page: Any, chat: list[dict[str, Any]]) -> tuple[float, bool, str, dict[str, Any]]:
        """Whether the policy has stopped or left the sites; BrowserGym's own check, without its evaluator."""
        with patch.object(self.inner, "evaluator", lambda **arguments: 0.0):
            _, done, message, info = self.inner.validate(page, chat)
        return 0.0, bool(done), message, info

    def conclude(self, page: Any, chat: list[dict[str, Any]]) -> tuple[float, list[Chat]]:
        questions: list[Chat] = []
        if not has_reported(chat) and "string_match" in self.inner.config["eval"]["eval_types"]:
            return 0.0, []  # nothing was answered; BrowserGym has a judge read the word "whatever"

        def collect(messages: Chat) -> str:
            questions.append(messages)
            return _BOTH_AGREE

        best = self._score(page, chat, collect)
        return (best, questions) if best > 0 else (0.0, [])

    def settle(self, page: Any, chat: list[dict[str, Any]], answers: list[str]) -> float:
        for answer in answers:
            if not _USABLE.search(answer.lower()):
                raise JudgeError(
                    explain(
                        f"the judge answered {answer[:200]!r}",
                        "a text that has correct, incorrect, partially correct, same or different in it, as it was asked for",
                        "an answer that nobody gave would be scored as a failure",
                        "take a model that follows instructions as the judge",
                    )
                )
        left = iter(answers)
        return self._score(page, chat, lambda messages: next(left))

    def _score(self, page: Any, chat: list[dict[str, Any]], answer: Callable[[Chat], str]) -> float:
        original = self.inner.evaluator

        def evaluate(**arguments: Any) -> float:
            try:
                return float(original(**arguments))
            except Exception as error:
                raise _whose_fault(error) from error

        with _patched(answer), patch.object(self.inner, "evaluator", evaluate):
            score, *_ = self.inner.validate(_without_quotes(page), chat)
        return float(score)


@contextmanager
def _patched(answer: Callable[[Chat], str]) -> Iterator[None]:
    """Have the evaluators that are loaded ask `answer` instead of their model, and take words from our tokenizer."""

    def generate(messages: Chat, **settings: Any) -> str:
        return answer(messages)

    changes: list[Any] = [patch.object(module, "generate_from_openai_chat_completion", generate) for module in _loaded(_ASKING)]
    changes += [patch.object(module, "word_tokenize", word_tokenize) for module in _loaded(_TOKENIZING)]
    for change in changes:
        change.start()
    try:
        yield
    finally:
        for change in changes:
            change.stop()


def _loaded(names: tuple[str, ...]) -> list[Any]:
    return [sys.modules[name] for name in names if name in sys.modules]


def _without_quotes(page: Any) -> Any:
    if not set("'\"\\") & set(page.url):
        return page
    pseudo_page = import_module("webarena.evaluation_harness.helper_functions").PseudoPage
    return pseudo_page(page, page.url.replace("\\", "%5C").replace("'", "%27").replace('"', "%22"))


def _whose_fault(error: Exception) -> Exception:
    """What an evaluator's exception means: an assertion of its own is a plain no, anything else is the site's fault."""
    if isinstance(error, InfrastructureError):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    asks_the_shop = any(frame.name.startswith("shopping_") for frame in frames)
    if isinstance(error, AssertionError) and not asks_the_shop:
        return error
    said = str(error).splitlines()[0] if str(error) else ""
    where = "a page it opened" if isinstance(error, PlaywrightError) else frames[-1].name
    return SiteError(
        explain(
            f"the official evaluator could not look at the result: {type(error).__name__} in {where}: {said}",
            "sites that answer while an episode is judged",
            "BrowserGym would score this as a failure of the policy",
            "check the sites with `symbiotic-gym doctor`, then run the episode again",
        )
    )
