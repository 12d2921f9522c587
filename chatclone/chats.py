"""The conversations with the clone, in SQLite: what was said is saved before anything else happens to it.

A message's parent is the message it follows, so a reply written again is a second child of the same question; the
conversation's leaf says which branch is shown. A state is a column, never words in the text. The store may be used
from several threads.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from chatclone.errors import ChatcloneError
from memory.search import Hit

State = Literal["running", "finished", "stopped", "failed"]
Speaker = Literal["user", "assistant"]
TITLE_LENGTH = 48
"""Characters of the first message that become a conversation's title."""

_M001_CONVERSATIONS_AND_MESSAGES = """
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    partner TEXT NOT NULL,
    leaf_id INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX conversations_by_update ON conversations (updated_at DESC, id DESC);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    parent_id INTEGER REFERENCES messages ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    text TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'stopped', 'failed')),
    memory TEXT NOT NULL,
    stats TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX messages_by_conversation ON messages (conversation_id, id);
CREATE INDEX messages_by_parent ON messages (parent_id);
CREATE INDEX messages_running ON messages (state) WHERE state = 'running';
"""
MIGRATIONS = (_M001_CONVERSATIONS_AND_MESSAGES,)
"""Applied in order; `PRAGMA user_version` is how many a file has had."""

_COLUMNS = "id, conversation_id, parent_id, role, text, created_at, state, memory, stats"
_BRANCH = """
WITH RECURSIVE branch (id, parent_id, depth) AS (
    SELECT id, parent_id, 1 FROM messages WHERE id = ?
    UNION ALL
    SELECT m.id, m.parent_id, depth + 1 FROM messages m JOIN branch b ON m.id = b.parent_id WHERE depth < ?
)
"""
_NO_LIMIT = 2**31


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation with the clone, without its messages; times are Unix seconds."""

    id: int
    title: str
    partner: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message as it is saved; `memory` is what the reply was given, `stats` how it came about."""

    id: int
    conversation: int
    parent: int | None
    role: Speaker
    text: str
    created_at: int
    state: State = "finished"
    memory: tuple[Hit, ...] = ()
    stats: dict[str, Any] = field(default_factory=dict)

    @property
    def bubbles(self) -> list[str]:
        """The lines of the text, as they would have been sent one by one."""
        return [line for line in self.text.split("\n") if line.strip()]


class ChatStore:
    """The file of conversations of one persona."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._clock = clock
        self._lock = threading.RLock()

    @classmethod
    def open(cls, path: Path, clock: Callable[[], float] = time.time) -> "ChatStore":
        """Open or create the file, readable by this user only; replies that a crash cut off become stopped ones."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            for pragma in (
                "journal_mode = WAL",
                "synchronous = NORMAL",
                "foreign_keys = ON",
                "secure_delete = ON",
            ):
                connection.execute(f"PRAGMA {pragma}")
            _migrate(connection, path)
            connection.execute("UPDATE messages SET state = 'stopped' WHERE state = 'running'")
        except (sqlite3.DatabaseError, ChatcloneError) as error:
            connection.close()
            if isinstance(error, ChatcloneError):
                raise
            raise ChatcloneError(f"{path} cannot be read: {error}", "move that file away; a new one is made") from error
        return cls(connection, clock)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def conversations(self, limit: int = 200) -> list[Conversation]:
        """Return the conversations, the one with the latest message first."""
        columns = "id, title, partner, created_at, updated_at"
        query = f"SELECT {columns} FROM conversations ORDER BY updated_at DESC, id DESC LIMIT ?"
        return [Conversation(*row) for row in self._read(query, limit)]

    def create(self, title: str, partner: str = "") -> Conversation:
        """Begin a conversation, named after the first line of `title`."""
        name = _shortened(_storable(" ".join(title.split())))
        now = int(self._clock())
        with self._writing() as cursor:
            cursor.execute(
                "INSERT INTO conversations (title, partner, created_at, updated_at) VALUES (?, ?, ?, ?)",
                (name, _storable(partner), now, now),
            )
            return Conversation(cursor.lastrowid or 0, name, partner, now, now)

    def rename(self, conversation: int, title: str) -> None:
        """Give a conversation another title."""
        with self._writing() as cursor:
            cursor.execute(
                "UPDATE conversations SET title = ? WHERE id = ?",
                (_storable(title.strip()), conversation),
            )

    def delete(self, conversation: int) -> None:
        """Remove a conversation with all its branches."""
        with self._writing() as cursor:
            cursor.execute("DELETE FROM conversations WHERE id = ?", (conversation,))

    def add(
        self,
        conversation: int,
        role: Speaker,
        text: str,
        *,
        parent: int | None = None,
        state: State = "finished",
    ) -> StoredMessage:
        """Save a message; the branch that is shown ends with it."""
        now, text = int(self._clock()), _storable(text)
        with self._writing() as cursor:
            cursor.execute(
                "INSERT INTO messages (conversation_id, parent_id, role, text, state, memory, stats, created_at)"
                " VALUES (?, ?, ?, ?, ?, '[]', '{}', ?)",
                (conversation, parent, role, text, state, now),
            )
            number = cursor.lastrowid or 0
            cursor.execute(
                "UPDATE conversations SET leaf_id = ?, updated_at = ? WHERE id = ?",
                (number, now, conversation),
            )
        return StoredMessage(number, conversation, parent, role, text, now, state)

    def save_text(self, message: StoredMessage) -> None:
        """Save the text of a reply that is being written."""
        with self._writing() as cursor:
            cursor.execute(
                "UPDATE messages SET text = ? WHERE id = ?",
                (_storable(message.text), message.id),
            )

    def save(self, message: StoredMessage) -> None:
        """Save what may change of a message: text, state, memory, stats."""
        memory = json.dumps([asdict(hit) for hit in message.memory], ensure_ascii=True)
        stats = json.dumps(message.stats, ensure_ascii=True)
        with self._writing() as cursor:
            cursor.execute(
                "UPDATE messages SET text = ?, state = ?, memory = ?, stats = ? WHERE id = ?",
                (_storable(message.text), message.state, memory, stats, message.id),
            )

    def messages(self, conversation: int, limit: int = _NO_LIMIT) -> list[StoredMessage]:
        """Return the last `limit` messages of the branch that is shown, oldest first."""
        rows = self._read("SELECT leaf_id FROM conversations WHERE id = ?", conversation)
        return self.branch(rows[0][0], limit) if rows and rows[0][0] is not None else []

    def branch(self, leaf: int, limit: int = _NO_LIMIT) -> list[StoredMessage]:
        """Return the last `limit` messages up to `leaf`, oldest first."""
        query = f"{_BRANCH} SELECT {_COLUMNS} FROM messages WHERE id IN (SELECT id FROM branch) ORDER BY id"
        return [_message(row) for row in self._read(query, leaf, limit)]

    def siblings(self, message: StoredMessage) -> list[int]:
        """Return the ids of all messages that stand in this one's place, itself among them, oldest first."""
        rows = self._read(
            "SELECT id FROM messages WHERE conversation_id = ? AND parent_id IS ? AND role = ? ORDER BY id",
            message.conversation,
            message.parent,
            message.role,
        )
        return [row[0] for row in rows]

    def show(self, message: int) -> None:
        """Make the branch through `message` the one that is shown, down to its newest end."""
        newest: int | None = message
        while newest is not None:
            end = newest
            newest = self._read("SELECT max(id) FROM messages WHERE parent_id = ?", newest)[0][0]
        self.show_until(end)

    def show_until(self, message: int) -> None:
        """Make `message` the last one that is shown; what is written next follows it."""
        with self._writing() as cursor:
            cursor.execute(
                "UPDATE conversations SET leaf_id = ? WHERE id = (SELECT conversation_id FROM messages WHERE id = ?)",
                (message, message),
            )

    def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        """Hold the lock and a transaction, which is kept whole or not at all."""
        with self._lock:
            cursor = self._connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a file of any earlier version to this one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise ChatcloneError(
            f"{path} was written by a newer chatclone",
            "pip install --upgrade chatclone",
        )
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")


def _message(row: tuple[Any, ...]) -> StoredMessage:
    number, conversation, parent, role, text, created_at, state, memory, stats = row
    hits = tuple(Hit(**hit) for hit in json.loads(memory))
    return StoredMessage(
        number,
        conversation,
        parent,
        role,
        text,
        created_at,
        state,
        hits,
        json.loads(stats),
    )


def _shortened(line: str) -> str:
    """Return `line` cut to TITLE_LENGTH, between two words where there are some."""
    if len(line) <= TITLE_LENGTH:
        return line
    return (line[:TITLE_LENGTH].rpartition(" ")[0] or line[: TITLE_LENGTH - 1]) + "…"


def _storable(text: str) -> str:
    """Return `text` without lone surrogates, which no UTF-8 file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
