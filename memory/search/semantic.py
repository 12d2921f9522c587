"""Search by meaning over one memory: its embedder, the vectors it made so far, and the index over them.

It works over what is embedded so far, and until the model is loaded there is none: then memory searches by words
alone. A model that fails says so once, in `problem`; memory goes on without it.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from memory.embedding.embedder import Embedder, EmbedderError
from memory.index import index_file
from memory.index.vector_index import EXACT_UP_TO, TRAINED_ON_A_CELL, VectorIndex, build, cells_for
from memory.search.dense_hits import Dense, Nearest
from memory.selectors import count_passages
from memory.store import database, vectors
from memory.store.passage_writer import passages_of

if TYPE_CHECKING:
    from memory.embedding.embedder import Vectors

BATCH = 64
"""Passages embedded at a time: what an interruption may lose."""
BATCH_BEHIND = 8
"""The same in the background, where a question must not wait long for its turn."""
START_AFTER_SECONDS = 1.0
"""The background waits so long before it loads the model: the first screen comes first."""
UNSAVED = 1000
"""The index is written again when so many vectors are new to it; fewer are read from the store when it is opened."""
LEAST_EMBEDDED = 1 / 6
"""The share of all passages from which on search by meaning speaks: with less it hides more than it finds, and words
alone recall more of what was asked for (docs/benchmarks.md)."""

Progress = Callable[[int, int], None]
"""Told how many passages are embedded, and of how many."""

logger = logging.getLogger(__name__)


class Embedding:
    """The vectors of the memory in `path`; used by several threads, closed once."""

    def __init__(self, path: Path, embedder: Embedder, writing: threading.Lock) -> None:
        self.problem = ""
        self._path, self._embedder, self._writing = path, embedder, writing
        self._opening, self._refreshing = threading.Lock(), threading.Lock()
        self._index: VectorIndex | None = None
        self._stamp: index_file.Stamp | None = None
        self._unsaved = 0
        self._asked: tuple[str, Vectors] | None = None
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_ready(self) -> bool:
        """Whether model and index are loaded and the model works."""
        return self._index is not None and not self.problem

    def start(self) -> None:
        """Load the model and embed what waits, in a thread of its own."""
        self._thread = threading.Thread(target=self._behind, name="memory-embedding", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Tell the background that there is something new."""
        self._wake.set()

    def close(self) -> None:
        """Stop at once; what is embedded is kept."""
        self._stop.set()
        self._wake.set()
        self._embedder.close()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def open(self) -> bool:
        """Load model and index if they are not and return whether that worked."""
        with self._opening:
            if self._index is None and not self.problem:
                with self._failing():
                    identity = self._embedder.identity
                    with closing(database.connect(self._path)) as connection:
                        self._load(connection, index_file.Stamp(
                            str(database.get_state(connection, "store")), database.generation(connection),
                            identity.model, identity.dimension, identity.prefix,
                        ))  # fmt: skip
        return self.is_ready

    def dense(self, connection: sqlite3.Connection, query: str) -> Dense | None:
        """Return a search for what is nearest to a question, `query` embedded already.

        None where that cannot be, or where too little is embedded yet for it to be a help.
        """
        if not self.is_ready or not query.strip():
            return None
        index, is_asked = self._index, False
        assert index is not None

        def nearest(question: str, count: int) -> Nearest:
            ids, scores, mean, deviation = index.nearest(self._ask(question), count)
            return Nearest(tuple(zip(ids.tolist(), scores.tolist(), strict=True)), mean, deviation)

        with self._failing():
            self.refresh(connection)
            if index.count >= LEAST_EMBEDDED * count_passages(connection):
                self._ask(query)
                is_asked = True
        return nearest if is_asked else None

    def _ask(self, question: str) -> "Vectors":
        """Return a question's vector; the last one is kept, as a reply may recall twice for one question."""
        asked = self._asked
        if asked is None or asked[0] != question:
            self._asked = asked = question, self._embedder.embed_query(question)
        return asked[1]

    def embed(self, seconds: float | None = None, progress: Progress = lambda done, total: None) -> int:
        """Embed what waits, evenly over all that was said, for so many seconds; return how many still wait.

        Every batch is kept when it is done, so an interruption loses one batch of work. Raises EmbedderError.
        """
        if self.open():
            with self._failing(), closing(database.connect(self._path)) as connection:
                try:
                    return self._embed(connection, BATCH, seconds, progress)
                finally:
                    self.save(connection)
        raise EmbedderError(self.problem)

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Take over what others changed in the store since the index was last right."""
        with self._refreshing:
            stamp, index = self._stamp, self._index
            if stamp is None or index is None or database.generation(connection) == stamp.generation:
                return
            generation = database.generation(connection)
            added, gone = self._differences(connection, index)
            index.remove(gone)
            for ids, piece in self._stored(connection, added) if len(added) else ():
                index.add(ids, piece)
            self._unsaved += len(added) + UNSAVED * bool(len(gone))
            self._stamp = self._at(generation)

    def save(self, connection: sqlite3.Connection) -> None:
        """Write the index beside the store if it is not what was written last."""
        self.refresh(connection)
        with self._refreshing:
            if self._unsaved and self._index is not None and self._stamp is not None:
                index_file.write(index_file.file_of(self._path), self._index, self._stamp)
                self._unsaved = 0

    def rewrite(self, connection: sqlite3.Connection) -> None:
        """Write the index again if it is loaded, without what is no longer in the store."""
        if self.is_ready:
            self._unsaved = max(self._unsaved, 1)
            self.save(connection)

    def reload(self) -> None:
        """Make the index anew from the store, if it was loaded."""
        with self._opening, self._failing(), closing(database.connect(self._path)) as connection:
            if self._index is not None and self._stamp is not None:
                self._load(connection, self._at(database.generation(connection)))
                self.rewrite(connection)

    def _load(self, connection: sqlite3.Connection, stamp: index_file.Stamp) -> None:
        self._stamp = stamp
        found = index_file.read(index_file.file_of(self._path), stamp)
        if found is not None:
            index, written = found
            added, gone = self._differences(connection, index)
            # Ids are never used twice, so an index that only lacks some is as good once it has them.
            if (
                not len(gone)
                and len(added) <= max(UNSAVED, index.count // 10)
                and written.generation <= stamp.generation
            ):
                for ids, piece in self._stored(connection, added) if len(added) else ():
                    index.add(ids, piece)
                self._index, self._unsaved = index, len(added)
                return
        number = vectors.embedder_number(connection, self._embedder.identity)
        count = vectors.count_vectors(connection, number)
        self._index = build(stamp.dimension, count, self._stored(connection), self._sample(connection, count))
        self._unsaved = count
        if count >= UNSAVED:
            self.save(connection)

    def _differences(self, connection: sqlite3.Connection, index: VectorIndex) -> "tuple[vectors.Ids, vectors.Ids]":
        """Return what the store has and the index lacks, and the other way round."""
        import numpy as np

        number = vectors.embedder_number(connection, self._embedder.identity)
        stored = vectors.vector_ids(connection, -1 if number is None else number)
        indexed = index.ids()
        return np.setdiff1d(stored, indexed, assume_unique=True), np.setdiff1d(indexed, stored, assume_unique=True)

    def _stored(
        self, connection: sqlite3.Connection, ids: "vectors.Ids | None" = None
    ) -> Iterator[tuple["vectors.Ids", "Vectors"]]:
        identity = self._embedder.identity
        number = vectors.embedder_number(connection, identity)
        if number is None:
            return iter(())
        return vectors.read_vectors(connection, number, identity.dimension, None if ids is None else ids.tolist())

    def _sample(self, connection: sqlite3.Connection, count: int) -> "Vectors":
        """Return enough vectors to find the cells of a large index from, spread over all of them."""
        import numpy as np

        empty = np.empty((0, self._embedder.identity.dimension), np.float32)
        if count <= EXACT_UP_TO:
            return empty
        step = max(1, count // (TRAINED_ON_A_CELL * cells_for(count)))
        return np.concatenate([empty, *(piece[::step] for _, piece in self._stored(connection))])

    def _embed(self, connection: sqlite3.Connection, size: int, seconds: float | None, progress: Progress) -> int:
        assert self._index is not None
        started = time.monotonic()
        number = vectors.embedder_number(connection, self._embedder.identity)
        waiting = vectors.waiting(connection, number)
        done, stream = 0, iter(waiting)
        while batch := list(islice(stream, size)):
            if self._stop.is_set() or (seconds is not None and time.monotonic() - started >= seconds):
                break
            self._embed_batch(connection, batch)
            done += len(batch)
            progress(done, len(waiting))
        return len(waiting) - done

    def _embed_batch(self, connection: sqlite3.Connection, batch: list[int]) -> None:
        texts = {passage: found.text for passage, found in passages_of(connection, batch)}
        if not texts:
            return  # forgotten meanwhile
        made = self._embedder.embed_passages(list(texts.values()))
        with self._writing, database.transaction(connection):
            before = database.generation(connection)
            number = vectors.add_embedder(connection, self._embedder.identity)
            kept, halves = vectors.put_vectors(connection, number, list(texts), made)
            database.next_generation(connection)
        self._take(before, kept, halves)

    def _take(self, before: int, ids: list[int], made: "Vectors") -> None:
        """Put what was just stored into the index too; where others wrote as well, `refresh` will find it."""
        import numpy as np

        with self._refreshing:
            assert self._index is not None and self._stamp is not None
            if self._stamp.generation == before:
                self._index.add(np.asarray(ids, np.int64), made)
                self._stamp = self._at(before + 1)
                self._unsaved += len(ids)

    def _at(self, generation: int) -> index_file.Stamp:
        assert self._stamp is not None
        stamp = self._stamp
        return index_file.Stamp(stamp.store, generation, stamp.model, stamp.dimension, stamp.prefix)

    def _behind(self) -> None:
        """Run the background: load, embed, save, and wait for more."""
        if self._stop.wait(START_AFTER_SECONDS) or not self.open():
            return
        with self._failing(), closing(database.connect(self._path)) as connection:
            while not self._stop.is_set():
                self._wake.clear()
                self._embed(connection, BATCH_BEHIND, None, lambda done, total: None)
                if self._unsaved >= UNSAVED or not index_file.file_of(self._path).exists():
                    self.save(connection)
                self._wake.wait()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn what goes wrong with model or index into a problem that is told once."""
        try:
            yield
        except (EmbedderError, sqlite3.Error, OSError, MemoryError) as error:
            if not self._stop.is_set():
                self.problem = f"searching by words alone: {error}"
                logger.warning("search by meaning is off: %s", type(error).__name__)
