"""Asking a judge: the questions that some tasks' evaluators have for a language model, put to the one the user chose.

The judge is a `LanguageModel`: an endpoint, a local model, or a scripted one. It is asked in the environment's own process, so
one local model can serve all environments.
"""

from collections.abc import Sequence

from symbiotic_gym.errors import JudgeError, explain
from symbiotic_gym.protocols import LanguageModel, Message, Sampling

__all__ = ["ask_judge"]

_SAMPLING = Sampling(temperature=0.0, max_tokens=768)
"""As WebArena asks its own judge."""


def ask_judge(judge: LanguageModel | None, questions: Sequence[Sequence[Message]]) -> list[str]:
    """The judge's answers, in order.

    Args:
        judge: None where there is none.
        questions: chats that end with the user's message.

    Raises:
        JudgeError: there is no judge, or it did not answer everything.
        ModelError: its endpoint failed for good.
    """
    if judge is None:
        raise JudgeError(
            explain(
                "this episode's answer has to be compared by meaning, and the environment has no judge",
                "judge=MODEL when the environment is made",
                "a verdict that nobody gave counts neither as success nor as failure: the episode is invalid",
                "pass any LanguageModel, for instance OpenAIModel.from_spec('openai:MODEL'), or choose tasks without "
                "fuzzy_match: `symbiotic-gym tasks --evaluator …`, or the suite webarena_verified, which needs no judge",
            )
        )
    answers = [completion.text for completion in judge.generate(questions, _SAMPLING)]
    if len(answers) != len(questions):
        raise JudgeError(f"the judge {judge.name} gave {len(answers)} answers to {len(questions)} questions")
    return answers
