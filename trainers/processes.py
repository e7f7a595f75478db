"""One training in several processes, as `accelerate launch` and `torchrun` start them: how many there are, who goes first."""

import os
from contextlib import AbstractContextManager, nullcontext

__all__ = ["is_main", "main_first", "world_size"]


def world_size() -> int:
    """How many processes train together; 1 unless a launcher says otherwise."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Whether this is the process that writes and prints."""
    return os.environ.get("RANK", "0") == "0"


def main_first(*, cpu: bool) -> AbstractContextManager[None]:
    """Lets the main process through before all others, so that they find what it wrote.

    Args:
        cpu: whether the training is on a CPU.
    """
    if world_size() == 1:
        return nullcontext()
    from accelerate import PartialState

    first: AbstractContextManager[None] = PartialState(cpu=cpu).main_process_first()
    return first
