"""What a multi-task training step costs: our packed row against trl's SFTTrainer on the two sequences it stands for.

Same model, same LoRA, same examples: an action of about 12 tokens and a reason of about 50, both answers to one prompt. Arms
are `ours` (prompt, action and reason in one row), `sft` (trl's SFTTrainer on the two sequences, as many examples to a step) and
`action` (ours, without the reason). Each arm trains in a process of its own, they take turns, and the first steps of each are
not counted. Peak memory is the process's, or the device's where there is one. With `--kept FILE` a run cut off goes on.

    python -m symbiotic_gym.benchmarks.training --json OUT

On a GPU, where prompts are long and models are large, with weights of a real shape that are drawn at random:

    python -m symbiotic_gym.benchmarks.training --shape llama-3.1-8b --lengths 1000 4000 8000 --json OUT
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, estimate
from symbiotic_gym.benchmarks.training_arms import ARMS, BATCH, SHAPES, drawn_at_random
from symbiotic_gym.jsonlines import JsonLines
from symbiotic_gym.models import resolve_model
from symbiotic_gym.progress import Progress
from symbiotic_gym.stats import ratio_of_medians

__all__ = ["Measured", "main"]

_LENGTHS = (300, 1000, 3000)
_MFU = 0.45
"""The least share of a GPU's peak, in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one process measured."""

    base: str
    arm: str
    length: int
    round: int
    seconds: tuple[float, ...]
    """Of each counted step."""
    peak: float
    """Bytes."""
    mfu: float = 0.0
    """Share of the GPU's peak, in [0, 1], in the median step; 0 on a CPU."""


def _targets(length: int) -> tuple[float, float | None]:
    """How many times as fast as trl, and at most how many times the time of action alone."""
    return (1.8, 1.15) if length >= 1000 else (1.6, None)


def _arm(arm: str, length: int, steps: int, base: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "symbiotic_gym.benchmarks.training_arms", "--base", str(base), "--arm", arm]
    command += ["--length", str(length), "--steps", str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the arm {arm} at {length} tokens failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _rows(length: int, measured: Sequence[Measured]) -> list[Row]:
    faster, dearer = _targets(length)
    seconds = {arm: [s for m in measured if m.arm == arm for s in m.seconds] for arm in ARMS}
    peaks = {arm: max(m.peak for m in measured if m.arm == arm) / 2**20 for arm in ARMS}
    speed = {arm: BATCH / float(np.median(values)) for arm, values in seconds.items()}
    speedup, overhead = ratio_of_medians(seconds["sft"], seconds["ours"]), ratio_of_medians(seconds["ours"], seconds["action"])
    rows = [
        Row(
            name=f"{length} tokens/examples a second",
            value=speed["ours"],
            unit="1/s",
            n=len(seconds["ours"]),
            peer="SFTTrainer",
            peer_value=speed["sft"],
        ),
        estimate(f"{length} tokens/as fast as SFTTrainer", speedup, "times", target=faster),
        estimate(f"{length} tokens/time of action alone", overhead, "times", target=dearer, better="lower"),
        Row(
            name=f"{length} tokens/peak memory",
            value=peaks["ours"],
            unit="MiB",
            peer="SFTTrainer",
            peer_value=peaks["sft"],
            better="lower",
        ),
    ]
    if mfu := [m.mfu for m in measured if m.arm == "ours" and m.mfu]:
        rows.append(Row(name=f"{length} tokens/MFU", value=float(np.median(mfu)), unit="share", n=len(mfu), target=_MFU))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a target is missed."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--base", default="smollm2-135m-instruct", help="a known model's name, a folder or a hub id")
    parser.add_argument("--shape", choices=SHAPES, help="weights of this shape drawn at random, with the base's tokenizer")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(_LENGTHS), help="tokens of the prompts")
    parser.add_argument("--rounds", type=int, default=3, help="how often the arms take turns")
    parser.add_argument("--steps", type=int, default=6, help="counted steps of each arm in each round")
    parser.add_argument("--kept", type=Path, metavar="FILE", help="what was measured, a JSON line each; a run cut off goes on")
    options = parser.parse_args(arguments)
    lengths, rounds, steps = ([300], 1, 2) if options.smoke else (options.lengths, options.rounds, options.steps)
    report = Report("training")
    with tempfile.TemporaryDirectory() as folder:
        base = Path(resolve_model(options.base))
        name = options.shape or options.base
        if options.shape:
            base = drawn_at_random(options.shape, Path(folder) / options.shape, base)
        for length, measured in _measure(base, name, lengths, rounds, steps, options.kept).items():
            report.add(*_rows(length, measured))
    held = report.finish(options.json)
    return 0 if held or options.smoke else 1


def _measure(
    base: Path, name: str, lengths: Sequence[int], rounds: int, steps: int, kept: Path | None
) -> dict[int, list[Measured]]:
    """Every arm at every length, in turns."""
    file = JsonLines(kept)
    known = {(m.base, m.arm, m.length, m.round): m for m in file.records(Measured) if len(m.seconds) == steps}
    found: dict[int, list[Measured]] = {length: [] for length in lengths}
    with Progress().phase("measuring", len(lengths) * rounds * len(ARMS)) as bar:
        for length in lengths:
            for number in range(rounds):
                for arm in ARMS[number % 3 :] + ARMS[: number % 3]:
                    measured = known.get((name, arm, length, number))
                    if measured is None:
                        told = _arm(arm, length, steps, base)
                        measured = Measured(base=name, arm=arm, length=length, round=number, **told)
                        file.append([asdict(measured)])
                    found[length].append(measured)
                    bar.advance(f"{arm} at {length} tokens")
    return found


if __name__ == "__main__":
    sys.exit(main())
