"""The machine a run is on, and what follows from it: device, number type, quantisation, each with its reason.

Decisions are functions of a `Machine` and a `Base`, so that each can be tried for machines that are not at hand.
"""

import os
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from chatclone.bases.inspect_base import Base
from chatclone.errors import ChatcloneError
from chatclone.training.config import AUTO, Dtype

Decision = tuple[Any, str]
"""A value and its reason."""

BYTES: dict[Dtype, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
NF4_BYTES = 4.127 / 8
"""Of a parameter in NF4 with double quantisation: 4 bits, and 0.127 for the scales (QLoRA, section 3)."""
INT8_BYTES = 1.01
ROOM_SHARE = 1.25
ROOM_BYTES = {"cuda": 1_500_000_000, "cpu": 300_000_000, "mps": 1_500_000_000}
"""What training wants of memory beside the weights: a quarter of them for activations, and a fixed part for the rest
(a card's own context, the adapter with gradients and states). The probe measures what it truly is."""
LAUNCHERS = ("LOCAL_RANK", "WORLD_SIZE", "RANK", "ACCELERATE_MIXED_PRECISION")
"""Set by accelerate launch, torchrun or a scheduler; one process is alone without them."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where training runs: `free` bytes for the model, and whether the device computes in bfloat16 itself."""

    device: str
    name: str
    free: int
    bf16: bool


def look(wanted: str = AUTO) -> Machine:
    """Return this machine with the device that is wanted; one that is not there is an error."""
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise ChatcloneError("there is no CUDA device here", "--set device=cpu, or chatclone doctor")
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise ChatcloneError("there is no Apple GPU here", "--set device=cpu")
    if wanted in (AUTO, "cuda") and torch.cuda.is_available():
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return Machine("cuda", torch.cuda.get_device_name(), torch.cuda.mem_get_info()[0], bf16)
    return Machine("mps" if wanted == "mps" else "cpu", _processor(), _free_memory(), bf16=False)


def one_device(environment: MutableMapping[str, str], count: int) -> str:
    """Leave one of several visible GPUs to a process without a launcher, and say so; empty where nothing changed.

    transformers would spread the batch over them by nn.DataParallel, which TRL refuses.
    """
    if count < 2 or any(name in environment for name in LAUNCHERS):
        return ""
    visible = environment.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    environment["CUDA_VISIBLE_DEVICES"] = visible
    return f"{count} GPUs are visible, this run uses number {visible}; accelerate launch uses them all"


def choose_device(machine: Machine, wanted: str) -> Decision:
    """Return the device, and why."""
    where = f"{machine.name}, {machine.free / 1e9:.1f} GB free"
    if wanted == machine.device:
        return machine.device, f"set by you: {where}"
    return machine.device, where if machine.device == "cuda" else f"no CUDA device here: {where}"


def choose_dtype(machine: Machine, base: Base, wanted: str) -> Decision:
    """Return the type that weights are held and computed in, and why."""
    if wanted != AUTO:
        return wanted, "set by you"
    if machine.device == "cuda":
        if machine.bf16:
            return "bfloat16", "the card computes in it; its range needs no loss scaling"
        return "float16", "the card has no bfloat16; the adapter is kept in float32 and the loss scaled"
    if _fits(machine, base.parameters * BYTES["float32"]):
        return "float32", "fits, and most processors compute it faster than bfloat16"
    return "bfloat16", "float32 weights would not fit"


def choose_quantisation(machine: Machine, base: Base, dtype: Dtype, wanted: str) -> Decision:
    """Return how the frozen weights are held, and why; a base that fits in no way is an error that says what would."""
    kinds = ("none", "8-bit", "4-bit")
    sizes = {kind: weight_bytes(base, kind, dtype) for kind in kinds}
    told = {kind: f"{size / 1e9:.2g} GB of weights" for kind, size in sizes.items()}
    if wanted != AUTO:
        _require(machine, base, wanted, sizes)
        return wanted, f"as the preset or you say: {told[wanted]}"
    if _fits(machine, sizes["none"]):
        return "none", f"{told['none']} in {dtype} fit, which is faster and exports cleaner"
    _require(machine, base, "4-bit", sizes)
    return "4-bit", f"{told['4-bit']} as NF4; {told['none']} in {dtype} would not fit"


def weight_bytes(base: Base, quantisation: str, dtype: Dtype) -> float:
    """Return what a base's weights take of memory; embeddings, norms and the head are never quantised."""
    rest = (base.parameters - base.linear) * BYTES[dtype]
    per_parameter = {"none": BYTES[dtype], "8-bit": INT8_BYTES, "4-bit": NF4_BYTES}[quantisation]
    return rest + base.linear * per_parameter


def largest(machine: Machine) -> float:
    """Return about how many billion parameters fit here at most, in 4 bits."""
    bytes_each = 0.7  # NF4, with embeddings and head in 16 bits
    return max(0.0, (machine.free - ROOM_BYTES[machine.device]) / ROOM_SHARE / bytes_each / 1e9)


def memory_mb(device: str) -> float:
    """Return the most memory that this process (or on a GPU, its tensors) has held so far, in MB."""
    import torch

    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset / 1e6)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def _require(machine: Machine, base: Base, quantisation: str, sizes: Mapping[str, float]) -> None:
    """Refuse what cannot fit, and say what would."""
    room = ROOM_BYTES[machine.device]
    needed = sizes[quantisation] + room
    if needed <= machine.free:
        return
    smaller = [kind for kind in ("8-bit", "4-bit") if sizes[kind] + room <= machine.free]
    smaller = [kind for kind in smaller if sizes[kind] < sizes[quantisation]]
    hints = [f"--set quantisation={smaller[0]}"] if smaller else []
    hints += [f"a base of at most {largest(machine):.1f}B parameters, or a machine with {needed / 1e9:.0f} GB"]
    raise ChatcloneError(
        f"{base.name} needs {sizes[quantisation] / 1e9:.2g} GB for its weights (quantisation {quantisation}) and "
        f"{machine.free / 1e9:.2g} GB are free on {machine.device}",
        "; ".join(hints),
    )


def _fits(machine: Machine, weights: float) -> bool:
    return weights * ROOM_SHARE + ROOM_BYTES[machine.device] <= machine.free


def _processor() -> str:
    import platform

    return f"{os.cpu_count()} {platform.machine()} cores"


def _free_memory() -> int:
    import psutil  # type: ignore[import-untyped,unused-ignore]  # accelerate brings it

    return int(psutil.virtual_memory().available)
