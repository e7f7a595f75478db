"""Every error this project raises on purpose, in one tree.

    SymbioticError
    ├── ConfigError (ValueError)            a setting or argument has an unusable value
    ├── UnknownNameError (LookupError)      a task, model, key or file name that does not exist; names the nearest ones
    ├── MissingDependencyError (ImportError)  an optional package is needed; names the extra that brings it
    ├── ActionError (ValueError)            a text is not exactly one well-formed action
    ├── PrivacyError (PermissionError)      a private value was about to leave this machine, and did not
    ├── InfrastructureError (RuntimeError)  the world broke, not the policy; carries `kind`; such episodes are *invalid*
    │   ├── BrowserError                    kind "browser": no browser, or it died; "memory": it took too much
    │   │   └── DeadlineError (TimeoutError)  kind "deadline": a call did not come back in time
    │   ├── SiteError                       kind "site", "rate_limit", "login" or "maintenance": it is at fault
    │   ├── JudgeError                      kind "judge": a verdict needs a judge, and there is none or it gave no usable answer
    │   └── ModelError                      kind "model": a language model's endpoint failed for good
    │       ├── BudgetError                 kind "budget": what a run may spend is spent
    │       └── SchemaRefusedError          the endpoint does not hold answers to a JSON schema
    └── StoreError (OSError)                a run folder is damaged, in use, or not a run folder

Messages have four parts: what was given, what was expected, why it matters, what to do next. `explain` joins them.
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ActionError",
    "BrowserError",
    "BudgetError",
    "ConfigError",
    "DeadlineError",
    "InfrastructureError",
    "JudgeError",
    "MissingDependencyError",
    "ModelError",
    "PrivacyError",
    "SchemaRefusedError",
    "SiteError",
    "StoreError",
    "SymbioticError",
    "UnknownNameError",
    "explain",
    "nearest",
]


class SymbioticError(Exception):
    """Root of the tree; catch it to catch everything this project raises on purpose."""


class ConfigError(SymbioticError, ValueError):
    """A setting or argument has a value that cannot be used."""


class UnknownNameError(SymbioticError, LookupError):
    """A name that is not registered, downloaded or defined."""


class MissingDependencyError(SymbioticError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""


class ActionError(SymbioticError, ValueError):
    """A text is not exactly one well-formed action."""


class PrivacyError(SymbioticError, PermissionError):
    """A private value was about to leave this machine, or to be typed where it does not belong; it was held back."""


class InfrastructureError(SymbioticError, RuntimeError):
    """Something outside the policy failed: the episode is *invalid*, never a failure.

    Attributes:
        kind: what failed, one word, as it is printed in tables: `browser`, `deadline`, `memory`, `site`, `rate_limit`, `login`,
            `maintenance`, `judge`, `model`, `budget`.
    """

    kind = "infrastructure"


class BrowserError(InfrastructureError):
    """There is no usable browser, or it died."""

    kind = "browser"


class DeadlineError(BrowserError, TimeoutError):
    """A call into the browser did not come back in time."""

    kind = "deadline"


class SiteError(InfrastructureError):
    """A site does not answer, or answers with an error that no policy can cause."""

    kind = "site"


class JudgeError(InfrastructureError):
    """A verdict needs a judge, and there is none, or it gave no usable answer."""

    kind = "judge"


class ModelError(InfrastructureError):
    """A language model's endpoint failed for good (retries included).

    Attributes:
        outage: it fails whoever asks, so that playing on would only make invalid episodes; a run stops, to be gone on with.
    """

    kind = "model"

    def __init__(self, message: str = "", *, outage: bool = False) -> None:
        super().__init__(message)
        self.outage = outage


class BudgetError(ModelError):
    """What a run may spend on models is spent: the run stops, and goes on when the cap is raised."""

    kind = "budget"

    def __init__(self, message: str = "") -> None:
        super().__init__(message, outage=True)


class SchemaRefusedError(ModelError):
    """An endpoint does not hold answers to a JSON schema; tagged text does instead."""


class StoreError(SymbioticError, OSError):
    """A run folder is damaged, in use by another process, or not a run folder."""


def explain(given: str, expected: str, why: str, do: str) -> str:
    """Join the four parts of an error message into one readable text."""
    return f"{given}\n  expected: {expected}\n  why it matters: {why}\n  what to do: {do}"


def nearest(name: str, known: Iterable[str], n: int = 3) -> str:
    """The known names closest to `name`, as a phrase for an error message."""
    names = list(known)
    close = get_close_matches(name, names, n=n, cutoff=0.5)
    close += [k for k in names if name and name in k and k not in close][: n - len(close)]
    if close:
        return "nearest: " + ", ".join(close)
    return f"none is near; there are {len(names)}" + (f", such as {', '.join(names[:n])}" if names else "")
