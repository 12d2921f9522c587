"""What this machine gives a GGUF model: threads, batch, layers on a graphics card, and memory; each with its reason.

Asked before a model is loaded, so that one which does not fit is refused in words and not by the system.
"""

import ctypes
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import llama_cpp
import psutil  # type: ignore[import-untyped]  # it brings no types
from llama_cpp import _ggml

from chatclone.errors import ChatcloneError
from chatclone.gguf.header import Value, read_metadata

Chosen = tuple[int, str]
"""A number and why it is this one."""

ALL_LAYERS = -1
"""llama.cpp's number for as many layers as the model has."""
READ_BATCH = 256
SMALL_BYTES = 100_000_000
"""Below this a model runs on one thread: over 100 tokens a second, and no waiting for a second core that is busy."""
CARD_SHARE = 0.9
"""The share of a card's free memory that is counted on: the rest goes to the batch, and to the screen."""
OVERHEAD_BYTES = 200_000_000
"""Memory beside weights and context: the library, the vocabulary, and a batch in the making."""
_GPU, _INTEGRATED = 1, 2
"""Kinds of a device (enum ggml_backend_dev_type)."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What a GGUF file takes of a memory: its weights, and a place in the context; and how many layers share them."""

    size: int
    place_size: int
    """Bytes of one token's place in the context."""
    context: int
    """Tokens the model was made for."""
    layers: int

    @classmethod
    def of(cls, path: Path) -> "Weights":
        """Read it from a file's header, and the size of a model in several files from all of them."""
        metadata = read_metadata(path)
        size = sum(part.stat().st_size for part in parts_of(path))
        layers, context = (int(_number(metadata, name)) for name in ("block_count", "context_length"))
        return cls(size, layers * _layer_place_size(metadata), context, layers)

    def bytes_with(self, context: int) -> int:
        """Return what the model takes with a context of so many tokens, or of what it was made for."""
        return self.size + self.place_size * min(context, self.context or context)


def choose_threads(size: int) -> Chosen:
    """Return how many threads compute: llama.cpp's wait for each other in a loop, many times a token."""
    if size < SMALL_BYTES:
        return 1, "so small a model is fast enough on one, and waits for no busy core"
    cores = physical_cores()
    return cores, f"as many as there are cores: {cores}"


def choose_batch() -> Chosen:
    """Return how many tokens of a prompt are computed at once."""
    return READ_BATCH, "more read hardly faster and take memory"


def choose_gpu_layers(weights: Weights, context: int, cards: Sequence[tuple[str, int]] | None = None) -> Chosen:
    """Return how many layers a graphics card computes; `cards` are names and free bytes, None asks the library."""
    if cards is None:
        if not llama_cpp.llama_supports_gpu_offload():
            return 0, "this llama-cpp-python was built without support for graphics cards"
        cards = graphics_cards()
    if not cards:
        return 0, "there is no graphics card that llama.cpp can use"
    names, free = ", ".join(name for name, _ in cards), int(CARD_SHARE * sum(free for _, free in cards))
    needed = weights.bytes_with(context)
    if needed <= free:
        return ALL_LAYERS, f"all of it fits on {names}"
    layers = weights.layers * free // needed
    return layers, f"{layers} of {weights.layers} layers fit on {names}, the others are computed by the CPU"


def check_memory(name: str, weights: Weights, context: int, gpu_layers: int = 0, free: int | None = None) -> None:
    """Refuse a model that would not fit into memory with its context; `free` bytes, None asks the system."""
    here = 0.0 if gpu_layers == ALL_LAYERS else 1 - gpu_layers / max(1, weights.layers)
    needed = int(here * weights.bytes_with(context)) + OVERHEAD_BYTES
    free = free_memory() if free is None else free
    if needed > free:
        raise ChatcloneError(
            f"{name} needs {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB is free",
            "close other programs, or use a smaller file: chatclone export --quant q4_k_m",
        )


def free_memory(container: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes a program may still take, by the system and by the container it runs in."""
    free = int(psutil.virtual_memory().available)
    try:
        limit, used, told = ((container / f"memory.{name}").read_text() for name in ("max", "current", "stat"))
    except OSError:
        return free
    if limit.strip() == "max":
        return free
    counts = dict(line.split() for line in told.splitlines())
    cached = sum(int(counts.get(name, 0)) for name in ("active_file", "inactive_file"))  # given up when asked for
    return min(free, max(0, int(limit) - int(used) + cached))


def physical_cores() -> int:
    """Return how many cores llama.cpp may use: threads that share a core only get in each other's way."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(psutil.cpu_count(logical=False) or allowed, allowed)


def graphics_cards() -> list[tuple[str, int]]:
    """Return the cards that llama.cpp sees, each with its free bytes; the library has them, its bindings do not."""
    library = _ggml.libggml
    library.ggml_backend_dev_get.restype = ctypes.c_void_p
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    library.ggml_backend_dev_description.restype = ctypes.c_char_p
    cards = []
    for number in range(library.ggml_backend_dev_count()):
        device = ctypes.c_void_p(library.ggml_backend_dev_get(ctypes.c_size_t(number)))
        if library.ggml_backend_dev_type(device) in (_GPU, _INTEGRATED):
            free, total = ctypes.c_size_t(), ctypes.c_size_t()
            library.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
            cards.append((library.ggml_backend_dev_description(device).decode("utf-8", "replace"), free.value))
    return cards


def parts_of(path: Path) -> list[Path]:
    """Return the files of a model: `model-00001-of-00003.gguf` comes with two more beside it."""
    found = re.fullmatch(r"(.+-)00001(-of-\d{5}\.gguf)", path.name)
    return sorted(path.parent.glob(f"{_literal(found[1])}?????{found[2]}")) if found else [path]


def _literal(text: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", text)


def _layer_place_size(metadata: Mapping[str, Value]) -> int:
    """Return the bytes of a token's key and value in one layer, in f16; 0 where the file does not tell."""
    heads = _number(metadata, "attention.head_count")
    if not heads:
        return 0
    width = _number(metadata, "embedding_length") / heads
    key, value = (_number(metadata, f"attention.{name}_length") or width for name in ("key", "value"))
    return int(2 * (_number(metadata, "attention.head_count_kv") or heads) * (key + value))


def _number(metadata: Mapping[str, Value], name: str) -> float:
    value = metadata.get(f"{metadata.get('general.architecture')}.{name}")
    return float(value) if isinstance(value, int | float) else 0.0
