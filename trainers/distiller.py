"""Distillation: a small model learns a step's action and its reason from recorded successes.

What is trained, an adapter or all weights, and in which types, `trainable.py` says. A folder holds one training
(`training_folder.py`). The same call finds a finished training done, and continues one that was cut off to the very result it
would have had. Under `accelerate launch` or `torchrun` every process makes the same call, and they train together, each on its
share of an optimizer step's rows.
"""

import gc
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from symbiotic_gym.agents.weights import check_model, pick_device, require_train
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.store import write_json
from symbiotic_gym.trainers.architectures import check_architecture
from symbiotic_gym.trainers.distiller_config import DistillerConfig, DistillResult
from symbiotic_gym.trainers.encoding import encode, training_order
from symbiotic_gym.trainers.examples import Example
from symbiotic_gym.trainers.multitask import TASKS
from symbiotic_gym.trainers.packing import Branch, PackedRow, collate
from symbiotic_gym.trainers.processes import is_main, main_first, world_size
from symbiotic_gym.trainers.trainable import check_trainable, rounds_products, trainable_model
from symbiotic_gym.trainers.training_folder import identity_of, kind_of, last_checkpoint, located, save_trained, take_up

__all__ = ["distill", "require_training"]


def distill(
    config: DistillerConfig,
    examples: Sequence[Example],
    out: Path,
    *,
    base_model: str | Path,
    initial_adapter: Path | None = None,
    resume: bool = True,
    tensorboard: Path | None = None,
    progress: Callable[[int, int, str], None] = lambda step, steps, text: None,
) -> DistillResult:
    """Train a LoRA adapter, or with `adapter="none"` all weights.

    Args:
        config: how.
        examples: what to learn, from `examples_from`.
        out: the training's folder; `out/adapter`, or `out/model`, appears when it is done.
        base_model: a Hugging Face folder or hub id.
        initial_adapter: an adapter of an earlier training, to go on from; left as it is.
        resume: take up what `out` holds of this same training. False: start it afresh.
        tensorboard: folder for event files; None: none are written.
        progress: called after each optimizer step with its number, the number of all steps, and a short text.

    Raises:
        ConfigError: there are no examples; a target is longer than `max_tokens`; the adapter does not fit the base model;
            packed rows of this kind of model would not be exact (`architectures.check_architecture`); this machine cannot
            train what is asked for (`trainable.check_trainable`).
        UnknownNameError: there is no such base model or adapter.
        StoreError: `out` holds a training on something else.
        MissingDependencyError: a training package is not installed.
    """
    started = perf_counter()
    _require(examples)
    base = check_model(base_model)
    check_architecture(base)
    check_trainable(config, initial_adapter)
    identity = identity_of(config, examples, base, initial_adapter)
    kind = kind_of(config)
    with main_first(cpu=pick_device(config.device) == "cpu"):
        if not resume and is_main():
            shutil.rmtree(out, ignore_errors=True)
        done = take_up(out, identity, kind)
    if done is not None:
        return done
    rows, truncated = _encode_all(config, examples, base)
    together = config.batch_size * world_size()
    order = training_order([len(row) for row in rows], epochs=config.epochs, batch_size=together, seed=config.seed)
    trainer = _train(config, rows, order, out, base, initial_adapter, tensorboard, progress)
    weights = trainer.accelerator.get_state_dict(trainer.model)  # of all processes, where each holds a part
    if trainer.is_world_process_zero():
        save_trained(trainer.accelerator.unwrap_model(trainer.model), weights, out, config, base)
    where = located(out, kind)
    result = DistillResult(
        adapter=where["adapter"],
        model=where["model"],
        examples=len(examples),
        truncated=truncated,
        steps=trainer.state.global_step,
        tokens=sum(len(rows[i]) for i in order),
        targets={name: _target_tokens(rows, TASKS.index(name)) for name in ("action", "reason", *config.lambda_further)},
        losses=_losses(trainer.state.log_history),
        seconds=perf_counter() - started,
    )
    if trainer.is_world_process_zero():
        write_json(out / "training.json", asdict(result) | located(Path(), kind))
        shutil.rmtree(out / "trainer", ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    del trainer, weights
    gc.collect()  # a trainer refers to itself, and would hold its model and optimizer for long
    return result


def require_training() -> None:
    """Make sure that `distill` has all packages it needs, without loading anything.

    Raises:
        MissingDependencyError: one is not installed.
    """
    require_train("accelerate", "datasets", "tensorboard", "trl")


def _require(examples: Sequence[Example]) -> None:
    require_training()
    if not examples:
        raise ConfigError(
            explain(
                "there are no examples to train on",
                "at least one successful episode with an action that ran",
                "a model learns nothing from nothing",
                "play more episodes with the teacher, or easier tasks; failures and invalid episodes are not trained on",
            )
        )


def _encode_all(config: DistillerConfig, examples: Sequence[Example], base: str) -> tuple[list[PackedRow], int]:
    from symbiotic_gym.agents.chat import load_tokenizer

    tokenizer = load_tokenizer(base)
    encoded = [
        encode(
            tokenizer,
            example,
            max_tokens=config.max_tokens,
            page_budget=config.page_budget,
            tasks=config.tasks,
        )
        for example in examples
    ]
    return [row for row, _ in encoded], sum(cut for _, cut in encoded)


def _train(
    config: DistillerConfig,
    rows: Sequence[PackedRow],
    order: Sequence[int],
    out: Path,
    base: str,
    initial: Path | None,
    tensorboard: Path | None,
    progress: Callable[[int, int, str], None],
) -> Any:
    """Train to the end and return the trainer."""
    from datasets import Dataset
    from transformers import PrinterCallback, set_seed
    from trl import SFTConfig

    from symbiotic_gym.agents.chat import load_tokenizer
    from symbiotic_gym.trainers.sft import MultiTaskTrainer, Reporter

    set_seed(config.seed)
    device = pick_device(config.device)
    model = _model(config, base, initial)
    tokenizer = load_tokenizer(base)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    together = config.batch_size * world_size()
    steps = -(-len(order) // together)
    lengths = [[len(rows[i]) for i in order[s * together :][:together]] for s in range(steps)]
    arguments = SFTConfig(
        output_dir=str(out / "trainer"),
        per_device_train_batch_size=config.micro_batch_size,
        gradient_accumulation_steps=config.batch_size // config.micro_batch_size,
        num_train_epochs=1,  # `order` holds the epochs
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.schedule,
        warmup_steps=round(config.warmup * steps),
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        optim="adamw_torch",
        gradient_checkpointing=config.gradient_checkpointing,
        bf16=False,  # the weights' own types decide: autocast would round the float32 LoRA weights' gradients
        use_cpu=device == "cpu",
        dataloader_pin_memory=device != "cpu",
        max_length=None,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        logging_steps=1,
        save_steps=config.save_steps,
        save_total_limit=2,
        disable_tqdm=True,
        report_to="none",
        seed=config.seed,
    )
    trainer = MultiTaskTrainer(
        lambda_reason=config.lambda_reason,
        further=config.lambda_further,
        rounded=rounds_products(config),
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list([asdict(rows[i]) for i in order]),
        data_collator=lambda batch: collate(
            [_row(data) for data in batch], tokenizer.pad_token_id, whole=False, joined=config.padding_free
        ),
        processing_class=tokenizer,
        callbacks=[Reporter(lengths, progress, tensorboard, frozen=config.adapter != "none")],
    )
    trainer.remove_callback(PrinterCallback)  # type: ignore[no-untyped-call]
    with main_first(cpu=device == "cpu"):
        checkpoint = last_checkpoint(out)
    with warnings.catch_warnings():
        # transformers sorts checkpoints by time of writing, and by number, with this warning, when they are a second apart
        warnings.filterwarnings("ignore", message="mtime may not be reliable")
        trainer.train(resume_from_checkpoint=checkpoint)
    return trainer


def _row(data: Mapping[str, Any]) -> PackedRow:
    return PackedRow(prefix=tuple(data["prefix"]), branches=tuple(Branch(**branch) for branch in data["branches"]))


def _model(config: DistillerConfig, base: str, initial: Path | None) -> Any:
    from symbiotic_gym.trainers.attention import register_attention
    from symbiotic_gym.trainers.fast import speed_up

    model = trainable_model(config, base, initial=initial, attention=register_attention())
    model.config.use_cache = False
    if model.device.type == "cpu" and config.adapter != "none":
        speed_up(model)
    return model


def _losses(history: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    return [
        {"step": entry["step"]}
        | {name.removeprefix("loss/"): loss for name, loss in entry.items() if name.startswith("loss/")}
        | {"learning_rate": entry["learning_rate"]}
        for entry in history
        if "loss/action" in entry
    ]


def _target_tokens(rows: Sequence[PackedRow], task: int) -> int:
    return sum(len(branch.tokens) - branch.start for row in rows for branch in row.branches if branch.task == task)
