"""TRL's SFTTrainer with packed rows and the multi-task loss, and the reports it gives while it runs.

What is overridden: how batches are put together, the loss, how its mean is taken under gradient accumulation and over several
processes, and the order of rows, which is decided beforehand so that a resumed run sees the rows it would have seen.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch.utils.data import Sampler, SequentialSampler
from transformers import TrainerCallback
from trl import SFTTrainer

from symbiotic_gym.trainers.flops import peak_flops, training_flops
from symbiotic_gym.trainers.multitask import TASKS, count_targets, multitask_loss
from symbiotic_gym.trainers.packing import model_inputs

__all__ = ["WHOLE", "MultiTaskTrainer", "Reporter"]

WHOLE = "whole"
"""A file with this name is written into a checkpoint last: without it, the writer was killed in between."""

Progress = Callable[[int, int, str], None]


class MultiTaskTrainer(SFTTrainer):
    """SFTTrainer over rows in the order they are given, with `multitask_loss`.

    Args:
        lambda_reason: weight of the reasons.
        further: weights of the further tasks, by name.
        rounded: compute products in bfloat16 of weights that are not. Not by the trainer's own `bf16`, which transformers keeps
            in an environment variable, for every later training in the process.
        kwargs: SFTTrainer's.
    """

    loss_is_scaled_for_ga: Any = True  # the counts below are those of the whole optimizer batch

    def __init__(self, *, lambda_reason: float, further: Mapping[str, float], rounded: bool = False, **kwargs: Any) -> None:
        self._lambda_reason = lambda_reason
        self._further = further
        self._rounded = rounded
        self._means: defaultdict[str, float] = defaultdict(float)
        super().__init__(**kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        rows: Any = self.train_dataset if train_dataset is None else train_dataset
        return SequentialSampler(rows)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], torch.Tensor]:
        """The micro-batches of one optimizer step, and each task's target tokens in all of them, over all processes."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        counts = torch.zeros(len(TASKS), dtype=torch.int64, device=device)
        for batch in batches:
            counts += count_targets(batch["labels"], batch["task"]).to(device)
        return batches, self.accelerator.reduce(counts, "sum")

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """One micro-batch's share of the optimizer batch's loss."""
        labels, task = inputs["labels"], inputs["task"]
        with torch.autocast(labels.device.type, dtype=torch.bfloat16, enabled=self._rounded):
            outputs = model(**model_inputs(inputs, self._dtype()))
        loss, means = multitask_loss(
            outputs.logits,
            labels,
            task,
            self._lambda_reason,
            counts=num_items_in_batch,
            weight_BT=inputs["weight"],
            further=self._further,
        )
        for name, mean in means.items():
            self._means[name] += self.accelerator.reduce(mean, "sum").item()
        loss = loss * self.accelerator.num_processes  # gradients are averaged over processes, the counts are sums
        return (loss, outputs) if return_outputs else loss

    def _dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.accelerator.unwrap_model(self.model).get_input_embeddings().weight.dtype
        return dtype

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the tasks' losses of the step to what is logged."""
        if "loss" in logs:
            logs |= {f"loss/{name}": mean for name, mean in self._means.items()}
            self._means.clear()
        super().log(logs, start_time)


class Reporter(TrainerCallback):
    """Tells the progress, writes TensorBoard scalars, marks whole checkpoints.

    Args:
        lengths: real tokens of each row of each optimizer step, of all processes, in order.
        progress: called with the step, the number of steps and a short text.
        tensorboard: folder for event files; None: no TensorBoard.
        frozen: whether an adapter is trained beside frozen weights, for what a step has to compute.
    """

    def __init__(self, lengths: Sequence[Sequence[int]], progress: Progress, tensorboard: Path | None, *, frozen: bool) -> None:
        self._lengths = lengths
        self._frozen = frozen
        self._progress = progress
        self._folder = tensorboard
        self._writer: Any = None
        self._began = perf_counter()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._folder is not None and state.is_world_process_zero:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=state.global_step + 1)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._began = perf_counter()

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, model: Any = None, **kwargs: Any
    ) -> None:
        if not logs or "loss/action" not in logs or not state.is_world_process_zero:
            return
        seconds, lengths = perf_counter() - self._began, self._lengths[state.global_step - 1]
        speed = sum(lengths) / seconds
        scalars = {name: value for name, value in logs.items() if name.startswith("loss/") or name == "learning_rate"}
        scalars |= {"tokens_per_s": speed, "tokens_per_row": sum(lengths) / len(lengths)}
        if torch.cuda.is_available():
            peak, flops = peak_flops(torch.cuda.get_device_name()), training_flops(model, lengths, frozen=self._frozen)
            scalars |= {"mfu": flops / seconds / peak / args.world_size} if peak and flops else {}
        if self._writer is not None:
            for name, value in scalars.items():
                self._writer.add_scalar(name, value, state.global_step)
        text = f"loss: action {logs['loss/action']:.3f}, reason {logs['loss/reason']:.3f}; {speed:.0f} tokens/s"
        self._progress(state.global_step, state.max_steps, text)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / WHOLE).touch()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._writer is not None:
            self._writer.close()
