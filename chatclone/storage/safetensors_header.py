"""The headers of safetensors files: names, types and shapes of the tensors, without reading the weights."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import msgspec

from chatclone.errors import ChatcloneError

LONGEST_HEADER = 100_000_000
"""Largest header in bytes that the format allows."""


class Tensor(msgspec.Struct, frozen=True):
    """The header's entry of one tensor."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]
    """First byte and the byte after the last, counted from the end of the header."""


def read_headers(folder: Path) -> Iterator[tuple[Path, dict[str, Tensor]]]:
    """Yield each safetensors file of a folder with its tensors; a damaged or truncated file is a ChatcloneError."""
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(min(length, LONGEST_HEADER)))
            header.pop("__metadata__", None)
            tensors = msgspec.convert(header, dict[str, Tensor])
            end = max((tensor.data_offsets[1] for tensor in tensors.values()), default=0)
            complete = path.stat().st_size == 8 + length + end
        except (OSError, ValueError, AttributeError, TypeError):
            complete = False
        if not complete:
            raise ChatcloneError("{path} is damaged or incomplete", "download the base again", path=path)
        yield path, tensors


def count_parameters(folder: Path) -> int:
    """Return how many parameters the safetensors files of a folder hold."""
    return sum(math.prod(tensor.shape) for _, tensors in read_headers(folder) for tensor in tensors.values())
