"""Imported messages in SQLite: the truth a data set and a memory are made from.

A message is known by (platform, chat, message id), so importing again adds only what is new and an edit replaces its
text. What was forgotten leaves a tombstone and does not come back.
"""

import hashlib
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, starmap
from pathlib import Path
from typing import cast

from chatclone.archive import rows
from chatclone.archive.forgotten import NAME, Tombstones
from chatclone.archive.merge_chats import Joined, join, rename_person
from chatclone.errors import ChatcloneError
from chatclone.storage.sqlite_file import Migration, migrate
from importers.message import Chat, ChatKind, Message, Person

MIGRATIONS: list[Migration] = []
"""Applied in order. To change the tables, append a function `m002_…`; never edit one that was released."""
BATCH = 5000
"""Messages written at a time: bounds memory, and few enough statements not to matter."""
BUSY_SECONDS = 5.0
"""How long one import waits for another to end."""
CACHE_KB = 64_000
"""Of the database in memory: an import into a large archive touches the same inner pages again and again."""
FORGOTTEN = "somebody"
"""What a chat with a forgotten person is called."""


@MIGRATIONS.append
def m001_create(db: sqlite3.Connection) -> None:
    """Create all tables."""
    for statement in (
        "CREATE TABLE chat (platform TEXT, id TEXT, kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY(platform, id))",
        "CREATE TABLE person (platform TEXT, id TEXT, name TEXT NOT NULL, PRIMARY KEY (platform, id))",
        """CREATE TABLE message (
            platform TEXT, chat TEXT, id INTEGER, sent_at INTEGER NOT NULL, sender TEXT NOT NULL, text TEXT NOT NULL,
            media TEXT, reply_to INTEGER, edited_at INTEGER, forwarded INTEGER NOT NULL, via_bot INTEGER NOT NULL,
            spans TEXT, utc_offset INTEGER, PRIMARY KEY (platform, chat, id)) WITHOUT ROWID""",
        # How many messages each export dropped; `chats` is a hash of the ids of its chats.
        "CREATE TABLE export (platform TEXT, chats BLOB, dropped INTEGER, PRIMARY KEY (platform, chats))",
    ):
        db.execute(statement)
    Tombstones.create(db)


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
        self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        os.chmod(path, 0o600)
        try:
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"cache_size=-{CACHE_KB}", "temp_store=MEMORY"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.execute("PRAGMA secure_delete=ON")  # forgotten words are overwritten, not only unlinked
            migrate(self._db, path, MIGRATIONS, "move it away and import your exports again")
            self._tombstones = Tombstones(self._db)
        except sqlite3.DatabaseError as error:
            self._db.close()
            if isinstance(error, sqlite3.OperationalError):  # such as a full disk: the file itself is sound
                raise
            raise ChatcloneError(
                "{path} cannot be read: {error}", "move it away and import your exports again", path=path, error=error
            ) from error
        except ChatcloneError:
            self._db.close()
            raise
        self._chats: list[tuple[str, Chat]] = []
        self._chats_at = -1
        """After how many changes these were the chats."""

    def close(self) -> None:
        """Close the file; changes outside a finished transaction are gone."""
        self._db.close()

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[None]:
        """Keep all changes of the block; none of them when it raises, or when `keep` is false (a dry run)."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise ChatcloneError(
                "another import or forgetting is changing this persona: {error}",
                "wait until it has finished, and try again",
                error=error,
            ) from error
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        else:
            self._db.execute("COMMIT" if keep else "ROLLBACK")
        finally:
            self._chats_at = -1

    def add(self, platform: str, messages: Iterable[Message]) -> Added:
        """Store messages of one platform; known ones are replaced where the new one was edited later."""
        new = duplicates = edited = skipped = 0
        gone = self._tombstones.marked(platform)
        stream = iter(messages)
        while batch := list(islice(stream, BATCH)):
            wanted = batch
            if gone:
                wanted = [m for m in batch if not (gone.holds("chat", m.chat) or gone.holds("person", m.sender))]
                skipped += len(batch) - len(wanted)
            plain, rich = rows.divided(platform, wanted)
            added = self._changes(rows.INSERT_PLAIN, plain) + self._changes(rows.INSERT_RICH, rich)
            new += added
            duplicates += len(wanted) - added
            if added < len(wanted):
                edited += self._changes(
                    "UPDATE message SET text=?, media=?, edited_at=?, spans=? "
                    "WHERE platform=? AND chat=? AND id=? AND coalesce(edited_at, 0) < ?",
                    [(r[5], r[6], r[8], r[11], *r[:3], r[8]) for r in rich if r[8] is not None],
                )
        return Added(new, duplicates, edited, skipped)

    def add_names(self, platform: str, chats: Iterable[Chat], people: Iterable[Person]) -> int:
        """Store what chats and people are called now; a later name replaces an earlier one.

        Who was forgotten by name is recognised here, and what they wrote removed: returns how many messages.
        """
        gone = self._tombstones.marked(platform)
        met = {p.id: p for p in people}
        back = [p.id for p in met.values() if gone.holds("called", p.name) and not gone.holds("person", p.id)]
        self._tombstones.plant(platform, "person", back)

        def hidden(who: str) -> bool:
            return gone.holds("person", who) or who in back

        # A personal chat is called like the one it is with, and has their id.
        named = [(platform, c.id, c.kind, FORGOTTEN if hidden(c.id) else c.name) for c in chats]
        self._db.executemany(
            "INSERT OR REPLACE INTO chat VALUES (?,?,?,?)", [row for row in named if not gone.holds("chat", row[1])]
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO person VALUES (?,?,?)",
            [(platform, p.id, p.name) for p in met.values() if not hidden(p.id)],
        )
        statement = "DELETE FROM message WHERE platform=? AND sender=?"
        return sum(self._db.execute(statement, (platform, person)).rowcount for person in back)

    def join(self, platform: str) -> Joined:
        """Make one what stands here under two ids and is shown to be one; see `chatclone.archive.merge_chats`."""
        return join(self._db, platform)

    def rename_person(self, platform: str, person: str, into: str) -> None:
        """Give what a person wrote to another id."""
        rename_person(self._db, platform, person, into)

    def dropped_first(self, platform: str, chats: Iterable[str], dropped: int, *, seen: bool) -> int:
        """Return how many of an export's dropped messages were not in an earlier export of the same chats.

        What is dropped is not stored, so their number is: `seen` says whether any message was known already, for the
        first export of these chats.
        """
        key = hashlib.sha256("\n".join(sorted(chats)).encode("utf-8", "surrogatepass")).digest()
        row = self._db.execute("SELECT dropped FROM export WHERE platform=? AND chats=?", (platform, key)).fetchone()
        before = row[0] if row else (dropped if seen else 0)
        self._db.execute("INSERT OR REPLACE INTO export VALUES (?,?,?)", (platform, key, max(before, dropped)))
        return max(0, dropped - before)

    def people(self, platform: str = "") -> dict[str, Person]:
        """Return everybody who wrote, by id; ids are unique within a platform only, "" mixes all platforms."""
        found = self._db.execute("SELECT id, name FROM person WHERE ?1 IN ('', platform)", (platform,))
        return {row[0]: Person(*row) for row in found}

    def counts(self, platform: str = "") -> Counter[str]:
        """Return how many messages each person wrote, by id, on one platform or on all."""
        query = "SELECT sender, count(*) FROM message WHERE ?1 IN ('', platform) GROUP BY sender"
        return Counter(dict(self._db.execute(query, (platform,)).fetchall()))

    def chats(self) -> list[tuple[str, Chat]]:
        """Return every chat with its platform, those with most messages first."""
        # An import asks for them several times, and every message has to be counted.
        if self._chats_at != self._db.total_changes:
            self._chats, self._chats_at = self._count_chats(), self._db.total_changes
        return list(self._chats)

    def _count_chats(self) -> list[tuple[str, Chat]]:
        found = self._db.execute(
            "SELECT c.platform, c.id, c.kind, c.name "
            "FROM chat c JOIN message m ON m.platform=c.platform AND m.chat=c.id "
            "GROUP BY c.platform, c.id ORDER BY count(*) DESC, c.id"
        ).fetchall()
        return [(platform, Chat(chat, cast(ChatKind, kind), name)) for platform, chat, kind, name in found]

    def messages(self, platform: str, chat: str) -> Iterator[Message]:
        """Yield the messages of one chat in their order (negative ids, from before a migration, come first)."""
        found = self._db.execute(
            f"SELECT {rows.COLUMNS} FROM message WHERE platform=? AND chat=? ORDER BY id", (platform, chat)
        )
        return starmap(rows.message, found)

    def texts(self, platform: str, chat: str) -> Iterator[tuple[int, int, int, str, str]]:
        """Yield id, time, UTC offset, sender and content of the messages of a chat that have words, in their order."""
        found = self._db.execute(
            "SELECT id, sent_at, coalesce(utc_offset, 0), sender, text, media FROM message"
            " WHERE platform=? AND chat=? AND text<>'' ORDER BY id",
            (platform, chat),
        )
        for number, sent_at, offset, sender, text, media in found:
            yield number, sent_at, offset, sender, rows.media(media).with_text(text) if media else text

    def wrote(self, platform: str, chat: str, person: str) -> bool:
        """Tell whether a person wrote in a chat."""
        found = "SELECT EXISTS (SELECT 1 FROM message WHERE platform=? AND chat=? AND sender=?)"
        return bool(self._db.execute(found, (platform, chat, person)).fetchone()[0])

    def others(self, platform: str, chat: str, person: str) -> list[str]:
        """Return who but this person wrote in a chat, those with most messages first."""
        who = "SELECT sender FROM message WHERE platform=? AND chat=? AND sender<>?"
        found = self._db.execute(f"{who} GROUP BY sender ORDER BY count(*) DESC, sender", (platform, chat, person))
        return [row[0] for row in found]

    def holds(self, platform: str, chat: str, number: str) -> bool:
        """Tell whether there is a message with this number, as it is written."""
        known = "SELECT EXISTS (SELECT 1 FROM message WHERE platform=? AND chat=? AND CAST(id AS TEXT)=?)"
        return bool(self._db.execute(known, (platform, chat, number)).fetchone()[0])

    def platforms(self) -> list[str]:
        """Return the platforms that there are messages of, by name."""
        return [row[0] for row in self._db.execute("SELECT DISTINCT platform FROM message ORDER BY 1").fetchall()]

    def forget(self, platform: str, *, chat: str = "", person: str = "") -> int:
        """Remove a chat or everything a person wrote, leave a tombstone, and return how many messages are gone.

        Names go too. A person known by name only takes the chat of that name along, as its id is the name.
        """
        return self._forget_chat(platform, chat) if chat else self._forget_person(platform, person)

    def compact(self) -> None:
        """Write the file anew, outside of a transaction: pages that were divided keep copies of what is deleted."""
        self._db.execute("VACUUM")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _forget_chat(self, platform: str, chat: str) -> int:
        named = self._db.execute("SELECT name FROM chat WHERE platform=? AND id=?", (platform, chat)).fetchall()
        named += self._db.execute("SELECT name FROM person WHERE platform=? AND id=?", (platform, chat)).fetchall()
        self._tombstones.plant(platform, "chat", [chat, *(NAME + row[0] for row in named)])
        self._db.execute("DELETE FROM chat WHERE platform=? AND id=?", (platform, chat))
        return self._db.execute("DELETE FROM message WHERE platform=? AND chat=?", (platform, chat)).rowcount

    def _forget_person(self, platform: str, person: str) -> int:
        row = self._db.execute("SELECT name FROM person WHERE platform=? AND id=?", (platform, person)).fetchone()
        name = row[0] if row else person.removeprefix(NAME)
        known = (platform, name, person)
        others = self._db.execute("SELECT 1 FROM person WHERE platform=? AND name=? AND id<>?", known).fetchone()
        self._tombstones.plant(platform, "person", [person] if others else [person, NAME + name])
        self._db.execute("DELETE FROM person WHERE platform=? AND id=?", (platform, person))
        self._db.execute("UPDATE chat SET name=? WHERE platform=? AND id=?", (FORGOTTEN, platform, person))
        gone = self._db.execute("DELETE FROM message WHERE platform=? AND sender=?", (platform, person)).rowcount
        if person.startswith(NAME):
            self._tombstones.plant(platform, "called", [] if others else [name])
            gone += self._forget_chat(platform, person)
        return gone

    def _changes(self, statement: str, values: list[rows.Row]) -> int:
        before = self._db.total_changes
        self._db.executemany(statement, values)
        return self._db.total_changes - before
