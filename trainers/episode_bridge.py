"""A bridge that lets `trl`'s on-policy trainers train in our multi-turn environments: GRPOTrainer (arXiv 2402.03300) by it
alone, DistillationTrainer by `episode_distillation.py`.

    bridge = EpisodeBridge(tokenizer, rollouts, max_steps=5)
    GRPOTrainer(model, reward_funcs=bridge.reward, rollout_func=bridge, train_dataset=bridge.dataset(episodes), ...)

An episode is one sequence: what the model wrote and, between its actions, the observations as its own chat template writes
them. Observation tokens are masked out of the loss, and what is trained on is token for token what was generated from. An
episode that the infrastructure spoiled has no reward: `trl` leaves it out of its group's baseline, its tokens are masked, and
it is counted. A page that does not fit into what is left of `max_tokens` is cut, and a conversation that is full says no more
until its episode ends; both are counted.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from symbiotic_gym.agents.chat import encode_prompt, end_token
from symbiotic_gym.agents.small import extend_history, prompt_messages, read_action
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.protocols import BatchAgent, Message
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.types import Decision, Observation, Trajectory

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["EpisodeBridge", "Rolled", "next_turn", "rolled"]


@dataclass(frozen=True, kw_only=True)
class Rolled:
    """An episode as `trl` takes it."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    mask: tuple[int, ...]
    """For each token of `completion`: 1 where the model wrote it, 0 where it was observed."""


def rolled(trajectory: Trajectory, end: int) -> Rolled:
    """One sequence of an episode that a bridge's policy played; an invalid one has nothing to learn from, so its mask is 0."""
    turns = [step.decision.extra for step in trajectory.steps]
    completion, mask = list[int](), list[int]()
    for i, turn in enumerate(turns):
        observed = turn["observed"] if i else []
        completion += [*observed, *turn["written"]]
        mask += [0] * len(observed) + [int(trajectory.outcome.scored)] * len(turn["written"])
    if not turns:  # spoiled before its first action; trl wants a token for everybody
        return Rolled(prompt=(end,), completion=(end,), mask=(0,))
    return Rolled(prompt=tuple(turns[0]["observed"]), completion=tuple(completion), mask=tuple(mask))


def next_turn(tokenizer: Any, chat: Sequence[Message], *, ended: bool) -> list[int]:
    """What the template writes between the end of an answer and the beginning of the next one.

    Args:
        tokenizer: the model's, with its chat template.
        chat: up to the new user message; the message before it is the answer.
        ended: whether the model wrote its end token; if not, it is put here, among what was not the model's.

    Raises:
        ConfigError: the template writes earlier turns differently once later ones follow.
    """
    messages = [dict(message) for message in chat]
    before = tokenizer.apply_chat_template(messages[:-1], tokenize=False)
    whole = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    if not whole.startswith(before):
        raise ConfigError(
            explain(
                "the chat template changes earlier turns when later ones are added",
                "a template whose text only grows",
                "the model would be trained on other tokens than it was asked with",
                "take a template that keeps earlier turns, such as the family's training template",
            )
        )
    end = end_token(tokenizer)
    tail = before.rpartition(tokenizer.decode([end]))[2]
    ids: list[int] = tokenizer(tail + whole[len(before) :], add_special_tokens=False)["input_ids"]
    return ids if ended else [end, *ids]


class EpisodeBridge:
    """A `rollout_func` for GRPOTrainer, the reward function that goes with it, and the data set of both trainers.

    Args:
        tokenizer: the model's, with a chat template.
        rollouts: the environments; closed by whoever made them.
        max_steps: actions in an episode.
        max_action_tokens: of one action.
        max_tokens: of a whole episode, no more than the model's context.
        page_budget: characters of page text in each turn.

    Attributes:
        invalid: episodes that were dropped, over all steps.
        played: all episodes, the dropped ones included.
        cut: observations that lost page text to fit in.
        full: actions that were not asked for, because nothing more fitted in.
    """

    def __init__(
        self,
        tokenizer: Any,
        rollouts: Rollouts,
        *,
        max_steps: int = 5,
        max_action_tokens: int = 32,
        max_tokens: int = 4096,
        page_budget: int = 2000,
    ) -> None:
        self.tokenizer = tokenizer
        self.rollouts = rollouts
        self.max_steps = max_steps
        self.max_action_tokens = max_action_tokens
        self.max_tokens = max_tokens
        self.page_budget = page_budget
        self.end = end_token(tokenizer)
        self.invalid = 0
        self.played = 0
        self.cut = 0
        self.full = 0

    @staticmethod
    def dataset(episodes: Sequence[Episode]) -> "Dataset":
        """The episodes as `train_dataset`; GRPOTrainer plays each `num_generations` times."""
        from datasets import Dataset

        return Dataset.from_list([{"prompt": f"{episode.task} {episode.seed}"} for episode in episodes])

    @staticmethod
    def reward(
        prompts: Sequence[Any], completions: Sequence[Any], episode_reward: Sequence[float | None], **_: Any
    ) -> list[Any]:
        """GRPOTrainer's reward function: the environment's own reward; None for an invalid episode."""
        return list(episode_reward)

    def __call__(self, prompts: Sequence[str], trainer: Any) -> dict[str, Any]:
        """Play one episode for each prompt, in order; equal prompts are the group of one instance, drawn apart."""
        waves: dict[int, list[Episode]] = defaultdict(list)
        places = []
        for prompt in prompts:
            task, _, seed = prompt.rpartition(" ")
            episode = Episode(task, int(seed))
            again = sum(episode in wave for wave in waves.values())
            waves[again].append(episode)
            places.append((again, episode))
        model = trainer.accelerator.unwrap_model(trainer.model)
        found: dict[tuple[int, Episode], Trajectory] = {}
        for again, wave in waves.items():
            draw = (int(trainer.state.global_step) + 1) * 10_007 + again
            played = self.rollouts.run(
                wave,
                lambda draw=draw: _Policy(self, model, trainer.temperature, draw),  # type: ignore[misc]
                name="policy",
                max_steps=self.max_steps,
            )
            found |= {(again, episode): trajectory for episode, trajectory in zip(wave, played, strict=True)}
        trajectories = [found[place] for place in places]
        self.played += len(trajectories)
        self.invalid += sum(not trajectory.outcome.scored for trajectory in trajectories)
        sequences = [rolled(trajectory, self.end) for trajectory in trajectories]
        return {
            "prompt_ids": [list(sequence.prompt) for sequence in sequences],
            "completion_ids": [list(sequence.completion) for sequence in sequences],
            "logprobs": None,
            "env_mask": [list(sequence.mask) for sequence in sequences],
            "episode_reward": [trajectory.reward if trajectory.outcome.scored else None for trajectory in trajectories],
        }


@dataclass
class _Talk:
    """One episode so far."""

    goal: str = ""
    seed: int = 0
    chat: list[Message] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    history: tuple[str, ...] = ()
    full: bool = False
    """Something did not fit in any more: a gap in a conversation is not to be learnt from."""


class _Policy:
    """The model under training as an agent that keeps the whole conversation."""

    def __init__(self, bridge: EpisodeBridge, model: Any, temperature: float, draw: int) -> None:
        self.name = "policy"
        self._bridge, self._model, self._temperature, self._draw = bridge, model, temperature, draw
        self._talk = _Talk()

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        self._talk = _Talk(goal=goal, seed=seed or 0)

    def act(self, observation: Observation) -> Decision:
        return self.act_batch([self], [observation])[0]

    @classmethod
    def act_batch(cls, agents: Sequence[BatchAgent], observations: Sequence[Observation]) -> list[Decision]:
        """One batch through the model."""
        own = [agent for agent in agents if isinstance(agent, _Policy)]
        observed = [agent._read(observation) for agent, observation in zip(own, observations, strict=True)]
        turns = list(zip(own, observed, strict=True))
        written = iter(_generate([agent for agent, seen in turns if seen]))
        return [agent._answer(seen, next(written)) if seen else agent._silent() for agent, seen in turns]

    def _read(self, observation: Observation) -> list[int]:
        """The tokens that the new observation adds; none where they do not fit in, even without the page.

        Raises:
            ConfigError: the very first observation does not.
        """
        talk, bridge = self._talk, self._bridge
        talk.history = extend_history(talk.history, observation)
        if talk.full:
            return []
        room = bridge.max_tokens - bridge.max_action_tokens - len(talk.ids)
        for budget in (bridge.page_budget // 2**halved for halved in range(bridge.page_budget.bit_length() + 1)):
            turn = prompt_messages(talk.goal, observation, talk.history, "action", page_budget=budget)
            ids = self._written([*talk.chat, *turn])
            if len(ids) <= room:
                bridge.cut += budget < bridge.page_budget
                talk.chat += turn
                talk.ids += ids
                return ids
        if not talk.ids:
            raise ConfigError(
                explain(
                    f"{len(ids)} tokens before the first action, without any of the page",
                    f"at most {room} (max_tokens less max_action_tokens)",
                    "no episode could be played",
                    "raise max_tokens if the model's context allows it",
                )
            )
        talk.full = True
        return []

    def _written(self, chat: Sequence[Message]) -> list[int]:
        """What a chat's last message adds to the tokens so far."""
        tokenizer, ids = self._bridge.tokenizer, self._talk.ids
        return next_turn(tokenizer, chat, ended=ids[-1] == self._bridge.end) if ids else encode_prompt(tokenizer, chat)

    def _silent(self) -> Decision:
        self._bridge.full += 1
        return Decision(action="noop()", source="policy", extra={"observed": [], "written": []})

    def _answer(self, observed: list[int], written: list[int]) -> Decision:
        text = self._bridge.tokenizer.decode(written, skip_special_tokens=True)
        self._talk.ids += written
        self._talk.chat.append({"role": "assistant", "content": text})
        return Decision(action=read_action(text), source="policy", extra={"observed": observed, "written": written})


def _generate(team: Sequence[_Policy]) -> list[list[int]]:
    """Draw an action for each; all tokens up to the end token, which is the last one where it was drawn."""
    import torch

    if not team:
        return []
    bridge, model = team[0]._bridge, team[0]._model
    longest = max(len(agent._talk.ids) for agent in team)
    ids_BT = torch.tensor([[bridge.end] * (longest - len(a._talk.ids)) + a._talk.ids for a in team], device=model.device)
    mask_BT = torch.tensor([[0] * (longest - len(a._talk.ids)) + [1] * len(a._talk.ids) for a in team], device=model.device)
    training = model.training
    model.eval()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(hash((team[0]._draw, longest, *(agent._talk.seed for agent in team))) % 2**63)
        out = model.generate(
            input_ids=ids_BT,
            attention_mask=mask_BT,
            max_new_tokens=bridge.max_action_tokens,
            do_sample=True,
            temperature=team[0]._temperature,
            top_k=0,
            top_p=1.0,
            eos_token_id=bridge.end,
            pad_token_id=bridge.end,
        )
    model.train(training)
    return [_until(row, bridge.end) for row in out[:, longest:].tolist()]


def _until(row: list[int], end: int) -> list[int]:
    return row[: row.index(end) + 1] if end in row else row
