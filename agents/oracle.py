"""The agent that knows the way: every embedded task must be solved by it, and demonstrations come from it without a model."""

from dataclasses import replace

from symbiotic_gym.agents.scripted import ScriptedAgent
from symbiotic_gym.pocket import oracle as pocket
from symbiotic_gym.protocols import Agent
from symbiotic_gym.types import Decision, Observation

__all__ = ["OracleAgent"]


class OracleAgent:
    """Solves every Pocket task, and the MiniWoB++ tasks that `ScriptedAgent` has a script for; it sees what any policy sees."""

    name = "oracle"

    def __init__(self) -> None:
        self.reset("")

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Look which kind of task the goal is of."""
        self._agent: Agent = pocket.OracleAgent() if pocket.recognize(goal) else ScriptedAgent()
        self._agent.reset(goal, seed=seed)

    def act(self, observation: Observation) -> Decision:
        """The next action of a way that reaches the goal."""
        return replace(self._agent.act(observation), source=self.name)
