"""Who decides whether a student's proposal stands, and why; four interchangeable ways.

A `Verifier` holds the proposal against the actions the teacher lists. A `Screen` asks the teacher about the proposal itself,
which is cheaper: one word from a judge, or one forward pass of an open-weight teacher and no word at all. Only what a screen
turns down costs a list of candidates, from which the replacement comes. Every verdict says by which rule it was reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from symbiotic_gym.actions import VERBS, compare
from symbiotic_gym.agents.large import COMMON_VERBS
from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.agents.token_budget import cut_page
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.protocols import LanguageModel, Message, Sampling
from symbiotic_gym.trainers.scoring import score
from symbiotic_gym.types import Candidate, Observation, Usage

__all__ = ["CandidateList", "Proposed", "Screen", "TopTokens", "Verdict", "Verifier", "YesNoJudge"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a proposal stands, by which rule, and which candidate it matched."""

    accepted: bool
    why: str
    matched: Candidate | None = None
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    """What the verdict itself cost."""


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """A proposal and the state it was made in."""

    goal: str
    observation: Observation
    history: tuple[str, ...]
    """The last actions that were run."""
    action: str


class Verifier(Protocol):
    """Decides by the teacher's candidates."""

    name: str

    def verify(self, proposal: Candidate, candidates: Sequence[Candidate], page: str) -> Verdict:
        """Judge `proposal` against the teacher's candidates, all chosen on `page`."""
        ...


@runtime_checkable
class Screen(Protocol):
    """Decides by the proposal alone."""

    name: str

    def screen(self, proposals: Sequence[Proposed]) -> list[Verdict]:
        """A verdict for each proposal, in order, from as few calls of the teacher as it takes."""
        ...


class CandidateList:
    """The paper's rule: a proposal stands if it is canonically one of the teacher's candidates.

    Args:
        k: only the first so many candidates count; None: as many as the teacher lists.

    Raises:
        ConfigError: `k` is less than 1.
    """

    def __init__(self, k: int | None = None) -> None:
        if k is not None and k < 1:
            raise _too_small("k", k)
        self._k = k
        self.name = "candidate-list" if k is None else f"candidate-list-{k}"

    def verify(self, proposal: Candidate, candidates: Sequence[Candidate], page: str) -> Verdict:
        """Compare with each candidate in turn; the first that is equal decides."""
        listed = candidates[: self._k]
        why = "the teacher gave no candidates"
        for rank, candidate in enumerate(listed, start=1):
            match = compare(proposal.action, page, candidate.action, page)
            if match:
                return Verdict(accepted=True, why=f"candidate {rank}: {match.why}", matched=candidate)
            why = why if rank > 1 else f"not candidate 1: {match.why}"
        more = f", nor {len(listed) - 1} more" if len(listed) > 1 else ""
        return Verdict(accepted=False, why=why + more)


class YesNoJudge:
    """The teacher is asked whether the proposal is a good next action, and answers yes or no.

    An answer that begins with neither counts as no: what the teacher did not vouch for is not executed unseen.

    Args:
        model: the teacher.
        page_budget: tokens of page text shown.
    """

    def __init__(self, model: LanguageModel, *, page_budget: int = 2000) -> None:
        self.name = f"judge({model.name})"
        self._model = model
        self._page_budget = page_budget

    def screen(self, proposals: Sequence[Proposed]) -> list[Verdict]:
        """One batched call, a few words an answer."""
        if not proposals:
            return []
        prompts = [[*_state(p, self._page_budget), _question(p)] for p in proposals]
        answers = self._model.generate([_joined(prompt) for prompt in prompts], Sampling(max_tokens=32))
        return [_read(answer.text, answer.usage) for answer in answers]


def _question(proposed: Proposed) -> Message:
    return {
        "role": "user",
        "content": f"Somebody proposes: {proposed.action}\n"
        "Is that a good next action? Begin with yes or no, then say why in one short sentence.",
    }


def _read(answer: str, usage: Usage) -> Verdict:
    word = answer.strip().split(maxsplit=1)[0].strip(".,:;!*\"'").casefold() if answer.strip() else ""
    said = " ".join(answer.split())[:200]
    if word in ("yes", "no"):
        return Verdict(accepted=word == "yes", why=f"the judge: {said}", usage=usage)
    return Verdict(accepted=False, why=f"the judge said neither yes nor no: {said}", usage=usage)


class TopTokens:
    """An open-weight teacher finds each token of the proposal among its own k likeliest, in one forward pass.

    The rule of speculative knowledge distillation (SKD, arXiv 2410.11325), applied to a whole action; its end counts too, so
    that half an action does not stand.

    Args:
        teacher: a local model.
        k: how many of the likeliest tokens count; the paper's 25 is for free text, an action's tokens are more certain.
        page_budget: tokens of page text shown.

    Raises:
        ConfigError: `k` is less than 1.
    """

    def __init__(self, teacher: LocalModel, *, k: int = 5, page_budget: int = 2000) -> None:
        if k < 1:
            raise _too_small("k", k)
        self.name = f"top-{k}-tokens({teacher.name})"
        self._teacher = teacher
        self._k = k
        self._page_budget = page_budget

    def screen(self, proposals: Sequence[Proposed]) -> list[Verdict]:
        """One forward pass for each proposal; nothing is generated."""
        return [self._verdict(proposed) for proposed in proposals]

    def _verdict(self, proposed: Proposed) -> Verdict:
        if not proposed.action:
            return Verdict(accepted=False, why="there is no proposal")
        tokens = score(self._teacher.open(), _joined(_state(proposed, self._page_budget)), proposed.action)
        usage = Usage(requests=1, prompt_tokens=tokens[0].place + len(tokens))
        worst = max(tokens, key=lambda token: token.rank)
        mean = sum(token.logprob for token in tokens) / len(tokens)
        why = f"token {worst.text!r} has rank {worst.rank} with the teacher, k = {self._k}; mean log-probability {mean:.2f}"
        return Verdict(accepted=worst.rank <= self._k, why=why, usage=usage)


def _state(proposed: Proposed, page_budget: int) -> list[Message]:
    """The state as a teacher reads it, and what is to be answered."""
    rows = "\n".join(
        f"{name}({', '.join(p.name for p in VERBS[name].parameters if p.default is None)}) - {VERBS[name].summary}"
        for name in COMMON_VERBS
    )
    lines = [f"Goal: {proposed.goal}", "Page:", cut_page(proposed.observation["page"], proposed.goal, page_budget)]
    if proposed.history:
        lines.append("Done: " + "; ".join(proposed.history))
    if error := proposed.observation.get("last_action_error", ""):
        lines.append("Error: " + error.splitlines()[0][:200])
    system = f'You choose actions on web pages. The actions:\n{rows}\nAnswer with one action alone, such as click("12").'
    return [{"role": "system", "content": system}, {"role": "user", "content": "\n".join(lines)}]


def _joined(messages: Sequence[Message]) -> list[Message]:
    """All in one user message: some chat templates know no system role, and none takes two users in a row."""
    return [{"role": "user", "content": "\n\n".join(message["content"] for message in messages)}]


def _too_small(name: str, value: int) -> ConfigError:
    return ConfigError(
        explain(f"{name} = {value!r}", "a whole number, 1 or more", "nothing could ever be accepted", f"correct {name}")
    )
