"""Reads one AgentLab experiment folder in a process of its own and prints it as JSON. Runs nothing of what the pickles name.

A pickle is a program. This one is interpreted by `Inert`, for which every class on the allow-list is the same harmless
stand-in that keeps what it is given, and every other name ends the reading with that name. Neither the classes nor the
functions that a pickle names are ever imported or called. The process has limits of memory and time, since a small file can
ask for a lot of both.

Started by `agentlab_import` as `python -I agentlab_reader.py FOLDER [NAME ...]`; needs nothing but the standard library.
"""

import gzip
import json
import pickle
import sys
from pathlib import Path
from typing import Any

MOST_BYTES = 512 * 2**20
MEMORY_BYTES = 4 * 2**30
CPU_S = 120

OURS = "symbiotic_gym.exchange.agentlab_agent.RecordedAgentArgs"
"""Stands for the agent where this project wrote the folder; its page texts are as they were."""

ALLOWED = (
    "agentlab.",
    "browsergym.",
    "bgym.",
    "collections.OrderedDict",
    "collections.defaultdict",
    "builtins.set",
    "builtins.frozenset",
    "builtins.complex",
    "builtins.bytearray",
    "copyreg._reconstructor",
    "builtins.object",
    "datetime.datetime",
    "datetime.timedelta",
    "pathlib.PosixPath",
    "pathlib.PurePosixPath",
    "pathlib.WindowsPath",
    "pathlib._local.PosixPath",
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray.",
    "numpy._core.multiarray.",
    "numpy._core.numeric._frombuffer",
    "numpy.core.numeric._frombuffer",
    "enum.",
    OURS,
)
"""Names, or beginnings of names, that an experiment of AgentLab 0.4 may hold; all of them become `Kept`."""


class Kept:
    """Stands for an object of any class: holds what the pickle says of it, does nothing."""

    def __new__(cls, *arguments: Any, **keywords: Any) -> "Kept":
        kept = super().__new__(cls)
        kept.__dict__["arguments"] = arguments
        return kept

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.__dict__.update({key: value for key, value in part.items() if isinstance(key, str)})

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __hash__(self) -> int:
        return id(self)

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass

    def add(self, item: Any) -> None:
        pass


class Inert(pickle.Unpickler):
    """An unpickler that makes `Kept` of what is allowed and refuses the rest."""

    def __init__(self, file: Any, allowed: tuple[str, ...]) -> None:
        super().__init__(file)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if not any(full == known or (known.endswith(".") and full.startswith(known)) for known in self._allowed):
            raise pickle.UnpicklingError(f"it names {full}, which is not on the list of what an experiment may hold")
        return type("Kept", (Kept,), {"name": full})

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to an object outside of the file")


def load(file: Path, allowed: tuple[str, ...]) -> Any:
    """What a pickle says, as plain values and `Kept`."""
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it holds more than {MOST_BYTES} bytes")
    import io

    return Inert(io.BytesIO(data), allowed).load()


def plain(value: Any, depth: int = 0) -> Any:
    """JSON values of what was read; of a `Kept` its fields, of anything else its kind."""
    if depth > 20:
        return None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, dict):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, Kept):
        return {key: plain(item, depth + 1) for key, item in vars(value).items() if key != "arguments"}
    return None


def fields(value: Any) -> dict[str, Any]:
    return vars(value) if isinstance(value, Kept) else value if isinstance(value, dict) else {}


_SEEN = ("goal", "url", "axtree_txt", "pruned_html", "last_action", "last_action_error", "open_pages_titles")


def step(file: Path, allowed: tuple[str, ...]) -> dict[str, Any]:
    """Of a step what an episode needs; trees and pictures are left behind."""
    read = fields(load(file, allowed))
    seen, info = fields(read.get("obs")), fields(read.get("agent_info"))
    return {
        "obs": {key: plain(seen.get(key)) for key in _SEEN if key in seen},
        "action": plain(read.get("action")),
        "reward": plain(read.get("reward")) or 0.0,
        "terminated": bool(read.get("terminated")),
        "truncated": bool(read.get("truncated")),
        "think": plain(info.get("think")),
        "stats": plain(read.get("stats")) or {},
    }


def read(folder: Path, allowed: tuple[str, ...]) -> dict[str, Any]:
    """The experiment in a folder; where it does not read, the file and the reason."""
    found: dict[str, Any] = {"steps": []}
    file = folder / "exp_args.pkl"
    try:
        arguments = fields(load(file, allowed))
        env, agent = fields(arguments.get("env_args")), fields(arguments.get("agent_args"))
        found |= {"task": plain(env.get("task_name")), "seed": plain(env.get("task_seed"))}
        found |= {"agent": plain(agent.get("agent_name"))}
        found |= {"ours": getattr(type(arguments.get("agent_args")), "name", "") == OURS}
        file = folder / "goal_object.pkl.gz"
        found["goal"] = plain(load(file, allowed)) if file.exists() else None
        number = 0
        while (file := folder / f"step_{number}.pkl.gz").exists():
            found["steps"].append(step(file, allowed))
            number += 1
        file = folder / "summary_info.json"
        found["summary"] = json.loads(file.read_bytes())
    except MemoryError:
        return {"problem": f"{file.name}: it asks for too much memory"}
    except RecursionError:
        return {"problem": f"{file.name}: it is nested too deeply"}
    except Exception as error:  # a damaged pickle can raise anything
        return {"problem": f"{file.name}: {type(error).__name__}: {error}"}
    return found


def main() -> None:
    """Read the folder that is named and print what is in it."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    except (ImportError, ValueError, OSError):  # not on this system: the parent's limit of time remains
        pass
    json.dump(read(Path(sys.argv[1]), ALLOWED + tuple(sys.argv[2:])), sys.stdout)


if __name__ == "__main__":
    main()
