"""Training rows under the chat templates of four families: one beginning of text, the model's own end, exact masks.

The templates say where a family puts its special tokens, in a form of our own; the tokenizers are a few merges learnt here,
with the family's special tokens and, where it has one, its habit of adding a beginning of text by itself.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from symbiotic_gym.agents.chat import encode_prompt, end_token
from symbiotic_gym.trainers.encoding import encode
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.multitask import IGNORE
from symbiotic_gym.trainers.packing import collate
from tests.tiny import TEXT

CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou help.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


@dataclass(frozen=True)
class Family:
    template: str
    special: tuple[str, ...]
    bos: str | None
    eos: str
    """The tokenizer's, which need not be what ends an answer."""
    ends: str
    """What ends an answer."""
    adds_bos: bool
    """Whether the tokenizer puts a beginning of text before whatever it is given."""


FAMILIES = {
    "SmolLM2": Family(CHATML, ("<|im_start|>", "<|im_end|>"), "<|im_start|>", "<|im_end|>", "<|im_end|>", False),
    "Qwen2.5": Family(CHATML, ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), None, "<|endoftext|>", "<|im_end|>", False),
    "Llama-3": Family(
        LLAMA,
        ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|eot_id|>",
        True,
    ),
    "Gemma": Family(GEMMA, ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"), "<bos>", "<eos>", "<end_of_turn>", True),
}
EXAMPLE = Example(
    task="t",
    goal="Press it.",
    observation={"page": "\n".join(f'[{i}] button "item {i}"' for i in range(40))},
    history=("noop()",),
    action='click("12")',
    reason="It is the button.",
)
every = pytest.mark.parametrize("name", FAMILIES)


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, Any]:
    return {name: make(family) for name, family in FAMILIES.items()}


def make(family: Family) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        TEXT.splitlines(),
        trainers.BpeTrainer(
            vocab_size=400, special_tokens=list(family.special), initial_alphabet=alphabet, show_progress=False
        ),
    )
    if family.adds_bos:
        assert family.bos is not None
        backend.post_processor = processors.TemplateProcessing(
            single=f"{family.bos} $A", special_tokens=[(family.bos, backend.token_to_id(family.bos))]
        )
    names = {"eos_token": family.eos} | ({"bos_token": family.bos} if family.bos else {})
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **names)
    tokenizer.chat_template = family.template
    return tokenizer


@every
def test_a_prompt_begins_once(tokenizers: dict[str, Any], name: str) -> None:
    tokenizer, family = tokenizers[name], FAMILIES[name]
    ids = encode_prompt(tokenizer, EXAMPLE.messages("action"))
    if family.adds_bos:
        assert tokenizer("x")["input_ids"][0] == tokenizer.bos_token_id, "this tokenizer would add a second one"
        assert ids.count(tokenizer.bos_token_id) == 1
        assert ids[0] == tokenizer.bos_token_id
    text = tokenizer.apply_chat_template(EXAMPLE.messages("action"), add_generation_prompt=True, tokenize=False)
    assert tokenizer.decode(ids) == text


@every
def test_a_target_ends_as_the_model_ends_its_answers(tokenizers: dict[str, Any], name: str) -> None:
    assert end_token(tokenizers[name]) == tokenizers[name].convert_tokens_to_ids(FAMILIES[name].ends)


@every
def test_prompt_and_target_are_the_tokens_of_the_whole_chat(tokenizers: dict[str, Any], name: str) -> None:
    """So that what is learnt is what the template writes when the answer is history."""
    tokenizer = tokenizers[name]
    row, cut = encode(tokenizer, EXAMPLE, max_tokens=4096, page_budget=6000)
    assert not cut
    answers = {0: EXAMPLE.action, 1: EXAMPLE.reason}
    for branch, kind in zip(row.branches, ("action", "reason"), strict=True):
        chat = [*EXAMPLE.messages(kind), {"role": "assistant", "content": answers[branch.task]}]
        text = tokenizer.apply_chat_template([dict(m) for m in chat], tokenize=False)
        whole = tokenizer(text, add_special_tokens=False)["input_ids"]
        mine = [*row.prefix, *branch.tokens]
        assert whole[: len(mine)] == mine
        assert tokenizer.decode(whole[len(mine) :]).strip() == "", "nothing but white space follows the end"


@every
@pytest.mark.parametrize("max_tokens", [4096, 400])
def test_masks_cover_the_targets_and_nothing_else(tokenizers: dict[str, Any], name: str, max_tokens: int) -> None:
    tokenizer, end = tokenizers[name], FAMILIES[name].ends
    row, cut = encode(tokenizer, EXAMPLE, max_tokens=max_tokens, page_budget=6000)
    assert cut == (max_tokens == 400), "the page is long enough to be cut, and is cut only where it must be"
    assert len(row) <= max_tokens
    data = collate([row, row], 0)
    for b in range(2):
        for task, answer in enumerate((EXAMPLE.action, EXAMPLE.reason)):
            labels = data["labels"][b]
            wanted = labels[(labels != IGNORE) & (data["task"][b] == task)]
            assert tokenizer.decode(wanted.tolist()) == answer + end
        predicted = data["input_ids"][b, -labels.shape[0] :].roll(-1)
        kept = labels != IGNORE
        assert (predicted[kept] == labels[kept]).all(), "each column predicts the token behind it"
