"""Judges: whether an episode reached its goal, where no environment says so.

One protocol (`symbiotic_gym.protocols.Judge`). A verdict is only ever read from the place where it was asked for; an answer
without one is a `JudgeError`, never a failure of the policy. How far each can be trusted is measured, not assumed:
`python -m symbiotic_gym.benchmarks.judges`. Those that ask several models are in `judge_panels.py`.
"""

import re
from collections.abc import Iterable, Sequence

from symbiotic_gym.agents.prompt_files import load_prompt
from symbiotic_gym.agents.transcripts import PAGE_TOKENS, last_page, transcript
from symbiotic_gym.errors import JudgeError, explain
from symbiotic_gym.knowledge import StateValues
from symbiotic_gym.protocols import Completion, LanguageModel, Message, Sampling, Verdict
from symbiotic_gym.types import Trajectory, Usage

__all__ = ["RewardJudge", "RubricJudge", "ScoreJudge", "StateValueJudge", "StatusJudge", "ask", "read_verdict"]

SAMPLING = Sampling(max_tokens=200)
_TAG = re.compile(r"<verdict>\s*(.*?)\s*(?:</verdict>|\Z)", re.S | re.I)
_GRADES = "ABCDE"


class RewardJudge:
    """The environment's own reward, as a judge."""

    name = "reward"

    def judge(self, trajectory: Trajectory) -> Verdict:
        """Success as it is on record.

        Raises:
            JudgeError: the episode is invalid: it says nothing about the policy.
        """
        if not trajectory.outcome.scored:
            raise JudgeError(
                explain(
                    f"the episode of {trajectory.task} with seed {trajectory.seed} is {trajectory.outcome}",
                    "an episode that the infrastructure did not spoil",
                    "it would count as a failure of the policy",
                    "play it again",
                )
            )
        return Verdict(success=trajectory.success, score=float(trajectory.success), reason=str(trajectory.outcome))


class StatusJudge:
    """One grade from A (reached) to E (wrong), as AgentSymbiotic's tree search scores states (arXiv 2502.07942, its code).

    Only A is success; the score goes from 1 for A to 0 for E.
    """

    def __init__(self, model: LanguageModel, *, page_tokens: int = PAGE_TOKENS) -> None:
        self.name = f"status({model.name})"
        self._model, self._page_tokens = model, page_tokens
        self._prompt = load_prompt("judge_status_v1")

    def judge(self, trajectory: Trajectory) -> Verdict:
        """The grade of an episode, or of the beginning of one."""
        episode = transcript(trajectory, page_tokens=self._page_tokens)
        (answer,) = ask(self._model, self._prompt["system"], [self._prompt["user"].format(episode=episode)])
        grade = read_verdict(answer, _GRADES)
        score = 1 - _GRADES.index(grade) / 4
        return Verdict(
            success=grade == "A", score=score, reason=before_verdict(answer), details={"grade": grade}, usage=answer.usage
        )


class RubricJudge:
    """Several questions, each answered yes or no; the score is the share of yes (RLAIF, arXiv 2406.20060).

    Args:
        model: who is asked, once per question.
        questions: such that yes speaks for success; by default those of the prompt file.
        threshold: the score from which on an episode counts as a success, in [0, 1].
        page_tokens: what the last page may take.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        questions: Sequence[str] | None = None,
        threshold: float = 1.0,
        page_tokens: int = PAGE_TOKENS,
    ) -> None:
        self.name = f"rubric({model.name})"
        self._model, self._threshold, self._page_tokens = model, threshold, page_tokens
        self._prompt = load_prompt("judge_rubric_v1")
        self.questions = tuple(questions or self._prompt["questions"].splitlines())

    def judge(self, trajectory: Trajectory) -> Verdict:
        """The share of questions answered yes."""
        episode = transcript(trajectory, page_tokens=self._page_tokens)
        users = [self._prompt["user"].format(episode=episode, question=question) for question in self.questions]
        answers = ask(self._model, self._prompt["system"], users)
        said = [read_verdict(answer, ("yes", "no")) for answer in answers]
        score = said.count("yes") / len(said)
        details = dict(zip(self.questions, said, strict=True))
        no = [question for question, answer in details.items() if answer == "no"]
        return Verdict(
            success=score >= self._threshold,
            score=score,
            reason="no: " + " ".join(no) if no else "",
            details=details,
            usage=total(answers),
        )


class ScoreJudge:
    """How sure one model is, from 0 to 10: a single reviewer, and the member of a panel.

    Args:
        model: who is asked.
        threshold: the score from which on an episode counts as a success, in [0, 1].
        page_tokens: what the last page may take.
    """

    def __init__(self, model: LanguageModel, *, threshold: float = 0.7, page_tokens: int = PAGE_TOKENS) -> None:
        self.name = f"score({model.name})"
        self._model, self._threshold, self._page_tokens = model, threshold, page_tokens
        self._prompt = load_prompt("judge_score_v1")

    def judge(self, trajectory: Trajectory) -> Verdict:
        """The score of an episode."""
        return self._verdict(self._prompt["user"].format(episode=self._told(trajectory)))

    def adjudicate(self, trajectory: Trajectory, reviews: str) -> Verdict:
        """The score of an episode on which others do not agree, in view of what they said."""
        return self._verdict(self._prompt["adjudicate"].format(episode=self._told(trajectory), reviews=reviews))

    def _told(self, trajectory: Trajectory) -> str:
        return transcript(trajectory, page_tokens=self._page_tokens)

    def _verdict(self, user: str) -> Verdict:
        (answer,) = ask(self._model, self._prompt["system"], [user])
        score = int(read_verdict(answer, [str(i) for i in range(11)])) / 10
        return Verdict(success=score >= self._threshold, score=score, reason=before_verdict(answer), usage=answer.usage)


class StateValueJudge:
    """No model: how episodes ended that came to the same last state (`symbiotic_gym.knowledge.StateValues`).

    Args:
        values: what is known of states, from other episodes than those to be judged.
        least: how many episodes have to have seen the state for a verdict.
    """

    name = "state value"

    def __init__(self, values: StateValues, *, least: int = 1) -> None:
        self._values, self._least = values, least

    def judge(self, trajectory: Trajectory) -> Verdict:
        """The value of the last state.

        Raises:
            JudgeError: too few episodes came to it, or as many succeeded as failed.
        """
        known = self._values[trajectory.goal, last_page(trajectory)]
        if known.episodes < self._least or known.value == 0.5:
            raise JudgeError(
                explain(
                    f"{known.episodes} episodes on record came to the last page of {trajectory.task}, seed {trajectory.seed}",
                    f"at least {self._least}, of which not just as many failed as succeeded",
                    "a state that nothing is known of is neither a success nor a failure",
                    "add more episodes to the values, or ask a model",
                )
            )
        details = {"episodes": known.episodes, "success_rate": known.success_rate}
        return Verdict(success=known.value > 0.5, score=known.value, details=details)


def ask(model: LanguageModel, system: str, users: Sequence[str], sampling: Sampling = SAMPLING) -> list[Completion]:
    """The answers of a model to several prompts under one instruction."""
    prompts: list[list[Message]] = [
        [{"role": "system", "content": system}, {"role": "user", "content": user}] for user in users
    ]
    return model.generate(prompts, sampling)


def read_verdict(answer: Completion, allowed: Iterable[str]) -> str:
    """The verdict in an answer: what its last `<verdict>` holds, or a last line that is nothing but one.

    Raises:
        JudgeError: there is none, or not one of `allowed`.
    """
    allowed = list(allowed)
    tags = _TAG.findall(answer.text)
    lines = answer.text.strip().splitlines()
    said = tags[-1] if tags else re.sub(r"^verdict\s*:", "", lines[-1] if lines else "", flags=re.I)
    plain = said.strip(" \t\n.*[]()\"'`").casefold()
    for value in allowed:
        if value.casefold() == plain:
            return value
    raise JudgeError(
        explain(
            f"a judge answered {answer.text[-200:]!r}",
            f"<verdict>…</verdict> with one of {', '.join(allowed)}",
            "an answer that cannot be read is no verdict, and taken for one it would be scored",
            "take a model that follows instructions as the judge, or give it more tokens",
        )
    )


def before_verdict(answer: Completion) -> str:
    """What a judge wrote before its verdict, on one line."""
    return " ".join(re.split(r"<verdict>", answer.text, flags=re.I)[0].split())[:500]


def total(answers: Iterable[Completion]) -> Usage:
    """What several answers cost together."""
    return sum((answer.usage for answer in answers), Usage())
