"""An episode without what a clock said: what must be equal when it is played again, elsewhere or beside others."""

from dataclasses import replace

from symbiotic_gym.types import Trajectory

__all__ = ["timeless"]


def timeless(trajectory: Trajectory) -> Trajectory:
    """The trajectory with every duration 0 and no count of tries."""
    steps = tuple(
        replace(
            step,
            act_s=0.0,
            step_s=0.0,
            decision=replace(step.decision, usage=replace(step.decision.usage, seconds=0.0)),
        )
        for step in trajectory.steps
    )
    return replace(trajectory, steps=steps, attempt=0)
