"""Agents by name, as commands take them: `scripted`, `openai:MODEL[@BASE_URL]`, `small:MODEL[@ADAPTER]`, `module:Class`."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from symbiotic_gym.errors import ConfigError, UnknownNameError, explain, nearest

__all__ = ["agent_maker"]

_PLAIN = {"scripted": "ScriptedAgent", "random": "RandomAgent", "null": "NullAgent"}
_FORMS = "scripted, random, null, openai:MODEL[@BASE_URL], small:MODEL[@ADAPTER], or package.module:CLASS"


def agent_maker(spec: str) -> Callable[[], Any]:
    """What makes agents of that name; those on one model share it.

    Args:
        spec: `scripted`, `random` or `null`; `openai:MODEL[@BASE_URL]`, a large agent on that endpoint;
            `small:MODEL[@ADAPTER]`, a small agent on a model of this machine, with a LoRA adapter's folder; or
            `package.module:CLASS`, whatever makes an agent when it is called.

    Raises:
        ConfigError: the text has none of these forms.
        UnknownNameError: there is no such class or model.
        MissingDependencyError: a local model needs packages that are not installed.
    """
    kind, colon, rest = spec.partition(":")
    if spec in _PLAIN:
        made: Callable[[], Any] = getattr(import_module("symbiotic_gym.agents"), _PLAIN[spec])
        return made
    if kind == "openai" and rest:
        return _large(spec)
    if kind == "small" and rest:
        return _small(rest)
    if colon and rest and kind not in ("openai", "small"):
        return _own(kind, rest)
    near = nearest(spec, [*_PLAIN, "openai:", "small:"])
    raise ConfigError(explain(f"{spec!r} names no agent ({near})", _FORMS, "an agent is what plays", "correct it"))


def _large(spec: str) -> Callable[[], Any]:
    from symbiotic_gym.agents import LargeAgent, OpenAIModel

    model = OpenAIModel.from_spec(spec)
    return lambda: LargeAgent(model)


def _small(rest: str) -> Callable[[], Any]:
    from symbiotic_gym.agents import LocalModel, SmallAgent
    from symbiotic_gym.models import resolve_model

    name, _, adapter = rest.partition("@")
    model = LocalModel(resolve_model(name), adapter=Path(adapter) if adapter else None)
    return lambda: SmallAgent(model)


def _own(module: str, name: str) -> Callable[[], Any]:
    try:
        found: Callable[[], Any] = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UnknownNameError(
            explain(
                f"{module}:{name} cannot be loaded: {error}",
                f"an importable module and a name in it; or {_FORMS}",
                "an agent is what plays",
                "correct the name, or set PYTHONPATH to where the module is",
            )
        ) from error
    return found
