"""The large agent: a language model behind an API, asked for its best few actions, with examples from the knowledge base.

It asks for tagged text instead of JSON or tool calls, because every model can write it, a cut-off answer still holds its first
candidate, and the same text can be shown to a small model as an example. Its history comes from the observations
(`last_action`), never from its own proposals: in speculative synthesis another model's action may have been executed.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from symbiotic_gym.actions import VERBS, compare, elements, parse
from symbiotic_gym.agents.parsing import read_candidates
from symbiotic_gym.errors import ConfigError, explain, nearest
from symbiotic_gym.knowledge import Exclusion, KnowledgeBase, Retrieved
from symbiotic_gym.protocols import BatchAgent, Completion, LanguageModel, Message, Sampling
from symbiotic_gym.types import Candidate, Decision, Observation

__all__ = ["COMMON_VERBS", "LargeAgent", "cut_page"]

COMMON_VERBS = (
    "click",
    "dblclick",
    "fill",
    "select_option",
    "press",
    "hover",
    "drag_and_drop",
    "scroll",
    "keyboard_type",
    "goto",
    "go_back",
    "send_msg_to_user",
)
"""The rows of the action table that the prompt shows by default: each costs about fifteen tokens at every step."""

_SHOWN = {
    "bid": '"id"',
    "text": '"text"',
    "texts": '"label"',
    "number": "100",
    "index": "0",
    "url": '"http://..."',
}
_IDEMPOTENT = frozenset({"fill", "clear", "select_option", "check", "uncheck", "focus", "hover"})
"""Doing these twice in a row does nothing, and is what weak models like to do."""
_WRITES = frozenset({"fill", "clear", "select_option"})
_CLICKED = frozenset({"button", "checkbox", "link", "menuitem", "option", "radio", "switch", "tab"})
_ERROR_CHARS = 160


@dataclass(frozen=True)
class _Past:
    action: str
    error: str


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """One agent's share of a batched call."""

    observation: Observation
    messages: Sequence[Message]
    retrieved: list[Retrieved]
    seed: int


class LargeAgent:
    """A `BatchAgent` over any `LanguageModel`.

    Args:
        model: answers the prompts; agents that are decided in one batch share it.
        knowledge: where to look for examples; None: none are shown.
        k_goal: how many examples to look up by the goal.
        k_page: how many by the page.
        exclude: which entries of the knowledge base must not be shown, so that an evaluation does not read its own answers.
            Where it has no seed, the one given to `reset` is taken for the task instance's, as rollouts give it. None:
            nothing is held back.
        candidates: how many actions to ask for.
        page_budget: characters of page text shown; the end of a longer page is cut at a line.
        examples_budget: characters of all examples together.
        history: how many past actions are shown.
        verbs: which rows of the action table are shown.
        sampling: how to draw the answer.
        prompt: name of the prompt file in `agents/prompts`.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        knowledge: KnowledgeBase | None = None,
        k_goal: int = 1,
        k_page: int = 2,
        exclude: Exclusion | None = None,
        candidates: int = 3,
        page_budget: int = 6000,
        examples_budget: int = 3000,
        history: int = 5,
        verbs: Sequence[str] = COMMON_VERBS,
        sampling: Sampling = Sampling(max_tokens=256),  # noqa: B008  (frozen)
        prompt: str = "large_v1",
    ) -> None:
        self.model = model
        self.name = f"large({model.name})"
        self.exclude = exclude or Exclusion(level="none")
        self._knowledge = knowledge
        self._k = (k_goal, k_page)
        self._budgets = (page_budget, examples_budget)
        self._shown = history
        self._sampling = sampling
        self._parts = _prompt(prompt)
        self._system = self._parts["system"].format(actions=_action_rows(verbs), candidates=candidates)
        self._limit = candidates
        self.reset("")

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Forget the last episode."""
        self._past: list[_Past] = []
        self._seed = seed
        self._random = random.Random(seed)
        self._fences = random.SystemRandom() if seed is None else random.Random(f"fences {seed}")
        """What a page must not be able to guess: where a prompt uses it, its text ends at this step's own number."""

    def observe(self, observation: Observation) -> None:
        """Take note of the action that was executed last, whoever chose it."""
        if observation["last_action"]:
            self._past.append(_Past(observation["last_action"], observation["last_action_error"]))

    def act(self, observation: Observation) -> Decision:
        """Ask the model; a second time if its first answer holds no action that can be run."""
        return type(self).act_batch([self], [observation])[0]

    @classmethod
    def act_batch(cls, agents: Sequence["BatchAgent"], observations: Sequence[Observation]) -> list[Decision]:
        """Decide several episodes in one call of the shared model (two, if answers have to be repaired).

        Raises:
            ModelError: the model failed for good.
        """
        own = [agent for agent in agents if isinstance(agent, LargeAgent)]
        turns = [agent._turn(observation) for agent, observation in zip(own, observations, strict=True)]
        first = own[0]
        answers = first._ask([turn.messages for turn in turns], [turn.seed for turn in turns])
        decisions = [agent._decision(turn, [answer]) for agent, turn, answer in zip(own, turns, answers, strict=True)]
        bad = [i for i, decision in enumerate(decisions) if not decision.candidates]
        if bad:
            repairs = [[*turns[i].messages, *first._repair(turns[i].observation, answers[i])] for i in bad]
            second = first._ask(repairs, [turns[i].seed + 1 for i in bad])
            for i, answer in zip(bad, second, strict=True):
                decisions[i] = own[i]._decision(turns[i], [answers[i], answer])
        return decisions

    def _ask(self, prompts: Sequence[Sequence[Message]], seeds: Sequence[int]) -> list[Completion]:
        return self.model.generate(prompts, self._sampling, seeds)

    def _turn(self, observation: Observation) -> _Turn:
        self.observe(observation)
        retrieved = self._retrieve(observation)
        messages = [
            {"role": "system", "content": self._system},
            {"role": "user", "content": self._user(observation, retrieved)},
        ]
        return _Turn(observation=observation, messages=messages, retrieved=retrieved, seed=self._random.getrandbits(31))

    def _retrieve(self, observation: Observation) -> list[Retrieved]:
        if self._knowledge is None:
            return []
        return self._knowledge.search(
            observation["goal"],
            observation["page"],
            k_goal=self._k[0],
            k_page=self._k[1],
            exclude=self._hidden(),
            budget_chars=self._budgets[1],
        )

    def _hidden(self) -> Exclusion:
        if self.exclude.level == "none" or self.exclude.seed is not None:
            return self.exclude
        return replace(self.exclude, seed=self._seed)

    def _user(self, observation: Observation, retrieved: Sequence[Retrieved]) -> str:
        shown = "\n\n".join(
            self._parts["example"].format(
                goal=r.entry.goal, page=_fenced(r.page), reason=_fenced(r.entry.reason) or "-", action=r.entry.action
            )
            for r in retrieved
        )
        past = "\n".join(_past_line(past) for past in self._past[-self._shown :]) if self._shown else ""
        return self._parts["user"].format(
            goal=observation["goal"],
            title=_fenced(observation.get("title", "")),
            url=observation.get("url", ""),
            page=_fenced(cut_page(observation["page"], self._budgets[0])),
            examples=self._parts["examples"].format(examples=shown) + "\n\n" if shown else "",
            history=self._parts["history"].format(steps=past) + "\n" if past else "",
            fence=self._fences.getrandbits(40),
        )

    def _repair(self, observation: Observation, answer: Completion) -> list[Message]:
        candidates = read_candidates(answer.text, observation["page"])
        problem = _problem(candidates[0], observation) if candidates else "There is no valid action in that answer."
        return [
            {"role": "assistant", "content": answer.text or "-"},
            {"role": "user", "content": self._parts["repair"].format(problem=problem)},
        ]

    def _decision(self, turn: _Turn, answers: Sequence[Completion]) -> Decision:
        read = read_candidates(answers[-1].text, turn.observation["page"])
        usable = tuple(candidate for candidate in read if not _problem(candidate, turn.observation))[: self._limit]
        best = next(iter(usable or read), Candidate(action=answers[-1].text.strip()))
        usage = answers[0].usage
        for answer in answers[1:]:
            usage += answer.usage
        extra: dict[str, object] = {"retrieved": [r.entry.id for r in turn.retrieved]} if self._knowledge is not None else {}
        if len(answers) > 1:
            extra["first_answer"] = answers[0].text
        return Decision(
            action=best.action, reason=best.reason, candidates=usable, usage=usage, source=self.model.name, extra=extra
        )


def cut_page(page: str, budget: int) -> str:
    """The first lines of a page text that fit in `budget` characters, and a note of how many were cut."""
    if len(page) <= budget:
        return page
    lines = page.split("\n")
    kept, used = 0, 0
    while kept < len(lines) and used + len(lines[kept]) + 1 <= budget:
        used += len(lines[kept]) + 1
        kept += 1
    return "\n".join([*lines[:kept], f"({len(lines) - kept} more lines)"])


def _problem(candidate: Candidate, observation: Observation) -> str:
    """Why a well-formed action would be a wasted step; empty when nothing speaks against it."""
    action = parse(candidate.action)
    lost = [bid for bid in action.bids if bid not in elements(observation["page"])]
    if lost:
        return f"There is no [{lost[0]}] on the page."
    first = elements(observation["page"]).get(action.bids[0]) if action.bids else None
    if first is not None and action.verb in _WRITES and first.role in _CLICKED:
        return f"[{first.bid}] is a {first.role}: {action.verb} does not work on it."
    last, failed = observation["last_action"], observation["last_action_error"]
    if action.verb in _IDEMPOTENT and not failed and compare(candidate.action, observation["page"], last, observation["page"]):
        return f"{candidate.action} is done already."
    return ""


def _past_line(past: _Past) -> str:
    error = " ".join(past.error.split())[:_ERROR_CHARS]
    return f"- {past.action}" + (f" -> failed: {error}" if error else "")


def _fenced(text: str) -> str:
    """A page cannot close its fence or open a tag of the answer's form."""
    return re.sub(r"<(?=/?(?:page|action|reason)\b)", "‹", text, flags=re.I)


def _action_rows(verbs: Sequence[str]) -> str:
    rows = []
    for name in verbs:
        if name not in VERBS:
            raise ConfigError(
                explain(
                    f"there is no action {name!r} ({nearest(name, VERBS)})",
                    "names of symbiotic_gym.actions.VERBS",
                    "the prompt would offer what the environment refuses",
                    "correct the name in verbs",
                )
            )
        required = [_SHOWN[p.kind] for p in VERBS[name].parameters if p.default is None]
        rows.append(f"{name}({', '.join(required)}) - {VERBS[name].summary}")
    return "\n".join(rows)


@cache
def _prompt(name: str) -> dict[str, str]:
    """The parts of a prompt file: each begins with a line `### NAME`."""
    folder = files("symbiotic_gym.agents").joinpath("prompts")
    file = folder.joinpath(f"{name}.txt")
    if not file.is_file():
        known = ", ".join(sorted(f.name.removesuffix(".txt") for f in folder.iterdir()))
        raise ConfigError(
            explain(
                f"there is no prompt {name!r}",
                f"one of {known}",
                "the agent cannot ask anything without it",
                "check the name, or the package's data files",
            )
        )
    parts = re.split(r"^### (\w+)\n", file.read_text(encoding="utf-8"), flags=re.M)
    return {key: text.strip() for key, text in zip(parts[1::2], parts[2::2], strict=True)}
