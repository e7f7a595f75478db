"""What speculative synthesis leaves behind beside examples: preference pairs, the acceptance rate, the teacher's price."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from symbiotic_gym.actions import is_action
from symbiotic_gym.agents.small import PAGE_BUDGET, extend_history, prompt_messages
from symbiotic_gym.protocols import Message
from symbiotic_gym.stats import Interval, wilson
from symbiotic_gym.types import Candidate, Step, Trajectory, Usage

__all__ = ["PreferencePair", "TeacherCost", "acceptance_rate", "preference_pairs", "priced", "teacher_cost"]


@dataclass(frozen=True, kw_only=True)
class PreferencePair:
    """One state with the action that replaced a proposal, and the proposal."""

    task: str
    seed: int
    goal: str
    observation: Mapping[str, str]
    history: tuple[str, ...] = ()
    chosen: Candidate
    rejected: Candidate

    def messages(self, *, page_budget: int = PAGE_BUDGET) -> list[Message]:
        """The prompt that both answer: the small agent's own."""
        return prompt_messages(self.goal, self.observation, self.history, "action", page_budget=page_budget)


def preference_pairs(trajectories: Iterable[Trajectory]) -> list[PreferencePair]:
    """Every rejected proposal beside what replaced it.

    Left out are invalid episodes, and steps whose replacement the environment refused: neither shows the teacher to be right.
    """
    found = []
    for trajectory in trajectories:
        history: tuple[str, ...] = ()
        for step in trajectory.steps:
            history = extend_history(history, step.observation)
            verdict = step.decision.acceptance
            if trajectory.outcome.scored and verdict is not None and not verdict.accepted and not step.error:
                pair = PreferencePair(
                    task=trajectory.task,
                    seed=trajectory.seed,
                    goal=trajectory.goal,
                    observation=step.observation,
                    history=history,
                    chosen=Candidate(action=step.decision.action, reason=step.decision.reason),
                    rejected=verdict.proposal,
                )
                found.append(pair)
    return found


def acceptance_rate(trajectories: Iterable[Trajectory]) -> Interval:
    """The share of verified proposals that stood, in [0, 1], over all steps of all valid episodes.

    The interval takes steps for independent, which steps of one episode are not quite: read it as a lower bound of the doubt.
    """
    verdicts = [acceptance.accepted for step in _valid(trajectories) if (acceptance := step.decision.acceptance) is not None]
    return wilson(sum(verdicts), len(verdicts))


@dataclass(frozen=True, kw_only=True)
class TeacherCost:
    """What the teacher was asked for, over some episodes."""

    steps: int
    """Steps with a well-formed action that the teacher vouches for: a proposal that stood, a replacement, or its own."""
    accepted: int
    """Those of them whose proposal stood."""
    requests: int
    prompt_tokens: int
    completion_tokens: int

    @property
    def requests_per_step(self) -> float:
        """Teacher calls for each verified step; 0 without one."""
        return self.requests / self.steps if self.steps else 0.0

    @property
    def tokens_per_step(self) -> float:
        """Teacher tokens, read and written, for each verified step; 0 without one."""
        return (self.prompt_tokens + self.completion_tokens) / self.steps if self.steps else 0.0

    @property
    def tokens_per_accepted(self) -> float:
        """Teacher tokens, read and written, for each proposal that stood; infinite without one."""
        return (self.prompt_tokens + self.completion_tokens) / self.accepted if self.accepted else inf

    @property
    def written_per_step(self) -> float:
        """Teacher tokens written for each verified step, which cost most; 0 without one."""
        return self.completion_tokens / self.steps if self.steps else 0.0


def teacher_cost(trajectories: Iterable[Trajectory]) -> TeacherCost:
    """Add up what verification cost, whatever the verifier; a plain teacher's rollouts are read as verified by themselves."""
    steps = _valid(trajectories)
    spent = [step.decision.extra.get("teacher_usage", priced(step.decision.usage)) for step in steps]
    vouched = [s.decision for s in steps if "unverified" not in s.decision.extra and is_action(s.decision.action)]
    return TeacherCost(
        steps=len(vouched),
        accepted=sum(decision.acceptance is not None and decision.acceptance.accepted for decision in vouched),
        requests=sum(usage["requests"] for usage in spent),
        prompt_tokens=sum(usage["prompt_tokens"] for usage in spent),
        completion_tokens=sum(usage["completion_tokens"] for usage in spent),
    )


def priced(usage: Usage) -> Mapping[str, int]:
    """What of a usage a teacher is paid for, as `Decision.extra["teacher_usage"]` keeps it."""
    return {
        "requests": usage.requests,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
    }


def _valid(trajectories: Iterable[Trajectory]) -> Sequence[Step]:
    return [step for trajectory in trajectories if trajectory.outcome.scored for step in trajectory.steps]
