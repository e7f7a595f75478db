"""What a multi-task training step costs: our packed row against trl's SFTTrainer on the two sequences it stands for.

Same model, same weights that are trained, same examples: an action of about 12 tokens and a reason of about 50, both answers to
one prompt. Arms are `ours` (prompt, action and reason in one row), `sft` (trl's SFTTrainer on the two sequences, as many
examples to a step, with the fastest of several micro-batch sizes, tried beforehand) and `action` (ours, without the reason).
Each arm trains in a process of its own, they take turns, and the first step of each is not counted. Peak memory is the
process's, or the device's where there is one. With `--kept FILE` a run cut off goes on, if the commit is the same.

    python -m symbiotic_gym.benchmarks.training --json OUT

On a GPU, where prompts are long and models are large, with weights of a real shape that are drawn at random, the 1B trained in
full and the 8B with LoRA:

    python -m symbiotic_gym.benchmarks.training --shape llama-3.2-1b --lengths 1000 4000 8000 --json OUT
    python -m symbiotic_gym.benchmarks.training --shape llama-3.1-8b --lengths 1000 4000 8000 --json OUT
"""

import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, commit, estimate
from symbiotic_gym.benchmarks.samples import Samples
from symbiotic_gym.benchmarks.training_arms import ARMS, BATCH, MICRO, SHAPES, draw, own_micro
from symbiotic_gym.models import resolve_model
from symbiotic_gym.progress import Bar, Progress
from symbiotic_gym.stats import bootstrap

__all__ = ["Measured", "main"]

_LENGTHS = (300, 1000, 3000)
_OUT_OF_MEMORY = re.compile("out of memory|can't allocate memory|not enough memory", re.I)
_TOKENS_AT_ONCE = 2500
"""Of prompts, in a micro-batch of the peer on a CPU; it takes some 7 MiB for each."""
_MFU = 0.45
"""The least share of a GPU's peak, in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one process measured."""

    seconds: tuple[float, ...]
    """Of each counted step; none where the memory was not enough."""
    peak: float
    """Bytes."""
    mfu: float = 0.0
    """Share of the GPU's peak, in [0, 1], in the median step; 0 on a CPU."""

    @property
    def median(self) -> float:
        """Seconds of the median step; infinite where the memory was not enough."""
        return float(np.median(self.seconds)) if self.seconds else inf


def _targets(length: int) -> tuple[float, float | None]:
    """How many times as fast as trl, and at most how many times the time of action alone."""
    return (1.8, 1.15) if length >= 1000 else (1.6, None)


def _arm(arm: str, length: int, steps: int, micro: int, base: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "symbiotic_gym.benchmarks.training_arms", "--base", str(base), "--arm", arm]
    command += ["--length", str(length), "--steps", str(steps), "--micro", str(micro)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and _OUT_OF_MEMORY.search(done.stderr):
        return {"seconds": [], "peak": 0.0}
    if done.returncode:
        raise RuntimeError(f"the arm {arm} at {length} tokens failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _rows(length: int, rounds: Sequence[Mapping[str, Measured]], micro: int) -> list[Row]:
    """The table's rows for a length; a round's arms ran one after another, and are compared with each other."""
    faster, dearer = _targets(length)
    if lacking := sorted({arm for turn in rounds for arm in ARMS if not turn[arm].seconds}):
        why = f"not enough memory for {' and '.join(lacking)}"
        return [Row(name=f"{length} tokens/as fast as SFTTrainer", value=None, unit="times", target=faster, note=why)]
    peaks = {arm: max(turn[arm].peak for turn in rounds) / 2**20 for arm in ARMS}
    speed = {arm: BATCH / float(np.median([turn[arm].median for turn in rounds])) for arm in ARMS}
    speedup = bootstrap(partial(np.mean, axis=-1), [turn["sft"].median / turn["ours"].median for turn in rounds])
    overhead = bootstrap(partial(np.mean, axis=-1), [turn["ours"].median / turn["action"].median for turn in rounds])
    peer = f"SFTTrainer, {micro} to a micro-batch"
    rows = [
        Row(
            name=f"{length} tokens/examples a second",
            value=speed["ours"],
            unit="1/s",
            n=len(rounds),
            peer=peer,
            peer_value=speed["sft"],
        ),
        estimate(f"{length} tokens/as fast as SFTTrainer", speedup, "times", target=faster),
        estimate(f"{length} tokens/time of action alone", overhead, "times", target=dearer, better="lower"),
        Row(
            name=f"{length} tokens/peak memory",
            value=peaks["ours"],
            unit="MiB",
            peer=peer,
            peer_value=peaks["sft"],
            better="lower",
        ),
    ]
    if mfu := [turn["ours"].mfu for turn in rounds if turn["ours"].mfu]:
        rows.append(Row(name=f"{length} tokens/MFU", value=float(np.median(mfu)), unit="share", n=len(mfu), target=_MFU))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a target is missed."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--base", default="smollm2-135m-instruct", help="a known model's name, a folder or a hub id")
    parser.add_argument("--shape", choices=SHAPES, help="weights of this shape drawn at random, with the base's tokenizer")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(_LENGTHS), help="tokens of the prompts")
    parser.add_argument(
        "--micro", type=int, nargs="+", default=list(MICRO), help="examples at once that the peer may choose from"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often the arms take turns")
    parser.add_argument("--steps", type=int, default=2, help="counted steps of each arm in each round")
    parser.add_argument("--kept", type=Path, metavar="FILE", help="what was measured, a JSON line each; a run cut off goes on")
    options = parser.parse_args(arguments)
    lengths, rounds, steps = ([300], 1, 2) if options.smoke else (options.lengths, options.rounds, options.steps)
    report = Report("training")
    with tempfile.TemporaryDirectory() as folder:
        base = Path(resolve_model(options.base))
        if options.shape:
            draw(options.shape, Path(folder) / options.shape, base)
            base = Path(folder) / options.shape
        tried = {length: _tried(options.micro, length) for length in lengths}
        with Progress().phase("measuring", sum(map(len, tried.values())) + len(lengths) * rounds * len(ARMS)) as bar:
            measuring = _Measuring(base, options.shape or options.base, steps, Samples(options.kept), bar)
            for length in lengths:
                peers = {micro: measuring("sft", length, "tried", micro).median for micro in tried[length]}
                micro = min(peers, key=lambda size: peers[size])
                turns = [_turn(measuring, length, number, micro) for number in range(rounds)]
                report.add(*_rows(length, turns, micro))
    held = report.finish(options.json)
    return 0 if held or options.smoke else 1


def _tried(sizes: Sequence[int], length: int) -> list[int]:
    """Which micro-batch sizes the peer chooses from: on a CPU no larger ones than fit into a common machine's memory."""
    from symbiotic_gym.agents.weights import pick_device

    fitting = [size for size in sizes if pick_device() != "cpu" or size * length <= _TOKENS_AT_ONCE]
    return fitting or [min(sizes)]


def _turn(measuring: "_Measuring", length: int, number: int, micro: int) -> dict[str, Measured]:
    """Every arm once; who is first changes from round to round."""
    order = ARMS[number % 3 :] + ARMS[: number % 3]
    return {arm: measuring(arm, length, str(number), micro if arm == "sft" else own_micro(length)) for arm in order}


class _Measuring:
    """Runs arms, and keeps what they measured."""

    def __init__(self, base: Path, name: str, steps: int, samples: Samples, bar: Bar) -> None:
        self._base, self._name, self._steps, self._samples, self._bar = base, name, steps, samples, bar
        self._commit = commit()

    def __call__(self, arm: str, length: int, turn: str, micro: int) -> Measured:
        key = f"{self._commit} {self._name} {arm}, {micro} of {length} tokens, {self._steps} steps, round {turn}"
        told = self._samples.get(key, partial(_arm, arm, length, self._steps, micro, self._base))
        self._bar.advance(f"{arm} at {length} tokens")
        return Measured(**told)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is being measured, in a process of its own, ends with it
    sys.exit(main())
