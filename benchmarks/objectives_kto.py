"""One round of trl's KTO on speculation's pairs, for the `objectives` benchmark."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symbiotic_gym.trainers.pairs import PreferencePair
from symbiotic_gym.trainers.preference_tuning import PreferenceConfig

__all__ = ["tune_by_kto"]


def tune_by_kto(pairs: Sequence[PreferencePair], out: Path, *, base: str, adapter: Path, config: PreferenceConfig) -> None:
    """Go on training an adapter, which is the reference too; `out/adapter` appears when it is done."""
    from transformers import PrinterCallback
    from trl import KTOConfig, KTOTrainer

    from symbiotic_gym.agents.chat import load_tokenizer
    from symbiotic_gym.agents.weights import load_adapter, load_base, pick_device
    from symbiotic_gym.trainers.trl_pairs import unpaired_dataset

    device = pick_device()
    model = load_adapter(load_base(base, device=device), adapter, trainable=True)
    arguments: dict[str, Any] = {"bf16": False, "use_cpu": device == "cpu", "gradient_checkpointing": False}
    trainer = KTOTrainer(
        model=model,
        args=KTOConfig(
            output_dir=str(out / "trainer"),
            per_device_train_batch_size=2,  # KTO holds an answer against the batch's others; two are the fewest
            gradient_accumulation_steps=4,
            num_train_epochs=config.epochs,
            learning_rate=config.learning_rate,
            max_length=None,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=device != "cpu",
            **arguments,
        ),
        train_dataset=unpaired_dataset(pairs, page_budget=config.page_budget),
        processing_class=load_tokenizer(base),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    tuned: Any = trainer.accelerator.unwrap_model(trainer.model)
    tuned.save_pretrained(str(out / ".adapter-new"), selected_adapters=["default"])
    os.replace(out / ".adapter-new", out / "adapter")
