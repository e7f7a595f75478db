"""Speculative data synthesis: the student proposes, the teacher verifies, what was verified is executed.

Per step the student's proposal is compared with the actions the teacher calls good. If it is one of them by canonical equality,
the student's own text is kept; else the teacher's first candidate replaces it. Either way a good action is executed in a state
the student tends to reach, and that is what to train on. Candidates the teacher gave before for an equal state are looked up
first, because they are free; a `Screen`, which judges the proposal alone, comes next, because it is cheaper than a list.

The procedure is that of AgentSymbiotic (arXiv 2502.07942); ids are resolved on the page each action was chosen on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.actions import is_action
from symbiotic_gym.agents.small import extend_history
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.policies import Observer, Recorder, act_all, agent_name, as_agent
from symbiotic_gym.protocols import BatchAgent
from symbiotic_gym.trainers.candidates import CandidateCache, state_key
from symbiotic_gym.trainers.examples import held_back
from symbiotic_gym.trainers.pairs import priced
from symbiotic_gym.trainers.verifiers import CandidateList, Proposed, Screen, Verdict, Verifier
from symbiotic_gym.types import Acceptance, Candidate, Decision, Observation, Trajectory, Usage

__all__ = ["SpeculativeAgent"]


@dataclass(eq=False)
class _Turn:
    """One agent's step on its way to a decision."""

    agent: "SpeculativeAgent"
    observation: Observation
    proposal: Decision
    recorded: tuple[Candidate, ...]
    verdict: Verdict | None = None
    """Once it is reached; None while only the teacher's candidates can tell."""
    teacher: Decision | None = None
    """What the teacher listed, now or at an equal state before."""
    spent: Usage = Usage()  # noqa: RUF009 - frozen
    """The teacher's, for screening and listing."""


class SpeculativeAgent:
    """Student and teacher as one `BatchAgent`, whose decisions carry the proposal and what became of it.

    The teacher is not asked twice in one episode for the same state from the cache: if its recorded candidate led back to the
    same page, only a fresh answer can lead out of the loop.

    Args:
        student: proposes; anything `as_agent` takes.
        teacher: gives candidates (`Decision.candidates`, or else its one action); anything `as_agent` takes.
        verifier: decides whether a proposal stands: by the teacher's candidates, or as a `Screen` by the proposal alone, the
            teacher being asked for a replacement only.
        cache: candidates recorded so far; None: nothing is looked up.

    Raises:
        ConfigError: a student or teacher that says itself what may be kept of an episode, as a `HybridAgent` does, beside
            another one, with a cache that has a file, or with a `Screen`: these see and keep what it hides.
    """

    def __init__(
        self, student: Any, teacher: Any, verifier: Verifier | Screen | None = None, *, cache: CandidateCache | None = None
    ) -> None:
        self.student = as_agent(student)
        self.teacher = as_agent(teacher)
        self._observer = teacher if isinstance(teacher, Observer) else None
        self.recorders = [recorder for part in (student, teacher) for recorder in _recorders(part)]
        self.verifier = verifier or CandidateList()
        self.cache = cache
        self.name = f"speculative({agent_name(student)}, {agent_name(teacher)})"
        self._check_recorders()
        self._met: set[str] = set()
        self._goal = ""
        self._history: tuple[str, ...] = ()

    def _check_recorders(self) -> None:
        problem = {
            "a cache that keeps candidates in a file": self.cache is not None and self.cache.path is not None,
            f"the screen {self.verifier.name}, which is shown pages as they are": isinstance(self.verifier, Screen),
            "a second one, which knows its values by other placeholders": len(self.recorders) > 1,
        }
        for given, found in problem.items():
            if found and self.recorders:
                raise ConfigError(
                    explain(
                        f"{given}, beside {agent_name(self.recorders[0])}, which says what may be kept of an episode",
                        "one that hides nothing from the other",
                        "private values would lie on a disk or be sent where that agent lets only placeholders go",
                        "verify by the teacher's list, without a file for its candidates, and with one such agent",
                    )
                )

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Start an episode for both."""
        self.student.reset(goal, seed=seed)
        self.teacher.reset(goal, seed=seed)
        self._met.clear()
        self._goal, self._history = goal, ()

    def record(self, trajectory: Trajectory) -> Trajectory:
        """The episode as the one of both that has a say lets it be kept; as it is where neither has."""
        for recorder in self.recorders:
            trajectory = recorder.record(trajectory)
        return trajectory

    def record_picture(self, observation: Observation) -> NDArray[np.uint8] | None:
        """The screenshot, in the same way."""
        picture: NDArray[np.uint8] | None = observation["screenshot"]
        for recorder in self.recorders:
            picture = recorder.record_picture(observation)
        return picture

    def act(self, observation: Observation) -> Decision:
        """Propose, verify, and answer with the action that stands."""
        return type(self).act_batch([self], [observation])[0]

    @classmethod
    def act_batch(cls, agents: Sequence[BatchAgent], observations: Sequence[Observation]) -> list[Decision]:
        """The same for several episodes: one batch of proposals, one of the screen, one of the teachers that have to list."""
        own = [agent for agent in agents if isinstance(agent, SpeculativeAgent)]
        proposals = act_all([agent.student for agent in own], observations)
        turns = [
            _Turn(agent=agent, observation=observation, proposal=proposal, recorded=agent._recorded(observation))
            for agent, observation, proposal in zip(own, observations, proposals, strict=True)
        ]
        for turn in turns:
            turn.agent._look_up(turn)
        _screen([turn for turn in turns if turn.verdict is None and isinstance(turn.agent.verifier, Screen)])
        asked = [turn for turn in turns if turn.agent._must_list(turn)]
        fresh = act_all([turn.agent.teacher for turn in asked], [turn.observation for turn in asked])
        for turn, decision in zip(asked, fresh, strict=True):
            turn.agent._list(turn, decision)
        for turn in turns:
            if turn not in asked and turn.agent._observer is not None:
                turn.agent._observer.observe(turn.observation)  # its history must not have a hole where it listed nothing
        return [turn.agent._decide(turn) for turn in turns]

    def _recorded(self, observation: Observation) -> tuple[Candidate, ...]:
        """Take note of the observation; what the teacher listed for an equal state."""
        self._history = extend_history(self._history, observation)
        if self.cache is None:
            return ()
        name = agent_name(self.teacher)
        key = state_key(name, observation)
        found = () if key in self._met else self.cache.get(name, observation)
        self._met.add(key)
        return found

    def _look_up(self, turn: _Turn) -> None:
        """The free check. A match stands; without one the list decides, and a screen is still to be heard."""
        if not turn.recorded:
            return
        first = turn.recorded[0]
        turn.teacher = Decision(action=first.action, reason=first.reason, candidates=turn.recorded, extra={"recorded": True})
        by_list = CandidateList() if isinstance(self.verifier, Screen) else self.verifier
        verdict = by_list.verify(_candidate(turn.proposal), turn.recorded, turn.observation["page"])
        if verdict.accepted or not isinstance(self.verifier, Screen):
            turn.verdict = verdict

    def _must_list(self, turn: _Turn) -> bool:
        return turn.teacher is None and (turn.verdict is None or not turn.verdict.accepted)

    def _list(self, turn: _Turn, decision: Decision) -> None:
        """The teacher's decision with its well-formed candidates only; they are what is kept and compared."""
        own = () if held_back(decision) else (Candidate(action=decision.action, reason=decision.reason),)
        offered = decision.candidates or own
        usable = tuple(candidate for candidate in offered if is_action(candidate.action))
        if self.cache is not None and usable:
            self.cache.put(agent_name(self.teacher), turn.observation, usable)
        turn.teacher = replace(decision, candidates=usable)
        turn.spent += decision.usage

    def _decide(self, turn: _Turn) -> Decision:
        teacher = turn.teacher or Decision(action="")
        extra = {
            "teacher": dict(teacher.extra),
            "student": dict(turn.proposal.extra),
            "teacher_usage": priced(turn.spent),
        }
        usage = turn.proposal.usage + turn.spent
        proposed = _candidate(turn.proposal)
        verdict = turn.verdict
        if verdict is None or not verdict.accepted:
            if held_back(teacher):  # what the teacher's rules forbid here, the student must not do in its stead
                return replace(teacher, usage=usage, source="teacher", acceptance=None, extra={**extra, **teacher.extra})
            if not teacher.candidates:  # there is nothing to put in its place: no acceptance, no rejection, no pair
                extra["unverified"] = {"teacher_action": teacher.action} | ({"why": verdict.why} if verdict else {})
                return replace(turn.proposal, usage=usage, source="student", acceptance=None, extra=extra)
            verdict = self._by_candidates(proposed, teacher.candidates, turn)
        matched = verdict.matched if verdict.accepted else verdict.matched or teacher.candidates[0]
        kept = Candidate(action=proposed.action, reason=proposed.reason or (matched or proposed).reason)
        chosen = matched if matched is not None and not verdict.accepted else kept
        return Decision(
            action=chosen.action,
            reason=chosen.reason,
            candidates=(chosen, *(candidate for candidate in teacher.candidates if candidate is not matched)),
            usage=usage,
            source="student" if verdict.accepted else "teacher",
            acceptance=Acceptance(accepted=verdict.accepted, why=verdict.why, proposal=proposed, verifier=self.verifier.name),
            extra=extra,
        )

    def _by_candidates(self, proposed: Candidate, candidates: Sequence[Candidate], turn: _Turn) -> Verdict:
        """A screen's no is final unless what would replace the proposal is the proposal itself."""
        if not isinstance(self.verifier, Screen):
            return turn.verdict or self.verifier.verify(proposed, candidates, turn.observation["page"])
        assert turn.verdict is not None
        same = CandidateList(1).verify(proposed, candidates, turn.observation["page"])
        return replace(same, why=f"{turn.verdict.why}; but {same.why}") if same.accepted else turn.verdict


def _screen(turns: Sequence[_Turn]) -> None:
    """One call for all proposals; the agents of a batch share one screen."""
    if not turns:
        return
    screen = turns[0].agent.verifier
    assert isinstance(screen, Screen)
    proposed = [
        Proposed(
            goal=turn.agent._goal or turn.observation.get("goal", ""),
            observation=turn.observation,
            history=turn.agent._history,
            action=turn.proposal.action,
        )
        for turn in turns
    ]
    for turn, verdict in zip(turns, screen.screen(proposed), strict=True):
        turn.verdict = verdict
        turn.spent += verdict.usage


def _recorders(part: Any) -> list[Recorder]:
    if isinstance(part, SpeculativeAgent):
        return part.recorders
    return [part] if isinstance(part, Recorder) else []


def _candidate(proposal: Decision) -> Candidate:
    return Candidate(action=proposal.action, reason=proposal.reason)
