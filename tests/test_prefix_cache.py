"""The prefix cache: the same scores as without it, its own episode only, its budget, nothing of other weights or of episodes
that are over; and under the rollout engine a wave that is played again is the same to the last bit.
"""

import gc
from functools import partial
from pathlib import Path

import pytest
import torch

from symbiotic_gym.agents.decoding import Row, complete
from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.agents.prefix_cache import PrefixCache
from symbiotic_gym.agents.request import Request
from symbiotic_gym.agents.small import SmallAgent
from symbiotic_gym.benchmarks.toy import TASKS, ToyEnv
from symbiotic_gym.protocols import Completion, Sampling
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.store import EpisodeLog
from symbiotic_gym.types import Observation, Trajectory
from tests.test_local import make_adapter
from tests.tiny import tiny_model

SAMPLING = Sampling(temperature=1.0, max_tokens=10)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def plain(base: Path) -> LocalModel:
    return LocalModel(base, dtype="float32", prefix_cache_bytes=0)


@pytest.fixture
def model(base: Path) -> LocalModel:
    return LocalModel(base, dtype="float32")


def asked(text: str, session: str = "", seed: int = 0) -> Request:
    return Request(messages=[{"role": "user", "content": text}], seed=seed, session=session)


def page(step: int, row: int) -> str:
    """A step of an episode: a head of its own length that stays, a part that changes, an end."""
    return (
        f"Goal: {'button ' * (3 + 5 * row)} Page: "
        + " ".join(f"textbox {i * step}" for i in range(2 + (row + step) % 4))
        + " Done."
    )


def close(a: Completion, b: Completion) -> bool:
    return a.text == b.text and a.logprob is not None and b.logprob is not None and abs(a.logprob - b.logprob) < 1e-3


def test_scores_are_those_without_it_in_batches_of_unlike_prefixes(model: LocalModel, plain: LocalModel) -> None:
    for step in range(4):
        rows = [asked(page(step, row), f"episode {row}", seed=10 * step + row) for row in range(5)]
        if step == 2:
            rows[1] = asked("something else altogether", "episode 1", seed=5)
        for ours, theirs in zip(model.answer(rows, SAMPLING), plain.answer(rows, SAMPLING), strict=True):
            assert close(ours, theirs)
    assert model.prefixes.known > 0.3 * model.prefixes.asked
    assert plain.prefixes.known == len(plain.prefixes) == 0


def test_the_log_probability_is_the_model_s_own(plain: LocalModel) -> None:
    plain.answer([asked("load the weights")], SAMPLING)
    prompt = plain._tokenizer("<|im_start|>user\nclick the button<|im_end|>\n<|im_start|>assistant\n")["input_ids"]
    row = Row(prompt=prompt, seed=3)
    complete(plain._model, [row], SAMPLING, plain._ends, PrefixCache(0))
    with torch.inference_mode():
        scores = plain._model(input_ids=torch.tensor([[*prompt, *row.drawn]])).logits[0].log_softmax(-1)
    total = sum(float(scores[len(prompt) - 1 + i, token]) for i, token in enumerate(row.drawn))
    assert row.logprob == pytest.approx(total, abs=1e-3)
    assert len(row.drawn) > 1


def test_the_same_prompt_again_computes_its_last_token_only(model: LocalModel) -> None:
    first, again = (model.answer([asked("click the button", "a")], SAMPLING)[0] for _ in range(2))
    assert close(first, again)
    assert model.prefixes.asked - model.prefixes.known == first.usage.prompt_tokens + 1


def test_a_row_reuses_its_own_episode_only(model: LocalModel) -> None:
    model.answer([asked("click the button", "a"), asked("click the button")], SAMPLING)
    assert len(model.prefixes) == 1, "a request without a session leaves nothing"
    model.answer([asked("click the button", "b"), asked("click the button")], SAMPLING)
    assert model.prefixes.known == 0


def test_other_weights_forget_everything(base: Path, model: LocalModel, plain: LocalModel, tmp_path: Path) -> None:
    adapter = make_adapter(base, tmp_path / "a", 1)
    model.answer([asked("click the button", "a")], SAMPLING)
    model.set_adapter(adapter)
    assert len(model.prefixes) == model.prefixes.bytes == 0
    trained = LocalModel(base, adapter=adapter, dtype="float32", prefix_cache_bytes=0)
    request = asked("click the button again", "a")
    assert close(model.answer([request], SAMPLING)[0], trained.answer([request], SAMPLING)[0])


def test_the_oldest_go_when_the_budget_is_spent(base: Path, plain: LocalModel) -> None:
    probe = LocalModel(base, dtype="float32")
    probe.answer([asked("click the button", "a")], SAMPLING)
    one = probe.prefixes.bytes
    config = probe._model.config
    tokens = probe.prefixes.asked
    width = config.num_key_value_heads * (config.hidden_size // config.num_attention_heads)
    assert one == 2 * config.num_hidden_layers * width * tokens * 4
    small = LocalModel(base, dtype="float32", prefix_cache_bytes=2 * one)
    for name in ("a", "b", "a", "c"):
        small.answer([asked("click the button", name)], SAMPLING)
        assert small.prefixes.bytes <= 2 * one
    known = small.prefixes.known
    small.answer([asked("click the button", "b")], SAMPLING)
    assert small.prefixes.known == known, "b had to make room for c"
    assert close(small.answer([asked("click it", "c")], SAMPLING)[0], plain.answer([asked("click it")], SAMPLING)[0])
    assert PrefixCache(0).match("a", [1, 2]).known == 0


def test_an_agent_s_episodes_are_sessions(model: LocalModel) -> None:
    agent = SmallAgent(model, sampling=Sampling(max_tokens=4), explain=True)
    observation: Observation = {"goal": "g", "page": '[1] link "a"', "last_action": "", "last_action_error": "", "tabs": ""}
    agent.reset("click the button", seed=0)
    agent.act(observation)
    inside = model.prefixes.known
    assert inside > 0.6 * model.prefixes.asked / 2, "the reason is asked with nearly the same prompt"
    agent.reset("click the button", seed=0)
    agent.act(observation)
    assert model.prefixes.known == 2 * inside


def test_an_episode_that_is_over_leaves_nothing(model: LocalModel) -> None:
    observation: Observation = {"goal": "g", "page": '[1] link "a"', "last_action": "", "last_action_error": "", "tabs": ""}
    agents = [SmallAgent(model, sampling=Sampling(max_tokens=4)) for _ in range(3)]
    for agent in agents:
        agent.reset("click the button", seed=0)
        agent.act(observation)
    assert len(model.prefixes) == 3
    agents[0].reset("another goal", seed=0)
    assert len(model.prefixes) == 2
    left = model.prefixes.bytes
    del agent, agents[2]
    gc.collect()
    assert len(model.prefixes) == 1 and 0 < model.prefixes.bytes < left


def test_a_session_that_ends_while_it_is_computed_is_still_computed_right(model: LocalModel, plain: LocalModel) -> None:
    model.answer([asked("click the button", "a")], SAMPLING)
    match = model.prefixes.match

    def then_over(session: str, prompt: list[int]) -> object:
        reuse = match(session, prompt)
        model.forget("a")
        return reuse

    model.prefixes.match = then_over  # type: ignore[method-assign, assignment]
    request = asked("click the button now", "a")
    assert close(model.answer([request], SAMPLING)[0], plain.answer([request], SAMPLING)[0])


EPISODES = [Episode(task, seed) for seed in range(2) for task in TASKS]
"""Two waves of three, of 2, 4 and 7 steps: who is in a batch changes as the short ones end."""


def play(model: LocalModel, log: EpisodeLog | None = None, *, stop_after: int = len(EPISODES)) -> list[Trajectory]:
    played: list[Trajectory] = []
    make_agent = partial(SmallAgent, model, sampling=Sampling(temperature=1.0, max_tokens=6))
    with Rollouts(3, make_env=ToyEnv) as rollouts:
        stream = rollouts.stream(EPISODES, make_agent, name="small", log=log, whole_waves=True)
        for trajectory in stream:
            played.append(trajectory)
            if len(played) == stop_after:
                break
        stream.close()
    return played


def said(played: list[Trajectory]) -> dict[tuple[str, int], list[object]]:
    return {(t.task, t.seed): [(s.decision.action, s.decision.extra["logprob"]) for s in t.steps] for t in played}


def test_a_wave_that_is_played_again_is_the_same_to_the_last_bit(base: Path, tmp_path: Path) -> None:
    model = LocalModel(base, dtype="bfloat16")
    whole = play(model)
    assert len({len(t.steps) for t in whole}) == 3
    assert model.prefixes.known > 0.2 * model.prefixes.asked, "the steps of an episode share their beginnings"
    log = EpisodeLog(tmp_path / "episodes.jsonl")
    first = play(LocalModel(base, dtype="bfloat16"), log, stop_after=4)
    assert len(first) == 4, "the second wave was interrupted"
    assert said(play(model, EpisodeLog(tmp_path / "episodes.jsonl"))) == said(whole), "model still holds what it kept"
    gc.collect()
    assert len(model.prefixes) == 0


def test_a_budget_that_is_too_small_changes_nothing_of_that(base: Path) -> None:
    tight = LocalModel(base, dtype="bfloat16", prefix_cache_bytes=40_000)
    whole = play(tight)
    assert 0 < tight.prefixes.known < 0.9 * tight.prefixes.asked
    assert said(play(tight)) == said(whole)
