"""Vectors in the store: written in batches that stay when the work is interrupted, read back as one matrix.

Half precision halves the file. Of the ten nearest passages of 281 LoCoMo questions, 2,808 of 2,810 are those of single
precision, with all-MiniLM-L6-v2, and no cosine differs by more than 0.00006.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memory.embedding.embedder import Identity
from memory.passages import WINDOW

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from memory.embedding.embedder import Vectors

    Ids = NDArray[np.int64]

READ_BATCH = 20_000
"""Vectors read at a time, so that a large memory is never held twice."""
_SCATTERED = "(id * 2654435769) & 4294967295"
"""Orders ids by the fraction of their multiples of the golden ratio: any beginning lies evenly over all of them."""
_FEW = 500
"""Up to so many vectors are looked up one by one."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many passages have a vector and how many wait for one; `model` is None before the first."""

    model: str | None
    embedded: int
    waiting: int


def embedder_number(connection: sqlite3.Connection, identity: Identity) -> int | None:
    """Return the number that stands for an embedder's identity in this file, or None before its first vector."""
    row = connection.execute(
        "SELECT id FROM embedder WHERE model = ? AND dimension = ? AND prefix = ?",
        (identity.model, identity.dimension, identity.prefix),
    ).fetchone()
    return None if row is None else int(row[0])


def add_embedder(connection: sqlite3.Connection, identity: Identity) -> int:
    """Return the number of an embedder, made where there is none yet."""
    connection.execute(
        "INSERT OR IGNORE INTO embedder (model, dimension, prefix) VALUES (?, ?, ?)",
        (identity.model, identity.dimension, identity.prefix),
    )
    number = embedder_number(connection, identity)
    assert number is not None
    return number


def vector_ids(connection: sqlite3.Connection, embedder: int) -> "Ids":
    """Return the passages that have a vector of this embedder, in order."""
    import numpy as np

    rows = connection.execute("SELECT passage FROM vector WHERE embedder = ? ORDER BY passage", (embedder,))
    return np.fromiter((row[0] for row in rows), np.int64)


def waiting(connection: sqlite3.Connection, embedder: int | None) -> list[int]:
    """Return the passages without a vector of this embedder, in the order that serves a half-made index best.

    What the user noted or told the clone comes first. Of what was imported, every third passage comes before the
    others, which holds every message of a long session already; and wherever this is interrupted, what is done lies
    evenly over all that was said. With the latest first, what is older is not found, though its words would find it.
    """
    rows = connection.execute(
        "SELECT id FROM passage WHERE NOT EXISTS"
        " (SELECT 1 FROM vector WHERE vector.passage = passage.id AND embedder = ?)"
        f" ORDER BY kind = 'said', id % {WINDOW} > 0, {_SCATTERED}",
        (embedder,),
    )
    return [row[0] for row in rows]


def count_vectors(connection: sqlite3.Connection, embedder: int | None) -> int:
    """Return how many passages have a vector of this embedder."""
    return int(connection.execute("SELECT count(*) FROM vector WHERE embedder = ?", (embedder,)).fetchone()[0])


def coverage(connection: sqlite3.Connection) -> Coverage:
    """Return how far the passages are embedded, by the embedder that made most vectors."""
    row = connection.execute(
        "SELECT model, count(*) FROM vector JOIN embedder ON embedder.id = embedder GROUP BY embedder"
        " ORDER BY count(*) DESC LIMIT 1"
    ).fetchone()
    model, embedded = row or (None, 0)
    total = connection.execute("SELECT count(*) FROM passage").fetchone()[0]
    return Coverage(model, embedded, total - embedded)


def put_vectors(
    connection: sqlite3.Connection, embedder: int, ids: Sequence[int], vectors: "Vectors"
) -> tuple[list[int], "Vectors"]:
    """Store vectors of those passages that are still there and have none of this embedder; return what was stored."""
    import numpy as np

    wanting = {
        row[0]
        for row in connection.execute(
            f"SELECT id FROM passage WHERE id IN ({', '.join('?' * len(ids))})"
            " AND id NOT IN (SELECT passage FROM vector WHERE vector.passage = passage.id AND embedder = ?)",
            (*ids, embedder),
        )
    }
    places = [place for place, passage in enumerate(ids) if passage in wanting]
    halves = vectors[places].astype("<f2")
    kept = [ids[place] for place in places]
    connection.executemany(
        "INSERT OR REPLACE INTO vector VALUES (?, ?, ?)",
        [(passage, embedder, half.tobytes()) for passage, half in zip(kept, halves, strict=True)],
    )
    return kept, halves.astype(np.float32)


def read_vectors(
    connection: sqlite3.Connection, embedder: int, dimension: int, ids: Sequence[int] | None = None
) -> Iterator[tuple["Ids", "Vectors"]]:
    """Yield passages and their vectors in pieces, all of an embedder or those of `ids`, in order."""
    import numpy as np

    after, wanted = 0, None if ids is None or len(ids) > _FEW else set(map(int, ids))
    chosen = "" if wanted is None else f" AND passage IN ({', '.join(map(str, sorted(wanted)))})"
    only = None if ids is None else np.asarray(sorted(ids), np.int64)
    while True:
        rows = connection.execute(
            "SELECT passage, value FROM vector WHERE passage > ? AND embedder = ? AND length(value) = ?"
            f"{chosen} ORDER BY passage LIMIT ?",
            (after, embedder, 2 * dimension, READ_BATCH),
        ).fetchall()
        if not rows:
            return
        after = rows[-1][0]
        found = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        vectors = np.frombuffer(b"".join(row[1] for row in rows), "<f2").reshape(-1, dimension).astype(np.float32)
        if only is not None:
            mask = np.isin(found, only)
            found, vectors = found[mask], vectors[mask]
        if len(found):
            yield found, vectors
