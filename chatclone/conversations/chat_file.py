"""The file of conversations: one connection for all threads, and who of its writers still lives.

A file may be used by several processes: a change waits its turn, reading waits for nobody. A reply that is being
written belongs to the store that began it; when that one's process is gone, the next to open the file marks the reply
as interrupted, with the text it had.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chatclone.conversations.records import Clock, State
from chatclone.conversations.schema import connect
from chatclone.storage.locks import ProcessMark, is_running, remove_dead_marks
from chatclone.storage.sqlite_file import transaction


class ChatFile:
    """An open `chats.sqlite`; its methods may be called from any thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection, clock: Clock = time.time) -> None:
        self.path = path
        self._connection = connection
        self._clock = clock
        self._lock = threading.RLock()
        self._mark: ProcessMark | None = None

    @classmethod
    def open(cls, path: Path, clock: Clock = time.time) -> Self:
        """Open or create the file, readable by this user only; replies whose program is gone become interrupted."""
        store = cls(path, connect(path), clock)
        try:
            store._interrupt_orphans()
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close the file; what this store was still writing is interrupted."""
        with self._lock:
            if self._mark is not None:
                self._interrupt(self._mark.name)
                self._mark.remove()
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep all other threads and processes from changing anything while the block runs."""
        with self._writing():
            yield

    def compact(self) -> None:
        """Write the file anew: pages that were divided keep copies of what is gone."""
        with self._lock:
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock and a transaction, which is kept whole or not at all; one within another is a part of it."""
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            with transaction(self._connection) as connection:
                yield connection

    def _change(self, statement: str, *values: object) -> None:
        with self._writing() as connection:
            connection.execute(statement, values)

    def _writer(self, state: State) -> str | None:
        """Return who writes a message in this state: this store, or nobody."""
        if state != "writing":
            return None
        if self._mark is None:
            self._mark = ProcessMark(self.path)
        return self._mark.name

    def _interrupt_orphans(self) -> None:
        """Mark replies as interrupted whose writer is gone."""
        for (writer,) in self._read("SELECT DISTINCT writer FROM messages WHERE state = 'writing'"):
            if not is_running(self.path, writer):
                self._interrupt(writer)
        remove_dead_marks(self.path)

    def _interrupt(self, writer: str) -> None:
        self._change(
            "UPDATE messages SET state = 'interrupted', writer = NULL WHERE state = 'writing' AND writer = ?", writer
        )
