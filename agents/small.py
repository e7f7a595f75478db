"""The small agent: a short prompt that fits a small model's reach, and an answer that is nothing but the action.

`prompt_messages` is the one place where a step becomes a prompt. Inference and the making of training examples both call it,
so what the model is trained on is what it will be asked. It writes `[12] button "ok"` as `button "ok" [12]`: a model that looks
for the name finds the id right behind it, which is what attention learns first (induction heads, arXiv 2209.11895).
"""

import hashlib
import re
import secrets
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from symbiotic_gym.actions import parse
from symbiotic_gym.agents.action_grammar import action_grammar
from symbiotic_gym.agents.request import Request, RequestModel
from symbiotic_gym.errors import ActionError, ConfigError
from symbiotic_gym.errors import explain as explain_error
from symbiotic_gym.policies import Concurrent
from symbiotic_gym.protocols import BatchAgent, Completion, LanguageModel, Message, Sampling
from symbiotic_gym.types import Decision, Observation

__all__ = [
    "INSTRUCTIONS",
    "PAGE_BUDGET",
    "SmallAgent",
    "extend_history",
    "prompt_asking",
    "prompt_messages",
    "read_action",
    "shown_page",
]

PAGE_BUDGET = 6000
"""Characters of page text in a prompt, about 2,000 tokens."""

_REMEMBERED = 3
_TABS_CHARS = 2000
_ACTION_CHARS = 500
"""Of one action in the history; a long answer that was typed is not worth a page."""
_REASON_TOKENS = 96
INSTRUCTIONS: Mapping[str, str] = {"action": "Predict the action.", "reason": "Explain the reason."}
"""The last sentence of a prompt, by what is asked for."""


def prompt_messages(
    goal: str,
    observation: Mapping[str, Any],
    history: Sequence[str],
    task: Literal["action", "reason"],
    *,
    page_budget: int = PAGE_BUDGET,
) -> list[Message]:
    """The chat that asks for a step's action or for the reason behind it; the two differ in the last sentence only.

    Args:
        goal: what the episode is to achieve; never cut.
        observation: the keys `page`, `tabs` (shown when there is more than one tab) and `last_action_error` are used.
        history: the actions run so far, as `extend_history` keeps them.
        task: which answer is wanted.
        page_budget: characters of the page that are shown; what is left out is told in the prompt.
    """
    return prompt_asking(INSTRUCTIONS[task], goal, observation, history, page_budget=page_budget)


def prompt_asking(
    instruction: str, goal: str, observation: Mapping[str, Any], history: Sequence[str], *, page_budget: int = PAGE_BUDGET
) -> list[Message]:
    """The same chat with any last sentence: what else a model may learn of a step."""
    page, hidden = shown_page(str(observation["page"]), page_budget)
    parts = [f"Goal: {goal}", "Page:\n" + _ids_behind_names(page)]
    if hidden:
        parts.append(f"(the page goes on: {hidden} characters are not shown)")
    if "\n" in (tabs := str(observation.get("tabs", "")).strip()):
        parts.append("Tabs:\n" + _shortened(tabs, _TABS_CHARS))
    if history:
        parts.append("Done: " + "; ".join(_shortened(action, _ACTION_CHARS) for action in history))
    if error := str(observation.get("last_action_error", "")):
        parts.append("Error: " + error.splitlines()[0][:200])
    parts.append(instruction)
    return [{"role": "user", "content": "\n".join(parts)}]


_ID_FIRST = re.compile(r'^( *)(\[\w+\]) ([\w-]+ "(?:[^"\\]|\\.)*")', re.MULTILINE)


def _ids_behind_names(page: str) -> str:
    return _ID_FIRST.sub(r"\1\3 \2", page)


def shown_page(page: str, budget: int) -> tuple[str, int]:
    """The part of a page text that fits a budget, whole lines of it where there are any, and how many characters do not.

    Args:
        page: ids before or behind names; a line is as long either way.
        budget: in characters.
    """
    page = page.strip()
    if len(page) <= budget:
        return page, 0
    kept = page[:budget].rpartition("\n")[0] or page[:budget]
    return kept, len(page) - len(kept)


def _shortened(text: str, budget: int) -> str:
    return text if len(text) <= budget else f"{text[:budget]}… ({len(text) - budget} characters are not shown)"


def extend_history(history: Sequence[str], observation: Mapping[str, Any]) -> tuple[str, ...]:
    """The last few actions that were run, after one more observation.

    They are read from the observation, not from what the agent answered: in speculative synthesis and in hybrid agents the
    action that was run is often somebody else's.
    """
    last = str(observation.get("last_action", ""))
    return (*history, last)[-_REMEMBERED:] if last else tuple(history)


def read_action(answer: str) -> str:
    """The action in a small model's answer: its first line in normal form if that is an action, else the answer as it is.

    Nothing is mended: an answer that is no action is for the environment to refuse, and to report in the next observation.
    """
    answer = answer.strip()
    try:
        return str(parse(answer.split("\n", 1)[0]))
    except ActionError:
        return answer


class _Session:
    """An episode, as far as the model keeps anything for it: when nobody plays it any more, the model is told."""

    def __init__(self, model: LanguageModel) -> None:
        self.name = secrets.token_hex(8)
        forget: Callable[[str], None] = model.forget if isinstance(model, RequestModel) else lambda name: None
        weakref.finalize(self, forget, self.name).atexit = False


class SmallAgent:
    """A policy around a small language model, usually a `LocalModel`.

    Args:
        model: what completes the prompts.
        sampling: how actions are drawn; greedy unless told otherwise.
        page_budget: characters of the page in a prompt.
        explain: also ask for the reason, with a second call per step.
        constrained: only actions that the shown page allows can be answered (`agents.action_grammar`).

    Raises:
        ConfigError: `constrained`, and the model takes no grammars.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        page_budget: int = PAGE_BUDGET,
        explain: bool = False,
        constrained: bool = False,
    ) -> None:
        if constrained and not isinstance(model, RequestModel):
            raise ConfigError(
                explain_error(
                    f"constrained=True with the model {model.name!r}, a {type(model).__name__}",
                    "LocalModel, or GrammarEndpoint for llama.cpp and vLLM",
                    "a model that takes no grammar cannot be kept to the actions of a page",
                    "take one of these, or constrained=False",
                )
            )
        self.name = model.name
        self.concurrent = isinstance(model, Concurrent) and model.concurrent
        self._model = model
        self._sampling = sampling
        self._page_budget = page_budget
        self._explain = explain
        self._constrained = constrained
        self.reset("")

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Forget the last episode. Without a seed, sampled decisions differ from run to run."""
        self._goal = goal
        self._seed = secrets.randbits(63) if seed is None else seed
        self._history: tuple[str, ...] = ()
        self._step = 0
        self._episode = _Session(self._model)

    def observe(self, observation: Observation) -> None:
        """Take note of an observation for which no decision is asked."""
        self._history = extend_history(self._history, observation)
        self._step += 1

    def act(self, observation: Observation) -> Decision:
        """Choose the next action."""
        return self.act_batch([self], [observation])[0]

    @classmethod
    def act_batch(cls, agents: Sequence[BatchAgent], observations: Sequence[Observation]) -> list[Decision]:
        """One decision per agent, in order, from one call of the model (two with `explain`)."""
        team = [agent for agent in agents if isinstance(agent, SmallAgent)]
        for agent, observation in zip(team, observations, strict=True):
            agent.observe(observation)
        if not team:
            return []
        answers = cls._ask(team, observations, "action")
        reasons = cls._ask(team, observations, "reason") if team[0]._explain else [Completion(text="")] * len(team)
        return [
            Decision(
                action=read_action(answer.text),
                reason=" ".join(reason.text.split()),
                usage=answer.usage + reason.usage,
                source=agent.name,
                extra=agent._on_record(observation, answer),
            )
            for agent, observation, answer, reason in zip(team, observations, answers, reasons, strict=True)
        ]

    def _on_record(self, observation: Observation, answer: Completion) -> dict[str, Any]:
        """The action's log-probability where the model tells it, and how much of the page was not shown."""
        hidden = shown_page(str(observation["page"]), self._page_budget)[1]
        extra = {"logprob": answer.logprob} if answer.logprob is not None else {}
        return extra | ({"hidden_chars": hidden} if hidden else {})

    @classmethod
    def _ask(
        cls, team: Sequence["SmallAgent"], observations: Sequence[Observation], task: Literal["action", "reason"]
    ) -> list[Completion]:
        model, sampling = team[0]._model, team[0]._sampling
        if task == "reason":
            sampling = Sampling(temperature=sampling.temperature, top_p=sampling.top_p, max_tokens=_REASON_TOKENS)
        requests = [agent._request(observation, task) for agent, observation in zip(team, observations, strict=True)]
        if isinstance(model, RequestModel):
            return model.answer(requests, sampling)
        return model.generate([r.messages for r in requests], sampling, [r.seed for r in requests])

    def _request(self, observation: Observation, task: Literal["action", "reason"]) -> Request:
        grammar = None
        if self._constrained and task == "action":
            page = shown_page(str(observation["page"]), self._page_budget)[0]
            grammar = action_grammar({**observation, "page": page})
        return Request(
            messages=prompt_messages(self._goal, observation, self._history, task, page_budget=self._page_budget),
            seed=self._draw(task),
            grammar=grammar,
            session=self._episode.name,
        )

    def _draw(self, task: str) -> int:
        """The seed of one draw: a function of the episode's seed, the step and what is drawn."""
        digest = hashlib.sha256(f"{self._seed} {self._step} {task}".encode()).digest()
        return int.from_bytes(digest[:7], "big")
