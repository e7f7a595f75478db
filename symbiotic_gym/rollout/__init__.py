"""Running episodes: `rollout(tasks, agent, seeds)`."""

from symbiotic_gym.rollout.engine import Rollouts
from symbiotic_gym.rollout.run import rollout
from symbiotic_gym.rollout.schedule import Episode

__all__ = ["Episode", "Rollouts", "rollout"]
