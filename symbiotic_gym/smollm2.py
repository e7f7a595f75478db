"""SmolLM2's GGUF file as a plain Hugging Face folder, written by hand and byte for byte the same each time.

transformers can read a GGUF, but cannot be left to convert one: version 4 takes `<|im_start|>` for the end of text, puts it
before every prompt, and splits blanks before a digit in another way than SmolLM2's own tokenizer; version 5 refuses to save
what it read; and the place of `rope_theta` in config.json moved between the two. The folder written here loads alike in
both. Values are those of the published model, HuggingFaceTB/SmolLM2-135M-Instruct.
"""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbiotic_gym.errors import MissingDependencyError, explain

if TYPE_CHECKING:
    import torch
    from gguf import GGUFReader

__all__ = ["CHAT_TEMPLATE", "CONVERSION", "check_installed", "convert"]

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


_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "token_embd": "embed_tokens",
    "output_norm": "norm",
}
_CONTROL = 3
"""GGUF's token type of special tokens."""


def convert(gguf: Path, folder: Path) -> None:
    """Write config.json, generation_config.json, model.safetensors (bfloat16), the tokenizer and its chat template.

    Args:
        gguf: SmolLM2-135M-Instruct as GGUF, in any quantisation.
        folder: where to write; an existing folder.

    Raises:
        MissingDependencyError: the `train` extra is not installed.
    """
    check_installed()
    from gguf import GGUFReader
    from safetensors.torch import save_file

    reader = GGUFReader(gguf)
    save_file(_tensors(reader), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # the writer makes it the owner's alone; caches are shared
    _write_tokenizer(reader, folder)
    _write_json(folder / "config.json", _CONFIG)
    _write_json(folder / "generation_config.json", _IDS)


def check_installed() -> None:
    """Say what is missing before anything is downloaded.

    Raises:
        MissingDependencyError: the `train` extra is not installed.
    """
    missing = [name for name in ("gguf", "safetensors", "tokenizers", "torch") if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            explain(
                f"{', '.join(missing)}: not installed",
                "gguf, safetensors, tokenizers and torch",
                "the weights come as GGUF and are converted with them",
                "pip install 'symbiotic-gym[train]'",
            )
        )


def _tensors(reader: "GGUFReader") -> dict[str, "torch.Tensor"]:
    """The weights under transformers' names, in bfloat16."""
    import torch
    from gguf.quants import dequantize

    tensors = {}
    for packed in reader.tensors:
        *block, part = packed.name.removeprefix("blk.").removesuffix(".weight").split(".")
        weight = torch.tensor(dequantize(packed.data, packed.tensor_type))
        if part in ("attn_q", "attn_k"):
            weight = _half_split(weight, _CONFIG["num_attention_heads" if part == "attn_q" else "num_key_value_heads"])
        name = ".".join(["model", *(["layers", *block] if block else []), _NAMES[part], "weight"])
        tensors[name] = weight.to(torch.bfloat16).contiguous()
    return tensors


def _half_split(weight: "torch.Tensor", heads: int) -> "torch.Tensor":
    """Reorder each head's rows from GGUF's rotary pairs (0, 1), (2, 3), … to transformers' (0, n/2), (1, n/2 + 1), …"""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def _write_tokenizer(reader: "GGUFReader", folder: Path) -> None:
    """Byte-level BPE that splits digits first and adds nothing of its own to a text."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens, merges, types = (reader.fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "merges", "token_type"))
    pairs = [(left, right) for left, right in (merge.split(" ") for merge in merges)]
    tokenizer = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=pairs))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, types, strict=True) if kind == _CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",  # takes tokenizer.json as it stands; GPT2Tokenizer may rebuild it
        **_SPECIAL,
        "model_max_length": _CONFIG["max_position_embeddings"],
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    _write_json(folder / "tokenizer_config.json", settings)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
