"""How commands show this project's errors."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from symbiotic_gym.errors import InfrastructureError, SymbioticError
from symbiotic_gym.terminal import harmless

__all__ = ["shown_errors"]


@contextmanager
def shown_errors() -> Iterator[None]:
    """Turn this project's errors into their message and an exit code: 1 when the world broke, 2 when the call was wrong."""
    try:
        yield
    except SymbioticError as error:
        print(harmless(str(error)), file=sys.stderr)
        raise typer.Exit(1 if isinstance(error, InfrastructureError) else 2) from None
