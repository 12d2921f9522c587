"""An empty memory filled for the first time: no comparing with what is there, and indexes made once at the end.

It is one transaction like any other change, in which indexes go and come back too: who is killed in the middle leaves
an empty memory behind.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from memory.store import passage_writer, vocabulary


@contextmanager
def without_checks(connection: sqlite3.Connection) -> Iterator[None]:
    """Spare an empty memory to look up, for every row, the rows it refers to, and whether there is such a kind.

    All rows are written in the same change, and of one kind. This is outside of the transaction, as SQLite wants it. A
    memory that is not empty is left as it is.
    """
    spared = is_empty(connection)
    if spared:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA ignore_check_constraints = ON")
    try:
        yield
    finally:
        if spared:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA ignore_check_constraints = OFF")


def is_empty(connection: sqlite3.Connection) -> bool:
    """Tell whether nothing is remembered."""
    found = connection.execute("SELECT EXISTS (SELECT 1 FROM line) OR EXISTS (SELECT 1 FROM passage)").fetchone()
    return not found[0]


class Filling:
    """Indexes are away from when this is made until `finish`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # All but those that SQLite made itself, of keys.
        self._indexes: list[tuple[str, str, str]] = connection.execute(
            "SELECT tbl_name, name, sql FROM sqlite_schema"
            " WHERE type = 'index' AND tbl_name IN ('line', 'passage') AND sql IS NOT NULL"
        ).fetchall()
        for _, name, _ in self._indexes:
            connection.execute(f"DROP INDEX {name}")
        vocabulary.distrust(connection)

    def finish(self, chats: Iterable[str]) -> None:
        """Make the passages of these chats, which are all there are, and the indexes."""
        self._index("line")
        for chat in chats:
            passage_writer.make_passages(self._connection, chat)
        self._index("passage")
        vocabulary.count(self._connection)

    def _index(self, table: str) -> None:
        for of, _, statement in self._indexes:
            if of == table:
                self._connection.execute(statement)
