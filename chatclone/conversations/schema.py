"""The tables of `chats.sqlite`, and opening the file at the newest schema.

A message's parent is the message it follows; `selected_id` is the one of its children that is shown, and a
conversation's `leaf_id` the last message of the branch that this gives. `depth` counts a message's ancestors, so that
a branch is counted without reading it. Triggers keep the word index up to date; replies still being written are left
out of it.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from chatclone.conversations.records import title_of
from chatclone.conversations.search_words import index_text
from chatclone.errors import ChatcloneError
from chatclone.storage.sqlite_file import Migration, migrate

BUSY_SECONDS = 30.0
"""How long a change waits for another process to finish its own."""

MIGRATIONS: list[Migration] = []
"""Applied in order. To change the tables, append a function `m002_…`; never edit one that was released."""


@MIGRATIONS.append
def m001_create(connection: sqlite3.Connection) -> None:
    """Create conversations, messages, deletions that can be undone, and the word index."""
    for statement in (
        """CREATE TABLE deletions (
            id INTEGER PRIMARY KEY AUTOINCREMENT, conversation_id INTEGER NOT NULL, message_id INTEGER,
            messages INTEGER NOT NULL, deleted_at INTEGER NOT NULL)""",
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
    ):
        connection.execute(statement)


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the file, readable by this user only, at the newest schema; raises ChatcloneError.

    The connection is in autocommit mode and may be used by any thread, one at a time.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # O_EXCL: an existing file is never opened apart from SQLite. Closing that descriptor would drop the POSIX locks of
    # this process's other connections, and the next process to leave would delete the log they write to.
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
        migrate(connection, path, MIGRATIONS, "move that file away; a new one is created")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.OperationalError as error:
        connection.close()
        raise ChatcloneError(
            "cannot open {path}: {error}", "close the other chatclone and try again", path=path, error=error
        ) from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise ChatcloneError(
            "{path} cannot be read: {error}", "move that file away; a new one is created", path=path, error=error
        ) from error
    except BaseException:
        connection.close()
        raise
    return connection
