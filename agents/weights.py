"""Finding and loading a local model's weights and LoRA adapters, with errors that say what to do.

Generation and training load through here, so both see the same model in the same precision.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from symbiotic_gym.errors import ConfigError, MissingDependencyError, UnknownNameError, explain

__all__ = [
    "adapter_stamp",
    "check_adapter",
    "check_loadable",
    "check_model",
    "fingerprint",
    "load_adapter",
    "load_base",
    "native_dtype",
    "pick_device",
    "require_train",
]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
_SMALL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
_WEIGHTS = (".safetensors", ".bin")
_TOKENIZER = ("tokenizer.", "vocab.", "spiece.", "sentencepiece.")
_NEEDED = ("torch", "transformers", "peft")


def require_train(*more: str) -> None:
    """Make sure that local models can run, without loading anything, and that nothing they bring calls home.

    Args:
        more: further packages that are needed.

    Raises:
        MissingDependencyError: torch, transformers, peft or one of `more` is not installed.
    """
    needed = (*_NEEDED, *more)
    if missing := [name for name in needed if find_spec(name) is None]:
        raise MissingDependencyError(
            explain(
                f"{' and '.join(missing)} cannot be imported",
                ", ".join(needed),
                "a local model runs and is trained with them",
                "pip install 'symbiotic-gym[train]'",
            )
        )
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_TELEMETRY = True


def check_model(path_or_name: str | Path) -> str:
    """What `from_pretrained` takes for the model.

    Raises:
        UnknownNameError: it is neither a folder with a model nor a hub id.
    """
    path = Path(path_or_name).expanduser()
    if (path / "config.json").is_file():
        return str(path)
    if isinstance(path_or_name, str) and not path.exists() and _HUB_ID.fullmatch(path_or_name):
        return path_or_name
    raise UnknownNameError(
        explain(
            f"{path_or_name} is no model",
            "a folder with config.json, model.safetensors and tokenizer.json, or a hub id such as org/name",
            "there are no weights to load",
            "fetch one with `symbiotic-gym models`, or correct the path",
        )
    )


def check_loadable(path_or_name: str) -> None:
    """Make sure, without its weights, that a model can be loaded and answers chats; asks the model hub for a hub id.

    Args:
        path_or_name: as `check_model` returns it.

    Raises:
        UnknownNameError: there is no such model, it is no causal language model, or its folder has no weights.
        ConfigError: its tokenizer has no chat template.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

    from symbiotic_gym.agents.chat import load_tokenizer

    folder = Path(path_or_name)
    try:
        config = AutoConfig.from_pretrained(path_or_name)
        if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
            raise ValueError(f"{config.model_type} is no causal language model")
        files = [file.name for file in folder.iterdir()] if folder.is_dir() else ["tokenizer.json", *_WEIGHTS]
        if not any(name.endswith(_WEIGHTS) for name in files):
            raise ValueError("there are no weights in it")
        if not any(name.startswith(_TOKENIZER) for name in files):
            raise ValueError("there is no tokenizer in it")
        load_tokenizer(path_or_name)
    except ConfigError:
        raise
    except Exception as error:  # what transformers raises depends on its version, and on which file is damaged
        raise _unloadable(path_or_name, error) from error


def _unloadable(path_or_name: str, error: Exception) -> UnknownNameError:
    return UnknownNameError(
        explain(
            f"{path_or_name} cannot be loaded: {(str(error) or type(error).__name__).splitlines()[0]}",
            "a causal language model that transformers knows",
            "there is no model to run or to train",
            "check the folder's files, or the hub id's spelling; a hub id needs the network the first time",
        )
    )


def fingerprint(path_or_name: str) -> str:
    """What tells a model from others wherever it lies: a digest of its small files and of samples of its weights.

    A hub id stands for itself. Reading all weights would take longer than loading them; a fine-tuned model differs from its
    base everywhere, so 64 samples and the size of each file tell them apart.

    Args:
        path_or_name: as `check_model` returns it.
    """
    folder = Path(path_or_name)
    if not folder.is_dir():
        return path_or_name
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.name in _SMALL_FILES:
            digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        elif file.suffix in _WEIGHTS:
            digest.update(f"{file.name} {file.stat().st_size} {_sampled(file)}\n".encode())
    return digest.hexdigest()


def _sampled(file: Path, samples: int = 64, length: int = 4096) -> str:
    size, digest = file.stat().st_size, hashlib.sha256()
    with file.open("rb") as data:
        for i in range(samples):
            data.seek(i * max(0, size - length) // (samples - 1))
            digest.update(data.read(length))
    return digest.hexdigest()


def check_adapter(folder: Path) -> None:
    """Make sure that the folder holds a whole adapter.

    Raises:
        UnknownNameError: it does not.
    """
    if missing := [name for name in _ADAPTER_FILES if not (folder / name).is_file()]:
        raise UnknownNameError(
            explain(
                f"{folder} is no adapter: it has no {' and no '.join(missing)}",
                "the folder `adapter` that a distillation leaves, or another PEFT LoRA adapter",
                "without it the base model would answer in the trained one's name",
                "correct the path, or train the adapter first",
            )
        )


def adapter_stamp(folder: Path) -> tuple[object, ...]:
    """Equal as long as the adapter in the folder is the same; another one that was put into its place has another."""
    states = [(folder / name).stat() for name in _ADAPTER_FILES]
    return (folder.absolute(), *((state.st_ino, state.st_size, state.st_mtime_ns) for state in states))


def pick_device(device: str = "auto") -> str:
    """A torch device's name: the one given, or for `auto` a GPU if there is one."""
    import torch

    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_base(path_or_name: str, *, device: str, dtype: str = "auto", attention: str | None = None) -> Any:
    """Load a causal language model.

    Args:
        path_or_name: as `check_model` returns it.
        device: a torch device's name.
        dtype: `auto` (bfloat16 where the device computes it natively), `bfloat16` or `float32`.
        attention: a name registered with transformers' attention interface; None: the fastest that computes what the model's
            own code does, which for capped scores is not transformers' choice.

    Raises:
        MissingDependencyError: torch, transformers or peft is not installed.
        UnknownNameError: transformers finds no model there.
    """
    require_train()
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    kind = getattr(torch, native_dtype(device) if dtype == "auto" else dtype)
    try:
        if attention is None and getattr(AutoConfig.from_pretrained(path_or_name), "attn_logit_softcapping", None):
            attention = "eager"  # transformers would take torch's kernel (4.57 does), which leaves the cap out without a word
        with _no_bars():
            model: Any = AutoModelForCausalLM.from_pretrained(path_or_name, dtype=kind, attn_implementation=attention)
    except (OSError, ValueError) as error:
        raise _unloadable(path_or_name, error) from error
    return model.to(device)


def load_adapter(model: Any, folder: Path, *, trainable: bool) -> Any:
    """Wrap a model with a LoRA adapter that fits it exactly.

    Args:
        model: the base model; changed in place.
        folder: the adapter's.
        trainable: whether its weights are to be trained on.

    Returns:
        A `peft.PeftModel`.

    Raises:
        ConfigError: the adapter does not fit; the model is as it was then.
    """
    from peft import LoraConfig, PeftConfig, get_peft_model, set_peft_model_state_dict
    from peft.utils.save_and_load import load_peft_weights

    check_adapter(folder)
    config = PeftConfig.from_pretrained(str(folder))
    problem = "" if isinstance(config, LoraConfig) and not config.modules_to_save else "it is not a plain LoRA adapter"
    if not problem:
        config.inference_mode = not trainable
        config.base_model_name_or_path = model.name_or_path  # a folder may have moved; whether it fits is checked below
        adapted = None
        try:
            adapted = get_peft_model(model, config)
            result: Any = set_peft_model_state_dict(adapted, load_peft_weights(str(folder), device=str(model.device)))
            lacking = [key for key in result.missing_keys if "lora_" in key]
            if not lacking and not result.unexpected_keys:
                return adapted
            problem = f"its weights do not match, {(lacking + list(result.unexpected_keys))[0]} for one"
        except (ValueError, RuntimeError) as error:
            problem = " ".join(str(error).split())[:200]
        if adapted is not None:
            adapted.unload()
    raise ConfigError(
        explain(
            f"the adapter {folder} does not fit {model.config.name_or_path}: {problem}",
            "an adapter that was trained on this very base model",
            "weights put into the wrong place give answers at random",
            "name the base model the adapter belongs to (adapter_config.json, base_model_name_or_path)",
        )
    )


def native_dtype(device: str) -> str:
    """`bfloat16` where a device computes it natively, else `float32`."""
    import torch

    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device != "cpu":
        return "float32"
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return "float32"
    return "bfloat16" if words & {"amx_bf16", "avx512_bf16", "bf16"} else "float32"


@contextmanager
def _no_bars() -> Iterator[None]:
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
