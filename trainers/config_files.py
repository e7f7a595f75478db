"""Configs from TOML files: every key is a field of a frozen config, and nothing that is misspelt goes unnoticed."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources.abc import Traversable
from math import gcd
from pathlib import Path
from typing import Any

from symbiotic_gym.errors import ConfigError, explain, nearest
from symbiotic_gym.trainers.distiller_config import DistillerConfig

__all__ = ["build", "distiller_config", "load_distiller_config", "read_toml", "unusable"]


def read_toml(path: Path | Traversable, *, start: str) -> dict[str, Any]:
    """What a TOML file says.

    Args:
        path: the file.
        start: what to start from instead, for the error.

    Raises:
        ConfigError: it is missing or not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            explain(f"{path} does not read as a config: {error}", "a TOML file", "the run is made of what it says", start)
        ) from error


def load_distiller_config(path: Path | None) -> DistillerConfig:
    """How to train, from a file's table `[train]`, or from a file that has nothing else; None: the defaults.

    Raises:
        ConfigError: the file is missing or not TOML, has an unknown key, or a value cannot be used.
    """
    data = {} if path is None else read_toml(path, start="write the fields of DistillerConfig into one, a line each")
    return distiller_config(data.get("train", data))


def distiller_config(table: Any) -> DistillerConfig:
    """A `[train]` table as a config.

    Raises:
        ConfigError: it is no table, has an unknown key, or a value cannot be used.
    """
    if not isinstance(table, dict):
        raise unusable("train", table, "a table, [train], with keys of its own", "it says how the small model is trained")
    if isinstance(size := table.get("batch_size"), int) and size > 0:  # the default micro-batch need not divide it
        table = {"micro_batch_size": gcd(size, DistillerConfig.micro_batch_size)} | table
    found: DistillerConfig = build(DistillerConfig, table, "train.")
    return found


def build(kind: type[Any], data: Mapping[str, Any], prefix: str = "") -> Any:
    """A config of a kind.

    Args:
        kind: the dataclass.
        data: its fields' values, as JSON or TOML have them.
        prefix: of their names in errors.

    Raises:
        ConfigError: an unknown key (the nearest are named), a missing one, or a value that cannot be used.
    """
    from pydantic import TypeAdapter, ValidationError

    known = [f.name for f in fields(kind)]
    for key in data:
        if key not in known:
            raise ConfigError(
                explain(
                    f"the config has an unknown key {prefix}{key!s} ({nearest(key, known)})",
                    "one of " + ", ".join(prefix + name for name in known),
                    "a misspelt key would leave its default in force unnoticed",
                    "correct or remove the key",
                )
            )
    try:
        return TypeAdapter(kind).validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        if isinstance(cause := first.get("ctx", {}).get("error"), ConfigError):
            raise cause from None
        where = prefix + ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise ConfigError(
                explain(f"the config has no {where}", f"{where} = ...", "it has no default", "add the key")
            ) from error
        raise unusable(where, first["input"], first["msg"], "the run would not be the one that was meant") from error


def unusable(name: str, value: Any, expected: str, why: str) -> ConfigError:
    """The error for a value that a config cannot have."""
    return ConfigError(explain(f"{name} = {value!r}", expected, why, f"correct {name} in the config"))
