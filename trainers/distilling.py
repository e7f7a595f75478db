"""What the command `distill` does: run folders in, a trained small model out."""

from collections.abc import Callable, Sequence
from pathlib import Path

from symbiotic_gym.models import resolve_model
from symbiotic_gym.store import open_run
from symbiotic_gym.trainers.config_files import load_distiller_config
from symbiotic_gym.trainers.distiller import distill
from symbiotic_gym.trainers.distiller_config import DistillResult
from symbiotic_gym.trainers.examples import examples_from

__all__ = ["distill_runs"]


def distill_runs(
    runs: Sequence[Path],
    out: Path,
    *,
    base_model: str,
    config: Path | None = None,
    initial_adapter: Path | None = None,
    progress: Callable[[int, int, str], None] = lambda step, steps, text: None,
) -> DistillResult:
    """Train a small model on the successes of runs, or go on with it where it was interrupted.

    Args:
        runs: their folders.
        out: the training's folder; TensorBoard's is `tensorboard` in it.
        base_model: a known model's name, a Hugging Face folder or a hub id.
        config: a TOML file, as `load_distiller_config` reads it; None: the defaults.
        initial_adapter: an adapter to go on from.
        progress: as `distill` calls it.

    Raises:
        StoreError: a run is damaged, or `out` holds another training.
        ConfigError: the config cannot be used, or the runs hold no success.
        UnknownNameError: there is no such model or adapter.
        MissingDependencyError: a training package is not installed.
    """
    settings = load_distiller_config(config)
    trajectories = [trajectory for run in runs for trajectory in open_run(run).episodes()]
    return distill(
        settings,
        examples_from(trajectories, further=settings.lambda_further),
        out,
        base_model=resolve_model(base_model),
        initial_adapter=initial_adapter,
        tensorboard=out / "tensorboard",
        progress=progress,
    )
