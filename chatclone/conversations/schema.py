"""The tables of `chats.sqlite`, and opening the file at the newest version of them.

A message's parent is the message it follows; `selected_id` is the one of its children that is shown, and a
conversation's `leaf_id` the last message of the branch that this gives. `depth` counts a message's ancestors, so that
a branch is counted without reading it. The word index holds what is not being written; triggers keep it in step.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chatclone.conversations.records import title_of
from chatclone.conversations.search_words import index_text
from chatclone.errors import ChatcloneError

BUSY_SECONDS = 30.0
"""How long a change waits for another process to finish its own."""

MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = []
"""Applied in order; `PRAGMA user_version` is how many a file has had."""


@MIGRATIONS.append
def m001_conversations_and_messages(connection: sqlite3.Connection) -> None:
    """Create what the first version had."""
    for statement in (
        """CREATE TABLE conversations (
            id INTEGER PRIMARY KEY, title TEXT NOT NULL, partner TEXT NOT NULL, leaf_id INTEGER,
            created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL)""",
        "CREATE INDEX conversations_by_update ON conversations (updated_at DESC, id DESC)",
        """CREATE TABLE messages (
            id INTEGER PRIMARY KEY,
            conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
            parent_id INTEGER REFERENCES messages ON DELETE CASCADE,
            role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
            text TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'stopped', 'failed')),
            memory TEXT NOT NULL, stats TEXT NOT NULL, created_at INTEGER NOT NULL)""",
        "CREATE INDEX messages_by_conversation ON messages (conversation_id, id)",
        "CREATE INDEX messages_by_parent ON messages (parent_id)",
        "CREATE INDEX messages_running ON messages (state) WHERE state = 'running'",
    ):
        connection.execute(statement)


_SECOND_TABLES = (
    """CREATE TABLE deletions (
        id INTEGER PRIMARY KEY AUTOINCREMENT, conversation_id INTEGER NOT NULL, message_id INTEGER,
        messages INTEGER NOT NULL, deleted_at INTEGER NOT NULL)""",
    "ALTER TABLE conversations RENAME TO conversations_1",
    "ALTER TABLE messages RENAME TO messages_1",
    """CREATE TABLE conversations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL, renamed INTEGER NOT NULL DEFAULT 0, pinned INTEGER NOT NULL DEFAULT 0,
        settings TEXT NOT NULL DEFAULT '{}',
        root_id INTEGER, leaf_id INTEGER, read_id INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        deletion_id INTEGER REFERENCES deletions)""",
    # No cascade from parent to child: SQLite's is a recursion of triggers, which ends at a depth of 1,000.
    """CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation_id INTEGER NOT NULL REFERENCES conversations,
        parent_id INTEGER REFERENCES messages,
        selected_id INTEGER,
        depth INTEGER NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
        text TEXT NOT NULL,
        state TEXT NOT NULL
            CHECK (state IN ('writing', 'done', 'cancelled', 'length', 'failed', 'interrupted')),
        writer TEXT,
        memory TEXT NOT NULL DEFAULT '[]', stats TEXT NOT NULL DEFAULT '{}', origin TEXT,
        created_at INTEGER NOT NULL,
        deletion_id INTEGER REFERENCES deletions)""",
)
_SECOND_ROWS = (
    """INSERT INTO conversations (id, title, renamed, settings, leaf_id, created_at, updated_at)
        SELECT id, title,
            title <> coalesce((SELECT chat_title(text) FROM messages_1
                WHERE conversation_id = c.id AND parent_id IS NULL ORDER BY id LIMIT 1), title),
            CASE partner WHEN '' THEN '{}' ELSE json_object('partner', partner) END, leaf_id, created_at, updated_at
        FROM conversations_1 c""",
    """WITH RECURSIVE tree (id, depth) AS (
            SELECT id, 0 FROM messages_1 WHERE parent_id IS NULL
            UNION ALL SELECT m.id, depth + 1 FROM tree JOIN messages_1 m ON m.parent_id = tree.id)
        INSERT INTO messages (
            id, conversation_id, parent_id, selected_id, depth, role, text, state, memory, stats, created_at)
        SELECT m.id, conversation_id, parent_id, (SELECT max(id) FROM messages_1 WHERE parent_id = m.id), depth, role,
            text, CASE
                WHEN state = 'running' THEN 'interrupted'
                WHEN state = 'stopped' THEN 'cancelled'
                WHEN state = 'finished' AND json_extract(stats, '$.stopped_by') = 'length' THEN 'length'
                WHEN state = 'finished' THEN 'done'
                ELSE state END,
            memory, stats, created_at
        FROM messages_1 m JOIN tree ON tree.id = m.id ORDER BY m.id""",
    "DROP TABLE messages_1",
    "DROP TABLE conversations_1",
    """UPDATE conversations SET
        read_id = coalesce((SELECT max(id) FROM messages WHERE conversation_id = conversations.id), 0),
        root_id = (SELECT max(id) FROM messages WHERE conversation_id = conversations.id AND parent_id IS NULL)""",
    # The branch that was shown stays shown: every message of it selects the next, and its last one none.
    """WITH RECURSIVE shown (id, parent_id, next_id) AS (
            SELECT m.id, m.parent_id, NULL FROM messages m JOIN conversations c ON c.leaf_id = m.id
            UNION ALL SELECT m.id, m.parent_id, shown.id FROM shown JOIN messages m ON m.id = shown.parent_id)
        UPDATE messages SET selected_id = shown.next_id FROM shown WHERE messages.id = shown.id""",
    """WITH RECURSIVE shown (id, parent_id, conversation_id) AS (
            SELECT m.id, m.parent_id, m.conversation_id FROM messages m JOIN conversations c ON c.leaf_id = m.id
            UNION ALL SELECT m.id, m.parent_id, m.conversation_id
                FROM shown JOIN messages m ON m.id = shown.parent_id)
        UPDATE conversations SET root_id = shown.id FROM shown
        WHERE conversations.id = shown.conversation_id AND shown.parent_id IS NULL""",
)
_SECOND_INDEXES = (
    """CREATE INDEX conversations_latest ON conversations (pinned DESC, updated_at DESC, id DESC)
        WHERE deletion_id IS NULL""",
    """CREATE INDEX conversations_by_title ON conversations (pinned DESC, chat_words(title), id)
        WHERE deletion_id IS NULL""",
    "CREATE INDEX conversations_deleted ON conversations (deletion_id) WHERE deletion_id IS NOT NULL",
    "CREATE INDEX messages_of_conversation ON messages (conversation_id, id)",
    "CREATE INDEX messages_by_parent ON messages (conversation_id, parent_id, id)",
    "CREATE INDEX messages_first ON messages (created_at) WHERE depth = 0",
    "CREATE INDEX messages_writing ON messages (writer) WHERE state = 'writing'",
    "CREATE INDEX messages_deleted ON messages (deletion_id) WHERE deletion_id IS NOT NULL",
    # Folded words, ready to be split at spaces; newest first needs no ranks, so no sizes are kept.
    """CREATE VIRTUAL TABLE message_words USING fts5(
        words, tokenize = 'ascii', prefix = '1 2 3', columnsize = 0)""",
    """CREATE TRIGGER message_comes AFTER INSERT ON messages WHEN new.state <> 'writing' BEGIN
        INSERT INTO message_words (rowid, words) VALUES (new.id, chat_words(new.text));
    END""",
    """CREATE TRIGGER message_changes AFTER UPDATE OF text, state ON messages
        WHEN new.state <> 'writing' AND (old.text <> new.text OR old.state = 'writing') BEGIN
        DELETE FROM message_words WHERE rowid = new.id;
        INSERT INTO message_words (rowid, words) VALUES (new.id, chat_words(new.text));
    END""",
    """CREATE TRIGGER message_goes AFTER DELETE ON messages BEGIN
        DELETE FROM message_words WHERE rowid = old.id;
    END""",
)
_SECOND_FILL = "INSERT INTO message_words (rowid, words) SELECT id, chat_words(text) FROM messages"


@MIGRATIONS.append
def m002_selection_settings_search_undo(connection: sqlite3.Connection) -> None:
    """Keep which child is shown, settings, deletions that can be undone, what made a reply, and a word index."""
    for statement in (*_SECOND_TABLES, *_SECOND_ROWS, *_SECOND_INDEXES, _SECOND_FILL):
        connection.execute(statement)


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the file, readable by this user only, at the newest version; raises ChatcloneError.

    The connection is in autocommit mode and may be used by any thread, one at a time.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Never opened beside SQLite once it is there: closing it again would drop the locks that other connections of this
    # process hold (POSIX), and the next process to leave would delete the log they write to.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode = WAL")
        for pragma in (
            "synchronous = NORMAL",  # a power cut may lose the last moments, never break the file
            "secure_delete = ON",  # what is purged is overwritten, not only unlinked
            "trusted_schema = ON",  # the triggers call chat_words
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("chat_words", 1, index_text, deterministic=True)
        connection.create_function("chat_title", 1, title_of, deterministic=True)
        _migrate(connection, path)
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.OperationalError as error:
        connection.close()
        raise ChatcloneError(f"{path} cannot be opened: {error}", "close the other chatclone and try again") from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise ChatcloneError(f"{path} cannot be read: {error}", "move that file away; a new one is made") from error
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
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a file of any earlier version to this one, whole or not at all."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return  # without waiting for whoever is writing
    with transaction(connection):
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise ChatcloneError(f"{path} was written by a newer chatclone", "pip install --upgrade chatclone")
        for migration in MIGRATIONS[version:]:
            migration(connection)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
