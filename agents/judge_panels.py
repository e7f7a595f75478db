"""Judges of several models: a panel of small ones with an adjudicator, and a debate.

A panel asks every reviewer alone, and a further model only where they differ: most episodes cost small models only, and every
verdict says who was of which opinion. In a debate everybody reads the others and votes again. A reviewer whose answer cannot be
read has no opinion; a panel then turns to the adjudicator, a debate goes on without that vote.

A panel is also a `LanguageModel`, for the questions that some tasks' own evaluators put: `gym.make(..., judge=Panel(...))`.
"""

import re
from collections.abc import Sequence
from statistics import fmean, pstdev

from symbiotic_gym.agents.judges import ScoreJudge, ask, before_verdict, read_verdict, total
from symbiotic_gym.agents.prompt_files import fenced, load_prompt
from symbiotic_gym.agents.transcripts import PAGE_TOKENS, transcript
from symbiotic_gym.errors import ConfigError, JudgeError, explain
from symbiotic_gym.protocols import Completion, LanguageModel, Message, Sampling, Verdict
from symbiotic_gym.types import Trajectory, Usage

__all__ = ["DebateJudge", "Panel"]

_WORDS = re.compile(r"partially correct|incorrect|correct|same|different")
"""What the official evaluators read out of an answer; the longer before what it contains."""


class Panel:
    """Reviewers who score alone, and an adjudicator who decides where they differ (GRA, arXiv 2504.12322).

    Args:
        reviewers: two or more models.
        adjudicator: who is asked when they differ; usually a larger one.
        spread: the largest standard deviation of their scores, in [0, 0.5], at which they still agree.
        threshold: the mean score from which on an episode counts as a success, in [0, 1].
        page_tokens: what the last page may take.

    Raises:
        ConfigError: fewer than two reviewers.
    """

    def __init__(
        self,
        reviewers: Sequence[LanguageModel],
        adjudicator: LanguageModel,
        *,
        spread: float = 0.15,
        threshold: float = 0.7,
        page_tokens: int = PAGE_TOKENS,
    ) -> None:
        _check_several(reviewers)
        self.name = f"panel({', '.join(model.name for model in reviewers)}; {adjudicator.name})"
        self._models, self._adjudicating = tuple(reviewers), adjudicator
        self._reviewers = [ScoreJudge(model, threshold=threshold, page_tokens=page_tokens) for model in reviewers]
        self._adjudicator = ScoreJudge(adjudicator, threshold=threshold, page_tokens=page_tokens)
        self._spread, self._threshold = spread, threshold

    def judge(self, trajectory: Trajectory) -> Verdict:
        """The mean of the reviewers where they agree, else the adjudicator's verdict."""
        reviews, scores = [], []
        usage = Usage()
        for reviewer in self._reviewers:
            try:
                verdict = reviewer.judge(trajectory)
            except JudgeError:
                reviews.append("(no score)")
                continue
            usage += verdict.usage
            scores.append(verdict.score)
            reviews.append(f"{verdict.score:.1f}: {fenced(verdict.reason)}")
        details = {"scores": scores, "unread": len(reviews) - len(scores), "adjudicated": False}
        same_side = len({score >= self._threshold for score in scores}) == 1
        if len(scores) == len(self._reviewers) and same_side and pstdev(scores) <= self._spread:
            mean = fmean(scores)
            return Verdict(success=mean >= self._threshold, score=mean, reason=reviews[0], details=details, usage=usage)
        decided = self._adjudicator.adjudicate(trajectory, "\n".join(f"- {review}" for review in reviews))
        return Verdict(
            success=decided.success,
            score=decided.score,
            reason=decided.reason,
            details=details | {"adjudicated": True},
            usage=usage + decided.usage,
        )

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seeds: Sequence[int] | None = None
    ) -> list[Completion]:
        """Answer an evaluator's questions (`symbiotic_gym.judging`): as all reviewers do, or as the adjudicator decides.

        An answer that cannot be read makes the reviewers differ; the adjudicator's goes back as it is, and `settle` refuses it
        where it cannot be read either.
        """
        asked = [model.generate(prompts, sampling, seeds) for model in self._models]
        answers: list[Completion] = []
        for number, prompt in enumerate(prompts):
            given = [completions[number] for completions in asked]
            words = {_word(completion) for completion in given}
            if len(words) == 1 and "" not in words:
                answers.append(Completion(text=given[0].text, usage=total(given)))
                continue
            reviews = "\n".join(f"- {fenced(' '.join(completion.text.split()))[:500]}" for completion in given)
            text = load_prompt("judge_question_v1")["adjudicate"].format(reviews=reviews)
            last = {"role": "user", "content": f"{prompt[-1]['content']}\n\n{text}"}
            seed = None if seeds is None else [seeds[number]]
            (decided,) = self._adjudicating.generate([[*prompt[:-1], last]], sampling, seed)
            answers.append(Completion(text=decided.text, usage=total([*given, decided]), finish=decided.finish))
        return answers


class DebateJudge:
    """Models that vote, read each other, and vote again; the majority of the last round decides.

    The score is the share of votes for success.

    Args:
        debaters: two or more models; an odd number always comes to a verdict when all can be read.
        rounds: how often they vote; they stop as soon as all agree.
        page_tokens: what the last page may take.

    Raises:
        ConfigError: fewer than two debaters, or no round.
    """

    def __init__(self, debaters: Sequence[LanguageModel], *, rounds: int = 2, page_tokens: int = PAGE_TOKENS) -> None:
        _check_several(debaters)
        if rounds < 1:
            raise ConfigError(explain(f"rounds = {rounds}", "1 or more", "nobody would vote", "pass rounds=2"))
        self.name = f"debate({', '.join(model.name for model in debaters)})"
        self._debaters, self._rounds, self._page_tokens = tuple(debaters), rounds, page_tokens
        self._prompt = load_prompt("judge_debate_v1")

    def judge(self, trajectory: Trajectory) -> Verdict:
        """The majority's verdict.

        Raises:
            JudgeError: as many are for success as against it, or nobody's vote can be read.
        """
        episode = transcript(trajectory, page_tokens=self._page_tokens)
        user = self._prompt["user"].format(episode=episode)
        history: list[list[str]] = []
        usage = Usage()
        for _ in range(self._rounds):
            answers = [answer for model in self._debaters for answer in ask(model, self._prompt["system"], [user])]
            usage += total(answers)
            history.append([_vote(answer) for answer in answers])
            if len(set(history[-1])) == 1:
                break
            said = "\n".join(
                f"- {vote or 'no vote'}: {fenced(before_verdict(a))}" for vote, a in zip(history[-1], answers, strict=True)
            )
            user = self._prompt["again"].format(episode=episode, reviews=said)
        won, lost = history[-1].count("success"), history[-1].count("failure")
        if won == lost:
            raise JudgeError(
                explain(
                    f"the debate ended with {won} votes for success and {lost} for failure",
                    "a majority",
                    "a verdict that has none would be a coin's",
                    "take an odd number of debaters that follow instructions",
                )
            )
        reason = next(before_verdict(a) for a in answers if _vote(a) == ("success" if won > lost else "failure"))
        return Verdict(success=won > lost, score=won / (won + lost), reason=reason, details={"votes": history}, usage=usage)


def _vote(answer: Completion) -> str:
    try:
        return read_verdict(answer, ("success", "failure"))
    except JudgeError:
        return ""


def _word(answer: Completion) -> str:
    """What an evaluator would read out of an answer; empty where it could not."""
    found = _WORDS.findall(answer.text.lower())
    for strongest in ("partially correct", "incorrect", "different", "correct", "same"):  # in the evaluators' order
        if strongest in found:
            return "incorrect" if strongest == "partially correct" else strongest
    return ""


def _check_several(models: Sequence[LanguageModel]) -> None:
    if len(models) < 2:
        raise ConfigError(
            explain(
                f"{len(models)} model{'s' * (len(models) != 1)} for several opinions",
                "two or more",
                "one alone always agrees with itself",
                "add a model, or take ScoreJudge or StatusJudge, which ask one",
            )
        )
