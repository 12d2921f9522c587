"""The schema of a memory, as the numbered steps that every file goes through; `PRAGMA user_version` counts them.

A released step is never changed. Steps run inside one transaction, foreign keys off.
"""

import secrets
import sqlite3
from collections.abc import Callable

from memory.store import vocabulary
from memory.store.tombstones import digest
from memory.text.line_features import store_traits

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


@migration
def m002_vectors_and_more_kinds(connection: sqlite3.Connection) -> None:
    """Add vectors, what was told to the clone, notes of a day, and tombstones that cannot be read.

    A passage names its lines itself: the table between the two was a third of the file and of an import's time.
    """
    for statement in _M002_LINES_AND_PASSAGES:
        connection.execute(statement)
    for statement in _M002_VECTORS:
        connection.execute(statement)
    gather_more_words(connection)
    salt = secrets.token_bytes(32)
    connection.executemany(
        "INSERT INTO state VALUES (?, ?)", [("salt", salt), ("store", secrets.token_hex(16)), ("generation", 0)]
    )
    readable = connection.execute("SELECT kind, value FROM forgotten_readable").fetchall()
    connection.executemany(
        "INSERT INTO forgotten VALUES (?, ?)", [(kind, digest(salt, kind, value)) for kind, value in readable]
    )
    connection.execute("DROP TABLE forgotten_readable")


_M002_LINES_AND_PASSAGES = (
    "DROP TRIGGER line_goes",
    "DROP TRIGGER passage_goes",
    "DROP INDEX line_in_chat",
    "DROP INDEX passage_in_chat",
    "DROP INDEX passage_in_time",
    "ALTER TABLE line RENAME TO line_1",
    "ALTER TABLE passage RENAME TO passage_1",
    "ALTER TABLE passage_line RENAME TO passage_line_1",
    "ALTER TABLE forgotten RENAME TO forgotten_readable",
    # said: imported; chat: told to the clone; note: written down by the user, `day` where it is for one day.
    """CREATE TABLE line (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('said', 'chat', 'note')),
        chat TEXT NOT NULL REFERENCES chat,
        who TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        text TEXT NOT NULL,
        day TEXT)""",
    "INSERT INTO line SELECT *, NULL FROM line_1",
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
    """INSERT OR IGNORE INTO passage
        SELECT id, kind, chat, started_at, ended_at,
            (SELECT line FROM passage_line_1 WHERE passage = id AND position = 0),
            (SELECT line FROM passage_line_1 WHERE passage = id AND position = 1),
            (SELECT line FROM passage_line_1 WHERE passage = id AND position = 2)
        FROM passage_1""",
    """INSERT INTO sqlite_sequence SELECT 'passage', 0
        WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'passage')""",
    """INSERT INTO sqlite_sequence SELECT 'line', 0
        WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'line')""",
    # An id is never used twice, also when the newest passage was deleted before this step.
    """UPDATE sqlite_sequence AS new SET seq = max(seq, coalesce(
        (SELECT seq FROM sqlite_sequence AS old WHERE old.name = new.name || '_1'), 0))
        WHERE name IN ('line', 'passage')""",
    "DROP TABLE passage_line_1",
    "DROP TABLE passage_1",
    "DROP TABLE line_1",
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
)
_M002_VECTORS = (
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
)


@migration
def m003_words(connection: sqlite3.Connection) -> None:
    """Keep how many passages hold each word, which takes FTS5 longer to tell than a search."""
    connection.execute(
        """CREATE TABLE word (
            speaker INTEGER NOT NULL, term TEXT NOT NULL, passages INTEGER NOT NULL,
            PRIMARY KEY (speaker, term)) WITHOUT ROWID"""
    )
    vocabulary.count(connection)


@migration
def m004_traits(connection: sqlite3.Connection) -> None:
    """Keep what ranking asks of every line, which took longer to find out than the rest of a search."""
    connection.execute("ALTER TABLE line ADD COLUMN words TEXT NOT NULL DEFAULT ''")
    for column in ("cost", "content", "marks"):
        connection.execute(f"ALTER TABLE line ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")
    store_traits(connection)


@migration
def m005_smaller_index(connection: sqlite3.Connection) -> None:
    """Make the lexical index anew without the places of words, which were nearly half of it."""
    # The triggers name a table that is not there for a moment, which only the old way of renaming allows.
    connection.execute("PRAGMA legacy_alter_table = ON")
    connection.execute(FTS_TABLE.replace("passage_fts", "smaller", 1))
    connection.execute("INSERT INTO smaller (smaller, rank) VALUES ('hashsize', ?)", (HASHED_BYTES,))
    connection.execute("INSERT INTO smaller (rowid, speakers, terms) SELECT rowid, speakers, terms FROM passage_fts")
    connection.execute("DROP TABLE passage_fts")
    connection.execute("ALTER TABLE smaller RENAME TO passage_fts")
    connection.execute("PRAGMA legacy_alter_table = OFF")
