"""Which models packed rows can be trained on: known before any weights are read, and refused in words where they cannot.

A packed row is exact where a layer's attention is all that lets one token see another, and is asked through transformers'
attention interface: then `attention.branched_attention` decides what is seen. A recurrent layer would carry one branch into the
next; a model of its own attention code would not ask; chunks, sinks and attention to both sides are not what is computed there.
"""

from typing import Any

from symbiotic_gym.errors import ConfigError, explain

__all__ = ["check_architecture"]

_LAYERS = frozenset({"full_attention", "sliding_attention"})
_SINKS = frozenset({"gpt_oss"})
"""Models with learnt scores beside those of the tokens; transformers has no other mark of them in a configuration."""


def check_architecture(path_or_name: str) -> None:
    """Make sure that packed rows of a model are computed as its separate sequences would be.

    Args:
        path_or_name: as `weights.check_model` returns it.

    Raises:
        ConfigError: they would not be.
        UnknownNameError: transformers knows no causal language model there.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

    from symbiotic_gym.agents.weights import check_loadable

    check_loadable(path_or_name)
    config: Any = AutoConfig.from_pretrained(path_or_name)
    problem = _problem(config, MODEL_FOR_CAUSAL_LM_MAPPING[type(config)])
    if problem:
        raise ConfigError(
            explain(
                f"{path_or_name} is a {config.model_type}: {problem}",
                "a text model whose layers attend to all that stands before or to a window of it (Llama, Qwen, Gemma, Mistral)",
                "a step's two answers would see each other or the wrong part of the prompt, and the losses would be wrong",
                "train it one sequence at a time (symbiotic_gym.trainers.minimal), or choose another model",
            )
        )


def _problem(config: Any, model: Any) -> str:
    """What packed rows of the model would get wrong; empty: nothing."""
    if config.get_text_config() is not config:
        return "it takes more than text; its text model alone can be trained"
    if model._is_stateful or not model._supports_attention_backend:
        return "its layers do not ask transformers' attention interface"
    if other := sorted(set(getattr(config, "layer_types", None) or ()) - _LAYERS):
        return f"it has layers of {' and '.join(other)}"
    if config.model_type in _SINKS:
        return "its scores have sinks"
    if getattr(config, "use_bidirectional_attention", None):
        return "its tokens attend to what stands behind them"
    return ""
