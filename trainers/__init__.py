"""Training data and objectives: what successful episodes teach, and how a small model learns it.

The names are imported on first use (PEP 562), so that `import symbiotic_gym.trainers` loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symbiotic_gym.trainers.distiller import distill
    from symbiotic_gym.trainers.distiller_config import DistillerConfig, DistillResult
    from symbiotic_gym.trainers.examples import Example, examples_from
    from symbiotic_gym.trainers.multitask import multitask_loss
    from symbiotic_gym.trainers.packing import pack

__all__ = ["DistillResult", "DistillerConfig", "Example", "distill", "examples_from", "multitask_loss", "pack"]

_HOMES = {
    "DistillResult": "distiller_config",
    "DistillerConfig": "distiller_config",
    "Example": "examples",
    "distill": "distiller",
    "examples_from": "examples",
    "multitask_loss": "multitask",
    "pack": "packing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
