"""What a multi-task training step costs: our packed row against trl's SFTTrainer on the two sequences it stands for.

Same model, same LoRA, same examples: an action of about 12 tokens and a reason of about 50, both answers to one prompt. Arms
are `ours` (prompt, action and reason in one row), `sft` (trl's SFTTrainer on the two sequences, as many examples to a step) and
`action` (ours, without the reason). Each arm trains in a process of its own, they take turns, and the first steps of each are
not counted. Peak memory is the process's, or the device's where there is one.

    python -m symbiotic_gym.benchmarks.training --json OUT
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
from pathlib import Path
from typing import Any

import numpy as np

from symbiotic_gym.benchmarks.report import Report, Row, argument_parser
from symbiotic_gym.models import resolve_model
from symbiotic_gym.progress import Progress
from symbiotic_gym.trainers.distiller_config import LORA_TARGETS, DistillerConfig
from symbiotic_gym.trainers.examples import Example

__all__ = ["main"]

ARMS = ("ours", "sft", "action")
_UNCOUNTED = 2
_BATCH = 4
_REASON = (
    "The goal asks for this very element, it is the only one on the page that has the name, and nothing else has to be done "
    "before pressing it; what follows will be seen on the next page, and then the goal is reached."
)
_TARGETS = {300: (1.6, None), 1000: (1.8, 1.15), 3000: (1.8, 1.15)}
"""By prompt length in tokens: how many times as fast as trl, and at most how many times the time of action alone."""


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
        batch_size=_BATCH,
        micro_batch_size=1 if options.length > 2000 else 2,
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
        base_model=options.base,
        progress=lambda *_: ends.append(time.perf_counter()),
    )
    return ends


def _sft(options: argparse.Namespace, examples: Sequence[Example], folder: Path, tokenizer: Any) -> list[float]:
    """The same by trl's SFTTrainer; two sequences for each example."""
    from datasets import Dataset
    from peft import LoraConfig
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
    model = load_base(options.base, device=device)
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
            bf16=False,  # as in our arm: the weights' own types decide
            use_cpu=device == "cpu",
            dataloader_pin_memory=device != "cpu",
            max_length=None,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(data),
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=config.lora_r,
            lora_alpha=config.lora_alpha,
            target_modules=LORA_TARGETS[config.lora_targets],
            task_type="CAUSAL_LM",
        ),
        callbacks=[Clock()],
    )
    trainer.remove_callback(PrinterCallback)  # type: ignore[no-untyped-call]
    trainer.train()
    return ends


def _child(options: argparse.Namespace) -> None:
    """One arm: seconds for each counted step, and the peak memory, as one line of JSON."""
    import torch

    from symbiotic_gym.agents.chat import load_tokenizer

    tokenizer = load_tokenizer(options.base)
    examples = _examples(tokenizer, options.length, _BATCH * (options.steps + _UNCOUNTED))
    with tempfile.TemporaryDirectory() as folder:
        if options.arm == "sft":
            ends = _sft(options, examples, Path(folder), tokenizer)
        else:
            ends = _ours(options, examples, Path(folder), reasons=options.arm == "ours")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated()
    print(json.dumps({"seconds": np.diff(ends[_UNCOUNTED - 1 :]).tolist(), "peak": peak}))


def _arm(arm: str, length: int, steps: int, base: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "symbiotic_gym.benchmarks.training", "--base", base, "--arm", arm]
    command += ["--length", str(length), "--steps", str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the arm {arm} at {length} tokens failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _ratio(name: str, over: Sequence[float], under: Sequence[float], **row: Any) -> Row:
    """Median over median, with its 95 % bootstrap interval over steps."""
    rng = np.random.default_rng(0)
    a, b = (np.asarray(values) for values in (over, under))
    drawn = np.median(rng.choice(a, (1000, len(a))), axis=1) / np.median(rng.choice(b, (1000, len(b))), axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    value = float(np.median(a) / np.median(b))
    return Row(name=name, value=value, unit="times", n=min(len(a), len(b)), low=float(low), high=float(high), **row)


def _rows(length: int, seconds: dict[str, list[float]], peaks: dict[str, float]) -> list[Row]:
    faster, dearer = _TARGETS.get(length, (None, None))
    speed = {arm: _BATCH / float(np.median(values)) for arm, values in seconds.items()}
    rows = [
        Row(
            name=f"{length} tokens/examples a second",
            value=speed["ours"],
            unit="1/s",
            n=len(seconds["ours"]),
            peer="SFTTrainer",
            peer_value=speed["sft"],
        ),
        _ratio(f"{length} tokens/as fast as SFTTrainer", seconds["sft"], seconds["ours"], target=faster),
        _ratio(f"{length} tokens/time of action alone", seconds["ours"], seconds["action"], target=dearer, better="lower"),
        Row(
            name=f"{length} tokens/peak memory",
            value=peaks["ours"] / 2**20,
            unit="MiB",
            peer="SFTTrainer",
            peer_value=peaks["sft"] / 2**20,
            better="lower",
        ),
    ]
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a target is missed."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--base", default="smollm2-135m-instruct", help="a known model's name, a folder or a hub id")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(_TARGETS), help="tokens of the prompts")
    parser.add_argument("--rounds", type=int, default=3, help="how often the arms take turns")
    parser.add_argument("--steps", type=int, default=8, help="counted steps of each arm in each round")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("--length", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.arm:
        _child(options)
        return 0
    base = str(resolve_model(options.base))
    lengths, rounds, steps = ([300], 1, 2) if options.smoke else (options.lengths, options.rounds, options.steps)
    report = Report("training")
    with Progress().phase("measuring", len(lengths) * rounds * len(ARMS)) as bar:
        for length in lengths:
            seconds: dict[str, list[float]] = {arm: [] for arm in ARMS}
            peaks = dict.fromkeys(ARMS, 0.0)
            for number in range(rounds):
                for arm in ARMS[number % 3 :] + ARMS[: number % 3]:
                    found = _arm(arm, length, steps, base)
                    seconds[arm] += found["seconds"]
                    peaks[arm] = max(peaks[arm], found["peak"])
                    bar.advance(f"{arm} at {length} tokens")
            report.add(*_rows(length, seconds, peaks))
    held = report.finish(options.json)
    return 0 if held or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
