"""The curves of a run in TensorBoard are its summary's numbers."""

from pathlib import Path
from typing import Any

import pytest

from symbiotic_gym.trainers.curves import write_curves
from tests.test_distiller import scalars


def rate(success: float, n: int) -> dict[str, Any]:
    return {"success": success, "low": 0.0, "high": 1.0, "n": n}


def test_success_and_acceptance_by_iteration(tmp_path: Path) -> None:
    def row(model: str, iteration: int, a: float, b: float) -> dict[str, Any]:
        per_task = {"s.a": rate(a, 4), "s.b": rate(b, 4), "s.gone": rate(0.0, 0)}
        return {"model": model, "iteration": iteration, "per_task": per_task, **rate((a + b) / 2, 8)}

    summary = {
        "evaluation": [row("small", 0, 0.0, 0.0), row("large", 0, 1.0, 0.75), row("small", 1, 0.5, 0.25)],
        "acceptance": [{"iteration": 1, **rate(0.25, 8)}, {"iteration": 2, **rate(0.0, 0)}],
    }
    for _ in range(2):  # a run that goes on writes all of it again
        write_curves(summary, tmp_path / "iterations")
    found = scalars(tmp_path / "iterations")
    assert found == {
        "success/small": pytest.approx([0.0, 0.375]),
        "success/small/s.a": [0.0, 0.5],
        "success/small/s.b": [0.0, 0.25],
        "success/large": [0.875],
        "success/large/s.a": [1.0],
        "success/large/s.b": [0.75],
        "acceptance": [0.25],
    }
