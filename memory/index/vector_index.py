"""The vectors of a memory in one index for nearest neighbours: a cache of the store, in FAISS where there is FAISS.

Up to EXACT_UP_TO passages it is an `IndexIDMap2` over a flat index: exact, ids added and removed at will. The flat one
is `IndexScalarQuantizer` in half precision, which is how the store keeps vectors: to the last bit the numbers that
`IndexFlatIP` would hold, in half the memory, and read in two thirds of the time. Beyond, where comparing with every
vector takes too long, it is `IndexIVFScalarQuantizer`: it is built in a minute where HNSW takes ten, removes ids, which
HNSW cannot, and keeps a million vectors under a gigabyte. Without FAISS, NumPy does the exact maths.
"""

import os
import platform
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from memory.embedding.embedder import Vectors
    from memory.store.vectors import Ids

    Scores = NDArray[np.float32]

EXACT_UP_TO = 300_000
PROBED = 32
"""Cells of an approximate index that a question looks into."""
TRAINED_ON_A_CELL = 40
"""Vectors for every cell that the cells are found from; FAISS asks for 39."""


class Neighbours(Protocol):
    """Ids with unit vectors, and which of them are nearest to another one."""

    def add(self, ids: "Ids", vectors: "Vectors") -> None:
        """Take in vectors under ids that are not there yet."""

    def remove(self, ids: "Ids") -> "Vectors | None":
        """Let ids go that are there, and return their vectors, or None where they cannot be had."""

    def nearest(self, vector: "Vectors", count: int) -> tuple["Ids", "Scores"]:
        """Return up to `count` ids with their inner products, the largest first."""

    def ids(self) -> "Ids":
        """Return all ids, in order."""

    def vectors_of(self, ids: "Ids") -> "Vectors | None":
        """Return vectors as they were added, or None where they are kept less exactly."""


class NumpyNeighbours:
    """Exact search with NumPy alone."""

    def __init__(self, dimension: int) -> None:
        import numpy as np

        self._ids = np.empty(0, np.int64)
        self._vectors = np.empty((0, dimension), np.float32)

    def add(self, ids: "Ids", vectors: "Vectors") -> None:
        """Take in vectors."""
        import numpy as np

        self._ids = np.concatenate([self._ids, ids])
        self._vectors = np.concatenate([self._vectors, vectors])

    def remove(self, ids: "Ids") -> "Vectors":
        """Let ids go."""
        import numpy as np

        gone = np.isin(self._ids, ids)
        vectors = self._vectors[gone]
        self._ids, self._vectors = self._ids[~gone], self._vectors[~gone]
        return vectors

    def nearest(self, vector: "Vectors", count: int) -> tuple["Ids", "Scores"]:
        """Compare with every vector."""
        import numpy as np

        scores = self._vectors @ vector
        count = min(count, len(scores))
        best = np.argpartition(-scores, count - 1)[:count] if count else np.empty(0, np.int64)
        best = best[np.lexsort((self._ids[best], -scores[best]))]
        return self._ids[best], scores[best]

    def ids(self) -> "Ids":
        """Return all ids."""
        import numpy as np

        return np.sort(self._ids)

    def vectors_of(self, ids: "Ids") -> "Vectors":
        """Return vectors."""
        import numpy as np

        order = np.argsort(self._ids)
        vectors: Vectors = self._vectors[order[np.searchsorted(self._ids, ids, sorter=order)]]
        return vectors


class FaissNeighbours:
    """A FAISS index: `made` by one of the functions below, or read from a file."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def add(self, ids: "Ids", vectors: "Vectors") -> None:
        """Take in vectors."""
        import numpy as np

        self.made.add_with_ids(np.ascontiguousarray(vectors, np.float32), np.ascontiguousarray(ids, np.int64))

    def remove(self, ids: "Ids") -> "Vectors | None":
        """Let ids go."""
        import numpy as np

        vectors = self.vectors_of(ids)
        self.made.remove_ids(np.ascontiguousarray(ids, np.int64))
        return vectors

    def nearest(self, vector: "Vectors", count: int) -> tuple["Ids", "Scores"]:
        """Ask FAISS."""
        import numpy as np

        scores, ids = self.made.search(np.ascontiguousarray(vector[None], np.float32), count)
        found = ids[0] >= 0  # FAISS fills up with -1
        found_ids: Ids = ids[0][found]
        return found_ids, scores[0][found]

    def ids(self) -> "Ids":
        """Return all ids."""
        import numpy as np

        faiss = load_faiss()

        if hasattr(self.made, "id_map"):
            return np.sort(faiss.vector_to_array(self.made.id_map).astype(np.int64))
        lists = faiss.extract_index_ivf(self.made).invlists
        pieces = [
            faiss.rev_swig_ptr(lists.get_ids(cell), lists.list_size(cell)).copy()
            for cell in range(lists.nlist)
            if lists.list_size(cell)
        ]
        return np.sort(np.concatenate([*pieces, np.empty(0, np.int64)]).astype(np.int64))

    def vectors_of(self, ids: "Ids") -> "Vectors | None":
        """Return the vectors of an exact index."""
        import numpy as np

        if not hasattr(self.made, "id_map"):
            return None
        vectors: Vectors = self.made.reconstruct_batch(np.ascontiguousarray(ids, np.int64))
        return vectors


class VectorIndex:
    """Neighbours of one embedder's vectors, with their mean and second moment; safe to use from several threads."""

    def __init__(self, dimension: int, neighbours: Neighbours | None = None) -> None:
        import numpy as np

        self.dimension = dimension
        self.neighbours: Neighbours = neighbours or exact(dimension)
        self.total = np.zeros(dimension)
        self.moment = np.zeros((dimension, dimension))
        self.count = 0
        self._lock = threading.Lock()

    @property
    def is_exact(self) -> bool:
        """Whether a question is compared with every vector."""
        return not hasattr(getattr(self.neighbours, "made", None), "nprobe")

    def add(self, ids: "Ids", vectors: "Vectors") -> None:
        """Take in vectors under ids that are not there yet."""
        with self._lock:
            if len(ids):
                self.neighbours.add(ids, vectors)
                self._weigh(vectors, 1)

    def remove(self, ids: "Ids") -> None:
        """Let ids go that are there; an approximate index keeps its mean and deviation, as few of many change them."""
        with self._lock:
            if not len(ids):
                return
            vectors = self.neighbours.remove(ids)
            if vectors is not None:
                self._weigh(vectors, -1)
            else:
                left = (self.count - len(ids)) / self.count
                self.total, self.moment, self.count = self.total * left, self.moment * left, self.count - len(ids)

    def nearest(self, vector: "Vectors", count: int) -> tuple["Ids", "Scores", float, float]:
        """Return up to `count` ids and cosines, nearest first, and the cosine's mean and deviation over all."""
        import numpy as np

        with self._lock:
            ids, scores = self.neighbours.nearest(vector, min(count, self.count)) if self.count else _nothing()
            mean = float(vector @ self.total) / max(1, self.count)
            square = float(vector @ self.moment @ vector) / max(1, self.count)
        return ids, scores, mean, float(np.sqrt(max(0.0, square - mean * mean)))

    def ids(self) -> "Ids":
        """Return all ids, in order."""
        with self._lock:
            return self.neighbours.ids()

    def vectors_of(self, ids: "Ids") -> "Vectors | None":
        """Return vectors as they were added, or None from an approximate index."""
        with self._lock:
            return self.neighbours.vectors_of(ids)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Let nothing come or go while the block reads the index."""
        with self._lock:
            yield

    def _weigh(self, vectors: "Vectors", sign: int) -> None:
        self.total += sign * vectors.sum(axis=0, dtype="f8")
        self.moment += sign * (vectors.T @ vectors)
        self.count += sign * len(vectors)


def build(dimension: int, count: int, pieces: Iterable[tuple["Ids", "Vectors"]], sample: "Vectors") -> VectorIndex:
    """Return an index of `count` vectors; a large one finds its cells from `sample`."""
    large = count > EXACT_UP_TO and has_faiss()
    index = VectorIndex(dimension, approximate(dimension, count, sample) if large else exact(dimension))
    if large or has_faiss():
        for ids, vectors in pieces:
            index.add(ids, vectors)
    else:
        _fill(index, pieces)
    return index


def exact(dimension: int) -> Neighbours:
    """Return an empty index that compares with every vector, each rounded to half precision as the store does."""
    if not has_faiss():
        return NumpyNeighbours(dimension)
    faiss = load_faiss()
    flat = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    return FaissNeighbours(faiss.IndexIDMap2(flat))


def approximate(dimension: int, count: int, sample: "Vectors") -> Neighbours:
    """Return an empty index that compares with the vectors of the nearest cells, the cells found from `sample`."""
    faiss = load_faiss()
    cells = cells_for(count)
    quantizer = faiss.IndexFlatIP(dimension)
    made = faiss.IndexIVFScalarQuantizer(
        quantizer, dimension, cells, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT, False
    )
    made.own_fields = True
    quantizer.this.disown()
    faiss.omp_set_num_threads(os.cpu_count() or 1)  # finding the cells is minutes of work for all cores
    made.train(sample[: TRAINED_ON_A_CELL * cells])
    faiss.omp_set_num_threads(1)
    made.nprobe = PROBED
    return FaissNeighbours(made)


def cells_for(count: int) -> int:
    """Return how many cells an approximate index of `count` vectors has: about two for every root of it."""
    return int(2 * count**0.5)


def has_faiss() -> bool:
    """Tell whether FAISS is to be used; on macOS its OpenMP ends a process that also has torch, as the trainer has."""
    if platform.system() == "Darwin":
        return False
    try:
        faiss = load_faiss()
    except ImportError:
        return False
    # One question is answered by one thread anyway; more of them would only wait, and busily, for the others.
    faiss.omp_set_num_threads(1)
    return True


def load_faiss() -> Any:
    """Return the module; its own type information lacks half of what it has."""
    return import_module("faiss")


def _fill(index: VectorIndex, pieces: Iterable[tuple["Ids", "Vectors"]]) -> None:
    """Add everything at once: NumPy copies all it has with every addition."""
    import numpy as np

    collected = list(pieces)
    if collected:
        index.add(np.concatenate([ids for ids, _ in collected]), np.concatenate([v for _, v in collected]))


def _nothing() -> tuple["Ids", "Scores"]:
    import numpy as np

    return np.empty(0, np.int64), np.empty(0, np.float32)
