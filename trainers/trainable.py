"""The model as it is trained: frozen with an adapter beside it, the same in four bits, or all of its weights.

Frozen weights are held in the type of the products, bfloat16 where the machine computes it natively; LoRA weights in float32.
Where all weights are trained they are float32 too, and autocast rounds for the products alone: an optimizer's small steps would
be lost in bfloat16's eight bits. Four-bit weights (QLoRA, arXiv 2305.14314) are NF4 with doubly quantised constants, which
bitsandbytes computes on a CUDA GPU and nowhere else; trl keeps the adapter beside them in bfloat16.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symbiotic_gym.agents.weights import load_adapter, load_base, native_dtype, pick_device
from symbiotic_gym.errors import ConfigError, MissingDependencyError, explain
from symbiotic_gym.trainers.distiller_config import LORA_TARGETS, DistillerConfig

if TYPE_CHECKING:
    import torch

__all__ = ["check_trainable", "products_dtype", "rounds_products", "trainable_model"]


def check_trainable(config: DistillerConfig, initial: Path | None) -> None:
    """Make sure that this machine can train what the config asks for, before anything is loaded.

    Args:
        config: how to train.
        initial: the adapter to go on from, if any.

    Raises:
        ConfigError: `qlora` without a CUDA GPU; an adapter to go on from where none is trained.
        MissingDependencyError: `qlora` without bitsandbytes.
    """
    if config.adapter == "none" and initial is not None:
        raise ConfigError(
            explain(
                f"adapter = 'none', and {initial} to go on from",
                "no adapter to begin with, where all weights are trained",
                "its weights would be left out, or lie beside others that were trained without them",
                "merge it into the base model first, or train with adapter='lora'",
            )
        )
    if config.adapter != "qlora":
        return
    if not pick_device(config.device).startswith("cuda"):
        raise ConfigError(
            explain(
                f"adapter = 'qlora' on {pick_device(config.device)}",
                "a CUDA GPU",
                "weights in four bits are computed by bitsandbytes' CUDA kernels",
                "take adapter='lora', which trains the same adapter beside whole weights, or a machine with a GPU",
            )
        )
    if find_spec("bitsandbytes") is None:
        raise MissingDependencyError(
            explain(
                "bitsandbytes cannot be imported",
                "bitsandbytes, for adapter = 'qlora'",
                "it holds and computes weights in four bits",
                "pip install 'symbiotic-gym[train,qlora]'",
            )
        )


def products_dtype(config: DistillerConfig) -> "torch.dtype":
    """The type in which the model's products are computed."""
    import torch

    name = native_dtype(pick_device(config.device)) if config.dtype == "auto" else config.dtype
    found: torch.dtype = getattr(torch, name)
    return found


def rounds_products(config: DistillerConfig) -> bool:
    """Whether products are computed in bfloat16 of weights that are not."""
    import torch

    return config.adapter == "none" and products_dtype(config) is torch.bfloat16


def trainable_model(config: DistillerConfig, base: str, *, initial: Path | None = None, attention: str | None = None) -> Any:
    """Load a model with the weights to train, and none but them, taking gradients.

    Args:
        config: says what is trained, where and in which types.
        base: as `weights.check_model` returns it.
        initial: an adapter to go on from; None: a fresh one.
        attention: as in `weights.load_base`.

    Returns:
        A `peft.PeftModel`; for `adapter="none"` the model itself.

    Raises:
        ConfigError: the initial adapter does not fit the base model.
    """
    from peft import LoraConfig, get_peft_model

    device = pick_device(config.device)
    if config.adapter == "none":
        return load_base(base, device=device, dtype="float32", attention=attention)
    if config.adapter == "qlora":
        model = _in_four_bits(base, device, attention)
    else:
        model = load_base(base, device=device, dtype=config.dtype, attention=attention)
    if initial is not None:
        return load_adapter(model, initial, trainable=True)
    lora = LoraConfig(
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=LORA_TARGETS[config.lora_targets],
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, lora)


def _in_four_bits(base: str, device: str, attention: str | None) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    quantized = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return AutoModelForCausalLM.from_pretrained(
        base,
        quantization_config=quantized,
        dtype=torch.bfloat16,
        attn_implementation=attention,
        device_map={"": device},
    )
