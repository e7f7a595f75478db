"""Running episodes: `rollout(tasks, agent, seeds)`."""

from symbiotic_gym.rollout.engine import Episode, Rollouts, rollout

__all__ = ["Episode", "Rollouts", "rollout"]
