"""The local model, on a tiny random one: exactness of batching, seeds and adapters against transformers' and PEFT's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

from symbiotic_gym.agents import local, weights
from symbiotic_gym.agents.chat import encode_prompt, end_token, load_tokenizer
from symbiotic_gym.agents.local import LocalModel, draw
from symbiotic_gym.agents.weights import load_base
from symbiotic_gym.errors import ConfigError, MissingDependencyError, UnknownNameError
from symbiotic_gym.protocols import Message, Sampling
from tests.tiny import tiny_model

GREEDY = Sampling(max_tokens=12)
HOT = Sampling(temperature=1.5, max_tokens=12)


def chat(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


PROMPTS = [chat("Goal: " + "click the button " * n) for n in (5, 1, 9, 3)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def model(base: Path) -> LocalModel:
    return LocalModel(base, dtype="float32")


def make_adapter(base: Path, out: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(load_base(str(base), device="cpu", dtype="float32"), config).save_pretrained(str(out))
    return out


def texts(model: LocalModel, prompts: Sequence[Any], sampling: Sampling, seeds: Sequence[int] | None = None) -> list[str]:
    return [completion.text for completion in model.generate(prompts, sampling, seeds)]


def by_transformers(model: Any, base: Path, prompt: Any, tokens: int) -> str:
    tokenizer = load_tokenizer(str(base))
    ids = torch.tensor([encode_prompt(tokenizer, prompt)])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=tokens)
    return str(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))


def test_greedy_answers_are_those_of_transformers_in_the_order_asked(base: Path, model: LocalModel) -> None:
    reference = load_base(str(base), device="cpu", dtype="float32").eval()
    assert texts(model, PROMPTS, GREEDY) == [by_transformers(reference, base, prompt, 12) for prompt in PROMPTS]
    small = LocalModel(base, dtype="float32", max_batch=2)
    assert texts(small, PROMPTS, GREEDY) == texts(model, PROMPTS, GREEDY)
    assert model.generate([], GREEDY) == []


def test_a_row_draws_by_its_own_seed_whoever_is_beside_it(model: LocalModel) -> None:
    alone = [texts(model, [prompt], HOT, [seed])[0] for seed, prompt in enumerate(PROMPTS)]
    assert texts(model, PROMPTS, HOT, [0, 1, 2, 3]) == alone
    assert texts(model, PROMPTS[::-1], HOT, [3, 2, 1, 0]) == alone[::-1]
    assert len(set(texts(model, [PROMPTS[0]] * 4, HOT, [0, 1, 2, 3]))) == 4
    assert len(set(texts(model, [PROMPTS[0]] * 4, HOT, [5, 5, 5, 5]))) == 1


def test_drawing_follows_the_probabilities() -> None:
    logits = torch.tensor([0.5, 0.25, 0.15, 0.1]).log().repeat(4000, 1)
    generators = [torch.Generator().manual_seed(i) for i in range(4000)]
    for top_p, expected in ((1.0, [0.5, 0.25, 0.15, 0.1]), (0.7, [2 / 3, 1 / 3, 0, 0]), (0.4, [1, 0, 0, 0])):
        token = draw(logits, Sampling(temperature=1.0, top_p=top_p), generators)
        share = torch.bincount(token, minlength=4) / 4000
        torch.testing.assert_close(share, torch.tensor(expected, dtype=torch.float32), atol=0.03, rtol=0)
    assert draw(logits[:2], Sampling(), []).tolist() == [0, 0]


def test_a_flat_distribution_needs_more_than_the_likeliest_few() -> None:
    logits = torch.zeros(500, 4000)
    generators = [torch.Generator().manual_seed(i) for i in range(500)]
    token = draw(logits, Sampling(temperature=1.0, top_p=0.9), generators)
    assert token.unique().numel() > 400


def test_answers_end_at_the_end_token_and_usage_counts(base: Path, model: LocalModel) -> None:
    sampling = Sampling(temperature=2.0, max_tokens=150)
    completions = model.generate([PROMPTS[1]] * 16, sampling, range(16))
    prompt = encode_prompt(load_tokenizer(str(base)), PROMPTS[1])
    stopped = [c for c in completions if c.finish == "stop"]
    assert 0 < len(stopped) < 16, "the seeds should give both kinds"
    for c in completions:
        assert c.usage.prompt_tokens == len(prompt)
        assert c.usage.requests == 1
        assert c.usage.seconds > 0
        assert c.usage.completion_tokens == 150 or c.finish == "stop"
        assert "<|im_end|>" not in c.text


def test_the_template_decides_about_special_tokens(base: Path) -> None:
    tokenizer = load_tokenizer(str(base))
    ids = encode_prompt(tokenizer, chat("hello"))
    assert ids[0] == 1
    assert ids.count(1) == 2, "one <|im_start|> a turn, none before"
    assert end_token(tokenizer) == 2
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] + '<|endoftext|>' }}{% endfor %}"
    assert end_token(tokenizer) == 0, "the template's own end, not the tokenizer's"


def test_adapters_come_and_go(base: Path, model: LocalModel, tmp_path: Path) -> None:
    before = texts(model, PROMPTS, GREEDY)
    first, second = make_adapter(base, tmp_path / "a", 1), make_adapter(base, tmp_path / "b", 2)
    for adapter in (first, second, first):
        model.set_adapter(adapter)
        unmerged = PeftModel.from_pretrained(load_base(str(base), device="cpu", dtype="float32"), str(adapter)).eval()
        assert texts(model, PROMPTS, GREEDY) == [by_transformers(unmerged, base, prompt, 12) for prompt in PROMPTS]
        assert texts(model, PROMPTS, GREEDY) != before
    assert texts(LocalModel(base, adapter=second, dtype="float32"), PROMPTS, GREEDY) != texts(model, PROMPTS, GREEDY)
    model.set_adapter(None)
    assert texts(model, PROMPTS, GREEDY) == before
    fresh = load_base(str(base), device="cpu", dtype="float32").state_dict()
    assert all(torch.equal(value, fresh[name]) for name, value in model._model.state_dict().items())


def test_the_adapter_in_force_is_loaded_once_and_again_when_it_was_trained_in_place(
    base: Path, model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []

    def load_adapter(base_model: Any, folder: Path, *, trainable: bool) -> Any:
        loaded.append(folder)
        return weights.load_adapter(base_model, folder, trainable=trainable)

    model.set_adapter(None)
    before = texts(model, PROMPTS, GREEDY)
    monkeypatch.setattr(local, "load_adapter", load_adapter)
    folder = make_adapter(base, tmp_path / "a", 1)
    for _ in range(3):
        model.set_adapter(folder)
    first = texts(model, PROMPTS, GREEDY)
    assert loaded == [folder]
    make_adapter(base, folder, 2)
    model.set_adapter(folder)
    assert loaded == [folder] * 2
    again = LocalModel(base, adapter=make_adapter(base, tmp_path / "b", 2), dtype="float32")
    assert first != texts(model, PROMPTS, GREEDY) == texts(again, PROMPTS, GREEDY)
    for _ in range(2):
        model.set_adapter(None)
        assert texts(model, PROMPTS, GREEDY) == before


def test_an_adapter_of_another_model_is_refused_and_the_base_goes_on(base: Path, model: LocalModel, tmp_path: Path) -> None:
    other = make_adapter(tiny_model(tmp_path / "other", hidden=64), tmp_path / "adapter")
    before = texts(model, PROMPTS, GREEDY)
    for _ in range(2):
        with pytest.raises(ConfigError, match="does not fit"):
            model.set_adapter(other)
    assert texts(model, PROMPTS, GREEDY) == before
    with pytest.raises(UnknownNameError, match=r"no adapter_config\.json"):
        model.set_adapter(tmp_path)


def test_what_cannot_work_is_told(base: Path, model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="is no model"):
        LocalModel(tmp_path / "missing")
    with pytest.raises(ConfigError, match="page_budget"):
        model.generate([chat("word " * 4000)], GREEDY)
    tokenizer = load_tokenizer(str(base))
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path / "plain")
    (tmp_path / "plain" / "chat_template.jinja").unlink(missing_ok=True)
    with pytest.raises(ConfigError, match="no chat template"):
        load_tokenizer(str(tmp_path / "plain"))
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"symbiotic-gym\[train\]"):
        LocalModel(base)
