"""Policies: large models behind an API, small ones on this machine, and simple ones that need neither.

The names are imported on first use (PEP 562), so that `import symbiotic_gym.agents` loads no client and no weights.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symbiotic_gym.agents.endpoint import GrammarEndpoint
    from symbiotic_gym.agents.hybrid import HybridAgent
    from symbiotic_gym.agents.large import LargeAgent
    from symbiotic_gym.agents.local import LocalModel
    from symbiotic_gym.agents.openai_model import OpenAIModel
    from symbiotic_gym.agents.scripted import ScriptedAgent
    from symbiotic_gym.agents.simple import NullAgent, RandomAgent, ReplayAgent
    from symbiotic_gym.agents.small import SmallAgent
    from symbiotic_gym.pocket.oracle import OracleAgent
    from symbiotic_gym.policies import act_all, agent_name, as_agent

__all__ = [
    "GrammarEndpoint",
    "HybridAgent",
    "LargeAgent",
    "LocalModel",
    "NullAgent",
    "OpenAIModel",
    "OracleAgent",
    "RandomAgent",
    "ReplayAgent",
    "ScriptedAgent",
    "SmallAgent",
    "act_all",
    "agent_name",
    "as_agent",
]

_HOMES = {
    "GrammarEndpoint": "symbiotic_gym.agents.endpoint",
    "HybridAgent": "symbiotic_gym.agents.hybrid",
    "LargeAgent": "symbiotic_gym.agents.large",
    "LocalModel": "symbiotic_gym.agents.local",
    "NullAgent": "symbiotic_gym.agents.simple",
    "OpenAIModel": "symbiotic_gym.agents.openai_model",
    "OracleAgent": "symbiotic_gym.pocket.oracle",
    "RandomAgent": "symbiotic_gym.agents.simple",
    "ReplayAgent": "symbiotic_gym.agents.simple",
    "ScriptedAgent": "symbiotic_gym.agents.scripted",
    "SmallAgent": "symbiotic_gym.agents.small",
    "act_all": "symbiotic_gym.policies",
    "agent_name": "symbiotic_gym.policies",
    "as_agent": "symbiotic_gym.policies",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
