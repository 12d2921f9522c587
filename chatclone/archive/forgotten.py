"""What was forgotten, so that it does not come back, without saying what that was.

A mark is a keyed hash of an id or a name. The key lies beside the marks: whoever holds the file can test a name they
already know, but reads none.
"""

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterable
from typing import Literal

Kind = Literal["chat", "person", "called"]
"""`called` marks the name of somebody who was known by no id: whoever is called so is them."""
NAME = "name:"
"""What the id of a person or a chat begins with that an export tells by name only."""


class Tombstones:
    """The marks in one archive."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._key: bytes = db.execute("SELECT key FROM secret").fetchone()[0]

    @staticmethod
    def create(db: sqlite3.Connection) -> None:
        """Create the tables, with a key of their own."""
        db.execute("CREATE TABLE secret (key BLOB NOT NULL)")
        db.execute("INSERT INTO secret VALUES (?)", (secrets.token_bytes(32),))
        db.execute(
            "CREATE TABLE tombstone (platform TEXT, kind TEXT, mark BLOB,"
            " PRIMARY KEY (platform, kind, mark)) WITHOUT ROWID"
        )

    def plant(self, platform: str, kind: Kind, values: Iterable[str]) -> None:
        """Mark ids or names as forgotten."""
        rows = [(platform, kind, self._mark(value)) for value in values]
        self._db.executemany("INSERT OR IGNORE INTO tombstone VALUES (?,?,?)", rows)

    def marked(self, platform: str) -> "Marked":
        """Return what is marked on a platform, to be asked of many messages."""
        rows = self._db.execute("SELECT kind, mark FROM tombstone WHERE platform=?", (platform,)).fetchall()
        return Marked({(kind, mark) for kind, mark in rows}, self._key)

    def _mark(self, value: str) -> bytes:
        return _hash(self._key, value)


class Marked:
    """The marks of a platform; answers are remembered, as there are few people and many messages."""

    def __init__(self, marks: set[tuple[str, bytes]], key: bytes) -> None:
        self._marks, self._key = marks, key
        self._known: dict[tuple[Kind, str], bool] = {}

    def __bool__(self) -> bool:
        return bool(self._marks)

    def holds(self, kind: Kind, value: str) -> bool:
        """Tell whether an id or a name was forgotten."""
        asked = (kind, value)
        if asked not in self._known:
            self._known[asked] = bool(self._marks) and (kind, _hash(self._key, value)) in self._marks
        return self._known[asked]


def _hash(key: bytes, value: str) -> bytes:
    return hmac.new(key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
