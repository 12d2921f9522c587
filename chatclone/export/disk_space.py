"""Whether there is room for an export, asked before anything is written, and what a merge needs of the memory."""

import shutil
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from chatclone.errors import ChatcloneError
from chatclone.export.quantize import Quant

BYTES_PER_WEIGHT: dict[Quant, float] = {"f16": 2.0, "q8_0": 1.07, "q6_k": 0.83, "q5_k_m": 0.73, "q4_k_m": 0.63}
"""Measured sizes of whole files by number of parameters, embeddings at more bits included, rounded up."""

MARGIN_BYTES = 64_000_000
"""Vocabulary, metadata, reports, and rounding."""

STACK_BYTES = 1_000_000_000
"""What Python takes with torch, transformers and PEFT loaded, and one layer in the making."""


def model_bytes(parameters: int, quant: Quant) -> int:
    """Return how much disk writing a model takes at most: its f16 file stands beside it until it is quantised."""
    whole = parameters * BYTES_PER_WEIGHT["f16"]
    return int(whole if quant == "f16" else whole + parameters * BYTES_PER_WEIGHT[quant])


def merge_memory_bytes(parameters: int, bytes_per_weight: int) -> int:
    """Return the peak memory of a merge, at most: the weights as they are read and as they are merged, and the stack.

    Measured with models of 280 and 390 million parameters, which took 1.7 to 2.4 GB in 16 bits and 2.7 to 3.8 GB in 32;
    there the weights are there once more, since they are read in 16 bits and widened.
    """
    copies = 2 if bytes_per_weight <= 2 else 3
    return copies * parameters * bytes_per_weight + STACK_BYTES


def check_space(needs: Mapping[Path, int]) -> None:
    """Refuse when a disk has less free than what all the folders on it need together, in bytes."""
    by_disk: dict[int, int] = defaultdict(int)
    folders: dict[int, Path] = {}
    for folder, needed in needs.items():
        there = _existing(folder)
        disk = there.stat().st_dev
        by_disk[disk] += needed
        folders.setdefault(disk, there)
    for disk, needed in by_disk.items():
        free = shutil.disk_usage(folders[disk]).free
        if needed and free < needed + MARGIN_BYTES:
            raise ChatcloneError(
                f"the export needs {gigabytes(needed + MARGIN_BYTES)} in {folders[disk]} and {gigabytes(free)} is free",
                "free some space, name another disk with --out DIR, or choose fewer bits with --quant",
            )


def gigabytes(count: float) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / 1e9:.1f} GB"


def _existing(folder: Path) -> Path:
    """Return the nearest folder above that is there already."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())
