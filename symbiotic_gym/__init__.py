"""Web tasks as Gymnasium environments, and large and small language models that make each other better.

Importing this package registers the environments `symbiotic/SUITE.TASK-v0`; `symbiotic-gym tasks` lists them.
"""

from symbiotic_gym._register import register_environments
from symbiotic_gym.errors import SymbioticError
from symbiotic_gym.types import Acceptance, Candidate, Decision, Observation, Outcome, Step, Trajectory, Usage

__all__ = [
    "Acceptance",
    "Candidate",
    "Decision",
    "Observation",
    "Outcome",
    "Step",
    "SymbioticError",
    "Trajectory",
    "Usage",
    "__version__",
]

__version__ = "0.1.0"

register_environments()
