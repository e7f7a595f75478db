"""What stands for the agent in an exported AgentLab folder: a class of AgentLab's kind, made when it is asked for (PEP 562).

Pickles name it as `symbiotic_gym.exchange.agentlab_agent.RecordedAgentArgs`; importing this module needs no AgentLab.
"""

from dataclasses import dataclass
from typing import Any

__all__: list[str] = []


def __getattr__(name: str) -> Any:
    if name != "RecordedAgentArgs":
        raise AttributeError(f"module {__name__} has no attribute {name!r}")
    from bgym import AbstractAgentArgs

    @dataclass
    class RecordedAgentArgs(AbstractAgentArgs):  # type: ignore[misc] # AgentLab has no types
        """The name of an agent whose episodes were recorded elsewhere; it cannot be run again from here."""

        agent_name: str | None = None

        def make_agent(self) -> Any:
            raise NotImplementedError("this episode was recorded by symbiotic_gym; run its agent there")

    RecordedAgentArgs.__qualname__ = name
    globals()[name] = RecordedAgentArgs
    return RecordedAgentArgs
