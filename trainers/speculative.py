"""Speculative data synthesis: the student proposes, the teacher verifies, what was verified is executed.

Per step the student's proposal is compared with the actions the teacher calls good. If it is one of them by canonical equality,
the student's own text is kept; else the teacher's first candidate replaces it. Either way a good action is executed in a state
the student tends to reach, and that is what to train on. Candidates the teacher gave before for an equal state are looked up
first, because they are free. Every rejection is a preference pair, and the acceptance rate says when there is nothing left to
learn from this teacher.

The procedure is that of AgentSymbiotic (arXiv 2502.07942); ids are resolved on the page each action was chosen on.
"""

import hashlib
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from symbiotic_gym.actions import compare, parse
from symbiotic_gym.errors import ActionError
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.policies import Observer, act_all, agent_name, as_agent
from symbiotic_gym.protocols import BatchAgent
from symbiotic_gym.stats import Interval, wilson
from symbiotic_gym.types import Acceptance, Candidate, Decision, Observation, Trajectory

__all__ = [
    "CandidateCache",
    "CandidateList",
    "PreferencePair",
    "SpeculativeAgent",
    "Verdict",
    "Verifier",
    "acceptance_rate",
    "preference_pairs",
    "state_key",
]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a proposal stands, by which rule, and which candidate it matched."""

    accepted: bool
    why: str
    matched: Candidate | None = None


class Verifier(Protocol):
    """Decides whether the student's proposal may be executed."""

    name: str

    def verify(self, proposal: Candidate, candidates: Sequence[Candidate], page: str) -> Verdict:
        """Judge `proposal` against the teacher's candidates, all chosen on `page`."""
        ...


class CandidateList:
    """The paper's rule: a proposal stands if it is canonically one of the teacher's candidates."""

    name = "candidate-list"

    def verify(self, proposal: Candidate, candidates: Sequence[Candidate], page: str) -> Verdict:
        """Compare with each candidate in turn; the first that is equal decides."""
        why = "the teacher gave no candidates"
        for rank, candidate in enumerate(candidates, start=1):
            match = compare(proposal.action, page, candidate.action, page)
            if match:
                return Verdict(accepted=True, why=f"candidate {rank}: {match.why}", matched=candidate)
            why = why if rank > 1 else f"not candidate 1: {match.why}"
        more = f", nor {len(candidates) - 1} more" if len(candidates) > 1 else ""
        return Verdict(accepted=False, why=why + more)


@dataclass(frozen=True, kw_only=True)
class _Recorded:
    """One line of the cache's file."""

    state: str
    candidates: tuple[Candidate, ...]


class CandidateCache:
    """What a teacher answered, by state: the same teacher, the same goal and the same page text.

    Args:
        path: a JSON lines file to keep them in; None: in memory. Start a new one when the teacher has become better.

    Attributes:
        hits: how many lookups found something.
        misses: how many did not.

    Raises:
        StoreError: a line of the file is damaged.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.hits = 0
        self.misses = 0
        self._file = JsonLines(path)
        self._lock = threading.Lock()
        self._known = {row.state: row.candidates for row in self._file.records(_Recorded)}

    def __len__(self) -> int:
        return len(self._known)

    def get(self, teacher: str, observation: Observation) -> tuple[Candidate, ...]:
        """The candidates on record for this state, best first; empty if there are none."""
        with self._lock:
            found = self._known.get(state_key(teacher, observation), ())
            self.hits += bool(found)
            self.misses += not found
        return found

    def put(self, teacher: str, observation: Observation, candidates: Sequence[Candidate]) -> None:
        """Keep what the teacher answered; the last answer for a state counts."""
        key = state_key(teacher, observation)
        with self._lock:
            if self._known.get(key) != tuple(candidates):
                self._known[key] = tuple(candidates)
                self._file.append([asdict(_Recorded(state=key, candidates=tuple(candidates)))])


def state_key(teacher: str, observation: Observation) -> str:
    """A digest that is equal for equal states."""
    text = "\0".join((teacher, observation["goal"], observation["page"]))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class SpeculativeAgent:
    """Student and teacher as one `BatchAgent`, whose decisions carry the proposal and what became of it.

    The teacher is not asked twice in one episode for the same state from the cache: if its recorded candidate led back to the
    same page, only a fresh answer can lead out of the loop.

    Args:
        student: proposes; anything `as_agent` takes.
        teacher: gives candidates (`Decision.candidates`, or else its one action); anything `as_agent` takes.
        verifier: decides whether a proposal stands.
        cache: candidates recorded so far; None: the teacher is asked at every step.
    """

    def __init__(
        self, student: Any, teacher: Any, verifier: Verifier | None = None, *, cache: CandidateCache | None = None
    ) -> None:
        self.student = as_agent(student)
        self.teacher = as_agent(teacher)
        self._observer = teacher if isinstance(teacher, Observer) else None
        self.verifier = verifier or CandidateList()
        self.cache = cache
        self.name = f"speculative({agent_name(student)}, {agent_name(teacher)})"
        self._met: set[str] = set()

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Start an episode for both."""
        self.student.reset(goal, seed=seed)
        self.teacher.reset(goal, seed=seed)
        self._met.clear()

    def act(self, observation: Observation) -> Decision:
        """Propose, verify, and answer with the action that stands."""
        return type(self).act_batch([self], [observation])[0]

    @classmethod
    def act_batch(cls, agents: Sequence[BatchAgent], observations: Sequence[Observation]) -> list[Decision]:
        """The same for several episodes: one batch of proposals, one batch of the teachers that have to be asked."""
        own = [agent for agent in agents if isinstance(agent, SpeculativeAgent)]
        proposals = act_all([agent.student for agent in own], observations)
        answers = [agent._recorded(observation) for agent, observation in zip(own, observations, strict=True)]
        asked = [i for i, answer in enumerate(answers) if answer is None]
        fresh = act_all([own[i].teacher for i in asked], [observations[i] for i in asked])
        for i, decision in zip(asked, fresh, strict=True):
            answers[i] = own[i]._record(observations[i], decision)
        return [
            agent._decide(observation, proposal, answer or Decision(action=""))
            for agent, observation, proposal, answer in zip(own, observations, proposals, answers, strict=True)
        ]

    def _recorded(self, observation: Observation) -> Decision | None:
        """The free check; None when the teacher has to be asked."""
        if self.cache is None:
            return None
        name = agent_name(self.teacher)
        key = state_key(name, observation)
        found = () if key in self._met else self.cache.get(name, observation)
        self._met.add(key)
        if not found:
            return None
        if self._observer is not None:
            self._observer.observe(observation)  # its history must not have a hole where it was not asked
        return Decision(action=found[0].action, reason=found[0].reason, candidates=found, extra={"recorded": True})

    def _record(self, observation: Observation, decision: Decision) -> Decision:
        """The teacher's decision with its well-formed candidates only; they are what is kept and compared."""
        offered = decision.candidates or (Candidate(action=decision.action, reason=decision.reason),)
        usable = tuple(candidate for candidate in offered if _well_formed(candidate.action))
        if self.cache is not None and usable:
            self.cache.put(agent_name(self.teacher), observation, usable)
        return replace(decision, candidates=usable)

    def _decide(self, observation: Observation, proposal: Decision, teacher: Decision) -> Decision:
        extra = {"teacher": dict(teacher.extra), "student": dict(proposal.extra)}
        usage = proposal.usage + teacher.usage
        if not teacher.candidates:  # nothing was verified: no acceptance, no rejection, no pair
            extra["unverified"] = {"teacher_action": teacher.action}
            return replace(proposal, usage=usage, source="student", acceptance=None, extra=extra)
        proposed = Candidate(action=proposal.action, reason=proposal.reason)
        verdict = self.verifier.verify(proposed, teacher.candidates, observation["page"])
        acceptance = Acceptance(accepted=verdict.accepted, why=verdict.why, proposal=proposed, verifier=self.verifier.name)
        matched = verdict.matched or teacher.candidates[0]
        kept = Candidate(action=proposed.action, reason=proposed.reason or matched.reason)
        chosen = kept if verdict.accepted else matched
        return Decision(
            action=chosen.action,
            reason=chosen.reason,
            candidates=(chosen, *(candidate for candidate in teacher.candidates if candidate is not matched)),
            usage=usage,
            source="student" if verdict.accepted else "teacher",
            acceptance=acceptance,
            extra=extra,
        )


def _well_formed(action: str) -> bool:
    try:
        parse(action)
    except ActionError:
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class PreferencePair:
    """One state with the action that replaced a proposal, and the proposal."""

    task: str
    seed: int
    goal: str
    observation: Mapping[str, str]
    chosen: Candidate
    rejected: Candidate


def preference_pairs(trajectories: Iterable[Trajectory]) -> list[PreferencePair]:
    """Every rejected proposal beside what replaced it.

    Left out are invalid episodes, and steps whose replacement the environment refused: neither shows the teacher to be right.
    """
    return [
        PreferencePair(
            task=trajectory.task,
            seed=trajectory.seed,
            goal=trajectory.goal,
            observation=step.observation,
            chosen=Candidate(action=step.decision.action, reason=step.decision.reason),
            rejected=step.decision.acceptance.proposal,
        )
        for trajectory in trajectories
        if trajectory.outcome.scored
        for step in trajectory.steps
        if step.decision.acceptance is not None and not step.decision.acceptance.accepted and not step.error
    ]


def acceptance_rate(trajectories: Iterable[Trajectory]) -> Interval:
    """The share of verified proposals that stood, in [0, 1], over all steps of all valid episodes.

    The interval takes steps for independent, which steps of one episode are not quite: read it as a lower bound of the doubt.
    """
    verdicts = [
        step.decision.acceptance.accepted
        for trajectory in trajectories
        if trajectory.outcome.scored
        for step in trajectory.steps
        if step.decision.acceptance is not None
    ]
    return wilson(sum(verdicts), len(verdicts))
