"""Deleting that can be undone, and purging, after which the bytes are gone.

What is deleted is marked and no longer shown or found. A purge removes the rows, which SQLite overwrites with zeros,
takes their words out of the index's older segments, and empties the write-ahead log.
"""

import sqlite3

from chatclone.conversations import message_tree
from chatclone.conversations.records import Deletion, StoredMessage
from chatclone.storage.sqlite_file import transaction

UNDO_SECONDS = 7 * 86400
"""How long what was deleted can be brought back when nobody asks for an earlier purge."""
_MERGE_PAGES = 500
"""Pages of the index merged at a time, so that a chat that goes on meanwhile never waits for long."""


def delete_conversation(connection: sqlite3.Connection, conversation: int, now: int) -> Deletion | None:
    """Mark a conversation as deleted; None where there is none."""
    row = connection.execute(
        "SELECT count(*) FROM messages WHERE conversation_id = ? AND deletion_id IS NULL", (conversation,)
    ).fetchone()
    deletion = _begin(connection, conversation, None, row[0], now)
    changed = connection.execute(
        "UPDATE conversations SET deletion_id = ? WHERE id = ? AND deletion_id IS NULL", (deletion.id, conversation)
    ).rowcount
    if not changed:
        connection.execute("DELETE FROM deletions WHERE id = ?", (deletion.id,))
        return None
    return deletion


def delete_message(connection: sqlite3.Connection, message: StoredMessage, now: int) -> Deletion:
    """Mark a message and all that followed it as deleted."""
    deletion = _begin(connection, message.conversation, message.id, 0, now)
    count = message_tree.take_out(connection, message, deletion.id)
    connection.execute("UPDATE deletions SET messages = ? WHERE id = ?", (count, deletion.id))
    return Deletion(deletion.id, message.conversation, message.id, count, now)


def deletions(connection: sqlite3.Connection, limit: int) -> list[Deletion]:
    """Return what can be brought back, the latest first."""
    columns = "id, conversation_id, message_id, messages, deleted_at"
    rows = connection.execute(f"SELECT {columns} FROM deletions ORDER BY id DESC LIMIT ?", (limit,))
    return [Deletion(*row) for row in rows.fetchall()]


def restore(connection: sqlite3.Connection, deletion: int) -> Deletion | None:
    """Bring back what went with a deletion, and with the later ones that it stood under; None where it is gone."""
    columns = "id, conversation_id, message_id, messages, deleted_at"
    row = connection.execute(f"SELECT {columns} FROM deletions WHERE id = ?", (deletion,)).fetchone()
    if row is None:
        return None
    found = Deletion(*row)
    connection.execute("UPDATE conversations SET deletion_id = NULL WHERE deletion_id = ?", (deletion,))
    connection.execute("UPDATE messages SET deletion_id = NULL WHERE deletion_id = ?", (deletion,))
    connection.execute("DELETE FROM deletions WHERE id = ?", (deletion,))
    if found.message is not None:
        # A message cannot be seen while what it follows, or its conversation, is deleted.
        for (above,) in connection.execute(
            """SELECT p.deletion_id FROM messages m JOIN messages p ON p.id = m.parent_id
                WHERE m.id = ? AND p.deletion_id IS NOT NULL
                UNION SELECT deletion_id FROM conversations WHERE id = ? AND deletion_id IS NOT NULL""",
            (found.message, found.conversation),
        ).fetchall():
            restore(connection, above)
        message_tree.select(connection, found.message, to_end=True)
    return found


def purge(connection: sqlite3.Connection, until: int) -> int:
    """Remove what was deleted until then for good and return how many messages; wants no transaction around it."""
    with transaction(connection):
        row = connection.execute("SELECT max(id) FROM deletions WHERE deleted_at <= ?", (until,)).fetchone()
        if row[0] is None:
            return 0
        # By number, not by time: what was deleted first stands under what was deleted next, whatever the clock did.
        gone = connection.execute(
            """DELETE FROM messages WHERE deletion_id <= ?1 OR conversation_id IN
                (SELECT id FROM conversations WHERE deletion_id <= ?1)""",
            row,
        ).rowcount
        connection.execute("DELETE FROM conversations WHERE deletion_id <= ?", row)
        connection.execute("DELETE FROM deletions WHERE id <= ?", row)
        connection.execute(
            "DELETE FROM deletions WHERE message_id IS NOT NULL AND message_id NOT IN (SELECT id FROM messages)"
        )
    _erase_traces(connection)
    return gone


def _begin(connection: sqlite3.Connection, conversation: int, message: int | None, count: int, now: int) -> Deletion:
    number = connection.execute(
        "INSERT INTO deletions (conversation_id, message_id, messages, deleted_at) VALUES (?, ?, ?, ?)",
        (conversation, message, count, now),
    ).lastrowid
    return Deletion(number or 0, conversation, message, count, now)


def _erase_traces(connection: sqlite3.Connection) -> None:
    """Take deleted words out of the index, a few pages at a time, and out of the write-ahead log."""
    pages = -_MERGE_PAGES  # negative first: merge everything there is
    while True:
        before = connection.total_changes
        connection.execute("INSERT INTO message_words (message_words, rank) VALUES ('merge', ?)", (pages,))
        if connection.total_changes - before < 2:  # FTS5's own sign that there is nothing left to merge
            break
        pages = _MERGE_PAGES
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
