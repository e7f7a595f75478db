"""A model folder as one GGUF file, for llama.cpp and what is built on it.

    python -m symbiotic_gym.trainers.gguf --model FOLDER --out FILE.gguf

llama.cpp's own converter does it: `convert_hf_to_gguf.py` of a checkout, whose folder the variable `LLAMA_CPP` names, or one on
the PATH. A trained adapter is merged into its base model first (`trainers.merging`).
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from symbiotic_gym.errors import MissingDependencyError, ModelError, StoreError, UnknownNameError, explain, nearest

__all__ = ["TYPES", "convert_to_gguf", "find_converter", "main"]

TYPES = ("auto", "f32", "f16", "bf16", "q8_0")
"""What weights can be written as; `auto`: the half-precision type that fits the model."""

_SCRIPT = "convert_hf_to_gguf.py"
_NOT_INSTALLED = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")
_TOLD = 2000


def find_converter() -> Path:
    """llama.cpp's converter.

    Raises:
        MissingDependencyError: it is not where `LLAMA_CPP` says, nor on the PATH.
    """
    folder = os.environ.get("LLAMA_CPP", "")
    found = str(Path(folder) / _SCRIPT) if folder else shutil.which(_SCRIPT)
    if found and Path(found).is_file():
        return Path(found)
    raise MissingDependencyError(
        explain(
            f"no {_SCRIPT} {f'in LLAMA_CPP={folder}' if folder else 'on the PATH'}",
            "llama.cpp's converter",
            "it knows how each architecture's weights are laid out in a GGUF file",
            "clone github.com/ggml-org/llama.cpp, install its requirements for converting, and set LLAMA_CPP to its folder",
        )
    )


def convert_to_gguf(model: Path, out: Path, *, weights: str = "auto") -> None:
    """Write a model folder as a GGUF file, which is there whole or not at all.

    Args:
        model: a Hugging Face folder: safetensors, config, tokenizer.
        out: the new file.
        weights: one of `TYPES`.

    Raises:
        UnknownNameError: `model` is no model folder, or there is no such type.
        StoreError: `out` exists.
        MissingDependencyError: llama.cpp's converter is not installed, or not a package that it imports.
        ModelError: the converter could not do it; what it said is in the message.
    """
    if not (model / "config.json").is_file():
        raise UnknownNameError(
            explain(
                f"{model} has no config.json",
                "a model's folder",
                "there is nothing to convert",
                "name one that was trained with adapter = 'none' or made by symbiotic_gym.trainers.merging",
            )
        )
    if weights not in TYPES:
        raise UnknownNameError(
            explain(
                f"weights = {weights!r} ({nearest(weights, TYPES)})",
                ", ".join(TYPES),
                "the converter writes no other type",
                "choose one of them",
            )
        )
    if out.exists():
        raise StoreError(explain(f"{out} exists", "a file to make", "it would be lost", "name another one, or remove it"))
    new = out.with_name(f".{out.name}-new.gguf")
    command = [sys.executable, str(find_converter()), str(model), "--outfile", str(new), "--outtype", weights]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
        )
        if done.returncode and (missing := _NOT_INSTALLED.search(done.stdout)):
            raise MissingDependencyError(
                explain(
                    f"llama.cpp's converter cannot import {missing[1]}",
                    "the packages that requirements/requirements-convert_hf_to_gguf.txt beside it names",
                    "it runs in this environment, and reads tokenizers and weights with them",
                    f"install the one that holds {missing[1]}; the versions named there need not replace yours",
                )
            )
        if done.returncode or not new.is_file():
            raise ModelError(
                explain(
                    f"llama.cpp's converter ended with status {done.returncode}:\n{done.stdout[-_TOLD:].strip()}",
                    "a GGUF file",
                    "it may not know this architecture",
                    "read what it says above; a newer llama.cpp knows more architectures",
                )
            )
        os.replace(new, out)
    finally:
        new.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert a model folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="a Hugging Face folder, such as merging writes")
    parser.add_argument("--out", type=Path, required=True, help="the file to make")
    parser.add_argument("--weights", choices=TYPES, default="auto", help="what they are written as (default auto)")
    options = parser.parse_args(arguments)
    convert_to_gguf(options.model, options.out, weights=options.weights)
    return 0


if __name__ == "__main__":
    sys.exit(main())
