"""A merged folder is a model of its own, and scores answers as base and adapter do together."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from symbiotic_gym.agents.chat import load_tokenizer
from symbiotic_gym.agents.weights import load_adapter, load_base
from symbiotic_gym.errors import StoreError
from symbiotic_gym.trainers import merging
from symbiotic_gym.trainers.distiller import distill
from tests.test_distiller import EXAMPLES, FAST
from tests.tiny import tiny_model


def test_it_computes_what_base_and_adapter_compute(tmp_path: Path) -> None:
    base = tiny_model(tmp_path / "base")
    config = replace(FAST, epochs=3, save_steps=100)
    adapter = Path(distill(config, EXAMPLES[:4], tmp_path / "trained", base_model=base).adapter)
    out = tmp_path / "merged"
    arguments = ["--base", str(base), "--adapter", str(adapter), "--out", str(out)]
    assert merging.main(arguments) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"base", "trained", "merged"}, "nothing half-written is left"
    assert not list(out.glob("adapter*"))
    ids = torch.tensor([load_tokenizer(str(out))('click("12")')["input_ids"]])
    merged = AutoModelForCausalLM.from_pretrained(out, dtype="auto")
    assert merged.dtype == torch.float32, "the base model's"
    plain = load_base(str(base), device="cpu", dtype="float32")
    with torch.no_grad():
        before = plain(ids).logits
        expected = load_adapter(plain, adapter, trainable=False)(ids).logits
        found = merged(ids).logits
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)
    assert (found - before).abs().max() > 0.1, "the adapter is in it"
    with pytest.raises(StoreError, match="exists"):
        merging.main(arguments)
    merging.merge(base, adapter, tmp_path / "half", dtype="bfloat16")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "half", dtype="auto").dtype == torch.bfloat16
