"""What a symbiosis run shows in TensorBoard beside the losses: success and acceptance over the iterations."""

import shutil
from pathlib import Path

from symbiotic_gym.trainers.summary import Summary

__all__ = ["write_curves"]


def write_curves(summary: Summary, folder: Path) -> None:
    """Write the curves of a summary afresh; its steps are iterations, 0 is before.

    `success/small` and `success/large` on the held-out seeds, each task's below it, and `acceptance`, the share of the small
    model's proposals that speculative synthesis ran.

    Args:
        summary: as `run_symbiosis` returns it, of a run that may still be going.
        folder: for the event file alone; what is in it is replaced.
    """
    from torch.utils.tensorboard import SummaryWriter

    shutil.rmtree(folder, ignore_errors=True)
    writer = SummaryWriter(str(folder))
    for row in summary["evaluation"]:
        rates = {"": row} | {f"/{task}": rate for task, rate in row["per_task"].items()}
        for name, rate in rates.items():
            if rate["n"]:
                writer.add_scalar(f"success/{row['model']}{name}", rate["success"], row["iteration"])
    for row in summary["acceptance"]:
        if row["n"]:
            writer.add_scalar("acceptance", row["success"], row["iteration"])
    writer.close()
