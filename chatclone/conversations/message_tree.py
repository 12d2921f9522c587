"""The tree of a conversation's messages, in SQL: what is shown, what could be, and going from one to the other.

Every function takes a connection, and those that change something want to be called within a transaction.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from chatclone.conversations.records import MESSAGE_COLUMNS, StoredMessage, message_of

NO_LIMIT = 2**31
_SIBLINGS = "FROM messages s WHERE s.conversation_id = m.conversation_id AND s.parent_id IS m.parent_id"
_PLACED = f"""{MESSAGE_COLUMNS},
    (SELECT count(*) {_SIBLINGS} AND s.deletion_id IS NULL AND s.id <= m.id),
    (SELECT count(*) {_SIBLINGS} AND s.deletion_id IS NULL)"""
_ABOVE = """
WITH RECURSIVE branch (id, parent_id, steps) AS (
    SELECT id, parent_id, 1 FROM messages WHERE id = ?
    UNION ALL
    SELECT m.id, m.parent_id, steps + 1 FROM branch JOIN messages m ON m.id = branch.parent_id WHERE steps < ?)
"""
_BELOW = """
WITH RECURSIVE branch (id, selected_id, steps) AS (
    SELECT id, selected_id, 1 FROM messages WHERE id = ?
    UNION ALL
    SELECT m.id, m.selected_id, steps + 1 FROM branch JOIN messages m ON m.id = branch.selected_id WHERE steps < ?)
"""
_ALL_BELOW = """
WITH RECURSIVE below (id) AS (
    SELECT ?
    UNION ALL
    SELECT m.id FROM below JOIN messages m ON m.conversation_id = ? AND m.parent_id = below.id)
"""
_OF_BRANCH = f"SELECT {_PLACED} FROM branch JOIN messages m ON m.id = branch.id ORDER BY m.depth"


def above(connection: sqlite3.Connection, message: int | None, limit: int = NO_LIMIT) -> list[StoredMessage]:
    """Return the last `limit` messages of the branch that ends with `message`, oldest first."""
    return _branch(connection, _ABOVE, message, limit)


def below(connection: sqlite3.Connection, message: int | None, limit: int = NO_LIMIT) -> list[StoredMessage]:
    """Return `message` and what is shown after it, at most `limit` messages, oldest first."""
    return _branch(connection, _BELOW, message, limit)


def message(connection: sqlite3.Connection, number: int) -> StoredMessage | None:
    """Return one message, or None where there is none or it was deleted."""
    query = f"SELECT {_PLACED} FROM messages m WHERE m.id = ? AND m.deletion_id IS NULL"
    row = connection.execute(query, (number,)).fetchone()
    return message_of(row) if row else None


def siblings(connection: sqlite3.Connection, of: StoredMessage) -> list[int]:
    """Return the ids of all messages that follow the same one, `of` itself among them, oldest first."""
    rows = connection.execute(
        "SELECT id FROM messages WHERE conversation_id = ? AND parent_id IS ? AND deletion_id IS NULL ORDER BY id",
        (of.conversation, of.parent),
    )
    return [number for (number,) in rows]


def select(connection: sqlite3.Connection, number: int, *, to_end: bool) -> None:
    """Show the branch through a message: down to where it was left `to_end`, else up to the message itself."""
    if not to_end:
        connection.execute("UPDATE messages SET selected_id = NULL WHERE id = ?", (number,))
    (parent,) = connection.execute("SELECT parent_id FROM messages WHERE id = ?", (number,)).fetchone() or (None,)
    if parent is not None and _is_shown(connection, parent):
        connection.execute("UPDATE messages SET selected_id = ? WHERE id = ?", (number, parent))
    else:
        _select_above(connection, number)
    find_leaf(connection, number)


def _select_above(connection: sqlite3.Connection, number: int) -> None:
    """Make every message above this one show the next."""
    connection.execute(
        f"""{_ABOVE} UPDATE messages SET selected_id = branch.id FROM branch
            WHERE messages.id = branch.parent_id AND messages.selected_id IS NOT branch.id""",
        (number, NO_LIMIT),
    )
    connection.execute(
        f"""{_ABOVE} UPDATE conversations SET root_id = branch.id FROM branch
            WHERE conversations.id = (SELECT conversation_id FROM messages WHERE id = branch.id)
            AND branch.parent_id IS NULL""",
        (number, NO_LIMIT),
    )


def _is_shown(connection: sqlite3.Connection, number: int) -> bool:
    """Return whether a message is on the branch that is shown; the nearer to its end, the sooner."""
    leaf = """SELECT leaf.id, leaf.depth - m.depth + 1 FROM messages m
        JOIN conversations c ON c.id = m.conversation_id JOIN messages leaf ON leaf.id = c.leaf_id WHERE m.id = ?"""
    row = connection.execute(leaf, (number,)).fetchone()
    found = f"{_ABOVE} SELECT 1 FROM branch WHERE id = ?"
    return bool(row and row[1] > 0 and connection.execute(found, (*row, number)).fetchone())


def find_leaf(connection: sqlite3.Connection, number: int) -> None:
    """Make the end of what is shown after a message the end of its conversation."""
    connection.execute(
        f"""{_BELOW} UPDATE conversations
            SET leaf_id = (SELECT id FROM branch ORDER BY steps DESC LIMIT 1)
            WHERE id = (SELECT conversation_id FROM messages WHERE id = ?)""",
        (number, NO_LIMIT, number),
    )


def append(connection: sqlite3.Connection, conversation: int, parent: int | None, number: int) -> None:
    """Show a message that was just added after `parent`; at the end of what is shown nothing else changes."""
    (leaf,) = connection.execute("SELECT leaf_id FROM conversations WHERE id = ?", (conversation,)).fetchone()
    if parent is None or parent != leaf:
        select(connection, number, to_end=True)
        return
    connection.execute("UPDATE messages SET selected_id = ? WHERE id = ?", (number, parent))
    connection.execute("UPDATE conversations SET leaf_id = ? WHERE id = ?", (number, conversation))


def take_out(connection: sqlite3.Connection, of: StoredMessage, deletion: int) -> int:
    """Mark a message and all that followed it in any branch as deleted, show what is left, and return how many."""
    connection.execute(
        f"{_ALL_BELOW} UPDATE messages SET deletion_id = ? WHERE id IN (SELECT id FROM below) AND deletion_id IS NULL",
        (of.id, of.conversation, deletion),
    )
    (count,) = connection.execute("SELECT changes()").fetchone()
    left = siblings(connection, of)
    # The nearest version before it, else the one after.
    instead = next((n for n in reversed(left) if n < of.id), left[0] if left else None)
    table, column, row = ("messages", "selected_id", of.parent)
    if of.parent is None:
        table, column, row = ("conversations", "root_id", of.conversation)
    connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = ? AND {column} = ?", (instead, row, of.id))
    shown = "SELECT 1 FROM conversations c JOIN messages m ON m.id = c.leaf_id WHERE c.id = ? AND m.deletion_id = ?"
    if connection.execute(shown, (of.conversation, deletion)).fetchone():
        connection.execute("UPDATE conversations SET leaf_id = ? WHERE id = ?", (of.parent, of.conversation))
        if instead is not None:
            find_leaf(connection, instead)
    return int(count)


def _branch(connection: sqlite3.Connection, way: str, start: int | None, limit: int) -> list[StoredMessage]:
    rows: Sequence[tuple[Any, ...]] = connection.execute(way + _OF_BRANCH, (start, limit)).fetchall()
    return [message_of(row) for row in rows]
