"""What WebArena's string evaluator says of many answers to each of its 335 string-matched tasks.

`python tests/webarena_words.py WAY...` prints a JSON object: way -> task -> one bit per answer, set where it is accepted, as a
hexadecimal number. The ways of finding words: `trained` (nltk with its download, as which `webarena_words.json` was recorded),
`untrained` (without it), `spaces` (a wrong one). The evaluator is libwebarena's; a judge always agrees.
"""

import json
import os
import sys
import tempfile
from functools import partial
from importlib import resources
from typing import Any

PHRASES = (
    "{}",
    "{}.",
    "the answer is {}",
    "The answer is {}.",
    "{}. Thanks",
    "the answer is {}. it took a while.",
    "There are {} of them. They are listed above.",
    "answer: {}",
    "({})",
    "{}!",
    "{}? yes.",
    "${}",
    "{}, as asked",
    "no. {}",
    "the number is {}; done",
    "it is\n{}\n",
    "{}.0",
    "1{}",
    "{}%",
    "Mr. Smith has {}. He likes it.",
    "{} e.g. five",
    "total: {}. i checked.",
    "found {}... maybe",
    "- {}\n- 7.",
    "'{}'",
    "#{}",
    "{}/10",
    "not {}-ish",
)
DIGITS = "0123456789"


def verdicts(way: str) -> dict[str, str]:
    """One bit per answer: each phrase around the task's own answer, then around each digit."""
    sites = ("SHOPPING", "SHOPPING_ADMIN", "REDDIT", "GITLAB", "WIKIPEDIA", "MAP", "HOMEPAGE")
    os.environ |= dict.fromkeys(sites, "http://127.0.0.1:9")
    from webarena.evaluation_harness import evaluators, helper_functions

    from symbiotic_gym.suites import tokenizer

    evaluators.word_tokenize = str.split
    if way != "spaces":
        sentences = tokenizer.trained_sentences() if way == "trained" else tokenizer.untrained_sentences()
        evaluators.word_tokenize = partial(tokenizer.word_tokenize, sentences=sentences)
    helper_functions.generate_from_openai_chat_completion = lambda messages, **settings: "correct, and the same"
    tasks = json.loads(resources.files("webarena").joinpath("test.raw.json").read_text(encoding="utf-8"))
    return {str(task["task_id"]): _of(evaluators.StringEvaluator(), task) for task in tasks if _is_string_matched(task)}


def _is_string_matched(task: dict[str, Any]) -> bool:
    return "string_match" in task["eval"]["eval_types"]


def _of(evaluator: Any, task: dict[str, Any]) -> str:
    references = task["eval"]["reference_answers"].values()
    own = " ".join(" ".join(value) if isinstance(value, list) else value for value in references)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(task, file)
        file.flush()
        answers = [phrase.format(value) for phrase in PHRASES for value in (own, *DIGITS)]
        scores = [evaluator(trajectory=[{}, {"answer": answer}], config_file=file.name) for answer in answers]
    return f"{int(''.join(str(int(score)) for score in scores), 2):0{len(answers) // 4}x}"


if __name__ == "__main__":
    json.dump({way: verdicts(way) for way in sys.argv[1:]}, sys.stdout)
