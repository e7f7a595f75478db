"""One arm of the `training` benchmark, in a process of its own: what its steps took, as one line of JSON.

python -m symbiotic_gym.benchmarks.training_arms --base FOLDER --arm ours --length 1000 --micro 2 --steps 6
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from symbiotic_gym.trainers.distiller_config import LORA_TARGETS, DistillerConfig
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.flops import peak_flops, training_flops

__all__ = ["ARMS", "BATCH", "MICRO", "SHAPES", "draw", "main", "own_micro"]

ARMS = ("ours", "sft", "action")
_UNCOUNTED = 1
BATCH = 4
MICRO = (1, 2, 4)
"""Examples that go through the model at once, from which the peer chooses."""
FULL = ("llama-3.2-1b",)
"""Shapes of which all weights are trained; of others, and of a base model, an adapter."""
_REASON = (
    "The goal asks for this very element, it is the only one on the page that has the name, and nothing else has to be done "
    "before pressing it; what follows will be seen on the next page, and then the goal is reached."
)
SHAPES: dict[str, dict[str, Any]] = {
    "llama-3.2-1b": {
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 64,
        "tie_word_embeddings": True,
    },
    "llama-3.1-8b": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "tie_word_embeddings": False,
    },
}


def own_micro(length: int) -> int:
    """How many of our own rows go through the model at once."""
    return 1 if length > 2000 else 2


def draw(shape: str, folder: Path, tokenizer: Path) -> None:
    """Write a model folder of a shape, with another model's tokenizer, in a process that takes its memory along when it ends.

    What its weights are has no influence on its speed.
    """
    command = [sys.executable, "-m", "symbiotic_gym.benchmarks.training_arms", "--draw", shape, "--base", str(tokenizer)]
    subprocess.run([*command, "--out", str(folder)], check=True)


def _draw(shape: str, folder: Path, tokenizer: Path) -> None:
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=128_256,
        max_position_embeddings=16_384,
        rope_theta=500_000.0,
        bos_token_id=1,
        eos_token_id=2,
        **SHAPES[shape],
    )
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = LlamaForCausalLM(config)
    model.save_pretrained(str(folder))
    AutoTokenizer.from_pretrained(str(tokenizer)).save_pretrained(str(folder))


def _examples(tokenizer: Any, prompt_tokens: int, n: int) -> list[Example]:
    """Steps whose prompts have about so many tokens."""
    found = []
    for i in range(n):
        rng = random.Random(f"{prompt_tokens} {i}")
        lines: list[str] = []
        while True:
            example = Example(
                task="t",
                goal=f"Press item {i}.",
                observation={"page": "\n".join(lines)},
                history=(),
                action=f'fill("{100 + i}", "Ann Smith")',
                reason=_REASON,
            )
            if len(tokenizer(example.messages("action", page_budget=10**6)[0]["content"])["input_ids"]) >= prompt_tokens - 20:
                break
            lines += [f'[{rng.randrange(100, 999)}] button "item {rng.randrange(1000)}"' for _ in range(4)]
        found.append(example)
    return found


def _config(options: argparse.Namespace, *, reasons: bool) -> DistillerConfig:
    return DistillerConfig(
        batch_size=BATCH,
        micro_batch_size=options.micro,
        adapter="none" if options.base.name in FULL else "lora",
        lambda_reason=0.5 if reasons else 0.0,
        max_tokens=options.length + 400,
        page_budget=10**6,
        save_steps=10**6,
    )


def _ours(options: argparse.Namespace, examples: Sequence[Example], folder: Path, *, reasons: bool) -> list[float]:
    """When each step ended."""
    from symbiotic_gym.trainers.distiller import distill

    ends: list[float] = []
    distill(
        _config(options, reasons=reasons),
        examples,
        folder / "ours",
        base_model=str(options.base),
        progress=lambda *_: ends.append(time.perf_counter()),
    )
    return ends


def _sft(options: argparse.Namespace, examples: Sequence[Example], folder: Path, tokenizer: Any) -> list[float]:
    """The same by trl's SFTTrainer; two sequences for each example."""
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from symbiotic_gym.agents.weights import load_base, pick_device
    from symbiotic_gym.trainers.minimal import sequences

    config, device, ends = _config(options, reasons=True), pick_device(), list[float]()

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            ends.append(time.perf_counter())

    rows = [sequence for example in examples for sequence in sequences(tokenizer, example, config)[0]]
    data = [{"input_ids": list(row.tokens), "labels": [-100] * row.start + list(row.tokens[row.start :])} for row in rows]
    full = config.adapter == "none"
    model = load_base(str(options.base), device=device, dtype="float32" if full else "auto")
    model.config.use_cache = False
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(folder / "sft"),
            per_device_train_batch_size=2 * config.micro_batch_size,
            gradient_accumulation_steps=config.batch_size // config.micro_batch_size,
            num_train_epochs=1,
            learning_rate=config.learning_rate,
            gradient_checkpointing=False,
            use_cpu=device == "cpu",
            dataloader_pin_memory=device != "cpu",
            max_length=None,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,  # what is not named here is trl's own choice: products in bfloat16, for one
            **_like_long(SFTConfig),
        ),
        train_dataset=Dataset.from_list(data),
        processing_class=tokenizer,
        peft_config=None if full else _lora(config),
        callbacks=[Clock()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return ends


def _lora(config: DistillerConfig) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        target_modules=LORA_TARGETS[config.lora_targets],
        task_type="CAUSAL_LM",
    )


def _like_long(config: Any) -> dict[str, Any]:
    """Batches of like-long sequences, as our rows come; transformers 5 has another name for it."""
    if "group_by_length" in {field.name for field in fields(config)}:
        return {"group_by_length": True}
    return {"train_sampling_strategy": "group_by_length"}


def _flops(options: argparse.Namespace, examples: Sequence[Example], tokenizer: Any) -> float | None:
    """What a step has to compute."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from symbiotic_gym.trainers.encoding import encode

    own = _config(options, reasons=options.arm != "action")
    rows = [
        encode(tokenizer, x, max_tokens=own.max_tokens, page_budget=own.page_budget, tasks=own.tasks)[0]
        for x in examples[:BATCH]
    ]
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(str(options.base)))
    return training_flops(model, map(len, rows), frozen=own.adapter != "none")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the arm."""
    import torch

    from symbiotic_gym.agents.chat import load_tokenizer

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--base", type=Path, required=True, help="a folder")
    parser.add_argument("--arm", choices=ARMS, default="ours")
    parser.add_argument("--length", type=int, default=1000, help="tokens of the prompts")
    parser.add_argument(
        "--micro", type=int, default=2, help=f"examples that go through the model at once, a divisor of {BATCH}"
    )
    parser.add_argument("--steps", type=int, default=6, help="counted steps")
    parser.add_argument("--draw", choices=SHAPES, help="only write random weights of this shape, with the base's tokenizer")
    parser.add_argument("--out", type=Path, help="where to")
    options = parser.parse_args(arguments)
    if options.draw:
        _draw(options.draw, options.out, options.base)
        return 0
    tokenizer = load_tokenizer(str(options.base))
    examples = _examples(tokenizer, options.length, BATCH * (options.steps + _UNCOUNTED))
    with tempfile.TemporaryDirectory() as folder:
        if options.arm == "sft":
            ends = _sft(options, examples, Path(folder), tokenizer)
        else:
            ends = _ours(options, examples, Path(folder), reasons=options.arm == "ours")
    seconds = np.diff(ends[_UNCOUNTED - 1 :])
    peak, mfu = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024), 0.0
    if torch.cuda.is_available():
        peak = float(torch.cuda.max_memory_allocated())
        flops, most = _flops(options, examples, tokenizer), peak_flops(torch.cuda.get_device_name())
        mfu = flops / float(np.median(seconds)) / most if flops and most else 0.0
    print(json.dumps({"seconds": seconds.tolist(), "peak": peak, "mfu": mfu}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
