"""What stands in the header of a GGUF file, read without llama.cpp: the single values, not the lists.

The format is told in llama.cpp's ggml/include/gguf.h: the magic, the version, two counts, then keys with typed values.
"""

import functools
import mmap
import struct
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError

Value = str | int | float | bool

_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Value types to struct formats, little-endian; 8 is a string and 9 an array."""
_STRING, _ARRAY = 8, 9

FILE_TYPES = {0: "f32", 1: "f16", 7: "q8_0", 15: "q4_k_m", 17: "q5_k_m", 18: "q6_k", 32: "bf16"}
"""llama.cpp's numbers in general.file_type that have a name here (enum llama_ftype)."""


def read_metadata(path: Path) -> dict[str, Value]:
    """Return the single values of a GGUF file's header, by key."""
    try:
        found = path.stat()
        return dict(_read(path, found.st_size, found.st_mtime_ns))
    except OSError as error:
        raise ChatcloneError(f"cannot read {path}: {error.strerror}", "chatclone export makes one") from None
    except (struct.error, KeyError, UnicodeDecodeError, OverflowError):
        raise ChatcloneError(f"the header of {path.name} is damaged", "copy or export the file again") from None


@functools.lru_cache(16)
def _read(path: Path, _size: int, _changed: int) -> dict[str, Value]:
    """Read a header, once as long as size and time stay: a large vocabulary takes a third of a second."""
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ChatcloneError(f"{path.name} is not a GGUF file", "chatclone export makes one")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Header(data).values()


def quant_of(metadata: dict[str, Value]) -> str:
    """Return how the weights are kept, by name, or by llama.cpp's number where it has no name here."""
    kind = metadata.get("general.file_type")
    return FILE_TYPES.get(int(kind), f"type {kind}") if isinstance(kind, int) else "unknown"


class _Header:
    """Reads a header from the beginning, one value after another."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 4

    def values(self) -> dict[str, Value]:
        """Return all pairs whose value is no array."""
        _version, _tensors, count = self._unpack("IQQ")
        pairs = [(self._string(), self._value(*self._unpack("I"))) for _ in range(count)]
        if self._at > len(self._data):  # an array at the end that was passed over
            raise struct.error("the header goes on after the end of the file")
        return {key: value for key, value in pairs if value is not None}

    def _value(self, kind: int) -> Value | None:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            self._pass_array()
            return None
        (number,) = self._unpack(_NUMBERS[kind])
        value: Value = number
        return value

    def _pass_array(self) -> None:
        kind, count = self._unpack("IQ")
        if kind == _STRING:
            for _ in range(count):
                (length,) = self._unpack("Q")
                self._at += length
        elif kind == _ARRAY:
            for _ in range(count):
                self._pass_array()
        else:
            self._at += count * struct.calcsize("<" + _NUMBERS[kind])

    def _string(self) -> str:
        (length,) = self._unpack("Q")
        (text,) = self._unpack(f"{length}s")
        return bytes(text).decode("utf-8")

    def _unpack(self, form: str) -> tuple[Any, ...]:
        """Return the next values; `form` is struct's, little-endian."""
        values = struct.unpack_from("<" + form, self._data, self._at)
        self._at += struct.calcsize("<" + form)
        return values
