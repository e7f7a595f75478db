"""What stands for the agent in an exported AgentLab folder. Imported only where AgentLab is."""

from dataclasses import dataclass
from typing import Any

from bgym import AbstractAgentArgs

__all__ = ["RecordedAgentArgs"]


@dataclass
class RecordedAgentArgs(AbstractAgentArgs):  # type: ignore[misc] # AgentLab is not installed where types are checked
    """The name of an agent whose episodes were recorded elsewhere; it cannot be run again from here."""

    agent_name: str | None = None

    def make_agent(self) -> Any:
        raise NotImplementedError("this episode was recorded by symbiotic_gym; run its agent there")
