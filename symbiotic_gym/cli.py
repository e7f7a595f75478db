"""The command `symbiotic-gym`: it stands above all four packages, imports inside its commands and holds no logic of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from symbiotic_gym.errors import InfrastructureError, SymbioticError

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Web agents that teach each other."
)
models_app = typer.Typer(help="The known small models: which are on disk, and fetching them.")
app.add_typer(models_app, name="models")


@contextmanager
def shown_errors() -> Iterator[None]:
    """Turn this project's errors into their message and an exit code: 1 when the world broke, 2 when the call was wrong."""
    try:
        yield
    except SymbioticError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1 if isinstance(error, InfrastructureError) else 2) from None


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the known models and which of them are on disk."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from symbiotic_gym.models import MODELS, fetched, models_folder

    table = Table(caption=f"kept in {models_folder()}", caption_justify="left")
    table.add_column("name", no_wrap=True)
    for heading in ("what", "kind", "download", "on disk"):
        table.add_column(heading)
    for name, model in MODELS.items():
        table.add_row(name, model.summary, model.kind, f"{model.size / 1e6:.0f} MB", "yes" if fetched(name) else "no")
    Console().print(table)


@models_app.command("get")
def models_get(name: Annotated[str, typer.Argument(help="A name of the list, a folder, or a hub id.")]) -> None:
    """Fetch a model if it is missing, and print where it is."""
    from symbiotic_gym.models import resolve_model

    with shown_errors():
        print(resolve_model(name))


@app.command()
def tasks(contains: Annotated[str, typer.Argument(help="Only ids that contain this text.")] = "") -> None:
    """List the registered environment ids, one a line, and count them on stderr."""
    import gymnasium

    import symbiotic_gym  # noqa: F401  (registers the ids)

    ids = sorted(name for name in gymnasium.registry if name.startswith("symbiotic/") and contains in name)
    for name in ids:
        print(name)
    print(f"{len(ids)} environments", file=sys.stderr)


@app.command()
def doctor() -> None:
    """Check what episodes and training need on this machine, and say what to do about what is missing."""
    from rich.console import Console
    from rich.table import Table

    from symbiotic_gym.doctor import examine

    findings = examine()
    table = Table("", "what", "found", "what to do", show_lines=True)
    for finding in findings:
        table.add_row("[green]ok[/]" if finding.ok else "[red]no[/]", finding.what, finding.found, finding.do)
    Console().print(table)
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)
