"""Imported messages in SQLite: the truth a data set and a memory are made from.

A message is known by (platform, chat, message id), so importing again adds only what is new and an edit replaces its
text. What was forgotten leaves a tombstone and does not come back.
"""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import cast

from importers.message import Chat, ChatKind, Media, Message, Person, Span

MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = []
"""Each brings the file one version further; the version is SQLite's `user_version`."""


BATCH = 5000
"""Messages written at a time: bounds memory, and few enough statements not to matter."""


@MIGRATIONS.append
def m001_create(db: sqlite3.Connection) -> None:
    """Create the tables of the first version."""
    for statement in (
        "CREATE TABLE chat (platform TEXT, id TEXT, kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY(platform, id))",
        "CREATE TABLE person (platform TEXT, id TEXT, name TEXT NOT NULL, PRIMARY KEY (platform, id))",
        """CREATE TABLE message (
            platform TEXT, chat TEXT, id INTEGER, sent_at INTEGER NOT NULL, sender TEXT NOT NULL, text TEXT NOT NULL,
            media TEXT, reply_to INTEGER, edited_at INTEGER, forwarded INTEGER NOT NULL, via_bot INTEGER NOT NULL,
            spans TEXT, PRIMARY KEY (platform, chat, id)) WITHOUT ROWID""",
        """CREATE TABLE forgotten (
            platform TEXT, chat TEXT NOT NULL DEFAULT '', person TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (platform, chat, person))""",
    ):
        db.execute(statement)


@dataclass(frozen=True, slots=True)
class Added:
    """What an import changed: messages stored for the first time, already there, and replaced by a later edit."""

    new: int
    duplicates: int
    edited: int
    forgotten: int


class Archive:
    """The archive of one persona; every change happens in one `transaction`."""

    def __init__(self, path: Path) -> None:
        """Open the archive at `path`, creating or migrating it."""
        self._db = sqlite3.connect(path, isolation_level=None)
        os.chmod(path, 0o600)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA secure_delete=ON")  # forgotten words are overwritten, not only unlinked
        self._migrate()

    def close(self) -> None:
        """Close the file; changes outside a finished transaction are gone."""
        self._db.close()

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
            with self.transaction():
                migration(self._db)
                self._db.execute(f"PRAGMA user_version={number}")

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[None]:
        """Keep all changes of the block; none of them when it raises, or when `keep` is false (a dry run)."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT" if keep else "ROLLBACK")

    def add(self, platform: str, messages: Iterable[Message]) -> Added:
        """Store messages of one platform; known ones are replaced where the new one was edited later."""
        new = duplicates = edited = skipped = 0
        chats, people = self._forgotten(platform)
        stream = iter(messages)
        while batch := list(islice(stream, BATCH)):
            wanted = [m for m in batch if m.chat not in chats and m.sender not in people]
            skipped += len(batch) - len(wanted)
            rows = [_row(platform, m) for m in wanted]
            added = self._changes(
                "INSERT INTO message VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
                rows,
            )
            new += added
            duplicates += len(rows) - added
            edited += self._changes(
                "UPDATE message SET text=?, media=?, edited_at=?, spans=? "
                "WHERE platform=? AND chat=? AND id=? AND coalesce(edited_at, 0) < ?",
                [(r[5], r[6], r[8], r[11], *r[:3], r[8]) for r in rows if r[8] is not None],
            )
        return Added(new, duplicates, edited, skipped)

    def add_names(self, platform: str, chats: Iterable[Chat], people: Iterable[Person]) -> None:
        """Store what chats and people are called now; a later name replaces an earlier one."""
        self._db.executemany(
            "INSERT OR REPLACE INTO chat VALUES (?,?,?,?)",
            [(platform, *_chat(c)) for c in chats],
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO person VALUES (?,?,?)",
            [(platform, p.id, p.name) for p in people],
        )

    def people(self) -> dict[str, Person]:
        """Return everybody who wrote, by id."""
        return {row[0]: Person(*row) for row in self._db.execute("SELECT id, name FROM person")}

    def counts(self) -> Counter[str]:
        """Return how many messages each person wrote, by id."""
        return Counter(dict(self._db.execute("SELECT sender, count(*) FROM message GROUP BY sender").fetchall()))

    def chats(self) -> list[tuple[str, Chat]]:
        """Return every chat with its platform, those with most messages first."""
        rows = self._db.execute(
            "SELECT c.platform, c.id, c.kind, c.name "
            "FROM chat c JOIN message m ON m.platform=c.platform AND m.chat=c.id "
            "GROUP BY c.platform, c.id ORDER BY count(*) DESC, c.id"
        ).fetchall()
        return [(platform, Chat(chat, cast(ChatKind, kind), name)) for platform, chat, kind, name in rows]

    def messages(self, platform: str, chat: str) -> Iterator[Message]:
        """Yield the messages of one chat in their order (negative ids, from before a migration, come first)."""
        rows = self._db.execute(
            "SELECT * FROM message WHERE platform=? AND chat=? ORDER BY id",
            (platform, chat),
        )
        return (_message(row) for row in rows)

    def forget(self, *, chat: str = "", person: str = "") -> int:
        """Remove a chat or everything a person wrote, leave a tombstone, and return how many messages are gone."""
        column, value = ("chat", chat) if chat else ("sender", person)
        platforms = [row[0] for row in self._db.execute("SELECT DISTINCT platform FROM message").fetchall()]
        with self.transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO forgotten VALUES (?,?,?)",
                [(platform, chat, person) for platform in platforms],
            )
            return self._db.execute(f"DELETE FROM message WHERE {column}=?", (value,)).rowcount

    def _forgotten(self, platform: str) -> tuple[set[str], set[str]]:
        rows = self._db.execute("SELECT chat, person FROM forgotten WHERE platform=?", (platform,)).fetchall()
        return {chat for chat, _ in rows if chat}, {person for _, person in rows if person}

    def _changes(self, statement: str, rows: list[tuple[object, ...]]) -> int:
        before = self._db.total_changes
        self._db.executemany(statement, rows)
        return self._db.total_changes - before


def _chat(chat: Chat) -> tuple[str, str, str]:
    return chat.id, chat.kind, chat.name


def _row(platform: str, m: Message) -> tuple[object, ...]:
    media = json.dumps(asdict(m.media), ensure_ascii=False) if m.media else None
    spans = json.dumps([(s.kind, s.start, s.end) for s in m.spans]) if m.spans else None
    return (
        platform, m.chat, m.id, m.sent_at, m.sender, m.text,
        media, m.reply_to, m.edited_at, m.forwarded, m.via_bot, spans,
    )  # fmt: skip


def _message(row: tuple[object, ...]) -> Message:
    (
        _,
        chat,
        number,
        sent_at,
        sender,
        text,
        media,
        reply_to,
        edited_at,
        forwarded,
        via_bot,
        spans,
    ) = row
    return Message(
        chat=str(chat),
        id=cast(int, number),
        sent_at=cast(int, sent_at),
        sender=str(sender),
        text=str(text),
        media=Media(**json.loads(str(media))) if media else None,
        reply_to=cast("int | None", reply_to),
        edited_at=cast("int | None", edited_at),
        forwarded=bool(forwarded),
        via_bot=bool(via_bot),
        spans=tuple(Span(*span) for span in json.loads(str(spans))) if spans else (),
    )
