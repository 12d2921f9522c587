"""Several processes that train one adapter together, as accelerate launch, torchrun or a scheduler starts them.

The first one decides and writes, the others do as it decided. A process that nobody launched is the first and only
one, and nothing here costs it anything. Imports torch only where there are others.
"""

import os
from typing import Any, TypeVar

T = TypeVar("T")

RANK, WORLD_SIZE, LOCAL_RANK = "RANK", "WORLD_SIZE", "LOCAL_RANK"
"""How every launcher tells a process its number, how many there are, and its number on this machine."""
SHARDED = "ACCELERATE_USE_FSDP"
"""Set by accelerate launch where its configuration splits the base itself over the processes."""


def number() -> int:
    """Return which process of the run this is; 0 is the first."""
    return int(os.environ.get(RANK, "0"))


def processes() -> int:
    """Return how many processes train together."""
    return int(os.environ.get(WORLD_SIZE, "1"))


def is_first() -> bool:
    """Return whether this process is the one that decides and writes."""
    return number() == 0


def sharded() -> bool:
    """Return whether the base is split over the processes (FSDP)."""
    return os.environ.get(SHARDED, "").lower() in ("1", "true", "yes")


def join(device: str) -> None:
    """Meet the other processes: over gloo on processors, over NCCL on GPUs, each of them on its own."""
    if processes() > 1:
        from accelerate import PartialState

        PartialState(cpu=device == "cpu")


def agreed(value: T) -> T:
    """Return the first process's value, once all have come here."""
    if processes() == 1:
        return value
    from torch.distributed import broadcast_object_list

    values = [value]
    broadcast_object_list(values, src=0)
    return values[0]


def any_says(answer: bool, device: Any) -> bool:
    """Return whether one of the processes says yes; all of them must ask."""
    if processes() == 1:
        return answer
    import torch

    votes = torch.tensor(int(answer), device=device)
    torch.distributed.all_reduce(votes, torch.distributed.ReduceOp.MAX)
    return bool(votes.item())
