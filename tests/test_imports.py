"""Imports point one way, cost little, and give what they promise."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ["symbiotic_gym", "symbiotic_gym.agents", "symbiotic_gym.trainers", "symbiotic_gym.benchmarks"]
ABOVE_ALL = {"symbiotic_gym.cli", "symbiotic_gym.cli_runs"}
HEAVY = ["torch", "transformers", "trl", "peft", "datasets", "playwright", "browsergym", "openai", "matplotlib", "pydantic"]


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "symbiotic_gym" else ("symbiotic_gym", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(module: str) -> int:
    return max(
        number for number, package in enumerate(LAYERS) if number == 0 or module == package or module.startswith(package + ".")
    )


def imported(file: Path) -> set[str]:
    """Every module a file imports anywhere, in functions and for type checking too."""
    package = module_name(file) if file.name == "__init__.py" else module_name(file).rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            found |= {origin} | {f"{origin}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(
    file
    for folder in ("symbiotic_gym", "agents", "trainers", "benchmarks")
    for file in (ROOT / folder).rglob("*.py")
    if not any(parent.is_symlink() for parent in file.parents if parent.is_relative_to(ROOT))
)


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_direction(file: Path) -> None:
    modules = imported(file)
    bare = {"agents", "trainers", "benchmarks"} & {module.split(".")[0] for module in modules}
    assert not bare, f"import {bare} as symbiotic_gym.…: another distribution owns the bare names"
    if module_name(file) not in ABOVE_ALL:
        ours = {module for module in modules if module.split(".")[0] == "symbiotic_gym"}
        upward = {module for module in ours if layer(module) > layer(module_name(file)) or module in ABOVE_ALL}
        assert not upward


def test_direction_sees_an_upward_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "agents").mkdir()
    wrong = tmp_path / "agents" / "wrong.py"
    wrong.write_text("def f():\n    from symbiotic_gym import trainers\n    from ..benchmarks import x\n")
    with pytest.raises(AssertionError, match=r"symbiotic_gym\.benchmarks"):
        test_direction(wrong)


def test_importing_is_light_and_silent() -> None:
    """No heavy library, no socket, no output, no warning."""
    code = f"""
import sys
def guard(event, arguments):
    if event.startswith("socket.") and event != "socket.__new__":
        raise RuntimeError(f"import used the network: {{event}} {{arguments}}")
sys.addaudithook(guard)
import symbiotic_gym, symbiotic_gym.agents, symbiotic_gym.trainers, symbiotic_gym.benchmarks, symbiotic_gym.cli
print(*(name for name in {HEAVY!r} if name in sys.modules), end="")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("module", [module_name(file) for file in FILES if "__all__" in file.read_text(encoding="utf-8")])
def test_all_is_what_is_importable(module: str) -> None:
    loaded = importlib.import_module(module)
    assert [name for name in loaded.__all__ if getattr(loaded, name, None) is None and name not in vars(loaded)] == []
    assert sorted(set(loaded.__all__)) == sorted(loaded.__all__)
