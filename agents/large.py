"""The large agent: a language model behind an API, asked for its best few actions, with a plan, its steps and retrieved
examples.

Each part can be left out, so that an ablation can say what it is worth: the pruning of the page, answers held to a JSON
schema, the plan tree, the knowledge base. Where the endpoint does not do schemas it asks for tagged text, which every model
can write, and of which a cut-off answer still holds its first candidate. History comes from the observations (`last_action`),
never from the agent's own proposals: in speculative synthesis another model's action may have been executed.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symbiotic_gym.actions import format_action
from symbiotic_gym.agents.answer_schema import RANKS, answer_schema, read_json_answer
from symbiotic_gym.agents.large_prompt import LargePrompt
from symbiotic_gym.agents.parsing import PlanCommand, read_candidates, read_plan_command
from symbiotic_gym.agents.plan import PlanTree
from symbiotic_gym.agents.pruning import prune
from symbiotic_gym.agents.steps import doubt_of, nothing_in, past_step, problem_of
from symbiotic_gym.agents.token_budget import cut_lines, cut_page
from symbiotic_gym.errors import ConfigError, SchemaRefusedError, explain
from symbiotic_gym.knowledge import Exclusion, Retrieved, Searchable
from symbiotic_gym.policies import Concurrent
from symbiotic_gym.protocols import BatchAgent, Completion, LanguageModel, Message, Sampling, SchemaModel
from symbiotic_gym.types import Candidate, Decision, Observation, Usage

__all__ = ["COMMON_VERBS", "LargeAgent"]

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

_PLAN_TURNS = 2
"""So often may an answer change the plan before it has to act."""
_CHARS_PER_TOKEN = 3
_FENCE_LETTERS = "bcdfghjkmnpqrstvwxz"
"""Letters without a word in them, and no digits: one number in ten could be a card's."""
_FENCE_LENGTH = 12


@dataclass(kw_only=True)
class _Turn:
    """One agent's step while it is being decided."""

    agent: "LargeAgent"
    observation: Observation
    before: Observation | None
    """What the last action was decided on."""
    retrieved: list[Retrieved]
    seeds: random.Random
    page: str
    fence: str
    extra_messages: list[Message] = field(default_factory=list)
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    repaired: bool = False
    planned: list[str] = field(default_factory=list)
    first_answer: str | None = None
    decision: Decision | None = None


class LargeAgent:
    """A `BatchAgent` over any `LanguageModel`.

    Args:
        model: answers the prompts; agents that are decided in one batch share it, and their configuration.
        knowledge: where to look for examples: a `KnowledgeBase`, or something around one; None: none are shown.
        k_goal: how many examples to look up by the goal.
        k_page: how many by the page.
        exclude: which entries of the knowledge base must not be shown, so that an evaluation does not read its own answers.
            Where it has no seed, the one given to `reset` is taken for the task instance's, as rollouts give it. None:
            nothing is held back.
        candidates: how many actions to ask for, 1 to 5.
        schema: hold answers to a JSON schema, where the model's server does that.
        plan: let the model keep a plan tree; of the steps only those of the plan's active part are shown.
        pruned: show the page as `symbiotic_gym.agents.pruning.prune` says it; else as the environment gives it.
        page_tokens: what the page may take; what is cut is told where it is cut.
        history_tokens: what the past steps may take; the last are kept.
        examples_tokens: what all examples together may take.
        verbs: which rows of the action table are shown.
        sampling: how to draw the answer.
        prompt: name of the prompt file in `agents/prompts`.

    Raises:
        ConfigError: there is no such verb or prompt, or a number is out of range.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        knowledge: Searchable | None = None,
        k_goal: int = 1,
        k_page: int = 2,
        exclude: Exclusion | None = None,
        candidates: int = 3,
        schema: bool = True,
        plan: bool = False,
        pruned: bool = True,
        page_tokens: int = 2000,
        history_tokens: int = 300,
        examples_tokens: int = 800,
        verbs: Sequence[str] = COMMON_VERBS,
        sampling: Sampling = Sampling(max_tokens=256),  # noqa: B008  (frozen)
        prompt: str = "large_v3",
    ) -> None:
        if not 1 <= candidates <= len(RANKS) or min(page_tokens, history_tokens, examples_tokens) < 0:
            raise ConfigError(
                explain(
                    f"candidates={candidates}, budgets of {page_tokens}, {history_tokens} and {examples_tokens} tokens",
                    f"1 to {len(RANKS)} candidates, budgets of 0 or more",
                    "the model would be asked for nothing, or for more than it can rank",
                    "correct the number",
                )
            )
        self.model = model
        self.name = f"large({model.name})"
        self.concurrent = isinstance(model, Concurrent) and model.concurrent
        self.exclude = exclude or Exclusion(level="none")
        self._knowledge = knowledge
        self._k = (k_goal, k_page)
        self._budgets = (page_tokens, history_tokens, examples_tokens)
        self._sampling = sampling
        self._candidates = candidates
        self._verbs = tuple(verbs)
        self._plans, self._pruned = plan, pruned
        self._schema_model = model if schema and isinstance(model, SchemaModel) else None
        self._prompt_name = prompt
        self._text = LargePrompt(prompt, verbs, candidates=candidates, schema=False, plan=plan)
        self._json = LargePrompt(prompt, verbs, candidates=candidates, schema=True, plan=plan)
        self.reset("")

    @property
    def explains_placeholders(self) -> bool:
        """Whether the prompt explains placeholders, and has `noop` for what cannot be decided without what they stand for."""
        return "⟦" in self._text.system and "noop" in self._verbs

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Forget the last episode."""
        self.plan = PlanTree(goal)
        self._before: Observation | None = None
        self._seed = seed
        self._random = random.Random(seed)
        self._fences = random.SystemRandom() if seed is None else random.Random(f"fences {seed}")
        """What a page must not be able to guess: where a prompt shows it, the page's text ends at this step's own word."""

    def observe(self, observation: Observation) -> None:
        """Take note of the action that was executed last, whoever chose it."""
        if observation is self._before:
            return
        if self._before is None and not self.plan.root.url:
            self.plan.root.url = observation.get("url", "")
        if observation["last_action"]:
            self.plan.note(past_step(observation, self._before))
        self._before = observation

    def retell(self, rewrite: Callable[[str], str]) -> None:
        """Say what is remembered of the episode in other words, since some of the old ones must not be sent any more."""
        self.plan.retell(rewrite)
        if self._before is not None:
            self._before = {**self._before, "page": rewrite(self._before["page"])}

    def act(self, observation: Observation) -> Decision:
        """Ask the model; again if it changed the plan, and once more if its answer holds no action that can be run."""
        return type(self).act_batch([self], [observation])[0]

    @classmethod
    def act_batch(cls, agents: Sequence["BatchAgent"], observations: Sequence[Observation]) -> list[Decision]:
        """Decide several episodes in one call of the shared model, and in one more for each round of repairs or plans.

        Raises:
            ModelError: the model failed for good.
        """
        own = [agent for agent in agents if isinstance(agent, LargeAgent)]
        turns = [agent._turn(observation) for agent, observation in zip(own, observations, strict=True)]
        while pending := [turn for turn in turns if turn.decision is None]:
            answers, schema = own[0]._ask(pending)
            for turn, answer in zip(pending, answers, strict=True):
                turn.agent._take(turn, answer, schema=schema)
        return [turn.decision for turn in turns if turn.decision is not None]

    def _turn(self, observation: Observation) -> _Turn:
        before = self._before
        self.observe(observation)
        page = prune(observation["page"]) if self._pruned else observation["page"]
        return _Turn(
            agent=self,
            observation=observation,
            before=before,
            retrieved=self._retrieve(observation),
            seeds=random.Random(self._random.getrandbits(31)),
            page=cut_page(page, observation["goal"], self._budgets[0]),
            fence="".join(self._fences.choice(_FENCE_LETTERS) for _ in range(_FENCE_LENGTH)),
        )

    def _ask(self, turns: Sequence[_Turn]) -> tuple[list[Completion], bool]:
        """One answer each, and whether they were held to a schema."""
        seeds = [turn.seeds.getrandbits(31) for turn in turns]
        if self._schema_model is not None:
            schemas = [turn.agent._schema(turn) for turn in turns]
            try:
                prompts = [turn.agent._messages(turn, self._json) for turn in turns]
                return self._schema_model.generate_json(prompts, schemas, self._sampling, seeds), True
            except SchemaRefusedError:
                pass  # the model remembers it where it is so for good
        return self.model.generate([turn.agent._messages(turn, self._text) for turn in turns], self._sampling, seeds), False

    def _schema(self, turn: _Turn) -> Mapping[str, Any]:
        nodes = [node.id for node in self.plan.nodes] if self._plans and len(turn.planned) < _PLAN_TURNS else []
        schema = answer_schema(turn.observation["page"], self._verbs, candidates=self._candidates, plan_nodes=nodes)
        if self._plans and not nodes:
            schema["properties"] = {"plan": {"type": "null"}, **schema["properties"]}
            schema["required"] = ["plan", *schema["required"]]
        return schema

    def _messages(self, turn: _Turn, prompt: LargePrompt) -> list[Message]:
        steps = [f"- {step}" for node in self.plan.nodes for step in node.steps] if not self._plans else []
        history = self.plan.history(self._budgets[1]) if self._plans else cut_lines(steps, self._budgets[1])
        user = prompt.user(
            turn.observation, turn.page, retrieved=turn.retrieved, plan=self.plan, history=history, fence=turn.fence
        )
        return [{"role": "system", "content": prompt.system}, {"role": "user", "content": user}, *turn.extra_messages]

    def _take(self, turn: _Turn, answer: Completion, *, schema: bool) -> None:
        """Act on an answer: decide, change the plan and ask again, or ask for a repair."""
        page = turn.observation["page"]
        turn.usage += answer.usage
        turn.first_answer = answer.text if turn.first_answer is None else turn.first_answer
        read = read_json_answer(answer.text, page) if schema else None
        candidates, command = read or (read_candidates(answer.text, page), read_plan_command(answer.text, page))
        problem, replanned = "", False
        if self._plans and command is not None and len(turn.planned) < _PLAN_TURNS:
            problem = self._replan(turn, command)
            replanned = not problem
            if turn.decision is not None or (replanned and (command.name == "prune" or not candidates)):
                return
        usable = tuple(one for one in candidates if not problem_of(one, turn.observation))[: self._candidates]
        doubt = doubt_of(usable[0], turn.observation, turn.before) if usable else ""
        if turn.repaired or (usable and not doubt):
            self._decide(turn, usable or candidates, answer, usable)
            return
        turn.repaired = True
        problem = doubt or (problem_of(candidates[0], turn.observation) if candidates else problem or nothing_in(answer))
        turn.extra_messages = [
            {"role": "assistant", "content": answer.text or "-"},
            {"role": "user", "content": (self._json if schema else self._text).repair(problem)},
        ]

    def _replan(self, turn: _Turn, command: PlanCommand) -> str:
        """Do what an answer wants of the plan; why it was not done, or nothing."""
        url = turn.observation.get("url", "")
        if command.name == "branch":
            problem = self.plan.branch(command.node, command.text, url)
        else:
            problem = self.plan.prune(command.node, command.text)
        turn.planned.append(f"{command.name}({command.node}): {command.text}" + (f" (refused: {problem})" if problem else ""))
        if problem:
            return problem
        turn.extra_messages = []
        back = self.plan.active.url
        if command.name == "prune" and back and back.partition("#")[0] != url.partition("#")[0]:
            action = Candidate(action=format_action("goto", url=back), reason=command.text)
            self._decide(turn, (action,), Completion(text=""), (action,))
        return ""

    def _decide(self, turn: _Turn, choices: tuple[Candidate, ...], answer: Completion, usable: tuple[Candidate, ...]) -> None:
        best = next(iter(choices), Candidate(action=answer.text.strip()))
        extra: dict[str, Any] = {"prompt": self._prompt_name}
        if self._knowledge is not None:
            extra["retrieved"] = [one.entry.id for one in turn.retrieved]
        if turn.repaired:
            extra["first_answer"] = turn.first_answer
        if turn.planned:
            extra["plan"] = turn.planned
        turn.decision = Decision(
            action=best.action, reason=best.reason, candidates=usable, usage=turn.usage, source=self.model.name, extra=extra
        )

    def _retrieve(self, observation: Observation) -> list[Retrieved]:
        if self._knowledge is None:
            return []
        found = self._knowledge.search(
            observation["goal"],
            observation["page"],
            k_goal=self._k[0],
            k_page=self._k[1],
            exclude=self._hidden(),
            budget_chars=self._budgets[2] * _CHARS_PER_TOKEN,
        )
        return [replace(one, page=prune(one.page)) for one in found] if self._pruned else found

    def _hidden(self) -> Exclusion:
        if self.exclude.level == "none" or self.exclude.seed is not None:
            return self.exclude
        return replace(self.exclude, seed=self._seed)
