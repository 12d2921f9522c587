"""The metadata in the header of a GGUF file, read without llama.cpp: single values only, arrays are skipped.

The format is described in llama.cpp's ggml/include/gguf.h: magic, version, two counts, then keys with typed values.
"""

import functools
import mmap
import struct
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError

Value = str | int | float | bool

MAGIC = b"GGUF"
_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Value types and their struct formats, little-endian; 8 is a string and 9 an array."""
_STRING, _ARRAY = 8, 9

FILE_TYPES = {0: "f32", 1: "f16", 7: "q8_0", 15: "q4_k_m", 17: "q5_k_m", 18: "q6_k", 32: "bf16"}
"""Names of the numbers in general.file_type (llama.cpp's enum llama_ftype)."""


def read_metadata(path: Path) -> dict[str, Value]:
    """Return the single values of a GGUF file's header, by key."""
    check_magic(path)
    try:
        stat = path.stat()
        return dict(_read(path, stat.st_size, stat.st_mtime_ns))
    except (struct.error, KeyError, UnicodeDecodeError, OverflowError):
        raise ChatcloneError(
            "the header of {file} is damaged", "copy or export the file again", file=path.name
        ) from None


def check_magic(path: Path) -> None:
    """Refuse a file that cannot be read or is not GGUF."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ChatcloneError(
            "cannot read {path}: {reason}", "chatclone export makes one", path=path, reason=error.strerror
        ) from None
    if magic != MAGIC:
        raise ChatcloneError("{file} is not a GGUF file", "chatclone export makes one", file=path.name)


def quantization_of(metadata: dict[str, Value]) -> str:
    """Return the name of a file's quantization, or llama.cpp's number where it has no name here."""
    number = metadata.get("general.file_type")
    return FILE_TYPES.get(number, f"type {number}") if isinstance(number, int) else "unknown"


def architecture_value(metadata: dict[str, Value], name: str) -> float:
    """Return a number of the model's architecture, such as `block_count`; 0 where the file has none."""
    value = metadata.get(f"{metadata.get('general.architecture')}.{name}")
    return value if isinstance(value, int | float) else 0


@functools.lru_cache(16)
def _read(path: Path, _size: int, _changed: int) -> dict[str, Value]:
    """Read a header; cached while size and time stay, since a large vocabulary takes a third of a second."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _HeaderReader(data).read()


class _HeaderReader:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._position = len(MAGIC)

    def read(self) -> dict[str, Value]:
        """Return all pairs whose value is not an array."""
        _version, _tensors, count = self._unpack("IQQ")
        pairs = [(self._string(), self._value(*self._unpack("I"))) for _ in range(count)]
        if self._position > len(self._data):  # a skipped array at the end
            raise struct.error("the header is longer than the file")
        return {key: value for key, value in pairs if value is not None}

    def _value(self, kind: int) -> Value | None:
        """Read a value; an array is skipped and gives None."""
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            value: Value = self._unpack(_FORMATS[kind])[0]
            return value
        kind, count = self._unpack("IQ")
        if kind in _FORMATS:
            self._position += count * struct.calcsize("<" + _FORMATS[kind])
        elif kind == _ARRAY:
            for _ in range(count):
                self._value(_ARRAY)
        elif kind == _STRING:
            for _ in range(count):
                (length,) = self._unpack("Q")  # which itself moves the position
                self._position += length
        else:
            raise KeyError(kind)
        return None

    def _string(self) -> str:
        (length,) = self._unpack("Q")
        return bytes(self._unpack(f"{length}s")[0]).decode("utf-8")

    def _unpack(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self._data, self._position)
        self._position += struct.calcsize("<" + form)
        return values
