"""The truth of memory: one SQLite file with lines, passages, their full-text index and what must stay forgotten.

Every change is one transaction, and triggers keep the parts in step: a line that goes takes its passages with it, a
passage its index entry. The file is in WAL mode, so a killed process loses nothing that was acknowledged and a reader
never waits for a writer; a second writer waits its turn.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_SECONDS = 30.0

FTS_TABLE = """
CREATE VIRTUAL TABLE passage_fts USING fts5(
    speakers, terms, tokenize = "porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
)
"""
"""What `memory.words` makes of a passage, a line a message; Mn and Mc keep Indic words whole.

Who speaks is a column of its own: a name stands on every message of its bearer, and is telling where others say it.
"""


class StoreError(Exception):
    """The file is no memory, or one that a newer version wrote."""


MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = []
migration = MIGRATIONS.append


@migration
def m001_lines_passages_index(connection: sqlite3.Connection) -> None:
    """Create lines, the passages they stand in, the lexical index and the tombstones."""
    for statement in (
        "CREATE TABLE chat (id TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE line (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL CHECK (kind IN ('said', 'note')),
            chat TEXT NOT NULL REFERENCES chat,
            who TEXT NOT NULL,
            sent_at INTEGER NOT NULL,
            text TEXT NOT NULL)""",
        # The order of a chat; ids of one second are in the order of their numbers.
        "CREATE INDEX line_in_chat ON line (chat, sent_at, length(key), key)",
        """CREATE TABLE passage (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('said', 'note')),
            chat TEXT NOT NULL REFERENCES chat,
            started_at INTEGER NOT NULL,
            ended_at INTEGER NOT NULL)""",
        "CREATE INDEX passage_in_chat ON passage (chat)",
        "CREATE INDEX passage_in_time ON passage (started_at)",
        """CREATE TABLE passage_line (
            passage INTEGER NOT NULL REFERENCES passage ON DELETE CASCADE,
            position INTEGER NOT NULL,
            line INTEGER NOT NULL REFERENCES line,
            PRIMARY KEY (passage, position)) WITHOUT ROWID""",
        "CREATE INDEX passage_line_of ON passage_line (line)",
        FTS_TABLE,
        """CREATE TRIGGER line_goes BEFORE DELETE ON line BEGIN
            DELETE FROM passage WHERE id IN (SELECT passage FROM passage_line WHERE line = old.id);
        END""",
        """CREATE TRIGGER passage_goes AFTER DELETE ON passage BEGIN
            DELETE FROM passage_fts WHERE rowid = old.id;
        END""",
        """CREATE TABLE forgotten (
            kind TEXT NOT NULL CHECK (kind IN ('line', 'person', 'chat')), value TEXT NOT NULL,
            PRIMARY KEY (kind, value)) WITHOUT ROWID""",
    ):
        connection.execute(statement)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, made if missing and readable by this user only, at the newest schema.

    The connection is in autocommit mode and may be used by any thread, one at a time. Raises StoreError.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    os.chmod(path, 0o600)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose the last change, never break the file
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten, not only unlinked
        _migrate(connection)
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
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def erase_traces(connection: sqlite3.Connection) -> None:
    """Take deleted text out of the index's older segments and out of the write-ahead log."""
    connection.execute("INSERT INTO passage_fts (passage_fts) VALUES ('optimize')")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _migrate(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return  # without waiting for whoever is writing
    with transaction(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise StoreError(f"this memory was written by a newer version (schema {version}, known {len(MIGRATIONS)})")
        if version == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise StoreError("this file is a database, but not a memory")
        for step in MIGRATIONS[version:]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
