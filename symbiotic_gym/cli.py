"""The command `symbiotic-gym`: it stands above all four packages, imports inside its commands and holds no logic of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from symbiotic_gym.errors import InfrastructureError, SymbioticError

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Web agents that teach each other."
)
models_app = typer.Typer(help="The known small models: which are on disk, and fetching them.")
app.add_typer(models_app, name="models")
sites_app = typer.Typer(no_args_is_help=True, help="The embedded websites.")
app.add_typer(sites_app, name="sites")
runs_app = typer.Typer(no_args_is_help=True, help="Run folders: what is in them, whether they are whole.")
app.add_typer(runs_app, name="runs")


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


@sites_app.command("serve")
def sites_serve(
    port: Annotated[int, typer.Option(help="Where on 127.0.0.1; 0 takes a free one.")] = 8765,
    seed: Annotated[int, typer.Option(help="Which world: the one an instance of this seed plays in.")] = 0,
    theme: Annotated[str, typer.Option(help="How the sites are arranged: daylight or ledger.")] = "daylight",
) -> None:
    """Serve the embedded sites for your own browser, until Ctrl-C."""
    import time

    from symbiotic_gym.pocket.serve import serve

    with shown_errors():
        served = serve(port, seed=seed, theme=theme)
        for name, address in served.addresses.items():
            print(f"{name:8}{address}")
        print(f"sign in as {served.username} with the password {served.password}; Ctrl-C ends", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            served.close()


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
def rollout(
    agent: Annotated[
        str, typer.Option(help="scripted, random, null, openai:MODEL[@URL], small:MODEL[@ADAPTER], or module:Class.")
    ],
    out: Annotated[Path, typer.Option(help="The run folder; one that was interrupted is gone on with.")],
    task: Annotated[list[str] | None, typer.Argument(help="Tasks by id; without any, those of the options below.")] = None,
    contains: Annotated[str, typer.Option(help="Only ids that contain this text.")] = "",
    suite: Annotated[str | None, typer.Option(help="Of this suite.")] = None,
    site: Annotated[str | None, typer.Option(help="Played on this site.")] = None,
    split: Annotated[str | None, typer.Option(help="Of this split.")] = None,
    seeds: Annotated[str, typer.Option(help="Of the instances: 0-9, or 1,5,7.")] = "0",
    workers: Annotated[int, typer.Option(help="Environments at once.")] = 2,
    backend: Annotated[str, typer.Option(help="threads: on this machine; ray: on the cluster of RAY_ADDRESS.")] = "threads",
    instance: Annotated[list[str] | None, typer.Option(help="A WebArena to play on; repeat it to spread over several.")] = None,
    max_steps: Annotated[int, typer.Option(help="Steps after which an episode is truncated.")] = 20,
    retries: Annotated[int, typer.Option(help="Further tries of an invalid episode.")] = 2,
    act_timeout: Annotated[float, typer.Option(help="Seconds for one decision.")] = 600.0,
    episode_timeout: Annotated[float, typer.Option(help="Seconds for one episode.")] = 3600.0,
    screenshots: Annotated[bool, typer.Option("--screenshots", help="Keep a picture of every step.")] = False,
) -> None:
    """Play tasks with an agent into a run folder, and print what came of it with 95 % intervals."""
    from rich.console import Console

    from symbiotic_gym.agents.specs import agent_maker
    from symbiotic_gym.progress import Progress
    from symbiotic_gym.rollout.choice import choose_tasks, read_seeds
    from symbiotic_gym.rollout.recorded import RolloutConfig, record_rollout

    with shown_errors():
        config = RolloutConfig(
            tasks=choose_tasks(task or (), contains=contains, suite=suite, site=site, split=split),
            agent=agent,
            seeds=read_seeds(seeds),
            max_steps=max_steps,
            retries=retries,
            act_timeout_s=act_timeout,
            episode_timeout_s=episode_timeout,
            record_screenshots=screenshots,
        )
        try:
            tally = record_rollout(
                config,
                agent_maker(agent),
                out,
                workers=workers,
                backend=backend,  # type: ignore[arg-type] # any other text is refused there
                instances=instance or (),
                progress=Progress(),
            )
        except KeyboardInterrupt:
            print(f"\ninterrupted; the same command goes on where {out} ends", file=sys.stderr)
            raise typer.Exit(130) from None
    Console().print(tally.table(f"{agent}: {tally.episodes} episodes in {out}"))


@runs_app.command("list")
def runs_list(root: Annotated[Path, typer.Argument(help="Where to look for run folders.")] = Path("runs")) -> None:
    """List the runs at and below a folder."""
    from rich.console import Console

    from symbiotic_gym.store.showing import list_table

    with shown_errors():
        Console().print(list_table(root))


@runs_app.command("show")
def runs_show(run: Annotated[Path, typer.Argument(help="A run folder.")]) -> None:
    """Say what a run was and what came of it."""
    from rich.console import Console

    from symbiotic_gym.store.showing import print_run

    with shown_errors():
        print_run(run, Console())


@runs_app.command("verify")
def runs_verify(run: Annotated[list[Path], typer.Argument(help="Run folders.")]) -> None:
    """Read everything in run folders and name what is not as it was written; the exit status is 1 where something is not."""
    from symbiotic_gym.store.runs import open_run

    damaged = 0
    for path in run:
        with shown_errors():
            found = open_run(path, blobs=True)
        damaged += bool(found.problems)
        for problem in found.problems:
            print(problem)
        whole = sum(map(len, found.logs.values()))
        print(f"{path}: {whole} attempts are whole, {len(found.problems)} problems")
    if damaged:
        raise typer.Exit(1)


@runs_app.command("repair")
def runs_repair(run: Annotated[Path, typer.Argument(help="A run folder.")]) -> None:
    """Keep what is whole and put the rest into the folder's damaged/; what is missing is played when the run goes on."""
    from symbiotic_gym.store.mending import repair_run

    with shown_errors():
        problems = repair_run(run)
    for problem in problems:
        print(problem)
    print(f"{run}: {len(problems)} problems, now out of the way" if problems else f"{run}: nothing to repair")


@runs_app.command("merge")
def runs_merge(
    runs: Annotated[list[Path], typer.Argument(help="Runs of one agent with the same settings.")],
    out: Annotated[Path, typer.Option(help="The folder of the merged run.")],
) -> None:
    """Make one run of several on other tasks or seeds."""
    from symbiotic_gym.store.mending import merge_runs

    with shown_errors():
        print(f"{merge_runs(runs, out)} episodes in {out}")


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
