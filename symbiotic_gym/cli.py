"""The command `symbiotic-gym`: it stands above all four packages, imports inside its commands and holds no logic of its own."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from symbiotic_gym.cli_runs import COMMANDS, runs_app
from symbiotic_gym.cli_shown import shown_errors

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Web agents that teach each other."
)
models_app = typer.Typer(help="The known small models: which are on disk, and fetching them.")
app.add_typer(models_app, name="models")
sites_app = typer.Typer(no_args_is_help=True, help="The embedded websites.")
app.add_typer(sites_app, name="sites")
app.add_typer(runs_app, name="runs")
for command in COMMANDS:
    app.command(command.name)(command.call)


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


@sites_app.command("serve")
def sites_serve(
    port: Annotated[int, typer.Option(help="Where on 127.0.0.1; 0 takes a free one.")] = 8765,
    seed: Annotated[int, typer.Option(help="Which world: the one an instance of this seed plays in.")] = 0,
    theme: Annotated[str, typer.Option(help="How the sites are arranged: daylight or ledger.")] = "daylight",
    webarena: Annotated[
        bool, typer.Option("--webarena", help="Answer as a WebArena too, on the seven ports after --port.")
    ] = False,
) -> None:
    """Serve the embedded sites for your own browser, until Ctrl-C."""
    import time

    from symbiotic_gym.pocket.serve import serve
    from symbiotic_gym.suites.instances import sites_file

    with shown_errors():
        served = serve(port, seed=seed, theme=theme, webarena=webarena)
        for name, address in served.addresses.items():
            print(f"{name:8}{address}")
        if webarena:
            print("\n".join(["", *(f"export {name}={value}" for name, value in served.variables.items())]))
            print("\n" + sites_file({"pocket": served.variables}))
        print(f"sign in as {served.username} with the password {served.password}; Ctrl-C ends", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            served.close()


@sites_app.command("export")
def sites_export(
    only: Annotated[str, typer.Option(help="Templates whose id contains this text.")] = "",
    seeds: Annotated[int, typer.Option(help="Instances of each template; each of the first 16 is in a world of its own.")] = 1,
    out: Annotated[Path, typer.Option(help="The file; with several worlds a folder, with a file for each.")] = Path(
        "pocket.json"
    ),
) -> None:
    """Write the embedded sites' tasks as WebArena JSON, and name what WebArena's language cannot say."""
    from symbiotic_gym.pocket.export import Exported, export, summary, write

    with shown_errors():
        done = list(export(only, range(seeds)))
        files = write(out, [(world, task) for world, task in done if isinstance(task, Exported)])
    for line in summary([task for _, task in done]):
        print(line, file=sys.stderr)
    for file in files:
        print(file)


@app.command()
def view(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, folders of them, or single logs (.jsonl).")],
    port: Annotated[int, typer.Option(help="Where on 127.0.0.1; 0 takes a free one.")] = 8766,
    export: Annotated[Path | None, typer.Option(help="Write the pages into this folder instead, to be shared.")] = None,
) -> None:
    """Look at runs in your browser, while they go on or afterwards: outcomes, episodes, every step. Ctrl-C ends."""
    import time

    from symbiotic_gym.viewer.export import export as write_pages
    from symbiotic_gym.viewer.runs import Runs
    from symbiotic_gym.viewer.server import ViewerServer

    with shown_errors():
        found = Runs(runs)
        if export is not None:
            print(write_pages(found, export))
            return
        server = ViewerServer(found, port)
    print(
        f"{server.address} shows {', '.join(log.title for log in found.logs) or 'the first episode when it ends'}; Ctrl-C ends"
    )
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        server.close()


@app.command()
def ledger(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `privacy_ledger.Ledger(path)` wrote.")],
) -> None:
    """Say in words what left this machine in hybrid mode: who decided, how much was hidden, what was stopped."""
    from symbiotic_gym.agents.privacy_ledger import Ledger, summary

    with shown_errors():
        print(summary(Ledger(file).rows))


@app.command()
def tasks(
    contains: Annotated[str, typer.Argument(help="Only ids that contain this text.")] = "",
    suite: Annotated[str | None, typer.Option(help="miniwob, webarena, webarena_lite, webarena_verified.")] = None,
    site: Annotated[str | None, typer.Option(help="Tasks played on it: shopping, reddit, gitlab, …")] = None,
    template: Annotated[int | None, typer.Option(help="Tasks made from this intent template.")] = None,
    split: Annotated[str | None, typer.Option(help="train, test (BrowserGym's), template-train, template-test, hard.")] = None,
    evaluator: Annotated[str | None, typer.Option(help="Tasks it has a say in: fuzzy_match, program_html, …")] = None,
    count: Annotated[
        bool, typer.Option("--count", help="Print how many there are per suite, site, evaluator and split.")
    ] = False,
) -> None:
    """List the ids of the tasks that fit every condition, one a line, and count them on stderr."""
    from symbiotic_gym.suites.catalog import count_tasks, list_tasks

    with shown_errors():
        found = list_tasks(suite=suite, site=site, template=template, split=split, evaluator=evaluator)
    found = [info for info in found if contains in info.id]
    lines = [f"{number:5} {what}" for what, number in count_tasks(found)] if count else [info.id for info in found]
    for line in lines:
        print(line)
    print(f"{len(found)} environments", file=sys.stderr)


@app.command()
def doctor() -> None:
    """Check what episodes and training need on this machine, and say what to do about what is missing."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from symbiotic_gym.doctor import examine

    findings = examine()
    table = Table("", "what", "found", "what to do", show_lines=True)
    for finding in findings:
        table.add_row("[green]ok[/]" if finding.ok else "[red]no[/]", finding.what, Text(finding.found), Text(finding.do))
    Console().print(table)
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def symbiosis(
    config: Annotated[Path | None, typer.Option(help="A TOML file; the default is what `make run` runs.")] = None,
    out: Annotated[Path, typer.Option(help="The run folder; one that was interrupted is gone on with.")] = Path("runs/default"),
    large: Annotated[str | None, typer.Option(help="The teacher: scripted, or openai:MODEL[@BASE_URL].")] = None,
    small: Annotated[str | None, typer.Option(help="The student: a known model, a folder, or a hub id.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything that is drawn.")] = None,
) -> None:
    """Run the symbiotic loop: explore, distil, explore, evaluate; then print the table and write report.html."""
    from rich.console import Console

    from symbiotic_gym.progress import Progress
    from symbiotic_gym.trainers.report import write_report
    from symbiotic_gym.trainers.summary import print_summary
    from symbiotic_gym.trainers.symbiosis import run_symbiosis
    from symbiotic_gym.trainers.symbiosis_config import load_config

    with shown_errors():
        settings = load_config(config, large=large, small=small, seed=seed)
        try:
            summary = run_symbiosis(settings, out, Progress())
        except KeyboardInterrupt:
            print(f"\ninterrupted; the same command goes on where {out} ends", file=sys.stderr)
            raise typer.Exit(130) from None
        report = write_report(out)
    print_summary(summary, Console())
    print(f"report: {report}")


if __name__ == "__main__":
    app()
