"""An adapter and its base model as one plain Hugging Face folder, for programs that know nothing of adapters.

    python -m symbiotic_gym.trainers.merging --base MODEL --adapter FOLDER --out FOLDER

vLLM and transformers take such a folder, and `symbiotic_gym.trainers.gguf` makes a file for llama.cpp of it.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symbiotic_gym.agents.weights import check_adapter, check_model, load_adapter, load_base
from symbiotic_gym.errors import StoreError, explain
from symbiotic_gym.models import resolve_model

__all__ = ["main", "merge"]


def merge(base_model: str | Path, adapter: Path, out: Path, *, dtype: str = "auto") -> None:
    """Add an adapter's weights to those of the model it was trained on, and write the sum.

    The sum is taken in float32 and rounded once.

    Args:
        base_model: a Hugging Face folder or hub id.
        adapter: a LoRA adapter of it.
        out: the new folder: safetensors, config and tokenizer. It is there whole or not at all.
        dtype: of the weights that are written: `bfloat16`, `float32`, or `auto`, the base model's own.

    Raises:
        ConfigError: the adapter does not fit the base model.
        UnknownNameError: there is no such model or adapter.
        StoreError: `out` exists.
        MissingDependencyError: torch, transformers or peft is not installed.
    """
    base = check_model(base_model)
    check_adapter(adapter)
    if out.exists():
        raise StoreError(
            explain(f"{out} exists", "a folder to make", "what is in it would be lost", "name another one, or remove it")
        )
    model: Any = load_adapter(load_base(base, device="cpu", dtype="float32"), adapter, trainable=False).merge_and_unload()

    import torch
    from transformers import AutoConfig

    from symbiotic_gym.agents.chat import load_tokenizer

    own = AutoConfig.from_pretrained(base).dtype or torch.float32
    new = out.with_name(f".{out.name}-new")
    shutil.rmtree(new, ignore_errors=True)
    model.to(own if dtype == "auto" else getattr(torch, dtype)).save_pretrained(str(new))
    load_tokenizer(base).save_pretrained(str(new))
    os.replace(new, out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Merge the adapter of a training."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--base", required=True, help="a known model's name, a Hugging Face folder or a hub id")
    parser.add_argument("--adapter", type=Path, required=True, help="the folder `adapter` of a training")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    parser.add_argument("--dtype", choices=("auto", "bfloat16", "float32"), default="auto", help="of the weights written")
    options = parser.parse_args(arguments)
    merge(resolve_model(options.base), options.adapter, options.out, dtype=options.dtype)
    return 0


if __name__ == "__main__":
    sys.exit(main())
