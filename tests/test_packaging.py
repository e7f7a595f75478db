"""The list of packages, the links and the folders are equal, and what is installed is all of it, once, and nothing else."""

import configparser
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SIBLINGS = ("agents", "trainers", "benchmarks")
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "runs", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis"
)


def options() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_list_links_and_folders_are_equal() -> None:
    listed = set(options()["options"]["packages"].split())
    assert listed == set(_folders())
    links = {path.name: os.readlink(path) for path in (ROOT / "symbiotic_gym").iterdir() if path.is_symlink()}
    assert links == {name: f"../{name}" for name in SIBLINGS}
    mapped = dict(line.split(" = ") for line in options()["options"]["package_dir"].strip().splitlines())
    assert mapped == {"symbiotic_gym": "symbiotic_gym"} | {f"symbiotic_gym.{name}": name for name in SIBLINGS}


def _folders() -> dict[str, Path]:
    """Every package's folder, by its name: the siblings, and what lies in `symbiotic_gym` itself."""
    own = [file.parent for file in (ROOT / "symbiotic_gym").rglob("__init__.py") if not _linked(file)]
    folders = {".".join(folder.relative_to(ROOT).parts): folder for folder in own}
    return folders | {f"symbiotic_gym.{name}": ROOT / name for name in SIBLINGS}


def _linked(path: Path) -> bool:
    return any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(ROOT))


def test_every_module_lies_in_a_listed_package() -> None:
    listed = set(_folders().values())
    modules = [file for top in ("symbiotic_gym", *SIBLINGS) for file in (ROOT / top).rglob("*.py") if not _linked(file)]
    assert [file for file in modules if file.parent not in listed] == []


@pytest.mark.parametrize("folder", SIBLINGS)
def test_siblings_are_flat(folder: str) -> None:
    assert list((ROOT / folder).rglob("*/*.py")) == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from a copy so that the checkout stays clean, and without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "tree", symlinks=True, ignore=LEFT_OUT)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(folder), str(folder / "tree")], check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_once(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert len(names) == len(set(names))
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("symbiotic_gym/**/*.py")}
    modules |= {
        f"symbiotic_gym/{path.relative_to(ROOT).as_posix()}" for name in SIBLINGS for path in (ROOT / name).glob("*.py")
    }
    data = set()
    for package, patterns in options()["options.package_data"].items():
        last = package.rpartition(".")[2]
        source = ROOT / last if last in SIBLINGS else ROOT / package.replace(".", "/")
        for pattern in patterns.split(", "):
            data |= {f"{package.replace('.', '/')}/{path.relative_to(source).as_posix()}" for path in source.glob(pattern)}
    assert "symbiotic_gym/py.typed" in data
    assert set(names) == modules | data


def test_files_beside_the_code_are_shipped() -> None:
    """Whatever lies in a package and is no Python is named in setup.cfg's package_data."""
    known: set[Path] = set()
    folders = _folders()
    for package, patterns in options()["options.package_data"].items():
        known |= {path.resolve() for pattern in patterns.split(", ") for path in folders[package].glob(pattern)}
    there = {path.resolve() for folder in folders.values() for path in folder.rglob("*") if path.is_file()}
    log = ROOT / "benchmarks" / "RESULTS.md"  # for readers of the repository, not of the package
    assert {path for path in there if path.suffix not in (".py", ".pyc")} - {log} == known


def test_installs_beside_a_distribution_called_agents(wheel: Path, tmp_path: Path) -> None:
    """The `openai-agents` wheel is one top-level package `agents`; both must keep their files and be importable."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
    (site / "agents").mkdir()
    (site / "agents" / "__init__.py").write_text("OWNER = 'another distribution'\n")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")  # adds the folder, not its editable installs
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True)
    code = (
        "import agents, symbiotic_gym, symbiotic_gym.agents, symbiotic_gym.trainers, symbiotic_gym.benchmarks, pathlib\n"
        f"site = pathlib.Path({str(site)!r})\n"
        "assert agents.OWNER == 'another distribution'\n"
        "for name in ('', 'agents', 'trainers', 'benchmarks'):\n"
        "    module = __import__('symbiotic_gym' + '.' * bool(name) + name, fromlist=['x'])\n"
        "    assert pathlib.Path(module.__file__) == site / 'symbiotic_gym' / name / '__init__.py', module\n"
    )
    subprocess.run([str(python), "-c", code], check=True, cwd=tmp_path)
    assert sorted(path.name for path in site.iterdir() if path.name.startswith(("trainers", "benchmarks", "tests"))) == []
