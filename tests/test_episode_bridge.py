"""trl's GRPOTrainer and DistillationTrainer in a real MiniWoB environment through the bridge, and the masks they are given."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from symbiotic_gym.agents.chat import encode_prompt, load_tokenizer
from symbiotic_gym.agents.weights import load_base
from symbiotic_gym.errors import BrowserError, ConfigError
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.trainers.episode_bridge import EpisodeBridge, _Policy, next_turn, rolled
from symbiotic_gym.types import Decision, Outcome, Step, Trajectory
from tests.tiny import tiny_model

ON_A_CPU: dict[str, Any] = {
    "learning_rate": 1e-3,
    "report_to": "none",
    "save_strategy": "no",
    "logging_steps": 1,
    "use_cpu": True,
    "bf16": False,
    "disable_tqdm": True,
}
"""What both of trl's trainers are told here."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def played(status: str, *turns: tuple[list[int], list[int]]) -> Trajectory:
    steps = tuple(
        Step(observation={}, decision=Decision(action="noop()", extra={"observed": seen, "written": said}), reward=0.0)
        for seen, said in turns
    )
    return Trajectory(task="t", seed=0, goal="g", agent="p", steps=steps, outcome=Outcome(status=status))  # type: ignore[arg-type]


def test_observations_are_masked_and_invalid_episodes_teach_nothing() -> None:
    turns = ([1, 2, 3], [4, 5]), ([6, 7], [8])
    good = rolled(played("failure", *turns), end=0)
    assert (good.prompt, good.completion, good.mask) == ((1, 2, 3), (4, 5, 6, 7, 8), (1, 1, 0, 0, 1))
    spoiled = rolled(played("invalid", *turns), end=0)
    assert (spoiled.completion, set(spoiled.mask)) == (good.completion, {0})
    assert rolled(played("invalid"), end=9).mask == (0,)


def test_the_conversation_is_what_the_template_writes(base: Path) -> None:
    tokenizer = load_tokenizer(str(base))
    chat = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "two"}]
    answer = [*tokenizer("a")["input_ids"], 2]
    first = encode_prompt(tokenizer, chat[:1])
    assert [*first, *answer, *next_turn(tokenizer, chat, ended=True)] == encode_prompt(tokenizer, chat)
    cut = [*first, *answer[:-1], *next_turn(tokenizer, chat, ended=False)]
    assert cut == encode_prompt(tokenizer, chat), "an answer that was cut off is closed, outside the mask"
    tokenizer.chat_template = "{% for m in messages %}{{ loop.length }}{{ m['content'] }}<|im_end|>{% endfor %}"
    with pytest.raises(ConfigError, match="changes earlier turns"):
        next_turn(tokenizer, chat, ended=True)


class Broken:
    """An environment whose browser never comes up."""

    def reset(self, **kwargs: Any) -> Any:
        raise BrowserError("no browser today")

    def close(self) -> None:
        pass


def test_spoiled_episodes_have_no_reward_and_are_counted(base: Path) -> None:
    tokenizer = load_tokenizer(str(base))
    trainer: Any = SimpleNamespace(
        accelerator=SimpleNamespace(unwrap_model=lambda model: model),
        model=None,
        temperature=1.0,
        state=SimpleNamespace(global_step=0),
    )
    with Rollouts(1, make_env=lambda task: Broken(), retries=1) as rollouts:  # type: ignore[arg-type,return-value]
        bridge = EpisodeBridge(tokenizer, rollouts)
        prompts = [row["prompt"] for row in bridge.dataset([Episode("miniwob.click-test", 3)])] * 2
        given = bridge(prompts, trainer)
    assert given["episode_reward"] == [None, None]
    assert bridge.reward(prompts, [], **given) == [None, None]
    assert given["env_mask"] == [[0], [0]]
    assert (bridge.played, bridge.invalid) == (2, 2)


def test_a_conversation_that_fills_up_loses_page_text_and_then_says_no_more(base: Path) -> None:
    tokenizer = load_tokenizer(str(base))
    model = load_base(str(base), device="cpu", dtype="float32")
    page = "\n".join(f'[{i}] button "item {i}"' for i in range(200))
    observation: Any = {"goal": "Press it.", "page": page, "last_action": "", "last_action_error": ""}
    bridge = EpisodeBridge(tokenizer, None, max_action_tokens=4, max_tokens=600, page_budget=6000)  # type: ignore[arg-type]
    policy = _Policy(bridge, model, 1.0, 0)
    policy.reset("Press it.")
    turns = [policy.act(observation) for _ in range(12)]
    spoken = [turn for turn in turns if turn.extra["written"]]
    assert 1 <= len(spoken) < 12
    assert spoken == turns[: len(spoken)]
    assert bridge.cut == len(spoken)
    assert bridge.full == 12 - len(spoken)
    assert all(turn.action == "noop()" and not turn.extra["observed"] for turn in turns[len(spoken) :])
    assert sum(len(turn.extra["observed"]) + len(turn.extra["written"]) for turn in turns) <= 600
    emptied: Any = dict(observation, page="")
    assert not policy.act(emptied).extra["written"], "what would fit again comes after a gap"
    tight = _Policy(EpisodeBridge(tokenizer, None, max_tokens=40), model, 1.0, 0)  # type: ignore[arg-type]
    tight.reset("Press it.")
    with pytest.raises(ConfigError, match="before the first action"):
        tight.act(observation)


def test_another_trl_is_refused_for_distillation(monkeypatch: pytest.MonkeyPatch) -> None:
    from symbiotic_gym.trainers import episode_distillation

    monkeypatch.setattr(episode_distillation, "version", lambda package: "1.17.0")
    with pytest.raises(ConfigError, match=r"trl 1\.17\.0"):
        episode_distillation.EpisodeDistillationTrainer(bridge=None)  # type: ignore[arg-type]


@pytest.mark.browser
def test_a_student_is_distilled_on_its_own_episodes(base: Path, tmp_path: Path) -> None:
    """trl's DistillationTrainer through the bridge: two real steps, on what the student wrote alone."""
    from trl import DistillationConfig

    from symbiotic_gym.trainers.episode_distillation import EpisodeDistillationTrainer

    tokenizer = load_tokenizer(str(base))
    model, teacher = (
        load_base(str(folder), device="cpu", dtype="float32") for folder in (base, tiny_model(tmp_path / "teacher", seed=1))
    )
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with Rollouts(2) as rollouts:
        bridge = EpisodeBridge(tokenizer, rollouts, max_steps=2, max_action_tokens=6)
        trainer = EpisodeDistillationTrainer(
            bridge=bridge,
            model=model,
            teacher_model=teacher,
            args=DistillationConfig(
                output_dir=str(tmp_path / "out"),
                per_device_train_batch_size=2,
                max_steps=2,
                beta=0.0,
                **ON_A_CPU,
                gradient_checkpointing=False,
            ),
            train_dataset=bridge.dataset([Episode("miniwob.click-test", seed) for seed in range(4)]),
            processing_class=tokenizer,
        )
        inputs = trainer._generate_and_score_completions([{"prompt": "miniwob.click-test 9"}])
        trainer.train()
    assert bridge.played == 1 + 4
    own, whole = inputs["tool_mask"].sum().item(), inputs["completion_ids"].shape[1]
    assert 0 < own <= 2 * 6 < whole, "observations are in the sequence, and not in the loss"
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert len(logged) == 2
    assert all(entry["loss"] > 0 and entry["reward"] == 0.0 for entry in logged), "an untrained model never succeeds"
    assert all(0 < entry["completions/mean_length"] <= 2 * 6 for entry in logged)
    assert any(not torch.equal(weight, before[name]) for name, weight in model.state_dict().items()), "it trained"


@pytest.mark.browser
def test_three_steps_of_grpo_in_miniwob(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    from trl import GRPOConfig, GRPOTrainer

    model = load_base(str(base), device="cpu", dtype="float32")
    tokenizer = load_tokenizer(str(base))
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    given: list[dict[str, Any]] = []
    with Rollouts(2) as rollouts:
        bridge = EpisodeBridge(tokenizer, rollouts, max_steps=2, max_action_tokens=6)

        def watched(prompts: Any, trainer: Any) -> dict[str, Any]:
            given.append(bridge(prompts, trainer))
            # an untrained model never succeeds: the bridge's rewards are checked below, and these give it something to learn
            rewards = [float(i % 2) for i in range(len(prompts))]
            return given[-1] | {"episode_reward": [None, *rewards[1:]] if len(given) == 2 else rewards}

        trainer = GRPOTrainer(
            model=model,
            reward_funcs=bridge.reward,
            args=GRPOConfig(
                output_dir=str(tmp_path / "out"),
                per_device_train_batch_size=4,
                num_generations=2,
                max_steps=3,
                max_completion_length=512,
                **ON_A_CPU,
            ),
            train_dataset=bridge.dataset([Episode("miniwob.click-test", seed) for seed in range(6)]),
            rollout_func=watched,
            processing_class=tokenizer,
        )
        trainer.train()
    assert trainer.state.global_step == len(given) == 3
    assert (bridge.played, bridge.invalid) == (12, 0)
    for step in given:
        assert set(step["episode_reward"]) <= {0.0, 1.0}, "the environment's own"
        assert step["prompt_ids"][0] == step["prompt_ids"][1], "a group plays one instance"
        assert step["completion_ids"][0] != step["completion_ids"][1], "and draws apart"
        for ids, mask in zip(step["completion_ids"], step["env_mask"], strict=True):
            assert len(ids) == len(mask)
            assert 0 < sum(mask) <= 2 * 6
            if len(mask) > 6:
                assert "Predict the action." in tokenizer.decode([i for i, m in zip(ids, mask, strict=True) if not m])
    assert any(not torch.equal(weight, before[name]) for name, weight in model.state_dict().items()), "it trained"
