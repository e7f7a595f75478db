"""Answers drawn from models of each kind of attention, held against the model's own scores of the finished text."""

from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    MistralConfig,
    MistralForCausalLM,
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
)

from symbiotic_gym.agents import attention, decoding
from symbiotic_gym.agents.decoding import Row, complete
from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.agents.prefix_cache import PrefixCache
from symbiotic_gym.protocols import Sampling
from tests.tiny import tiny_model

SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
KINDS: dict[str, Any] = {
    "llama": None,
    "a window": (MistralForCausalLM, MistralConfig, {"sliding_window": 9}),
    "windows and not": (Gemma3ForCausalLM, Gemma3TextConfig, {"sliding_window": 9, "sliding_window_pattern": 2}),
    "masks of its own": (
        Qwen2MoeForCausalLM,
        Qwen2MoeConfig,
        {
            "moe_intermediate_size": 16,
            "shared_expert_intermediate_size": 16,
            "num_experts": 4,
            "num_experts_per_tok": 2,
        },
    ),
    "values of another size": (
        DeepseekV3ForCausalLM,
        DeepseekV3Config,
        {
            "num_key_value_heads": 4,
            "q_lora_rank": None,
            "kv_lora_rank": 16,
            "qk_nope_head_dim": 8,
            "qk_rope_head_dim": 8,
            "v_head_dim": 12,
            "first_k_dense_replace": 99,
        },
    ),
    "capped scores": (Gemma2ForCausalLM, Gemma2Config, {"sliding_window": 9, "attn_logit_softcapping": 2.0}),
}


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    folder = tiny_model(tmp_path_factory.mktemp("model"))
    if (kind := KINDS[request.param]) is not None:
        cls, config, more = kind
        vocabulary = AutoModelForCausalLM.from_pretrained(folder).config.vocab_size
        torch.manual_seed(0)
        cls(config(vocab_size=vocabulary, **(SHAPE | more))).save_pretrained(folder)
    local = LocalModel(folder, dtype="float32")
    local.open()
    return local


def prompts(step: int) -> list[list[int]]:
    """Unlike lengths; a head of each row stays from step to step."""
    generator = torch.Generator().manual_seed(0)
    heads = [torch.randint(3, 300, (length,), generator=generator).tolist() for length in (3, 40, 12, 90)]
    generator.manual_seed(step)
    return [
        head + torch.randint(3, 300, (length,), generator=generator).tolist()
        for head, length in zip(heads, (5, 2, 30, 9), strict=True)
    ]


def own_scores(eager: Any, row: Row) -> torch.Tensor:
    """(drawn tokens, vocabulary): the finished text in one pass, alone, with the model's own plain attention."""
    with torch.inference_mode():
        logits: torch.Tensor = eager(input_ids=torch.tensor([[*row.prompt, *row.drawn]])).logits[0]
    return logits[len(row.prompt) - 1 : -1].log_softmax(-1)


@pytest.mark.parametrize("short", [512, 4])
def test_each_row_answers_as_it_would_alone(model: LocalModel, short: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a batch of unlike lengths, with and without known prefixes, by products and by torch's kernel."""
    monkeypatch.setattr(attention, "SHORT", short)
    eager = AutoModelForCausalLM.from_pretrained(model._path, attn_implementation="eager", dtype=torch.float32).eval()
    prefixes = PrefixCache(1 << 20)
    for step in range(3):
        rows = [Row(prompt=prompt, seed=7 * step + i, session=f"e{i}") for i, prompt in enumerate(prompts(step))]
        complete(model._model, rows, Sampling(temperature=1.0, max_tokens=12), [2], prefixes)
        for row in rows:
            assert row.drawn
            scores = own_scores(eager, row)
            total = sum(float(scores[i, token]) for i, token in enumerate(row.drawn))
            assert row.logprob == pytest.approx(total, abs=2e-3)


def test_on_a_cpu_prompts_go_alone_and_keys_stay_where_they_are(model: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all of a cache can be joined; other models' prompts share one pass. Tokens of all rows go together always."""
    passes: list[tuple[int, ...]] = []
    places: list[int] = []
    whole = decoding._Forward._pass

    def noted(self: Any, ids_BT: torch.Tensor, *rest: Any) -> Any:
        passes.append(tuple(ids_BT.shape))
        logits_BV, cache = whole(self, ids_BT, *rest)
        places.append(cache.layers[0].keys.data_ptr())
        return logits_BV, cache

    monkeypatch.setattr(decoding._Forward, "_pass", noted)
    rows = [Row(prompt=prompt, seed=i) for i, prompt in enumerate(prompts(0))]
    complete(model._model, rows, Sampling(max_tokens=4), [2], PrefixCache(0))
    config = model._model.config
    if config.model_type != "qwen2_moe":  # it does not let itself be changed in transformers 4
        assert config._attn_implementation == ("eager" if config.model_type == "gemma2" else "symbiotic_inference")
    alone = [(1, len(row.prompt)) for row in rows]
    windows = config.model_type in ("mistral", "gemma2", "gemma3_text")
    assert passes == [*([(4, max(len(row.prompt) for row in rows))] if windows else alone), *[(4, 1)] * 3]
    assert windows or len(set(places[-3:])) == 1
