"""How a chat becomes tokens for a local model: one place, because training and generation must agree to the token.

The template alone decides which special tokens stand where; tokenising its text again with special tokens would put a second
beginning-of-text before it.
"""

from collections.abc import Sequence
from typing import Any

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.protocols import Message

__all__ = ["encode_prompt", "end_token", "load_tokenizer"]

_MARK = "symbiotic"


def load_tokenizer(path_or_name: str) -> Any:
    """A model's tokenizer, with a chat template for certain.

    Args:
        path_or_name: a Hugging Face folder or hub id.

    Raises:
        ConfigError: the tokenizer has no chat template.
        OSError: there is no tokenizer.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path_or_name)
    if not tokenizer.chat_template:
        raise ConfigError(
            explain(
                f"the tokenizer of {path_or_name} has no chat template",
                "a chat (instruct) model",
                "a prompt in a form the model was not tuned on gets answers at random",
                "take the -Instruct variant of the model, or put its chat_template.jinja into the folder",
            )
        )
    return tokenizer


def encode_prompt(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """The token ids after which the model's answer begins."""
    text = tokenizer.apply_chat_template([dict(m) for m in messages], add_generation_prompt=True, tokenize=False)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def end_token(tokenizer: Any) -> int:
    """The token that ends an answer in this model's template, which need not be the tokenizer's end of text."""
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _MARK}]
    rest = tokenizer.apply_chat_template(chat, tokenize=False).rpartition(_MARK)[2]
    after: list[int] = tokenizer(rest, add_special_tokens=False)["input_ids"]
    special = after and after[0] in (*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values())
    return int(after[0] if special else tokenizer.eos_token_id)
