"""The device a run is on, and what follows from it: device, number type and quantisation, each with its reason.

Decisions are functions of a `Machine` and a `Base`, so they can be tested for hardware that is not present.
"""

import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple

from chatclone.bases.inspect_base import Base
from chatclone.errors import ChatcloneError
from chatclone.i18n.message import Message
from chatclone.training.setting_bounds import AUTO, Dtype

Decision = tuple[Any, str]
"""A value and its reason."""

DTYPE_BYTES: dict[Dtype, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
NF4_BYTES = 4.127 / 8
"""Bytes a parameter in NF4 with double quantisation: 4 bits, and 0.127 for the scales (QLoRA, section 3)."""
INT8_BYTES = 1.01
HEADROOM = 1.25
"""Memory wanted for each byte of weights, activations included."""
FIXED_BYTES = {"cuda": 1_500_000_000, "cpu": 300_000_000, "mps": 1_500_000_000}
"""Memory for the rest: the CUDA context, and the adapter with gradients and optimizer states. The probe measures it."""
LAUNCHERS = ("LOCAL_RANK", "WORLD_SIZE", "RANK", "ACCELERATE_MIXED_PRECISION")
"""Set by accelerate launch, torchrun or a scheduler; without them the process is alone."""


class Machine(NamedTuple):
    """Where training runs: `free` bytes for the model, and whether the device supports bfloat16 in hardware."""

    device: str
    name: str
    free: int
    bf16: bool


def find_machine(wanted: str = AUTO) -> Machine:
    """Return this machine with the wanted device; a device that is missing is an error."""
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise ChatcloneError("no CUDA device was found", "--set device=cpu, or chatclone doctor")
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise ChatcloneError("no Apple GPU was found", "--set device=cpu")
    if wanted in (AUTO, "cuda") and torch.cuda.is_available():
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return Machine("cuda", torch.cuda.get_device_name(), torch.cuda.mem_get_info()[0], bf16)
    import platform

    import psutil  # type: ignore[import-untyped]  # it brings no types

    free = int(psutil.virtual_memory().available)
    return Machine(
        "mps" if wanted == "mps" else "cpu", f"{os.cpu_count()} {platform.machine()} cores", free, bf16=False
    )


def hide_other_gpus(environment: MutableMapping[str, str], count: int) -> str:
    """Hide all but one of `count` visible GPUs unless a launcher started us; return a notice, "" if nothing changed.

    transformers would spread the batch over them with nn.DataParallel, which TRL refuses.
    """
    if count < 2 or any(name in environment for name in LAUNCHERS):
        return ""
    gpu = environment.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    environment["CUDA_VISIBLE_DEVICES"] = gpu
    return f"{count} GPUs are visible, this run uses number {gpu}; --processes {count} uses them all"


def choose_device(machine: Machine, wanted: str) -> Decision:
    """Return the device and the reason."""
    values = {"name": machine.name, "free": machine.free / 1e9}
    if wanted == machine.device:
        return machine.device, Message("set by you: {name}, {free:.1f} GB free", **values)
    if machine.device == "cuda":
        return machine.device, Message("{name}, {free:.1f} GB free", **values)
    return machine.device, Message("no CUDA device was found: {name}, {free:.1f} GB free", **values)


def choose_dtype(machine: Machine, base: Base, wanted: str) -> Decision:
    """Return the type of weights and computation, and the reason."""
    if wanted != AUTO:
        return wanted, Message("set by you")
    if machine.device == "cuda":
        if machine.bf16:
            return "bfloat16", Message("the GPU supports it; its range needs no loss scaling")
        return "float16", Message("the GPU has no bfloat16; the adapter stays in float32 and the loss is scaled")
    if _fits(machine, base.parameters * DTYPE_BYTES["float32"]):
        return "float32", Message("fits, and most processors compute it faster than bfloat16")
    return "bfloat16", Message("float32 weights would not fit")


def choose_quantisation(machine: Machine, base: Base, dtype: Dtype, wanted: str) -> Decision:
    """Return how the frozen weights are held, and the reason; a base that does not fit is an error with a way out."""
    sizes = {kind: weight_bytes(base, kind, dtype) for kind in ("none", "8-bit", "4-bit")}
    gigabytes = {kind: size / 1e9 for kind, size in sizes.items()}
    if wanted != AUTO:
        _require_memory(machine, base, wanted, sizes)
        return wanted, Message("set by you or the preset: {size:.2g} GB of weights", size=gigabytes[wanted])
    if _fits(machine, sizes["none"]):
        template = "{size:.2g} GB of weights in {dtype} fit, which is faster and exports without loss"
        return "none", Message(template, size=gigabytes["none"], dtype=dtype)
    _require_memory(machine, base, "4-bit", sizes)
    template = "{size:.2g} GB of weights as NF4; {full:.2g} GB in {dtype} would not fit"
    return "4-bit", Message(template, size=gigabytes["4-bit"], full=gigabytes["none"], dtype=dtype)


def weight_bytes(base: Base, quantisation: str, dtype: Dtype) -> float:
    """Return the bytes of a base's weights in memory; embeddings, norms and the head are never quantised."""
    rest = (base.parameters - base.linear) * DTYPE_BYTES[dtype]
    per_parameter = {"none": DTYPE_BYTES[dtype], "8-bit": INT8_BYTES, "4-bit": NF4_BYTES}[quantisation]
    return rest + base.linear * per_parameter


def memory_mb(device: str) -> float:
    """Return the peak memory of this process (on a GPU, of its tensors) in MB."""
    import torch

    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset / 1e6)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def _require_memory(machine: Machine, base: Base, quantisation: str, sizes: Mapping[str, float]) -> None:
    """Refuse weights that do not fit, and say what would."""
    fixed = FIXED_BYTES[machine.device]
    needed = sizes[quantisation] + fixed
    if needed <= machine.free:
        return
    smaller = [k for k in ("8-bit", "4-bit") if sizes[k] < sizes[quantisation] and sizes[k] + fixed <= machine.free]
    hint = "a base of at most {billions:.1f}B parameters, or a machine with {needed:.0f} GB"
    if smaller:
        hint = "--set quantisation={smaller}; " + hint
    raise ChatcloneError(
        "{base} needs {size:.2g} GB for its weights (quantisation {quantisation}), but {free:.2g} GB are free on "
        "{device}",
        hint,
        base=base.name,
        size=sizes[quantisation] / 1e9,
        quantisation=quantisation,
        free=machine.free / 1e9,
        device=machine.device,
        smaller=smaller[0] if smaller else "",
        billions=_largest_base(machine),
        needed=needed / 1e9,
    )


def _largest_base(machine: Machine) -> float:
    """Return about how many billion parameters fit at most, in 4 bits."""
    bytes_each = 0.7  # NF4, with embeddings and head in 16 bits
    return max(0.0, (machine.free - FIXED_BYTES[machine.device]) / HEADROOM / bytes_each / 1e9)


def _fits(machine: Machine, weights: float) -> bool:
    return weights * HEADROOM + FIXED_BYTES[machine.device] <= machine.free
