"""The truth of memory: one SQLite file with lines, passages, their indexes, their vectors and what stays forgotten.

Every change is one transaction, and triggers keep the parts in step: a line that goes takes its passages with it, a
passage its index entry and its vector. The file is in WAL mode, so a killed process loses nothing that was
acknowledged and a reader never waits for a writer; a second writer waits its turn.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from memory.store.migrations import MIGRATIONS

BUSY_SECONDS = 30.0
CACHE_KIB = 32 * 1024
"""Pages kept at hand while a large import writes in many places at once."""
ROWS = 500
"""Rows inserted with one statement; of ten values each, they are a sixth of the values that SQLite takes."""


APPLICATION_ID = 0x6D656D6F


class StoreError(Exception):
    """The file is no memory, or one that a newer version wrote, or there is no room to write."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, made if missing and readable by this user only, at the newest schema.

    The connection is in autocommit mode and may be used by any thread, one at a time. Raises StoreError.
    """
    # Never opened beside SQLite once it is there: closing it again would drop the locks that other connections of this
    # process hold (POSIX), and the next process to leave would delete the log they write to.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    os.chmod(path, 0o600)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose the last change, never break the file
        connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten, not only unlinked
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        _migrate(connection)
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.DatabaseError as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise StoreError(f"{path} is not a memory: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Do all or nothing of what the block writes."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk makes SQLite roll back by itself
            connection.execute("ROLLBACK")
        raise


def insert_many(connection: sqlite3.Connection, into: str, rows: Sequence[Sequence[object]], more: str = "") -> int:
    """Insert rows of equal length, many with each statement, and return how many were inserted.

    `into` is what comes before VALUES, `more` what comes after: where there is a sequence to count on and a statement
    to begin for each row, it takes twice as long.
    """
    inserted = 0
    for start in range(0, len(rows), ROWS):
        piece = rows[start : start + ROWS]
        one = f"({', '.join('?' * len(piece[0]))})"
        values = list(chain.from_iterable(piece))
        inserted += connection.execute(f"{into} VALUES {', '.join([one] * len(piece))} {more}", values).rowcount
    return inserted


def erase_traces(connection: sqlite3.Connection) -> None:
    """Take deleted text out of the index's older segments and out of the write-ahead log."""
    connection.execute("INSERT INTO passage_fts (passage_fts) VALUES ('optimize')")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def generation(connection: sqlite3.Connection) -> int:
    """Return a number that grows with every change of vectors; a trigger counts those that go."""
    row = connection.execute("SELECT value FROM state WHERE name = 'generation'").fetchone()
    return int(row[0])


def next_generation(connection: sqlite3.Connection) -> None:
    """Note that vectors changed; indexes made before are out of date."""
    connection.execute("UPDATE state SET value = value + 1 WHERE name = 'generation'")


def get_state(connection: sqlite3.Connection, name: str) -> str | None:
    """Return a remembered setting of this memory, or None."""
    row = connection.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def set_state(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Remember a setting of this memory."""
    connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))


def _migrate(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS) and _is_ours(connection):
        return  # without waiting for whoever is writing
    with transaction(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS) or (version and not _is_ours(connection)):
            raise StoreError(f"this memory was written by another version (schema {version}, known {len(MIGRATIONS)})")
        if version == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise StoreError("this file is a database, but not a memory")
        for step in MIGRATIONS[version:]:
            step(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Return whether these steps made the file; files of development versions before the release lack the mark."""
    return bool(connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID)
