"""Settings for a GGUF model on this machine (threads, batch size, GPU layers), each with its reason; memory check.

Memory is checked before a model is loaded, so that one that does not fit ends in an error message and not in a crash.
"""

import ctypes
import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path

import llama_cpp
import msgspec
import psutil  # type: ignore[import-untyped]  # it brings no types
from llama_cpp import _ggml

from chatclone.errors import ChatcloneError
from chatclone.gguf.header import Value, architecture_value, read_metadata
from chatclone.i18n.message import Message

Choice = tuple[int, str]
"""A number and the reason for it."""

ALL_LAYERS = -1
"""llama.cpp's number for as many layers as the model has."""
READ_BATCH = 256
"""Prompt tokens computed at once: more is hardly faster and takes memory."""
SMALL_BYTES = 100_000_000
"""A model below this runs on one thread: over 100 tokens a second, without waiting for a second, busy core."""
GPU_SHARE = 0.9
"""Share of a GPU's free memory that is used: the rest is for the batch and the screen."""
OVERHEAD_BYTES = 200_000_000
"""Memory beside weights and context: the library, the vocabulary, and one batch."""
_GPU, _INTEGRATED = 1, 2
"""Kinds of device (enum ggml_backend_dev_type)."""


class MemoryNeed(msgspec.Struct, frozen=True):
    """What a GGUF model takes of memory."""

    size: int
    """Bytes of the weights."""
    kv_bytes: int
    """Bytes of one token in the key-value cache, all layers together."""
    context: int
    """Tokens the model was trained for."""
    layers: int

    @classmethod
    def of(cls, path: Path) -> "MemoryNeed":
        """Read it from a file's header; the size is that of all files of a split model."""
        metadata = read_metadata(path)
        layers, context = (int(architecture_value(metadata, name)) for name in ("block_count", "context_length"))
        size = sum(part.stat().st_size for part in split_files(path))
        return cls(size, layers * _layer_kv_bytes(metadata), context, layers)

    def bytes_with(self, context: int) -> int:
        """Return the bytes of the model with a context of so many tokens, at most its trained context."""
        return self.size + self.kv_bytes * min(context, self.context or context)


def choose_threads(size: int) -> Choice:
    """Return the number of threads for a model of `size` bytes."""
    if size < SMALL_BYTES:
        return 1, Message("a model this small is fast enough on one, and does not wait for a busy core")
    cores = physical_cores()
    return cores, Message("one for each core: {cores}", cores=cores)


def choose_gpu_layers(need: MemoryNeed, context: int, gpus: Sequence[tuple[str, int]] | None = None) -> Choice:
    """Return how many layers the GPUs compute; `gpus` are names and free bytes, None asks the library."""
    if gpus is None:
        if not llama_cpp.llama_supports_gpu_offload():
            return 0, Message("this llama-cpp-python was built without GPU support")
        gpus = list_gpus()
    if not gpus:
        return 0, Message("llama.cpp finds no GPU it can use")
    names, free = ", ".join(name for name, _ in gpus), int(GPU_SHARE * sum(free for _, free in gpus))
    needed = need.bytes_with(context)
    if needed <= free:
        return ALL_LAYERS, Message("all of it fits on {gpus}", gpus=names)
    layers = need.layers * free // needed
    return layers, Message(
        "{layers} of {all_layers} layers fit on {gpus}, the CPU computes the others",
        layers=layers,
        all_layers=need.layers,
        gpus=names,
    )


def check_memory(name: str, need: MemoryNeed, context: int, gpu_layers: int = 0, free: int | None = None) -> None:
    """Refuse a model that does not fit into memory with its context; `free` bytes, None asks the system."""
    cpu_share = 0.0 if gpu_layers == ALL_LAYERS else 1 - gpu_layers / max(1, need.layers)
    needed = int(cpu_share * need.bytes_with(context)) + OVERHEAD_BYTES
    free = free_memory() if free is None else free
    if needed > free:
        raise ChatcloneError(
            "{file} needs {needed:.1f} GB of memory and {free:.1f} GB is free",
            "close other programs, or use a smaller file: chatclone export --quant q4_k_m",
            file=name,
            needed=needed / 1e9,
            free=free / 1e9,
        )


def free_memory(container: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes of memory that are free, in the system and within the limit of the container."""
    free = int(psutil.virtual_memory().available)
    try:
        limit, used, stat = ((container / f"memory.{name}").read_text() for name in ("max", "current", "stat"))
    except OSError:
        return free
    if limit.strip() == "max":
        return free
    counts = dict(line.split() for line in stat.splitlines())
    cached = sum(int(counts.get(name, 0)) for name in ("active_file", "inactive_file"))  # released on demand
    return min(free, max(0, int(limit) - int(used) + cached))


def physical_cores() -> int:
    """Return how many cores llama.cpp may use; two threads on one core slow each other down."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(psutil.cpu_count(logical=False) or allowed, allowed)


def list_gpus() -> list[tuple[str, int]]:
    """Return the GPUs that llama.cpp finds, each with its free bytes; the Python bindings lack these functions."""
    library = _ggml.libggml
    library.ggml_backend_dev_get.restype = ctypes.c_void_p
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    library.ggml_backend_dev_description.restype = ctypes.c_char_p
    gpus = []
    for number in range(library.ggml_backend_dev_count()):
        device = ctypes.c_void_p(library.ggml_backend_dev_get(ctypes.c_size_t(number)))
        if library.ggml_backend_dev_type(device) in (_GPU, _INTEGRATED):
            free, total = ctypes.c_size_t(), ctypes.c_size_t()
            library.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
            gpus.append((library.ggml_backend_dev_description(device).decode("utf-8", "replace"), free.value))
    return gpus


def split_files(path: Path) -> list[Path]:
    """Return all files of a model: `model-00001-of-00003.gguf` has two more beside it."""
    found = re.fullmatch(r"(.+-)00001(-of-\d{5}\.gguf)", path.name)
    return sorted(path.parent.glob(f"{glob.escape(found[1])}?????{found[2]}")) if found else [path]


def _layer_kv_bytes(metadata: dict[str, Value]) -> int:
    """Return the bytes of a token's key and value in one layer, in f16; 0 where the header lacks the numbers."""
    heads = architecture_value(metadata, "attention.head_count")
    if not heads:
        return 0
    width = architecture_value(metadata, "embedding_length") / heads
    key, value = (architecture_value(metadata, f"attention.{name}_length") or width for name in ("key", "value"))
    return int(2 * (architecture_value(metadata, "attention.head_count_kv") or heads) * (key + value))
