"""Repairing a run and merging runs: both keep every line that is whole, byte for byte, and throw nothing away.

What a repair takes out is put into the run's folder `damaged/`; the episodes it belonged to are played again when the run goes
on. Merging copies whole lines too, and refuses runs that would not have been one run.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from symbiotic_gym.errors import StoreError, explain
from symbiotic_gym.store.blobs import copy_blobs, is_blob_name
from symbiotic_gym.store.episodes import Place, Problem, read_place
from symbiotic_gym.store.folder import RunFolder, describe_run, locked, write_json
from symbiotic_gym.store.runs import Run, open_run
from symbiotic_gym.store.tally import Tally
from symbiotic_gym.store.timeless import timeless

__all__ = ["merge_runs", "repair_run"]

_MAY_DIFFER = frozenset({"tasks", "seeds", "workers", "backend", "instances", "out", "merged"})
"""Settings that do not change what an episode comes to."""


def repair_run(path: Path) -> list[Problem]:
    """Take out of a run's folder what is not as it was written, and keep the rest.

    Returns:
        What was wrong.

    Raises:
        StoreError: it is no run's folder, or a process works in it.
    """
    with locked(path):
        run = open_run(path, blobs=True)
        for log, places in run.logs.items():
            if log in run.torn or any(problem.file == log for problem in run.problems):
                _rewrite(run, log, places)
        for problem in run.problems:
            if problem.file not in run.logs and _belongs(run, problem.file) and os.path.lexists(problem.file):
                _put_aside(run, problem.file)
        if not run.about:
            write_json(path / "run.json", describe_run({}) | {"repaired": "the config was lost"})
        return [*run.problems, *(Problem(log, "its last line was cut off") for log in run.torn)]


def _rewrite(run: Run, log: Path, places: Sequence[Place]) -> None:
    lines = [_line(log, place) for place in places]
    _put_aside(run, log)
    temporary = log.with_name(log.name + ".partial")
    with temporary.open("wb") as out:
        out.writelines(lines)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(log)


def _line(log: Path, place: Place) -> bytes:
    with log.open("rb") as file:
        file.seek(place.start)
        return file.read(place.size)


def _belongs(run: Run, file: Path) -> bool:
    """Whether it is a file of the run: a picture's name, which anybody can have written, may lead to another."""
    return file.parent == run.path or (file.parent == run.path / "blobs" and is_blob_name(file.name))


def _put_aside(run: Run, file: Path) -> None:
    aside = run.path / "damaged"
    aside.mkdir(exist_ok=True)
    number = 1
    while os.path.lexists(target := aside / f"{file.name}.{number}"):
        number += 1
    file.rename(target)


def merge_runs(paths: Sequence[Path], out: Path) -> int:
    """Make one run of several, of the same agent and settings on other tasks or seeds.

    Args:
        paths: the runs' folders.
        out: the folder of the new one.

    Returns:
        How many episodes it has. One that several have is taken once, if they agree on it; an invalid one says nothing and
        gives way to one that is not.

    Raises:
        StoreError: one is damaged or running, they are not of one kind, or two do not agree on an episode.
    """
    runs = [_sound(path) for path in paths]
    for run in runs[1:]:
        _check_alike(runs[0], run)
    kept: dict[tuple[str, int], tuple[Run, Path, list[Place]]] = {}
    for run in runs:
        for log, places in run.logs.items():
            for key, attempts in _by_episode(places).items():
                known = kept.get(key)
                if known is not None and known[2][-1].scored and attempts[-1].scored:
                    _check_equal(known, (run, log, attempts))
                elif known is None or attempts[-1].scored:
                    kept[key] = (run, log, attempts)
    config = dict(runs[0].about["config"]) | {"merged": [str(run.path) for run in runs]}
    for setting in ("tasks", "seeds"):
        if setting in config:
            values = {value: None for run in runs for value in run.about["config"].get(setting, ())}
            config[setting] = list(values)
    with RunFolder(out, config):
        _copy(kept, out)
        tally = Tally(open_run(out).episodes())
        write_json(out / "metrics.json", tally.to_json() | {"finished": all(run.state == "finished" for run in runs)})
    return len(kept)


def _sound(path: Path) -> Run:
    run = open_run(path, blobs=True)
    lost = path / "blobs"  # a picture that is gone stays so, whatever is done
    problems = [problem for problem in run.problems if problem.file.parent != lost or os.path.lexists(problem.file)]
    if problems or run.state == "running":
        raise StoreError(
            explain(
                f"{problems[0]}" if problems else f"{path} is being worked in",
                "runs that are whole and at rest",
                "what does not read would silently be missing from the merged run",
                f"repair it first: symbiotic-gym runs repair {path}" if problems else "wait for it to end",
            )
        )
    return run


def _check_alike(one: Run, other: Run) -> None:
    a, b = one.about["config"], other.about["config"]
    differing = sorted(key for key in (a.keys() | b.keys()) - _MAY_DIFFER if a.get(key) != b.get(key))
    if differing:
        raise StoreError(
            explain(
                f"{one.path} and {other.path} differ in {', '.join(f'{k} ({a.get(k)!r}, {b.get(k)!r})' for k in differing)}",
                "runs of one agent with the same settings",
                "their episodes in one table would make a rate that belongs to neither",
                "merge those that belong together; compare the others side by side",
            )
        )


def _by_episode(places: Sequence[Place]) -> dict[tuple[str, int], list[Place]]:
    found: dict[tuple[str, int], list[Place]] = {}
    for place in sorted(places, key=lambda place: place.attempt):
        found.setdefault((place.task, place.seed), []).append(place)
    return found


def _check_equal(one: tuple[Run, Path, list[Place]], other: tuple[Run, Path, list[Place]]) -> None:
    a, b = (timeless(read_place(log, places[-1])) for _, log, places in (one, other))
    if a != b:
        place = one[2][-1]
        raise StoreError(
            explain(
                f"{one[0].path} and {other[0].path} do not agree on {place.task} with seed {place.seed}",
                "the same episode, or each episode in one of them",
                "taking either would choose the result",
                "merge runs on other seeds; or find out why the same seed gave two episodes",
            )
        )


def _copy(kept: dict[tuple[str, int], tuple[Run, Path, list[Place]]], out: Path) -> None:
    with (out / "episodes.jsonl").open("wb") as file:
        for key in sorted(kept):
            run, log, places = kept[key]
            for place in places:
                line = _line(log, place)
                file.write(line)
                copy_blobs(read_place(log, place).screenshots, run.path / "blobs", out / "blobs")
        file.flush()
        os.fsync(file.fileno())
