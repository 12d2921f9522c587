"""What must not come back: messages, people, chats and spans of time, as hashes that nobody can read.

The key of the hash lies in the same file. It keeps names out of sight and out of a search through the disk; it is no
secret from somebody who has the file and a list of names to try. A span of time is kept as it is.
"""

import sqlite3
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

from memory.passages import Line

Kind = Literal["line", "person", "chat"]


def digest(salt: bytes, kind: str, value: str) -> bytes:
    """Return the keyed hash that stands for a message's key, a person's name or a chat's id."""
    return blake2b(f"{kind}:{value}".encode("utf-8", "surrogatepass"), digest_size=16, key=salt).digest()


class Tombstones:
    """The tombstones of a memory, as they are in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        row = connection.execute("SELECT value FROM state WHERE name = 'salt'").fetchone()
        self._salt: bytes = row[0]
        self._hidden: dict[str, set[bytes]] = {"line": set(), "person": set(), "chat": set()}
        self._spans: list[tuple[int, int]] = []
        for kind, value in connection.execute("SELECT kind, value FROM forgotten"):
            if kind == "span":
                start, end = value.decode().split(" ")
                self._spans.append((int(start), int(end)))
            else:
                self._hidden[kind].add(value)
        # A chat has few names and few people, but many messages.
        self._covers = lru_cache(maxsize=10_000)(self._is_hidden)

    def __bool__(self) -> bool:
        """Tell whether anything was forgotten."""
        return bool(self._spans) or any(self._hidden.values())

    def cover(self, line: Line) -> bool:
        """Tell whether this message was forgotten."""
        return (
            self._covers("chat", line.chat)
            or self._covers("person", line.who)
            or (bool(self._hidden["line"]) and self._is_hidden("line", line.key))
            or any(start <= line.local < end for start, end in self._spans)
        )

    def bury(self, kind: Kind, values: Iterable[str]) -> None:
        """Keep these out from now on."""
        rows = [(kind, digest(self._salt, kind, value)) for value in values]
        self._connection.executemany("INSERT OR IGNORE INTO forgotten VALUES (?, ?)", rows)

    def bury_span(self, start: int, end: int) -> None:
        """Keep out what was said from `start` until before `end`, in seconds of the clock where it was written."""
        self._connection.execute("INSERT OR IGNORE INTO forgotten VALUES ('span', ?)", (f"{start} {end}".encode(),))

    def _is_hidden(self, kind: Kind, value: str) -> bool:
        hidden = self._hidden[kind]
        return bool(hidden) and digest(self._salt, kind, value) in hidden
