"""The GGUF export calls llama.cpp's converter, and leaves a whole file or none. The converter here is one of ours: the real one
comes with llama.cpp, and what it makes of a model is its own business.
"""

from pathlib import Path

import pytest

from symbiotic_gym.errors import MissingDependencyError, ModelError, StoreError, UnknownNameError
from symbiotic_gym.trainers import gguf

CONVERTER = """
import argparse, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--outfile", type=pathlib.Path)
parser.add_argument("--outtype")
options = parser.parse_args()
options.outfile.write_text(f"GGUF {options.outtype} {(options.model / 'config.json').read_text()}")
if "unknown" in (options.model / "config.json").read_text():
    print("Model FooForCausalLM is not supported")
    sys.exit(1)
if "sentences" in (options.model / "config.json").read_text():
    from a_tokenizer_that_is_not_here.parts import Processor
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tools = tmp_path / "llama.cpp"
    tools.mkdir()
    (tools / "convert_hf_to_gguf.py").write_text(CONVERTER)
    monkeypatch.setenv("LLAMA_CPP", str(tools))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def test_the_converter_writes_the_file(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.gguf"
    assert gguf.main(["--model", str(model), "--out", str(out), "--weights", "q8_0"]) == 0
    assert out.read_text() == "GGUF q8_0 {}"
    with pytest.raises(StoreError, match="exists"):
        gguf.convert_to_gguf(model, out)
    assert out.read_text() == "GGUF q8_0 {}"


def test_what_it_says_is_told_and_no_half_file_stays(model: Path, tmp_path: Path) -> None:
    (model / "config.json").write_text("unknown")
    with pytest.raises(ModelError, match="FooForCausalLM is not supported"):
        gguf.convert_to_gguf(model, tmp_path / "model.gguf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["llama.cpp", "model"]


def test_a_package_that_it_lacks_is_named(model: Path, tmp_path: Path) -> None:
    (model / "config.json").write_text("sentences")
    with pytest.raises(MissingDependencyError, match="cannot import a_tokenizer_that_is_not_here\n"):
        gguf.convert_to_gguf(model, tmp_path / "model.gguf")


def test_without_a_converter_or_a_model(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="nearest: q8_0"):
        gguf.convert_to_gguf(model, tmp_path / "out.gguf", weights="q8")
    with pytest.raises(UnknownNameError, match=r"config\.json"):
        gguf.convert_to_gguf(tmp_path, tmp_path / "out.gguf")
    monkeypatch.setenv("LLAMA_CPP", str(tmp_path / "nowhere"))
    with pytest.raises(MissingDependencyError, match="nowhere"):
        gguf.convert_to_gguf(model, tmp_path / "out.gguf")
    monkeypatch.delenv("LLAMA_CPP")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="PATH"):
        gguf.convert_to_gguf(model, tmp_path / "out.gguf")
