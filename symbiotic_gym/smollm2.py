"""SmolLM2's GGUF file as a plain Hugging Face folder: what the conversion has to get right by hand.

transformers reads the tensors. The rest it would get wrong or write in a form that its other major version misreads, so it is written
here: the tokenizer it makes from a GGUF takes `<|im_start|>` for the end of text and puts it before every prompt, and splits
runs of blanks before a digit in another way than SmolLM2's own; and the position of `rope_theta` in config.json moved
between transformers 4 and 5. Values are those of the published model, HuggingFaceTB/SmolLM2-135M-Instruct.
"""

import json
from pathlib import Path
from typing import Any

from symbiotic_gym.errors import MissingDependencyError, explain

__all__ = ["CHAT_TEMPLATE", "CONVERSION", "convert"]

CONVERSION = 1
"""Raise it when what `convert` writes changes: folders made by an older one are then made anew."""

CHAT_TEMPLATE = """\
{%- if not messages or messages[0]['role'] != 'system' -%}
{{- '<|im_start|>system\\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""
"""ChatML, and the system message that SmolLM2 was tuned with where the chat brings none."""

_SPECIAL = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>", "pad_token": "<|im_end|>"}
_IDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
_CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "attention_bias": False,
    "attention_dropout": 0.0,
    **_IDS,
    "dtype": "bfloat16",
    "head_dim": 64,
    "hidden_act": "silu",
    "hidden_size": 576,
    "initializer_range": 0.041666666666666664,
    "intermediate_size": 1536,
    "max_position_embeddings": 8192,
    "mlp_bias": False,
    "num_attention_heads": 9,
    "num_hidden_layers": 30,
    "num_key_value_heads": 3,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 100000,
    "tie_word_embeddings": True,
    "use_cache": True,
    "vocab_size": 49152,
}


def convert(gguf: Path, folder: Path) -> None:
    """Write config.json, generation_config.json, model.safetensors (bfloat16), the tokenizer and its chat template.

    Args:
        gguf: SmolLM2-135M-Instruct as GGUF, in any quantisation.
        folder: where to write; an existing folder.

    Raises:
        MissingDependencyError: the `train` extra is not installed.
    """
    try:
        import torch
        from gguf import GGUFReader
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise MissingDependencyError(
            explain(
                f"{error.name} is not installed",
                "torch, transformers and gguf",
                "weights that come as GGUF are converted with them",
                "pip install 'symbiotic-gym[train]'",
            )
        ) from error
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    fields = GGUFReader(gguf).fields
    tokens, merges, types = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "merges", "token_type"))
    _write_tokenizer(tokens, merges, [token for token, kind in zip(tokens, types, strict=True) if kind == 3], folder)
    _write_json(folder / "config.json", _CONFIG)
    _write_json(folder / "generation_config.json", {"_from_model_config": True, **_IDS})


def _write_tokenizer(tokens: list[str], merges: list[str], control: list[str], folder: Path) -> None:
    """Byte-level BPE that splits digits first and adds nothing of its own to a text."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: number for number, token in enumerate(tokens)}
    pairs = [(left, right) for left, right in (merge.split(" ") for merge in merges)]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **_SPECIAL,
        chat_template=CHAT_TEMPLATE,
        model_max_length=_CONFIG["max_position_embeddings"],
        clean_up_tokenization_spaces=False,
    )
    fast.save_pretrained(folder)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
