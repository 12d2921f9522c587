"""`memory.faiss`: a FAISS index, and behind it what it was made from; read back only when all of it is as written.

FAISS reads its part and ignores the rest. The rest is a JSON stamp, the mean and the second moment of the vectors, and
a footer with the lengths and a checksum. A file that is cut off, empty or another's is no error: it is made again.
Nothing of it is parsed by FAISS before the checksum and the store's own id agree.
"""

import json
import os
import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memory.index.vector_index import PROBED, FaissNeighbours, VectorIndex, has_faiss, load_faiss

_FOOTER = struct.Struct("<QQI8s")
"""Length of the FAISS part, length of the stamp with the moments, CRC-32 of both, MAGIC."""
_MAGIC = b"cc-mem-1"
_PIECE = 1 << 22


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an index was made from: which memory, in which state, embedded by what."""

    store: str
    generation: int
    model: str
    dimension: int
    prefix: int

    def same_vectors(self, other: "Stamp") -> bool:
        """Tell whether both are of one memory and one embedder, in whatever state."""
        return (self.store, self.model, self.dimension, self.prefix) == (
            other.store, other.model, other.dimension, other.prefix,
        )  # fmt: skip


def file_of(path: Path) -> Path:
    """Return where the index of the memory in `path` is kept: `memory.faiss` beside `memory.sqlite`."""
    return path.with_suffix(".faiss")


def write(path: Path, index: VectorIndex, stamp: Stamp) -> None:
    """Replace the file, whole or not at all; without FAISS there is nothing to keep."""
    if not isinstance(index.neighbours, FaissNeighbours):
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            _write(file, index, stamp)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def read(path: Path, wanted: Stamp) -> tuple[VectorIndex, Stamp] | None:
    """Return the index and its stamp if the file is whole and of the wanted memory and embedder, else None."""
    import numpy as np

    if not has_faiss():
        return None
    try:
        with path.open("rb") as file:
            behind = _behind(file)
    except OSError:
        return None
    if behind is None:
        return None
    stamp, count, moments = behind
    dimension = wanted.dimension
    if not stamp.same_vectors(wanted) or len(moments) != 8 * dimension * (dimension + 1):
        return None
    made = load_faiss().read_index(str(path))
    if made.ntotal != count or made.d != dimension:
        return None
    if hasattr(made, "nprobe"):
        made.nprobe = PROBED
    index = VectorIndex(dimension, FaissNeighbours(made))
    numbers = np.frombuffer(moments, "<f8")
    index.total, index.count = numbers[:dimension].copy(), count
    index.moment = numbers[dimension:].reshape(dimension, dimension).copy()
    return index, stamp


def _write(file: Any, index: VectorIndex, stamp: Stamp) -> None:
    faiss = load_faiss()
    checksum, length = 0, 0

    def put(data: bytes) -> None:
        nonlocal checksum, length
        checksum, length = zlib.crc32(data, checksum), length + len(data)
        file.write(data)

    assert isinstance(index.neighbours, FaissNeighbours)
    with index.still():
        faiss.write_index(index.neighbours.made, faiss.PyCallbackIOWriter(_counted(put)))
        faiss_length = length
        head = json.dumps({**asdict(stamp), "count": index.count}).encode()
        put(struct.pack("<I", len(head)) + head)
        put(index.total.astype("<f8").tobytes() + index.moment.astype("<f8").tobytes())
    file.write(_FOOTER.pack(faiss_length, length - faiss_length, checksum, _MAGIC))


def _counted(put: Callable[[bytes], None]) -> Callable[[bytes], int]:
    def write_piece(data: bytes) -> int:
        put(data)
        return len(data)

    return write_piece


def _behind(file: Any) -> tuple[Stamp, int, bytes] | None:
    """Return the stamp, the number of vectors and the moments of a whole file, else None."""
    size = os.fstat(file.fileno()).st_size
    if size < _FOOTER.size:
        return None
    file.seek(size - _FOOTER.size)
    faiss_length, rest_length, checksum, magic = _FOOTER.unpack(file.read())
    if magic != _MAGIC or faiss_length + rest_length + _FOOTER.size != size:
        return None
    file.seek(0)
    found, left = 0, faiss_length + rest_length
    while left and (piece := file.read(min(_PIECE, left))):
        found, left = zlib.crc32(piece, found), left - len(piece)
    if left or found != checksum:
        return None
    file.seek(faiss_length)
    rest = file.read(rest_length)
    (head,) = struct.unpack_from("<I", rest)
    table = json.loads(rest[4 : 4 + head])
    count = table.pop("count")
    return Stamp(**table), count, rest[4 + head :]
