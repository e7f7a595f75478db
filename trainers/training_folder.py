"""What the folder of one training holds, and when it is done.

`identity.json` says what it is a training of, `trainer/` keeps checkpoints on the way there, `adapter/` or `model/` is what was
trained, put into its place whole or not at all, and `training.json`, its result, is written last.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from symbiotic_gym.agents.weights import check_adapter, fingerprint
from symbiotic_gym.errors import StoreError, explain
from symbiotic_gym.store import read_json, write_json
from symbiotic_gym.trainers.distiller_config import DistillerConfig, DistillResult
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.processes import world_size
from symbiotic_gym.trainers.trainable import products_dtype
from symbiotic_gym.types import to_json

__all__ = ["identity_of", "kind_of", "last_checkpoint", "located", "save_trained", "take_up"]


def kind_of(config: DistillerConfig) -> str:
    """The name of what is trained, and of its folder."""
    return "model" if config.adapter == "none" else "adapter"


def identity_of(config: DistillerConfig, examples: Sequence[Example], base: str, initial: Path | None) -> dict[str, str]:
    """What makes a training this one: equal identities give equal adapters."""
    data = json.dumps([to_json(example) for example in examples], sort_keys=True).encode()
    identity = {
        "config": json.dumps(to_json(config), sort_keys=True),
        "examples": hashlib.sha256(data).hexdigest(),
        "base_model": fingerprint(base),  # not where it lies: a run folder may move to another machine
        "initial_adapter": "",
        "processes": str(world_size()),
    }
    if initial is not None:
        check_adapter(initial)
        identity["initial_adapter"] = hashlib.sha256((initial / "adapter_model.safetensors").read_bytes()).hexdigest()
    return identity


def located(out: Path, kind: str) -> dict[str, str]:
    """Where the result lies, as `DistillResult` has it."""
    return {"adapter": "", "model": ""} | {kind: str(out / kind)}


def take_up(out: Path, identity: Mapping[str, str], kind: str) -> DistillResult | None:
    """The result if the training is done already; else make its folder ready to begin or to go on."""
    known = out / "identity.json"
    if known.exists():
        found = read_json(known)
        if differing := [key for key, value in identity.items() if found.get(key) != value]:
            raise StoreError(
                explain(
                    f"{out} holds a training with another {' and another '.join(differing)}",
                    "an empty folder, or the one of this same training",
                    "weights trained on two different things belong to neither",
                    "choose another folder, or pass resume=False to start afresh in this one",
                )
            )
    else:
        out.mkdir(parents=True, exist_ok=True)
        write_json(known, identity)
    if (out / "training.json").exists():
        return DistillResult(**read_json(out / "training.json") | located(out, kind))
    return None


def last_checkpoint(out: Path) -> str | None:
    """The newest checkpoint that was written to its end; those that were not are removed."""
    from symbiotic_gym.trainers.sft import WHOLE

    whole: dict[int, Path] = {}
    for folder in (out / "trainer").glob("checkpoint-*"):
        if (folder / WHOLE).exists():
            whole[int(folder.name.removeprefix("checkpoint-"))] = folder
        else:
            shutil.rmtree(folder)
    return str(whole[max(whole)]) if whole else None


def save_trained(model: Any, weights: Mapping[str, Any], out: Path, config: DistillerConfig, base: str) -> None:
    """Put the trained weights into their place, whole or not at all.

    Args:
        model: what was trained.
        weights: all of its weights by name, an adapter's among them.
        out: the training's folder.
        config: how it was trained.
        base: the base model, for its tokenizer.
    """
    from symbiotic_gym.agents.chat import load_tokenizer

    kind = kind_of(config)
    new = out / f".{kind}-new"
    shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(out / kind, ignore_errors=True)
    if kind == "model":
        model.config.use_cache = True
        model.to(products_dtype(config))
        weights = {name: weight.to(products_dtype(config)) for name, weight in weights.items()}
        load_tokenizer(base).save_pretrained(str(new))
    model.save_pretrained(str(new), state_dict=dict(weights))
    os.replace(new, out / kind)
