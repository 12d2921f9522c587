"""The schema of a memory, as the numbered steps that every file goes through; `PRAGMA user_version` counts them.

A released step is never changed. Steps run inside one transaction, foreign keys off.
"""

import secrets
import sqlite3
from collections.abc import Callable

from memory.store import vocabulary

MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = []
migration = MIGRATIONS.append

FTS_TABLE = (
    "CREATE VIRTUAL TABLE passage_fts USING fts5("
    f"""speakers, terms, detail = column, columnsize = 0, tokenize = "{vocabulary.TOKENIZER}")"""
)
"""What `memory.words` makes of a passage, a line a message; where a word stands in it, and its length, nobody asks.

Who speaks is a column of its own: a name stands on every message of its bearer, and is telling where others say it.
"""
HASHED_BYTES = 16 * 2**20
"""Words FTS5 gathers before it writes a segment: with its own 1 MiB a large import merges for a quarter of its time."""


def gather_more_words(connection: sqlite3.Connection) -> None:
    """Set how much the lexical index gathers before it writes; the setting stays in the file."""
    connection.execute("INSERT INTO passage_fts (passage_fts, rank) VALUES ('hashsize', ?)", (HASHED_BYTES,))


@migration
def m001_lines_passages_words_vectors(connection: sqlite3.Connection) -> None:
    """Create lines, the passages they stand in, the lexical index, vectors and tombstones."""
    for statement in (
        FTS_TABLE,
        "CREATE TABLE chat (id TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID",
        # said: imported; chat: told to the clone; note: written by the user, `day` where it is for one day.
        """CREATE TABLE line (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL CHECK (kind IN ('said', 'chat', 'note')),
            chat TEXT NOT NULL REFERENCES chat,
            who TEXT NOT NULL,
            sent_at INTEGER NOT NULL,
            text TEXT NOT NULL,
            day TEXT,
            words TEXT NOT NULL DEFAULT '',
            cost INTEGER NOT NULL DEFAULT 0,
            content INTEGER NOT NULL DEFAULT 0,
            marks INTEGER NOT NULL DEFAULT 0,
            utc_offset INTEGER NOT NULL DEFAULT 0)""",
        "CREATE INDEX line_in_chat ON line (chat, sent_at, length(key), key)",
        "CREATE INDEX line_of_day ON line (day) WHERE day IS NOT NULL",
        """CREATE TABLE passage (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('said', 'chat', 'note')),
            chat TEXT NOT NULL REFERENCES chat,
            started_at INTEGER NOT NULL,
            ended_at INTEGER NOT NULL,
            first INTEGER NOT NULL REFERENCES line,
            second INTEGER REFERENCES line,
            third INTEGER REFERENCES line)""",
        "CREATE UNIQUE INDEX passage_first ON passage (first)",
        "CREATE INDEX passage_second ON passage (second) WHERE second IS NOT NULL",
        "CREATE INDEX passage_third ON passage (third) WHERE third IS NOT NULL",
        "CREATE INDEX passage_in_time ON passage (started_at)",
        """CREATE VIEW passage_line (passage, position, line) AS
            SELECT id, 0, first FROM passage
            UNION ALL SELECT id, 1, second FROM passage WHERE second IS NOT NULL
            UNION ALL SELECT id, 2, third FROM passage WHERE third IS NOT NULL""",
        """CREATE TRIGGER line_goes BEFORE DELETE ON line BEGIN
            DELETE FROM passage WHERE first = old.id;
            DELETE FROM passage WHERE second = old.id;
            DELETE FROM passage WHERE third = old.id;
            END""",
        """CREATE TRIGGER passage_goes AFTER DELETE ON passage BEGIN
            DELETE FROM passage_fts WHERE rowid = old.id;
            DELETE FROM vector WHERE passage = old.id;
            END""",
        """CREATE TABLE embedder (
            id INTEGER PRIMARY KEY,
            model TEXT NOT NULL,
            dimension INTEGER NOT NULL,
            prefix INTEGER NOT NULL,
            UNIQUE (model, dimension, prefix))""",
        """CREATE TABLE vector (
            passage INTEGER PRIMARY KEY REFERENCES passage,
            embedder INTEGER NOT NULL REFERENCES embedder,
            value BLOB NOT NULL)""",
        "CREATE INDEX vector_of_embedder ON vector (embedder)",
        """CREATE TRIGGER vector_goes AFTER DELETE ON vector BEGIN
            UPDATE state SET value = value + 1 WHERE name = 'generation';
            END""",
        "CREATE TABLE state (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
        """CREATE TABLE forgotten (
            kind TEXT NOT NULL CHECK (kind IN ('line', 'person', 'chat', 'span')), value BLOB NOT NULL,
            PRIMARY KEY (kind, value)) WITHOUT ROWID""",
        """CREATE TABLE word (
            speaker INTEGER NOT NULL, term TEXT NOT NULL, passages INTEGER NOT NULL,
            PRIMARY KEY (speaker, term)) WITHOUT ROWID""",
    ):
        connection.execute(statement)
    gather_more_words(connection)
    connection.executemany(
        "INSERT INTO state VALUES (?, ?)",
        [("salt", secrets.token_bytes(32)), ("store", secrets.token_hex(16)), ("generation", 0)],
    )
