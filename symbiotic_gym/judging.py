"""Asking a judge: the questions that some tasks' evaluators have for a language model, put to the one the user chose.

The judge is a `LanguageModel`: an endpoint, a local model, or a scripted one. It is asked in the environment's own process, so
one local model can serve all environments.
"""

from collections.abc import Sequence

from symbiotic_gym.errors import JudgeError, SymbioticError, explain
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
        JudgeError: there is no judge, it did not answer everything, or what it raised or returned is no answer.
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
    try:
        completions = judge.generate(questions, _SAMPLING)
        answers = [completion.text for completion in completions]
    except SymbioticError:
        raise
    except Exception as error:  # whatever a judge of the user's own does: an episode is not lost to it, but invalid
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise _no_answer(judge, f"failed with {said[:200]}") from error
    if wrong := [answer for answer in answers if not isinstance(answer, str)]:
        raise _no_answer(judge, f"gave {wrong[0]!r:.100} as the text of an answer")
    if len(answers) != len(questions):
        raise _no_answer(judge, f"gave {len(answers)} answers to {len(questions)} questions")
    return answers


def _no_answer(judge: LanguageModel, what: str) -> JudgeError:
    return JudgeError(
        explain(
            f"the judge {getattr(judge, 'name', type(judge).__name__)} {what}",
            "a list with one Completion a question, whose text is the judge's verdict in words",
            "a verdict that nobody gave counts neither as success nor as failure: the episode is invalid",
            "see symbiotic_gym.protocols.LanguageModel; symbiotic_gym.agents has models that keep to it",
        )
    )
