"""The commands around runs: playing them, looking after their folders, taking episodes out and in. As `cli.py`: no logic."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from symbiotic_gym.cli_shown import shown_errors
from symbiotic_gym.terminal import harmless

__all__ = ["COMMANDS", "runs_app"]

runs_app = typer.Typer(no_args_is_help=True, help="Run folders: what is in them, whether they are whole.")


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
    retries: Annotated[int, typer.Option(help="Further tries of an invalid episode; more of them take up a run again.")] = 2,
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
                retries=retries,
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
            print(harmless(str(problem)))
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
        print(harmless(str(problem)))
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


def export_run(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    to: Annotated[str, typer.Option(help="agentlab, openenv, parquet, messages, prompt-completion.")],
    out: Annotated[Path, typer.Option(help="The file to write; for agentlab a folder.")],
) -> None:
    """Write a run's episodes in another project's format."""
    from symbiotic_gym.trainers.export import export

    with shown_errors():
        print(f"{export(run, to, out)} rows in {out}")


def import_agentlab_runs(
    root: Annotated[Path, typer.Argument(help="A study of AgentLab, or a folder of them.")],
    out: Annotated[Path, typer.Option(help="The run folder to make.")],
    allow: Annotated[
        list[str] | None, typer.Option(help="A class its pickles may name beside AgentLab's own: my_agents.MyArgs. Never run.")
    ] = None,
) -> None:
    """Make a run of AgentLab's experiment folders; their pickles are interpreted without running anything they name."""
    from rich.console import Console

    from symbiotic_gym.exchange.recording import record_imported

    with shown_errors():
        tally, problems = record_imported(root, out, allow=allow or ())
    for problem in problems:
        print(harmless(str(problem)), file=sys.stderr)
    Console().print(tally.table(f"{tally.episodes} episodes in {out}, {len(problems)} folders left out"))
    if problems and not tally.episodes:
        raise typer.Exit(1)


def curate(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.")],
    out: Annotated[Path, typer.Option(help="The run folder to make.")],
    success: Annotated[bool, typer.Option("--success", help="Only what reached its goal.")] = False,
    no_refusals: Annotated[bool, typer.Option("--no-refusals", help="Only what had no action refused.")] = False,
    max_steps: Annotated[int | None, typer.Option(help="Only what has so few steps.")] = None,
    dedup: Annotated[bool, typer.Option("--dedup", help="What does the same on the same pages only once.")] = False,
    like: Annotated[Path | None, typer.Option(help="A run whose statistics to match, with --keep.")] = None,
    keep: Annotated[int | None, typer.Option(help="How many of the closest to keep.")] = None,
    max_per_task: Annotated[int | None, typer.Option(help="No more of one task, the shortest.")] = None,
) -> None:
    """Choose episodes to learn from, and say how many each filter dropped."""
    from symbiotic_gym.trainers.export import curate_runs

    with shown_errors():
        kept, dropped = curate_runs(
            runs,
            out,
            success=success,
            no_refusals=no_refusals,
            max_steps=max_steps,
            dedup=dedup,
            like=like,
            keep=keep,
            max_per_task=max_per_task,
        )
    for name, number in dropped:
        print(f"{number:6} dropped: {name}")
    print(f"{kept:6} kept in {out}")


def distill(
    runs: Annotated[list[Path], typer.Argument(help="Run folders; their successes are learnt from.")],
    out: Annotated[Path, typer.Option(help="The training's folder; one that was interrupted is gone on with.")],
    base: Annotated[str, typer.Option(help="The small model: a known one, a folder, or a hub id.")],
    config: Annotated[Path | None, typer.Option(help="A TOML file with the fields of DistillerConfig.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="An adapter to go on from.")] = None,
) -> None:
    """Distil a small model from recorded episodes; under `accelerate launch`, with several processes."""
    from symbiotic_gym.progress import Progress
    from symbiotic_gym.trainers.distilling import distill_runs
    from symbiotic_gym.trainers.processes import is_main

    with shown_errors(), Progress(quiet=not is_main()).phase(f"{base} is distilled", None) as bar:
        try:
            result = distill_runs(runs, out, base_model=base, config=config, initial_adapter=adapter, progress=bar.set)
        except KeyboardInterrupt:
            print(f"\ninterrupted; the same command goes on where {out} ends", file=sys.stderr)
            raise typer.Exit(130) from None
    if not is_main():
        return
    for name, value in result.summary().items():
        print(f"{name:12} {value}")
    where = result.adapter or result.model
    print(f"{'trained':12} {where}\n{'play it':12} --agent small:{f'{base}@{where}' if result.adapter else where}")


@dataclass(frozen=True)
class _Command:
    name: str
    call: Callable[..., Any]


COMMANDS = (
    _Command("rollout", rollout),
    _Command("export", export_run),
    _Command("import-agentlab", import_agentlab_runs),
    _Command("curate", curate),
    _Command("distill", distill),
)
"""Those that `cli.py` adds to the program itself."""
