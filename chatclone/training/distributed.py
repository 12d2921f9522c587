"""Several processes that train one adapter together, started by accelerate launch, torchrun or a scheduler.

The first process decides and writes, the others do as it decided. A process without a launcher is the first and only
one; torch is imported only if there are others.
"""

import os
from typing import Any, TypeVar

T = TypeVar("T")

RANK, WORLD_SIZE, LOCAL_RANK = "RANK", "WORLD_SIZE", "LOCAL_RANK"
"""Environment variables of every launcher: a process's number, their number, and its number on this machine."""
SHARDED = "ACCELERATE_USE_FSDP"
"""Set by accelerate launch if the base itself is split over the processes."""


def rank() -> int:
    """Return which process of the run this is; 0 is the first."""
    return int(os.environ.get(RANK, "0"))


def processes() -> int:
    """Return how many processes train together."""
    return int(os.environ.get(WORLD_SIZE, "1"))


def is_first() -> bool:
    """Return whether this process is the one that decides and writes."""
    return rank() == 0


def sharded() -> bool:
    """Return whether the base is split over the processes (FSDP)."""
    return os.environ.get(SHARDED, "").lower() in ("1", "true", "yes")


def join(device: str) -> None:
    """Connect to the other processes: over gloo on processors, over NCCL on GPUs."""
    if processes() > 1:
        from accelerate import PartialState

        PartialState(cpu=device == "cpu")


def broadcast(value: T) -> T:
    """Return the first process's value; all processes must call this."""
    if processes() == 1:
        return value
    from torch.distributed import broadcast_object_list

    values = [value]
    broadcast_object_list(values, src=0)
    return values[0]


def any_process(answer: bool, device: Any) -> bool:
    """Return whether the answer of any process is true; all processes must call this."""
    if processes() == 1:
        return answer
    import torch

    votes = torch.tensor(int(answer), device=device)
    torch.distributed.all_reduce(votes, torch.distributed.ReduceOp.MAX)
    return bool(votes.item())
