"""The face of memory: remember what was said, recall it, forget it for good, and prove that it is sound.

    with Memory.open(path) as memory:
        memory.sync(lines)
        for hit in memory.recall("whats your cat called").hits: ...

A Memory may be used from several threads: changes take turns, and recalling does not wait for them.
"""

import builtins
import sqlite3
import threading
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from memory import store, upkeep
from memory.passages import Line, Passage
from memory.search import Hit, Recall, hit_of, search
from memory.words import count_words

NOTES = "notes"
"""The chat, and the speaker, that the user's own notes stand under."""
NOTES_CHAT = "note:"
"""The id of that chat, which no platform gives out."""
AROUND = 5
"""Lines shown before and after a passage."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync changed, in lines (an edited line is one removed and one added), and how many passages there are."""

    added: int
    removed: int
    passages: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A passage with some lines of its chat before and after it."""

    before: tuple[Line, ...]
    passage: Passage
    after: tuple[Line, ...]


class Memory:
    """What was said, in one file; `open` makes one."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._writer, self._writing = writer, threading.Lock()
        self._reader, self._reading = reader, threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the memory in `path`, an empty one where there is none; raises StoreError for any other file."""
        writer = store.connect(path)
        try:
            return cls(writer, store.connect(path))
        except BaseException:
            writer.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._writing, store.transaction(self._writer) as connection:
            yield connection

    @contextmanager
    def _look(self) -> Iterator[sqlite3.Connection]:
        with self._reading:
            yield self._reader

    def sync(self, lines: Iterable[Line]) -> Synced:
        """Bring memory in step with `lines`, the whole archive: only what is new or edited is indexed.

        Lines that are no longer there go, their bytes overwritten; forgotten ones stay out, notes stay. Done twice it
        changes nothing.
        """
        with self._change() as connection:
            wanted = _remembered(connection, lines)
            stored = {line.key: (i, line) for i, line in upkeep.lines_where(connection, "kind = 'said'").items()}
            gone = {key: old for key, (_, old) in stored.items() if not _unchanged(old, wanted.get(key))}
            fresh = [line for key, line in wanted.items() if key not in stored or key in gone]
            upkeep.delete_lines(connection, (stored[key][0] for key in gone))
            for line in fresh:
                upkeep.insert_line(connection, line)
            _rename_chats(connection, wanted.values())
            for chat in {line.chat for line in (*gone.values(), *fresh)}:
                upkeep.refresh_passages(connection, chat)
            upkeep.drop_empty_chats(connection)
            synced = Synced(len(fresh), len(gone), _count(connection))
        if gone:
            with self._writing:
                store.erase_traces(self._writer)
        return synced

    def recall(
        self, query: str, *, words: int = 400, exclude: Collection[str] = (), before: int | None = None
    ) -> Recall:
        """Return what was said about `query`, best first, within a budget of `words`; nothing where nothing fits.

        Messages whose text is in `exclude` (what stands in the prompt already) are left out; with `before`, in Unix
        seconds, so is everything from then on.
        """
        started = time.perf_counter()
        with self._look() as connection:
            hits = search(connection, query, words=words, exclude=exclude, before=before)
        return Recall(hits, sum(count_words(hit.text) for hit in hits), 1000 * (time.perf_counter() - started))

    def add(self, text: str, when: int) -> int:
        """Remember a note of the user's, which ranks first where it matches, and return its passage's id."""
        note = Line(f"note:{uuid.uuid4().hex}", NOTES_CHAT, NOTES, NOTES, when, text)
        with self._change() as connection:
            return upkeep.insert_passage(connection, {upkeep.insert_line(connection, note, "note"): note}, "note")

    def list(self, limit: int = 50, offset: int = 0) -> tuple[Hit, ...]:
        """Return remembered passages, latest first; nothing was asked, so their score is 0."""
        with self._look() as connection:
            rows = connection.execute(
                "SELECT id FROM passage ORDER BY started_at DESC, id DESC LIMIT ? OFFSET ?", (limit, offset)
            ).fetchall()
            return tuple(hit_of(passage, 0.0, upkeep.lines_of(connection, passage)) for (passage,) in rows)

    def show(self, passage: int) -> Surroundings | None:
        """Return a passage and the lines around it in its chat, or None where there is none with this id."""
        with self._look() as connection:
            lines = upkeep.lines_of(connection, passage)
            if not lines:
                return None
            chat = [*upkeep.lines_where(connection, "chat = ?", (next(iter(lines.values())).chat,)).items()]
        places = [place for place, (line, _) in enumerate(chat) if line in lines]
        first, last = places[0], places[-1]
        return Surroundings(
            before=tuple(line for _, line in chat[max(0, first - AROUND) : first]),
            passage=Passage(tuple(lines.values())),
            after=tuple(line for _, line in chat[last + 1 : last + 1 + AROUND]),
        )

    def forget(
        self,
        *,
        passage: int | None = None,
        person: str | None = None,
        chat: str | None = None,
        key: str | None = None,
    ) -> int:
        """Remove the lines that fulfil any of these for good, and return how many they were.

        `passage` takes its messages; `person` (a name) and `chat` (an id or a name) also keep out what a later sync
        brings of them. Their bytes are overwritten. What others said about a person stays.
        """
        with self._change() as connection:
            chats = _chats_called(connection, chat)
            conditions = [
                ("line.id IN (SELECT line FROM passage_line WHERE passage = ?)", passage),
                ("kind = 'said' AND who = ?", person),
                ("key = ?", key),
                *(("chat = ?", each) for each in chats),
            ]
            lines: dict[int, Line] = {}
            for condition, value in conditions:
                if value is not None:
                    lines |= upkeep.lines_where(connection, condition, (value,))
            _bury(connection, [("line", line.key) for line in lines.values()])
            _bury(connection, [("line", key), ("person", person), *(("chat", each) for each in chats)])
            upkeep.delete_lines(connection, lines)
            for touched in {line.chat for line in lines.values()}:
                upkeep.refresh_passages(connection, touched)
            upkeep.drop_empty_chats(connection)
        with self._writing:
            store.erase_traces(self._writer)
        return len(lines)

    def count(self) -> int:
        """Return how many passages are remembered."""
        with self._look() as connection:
            return _count(connection)

    def check(self) -> builtins.list[str]:
        """Return what is wrong with the file, its windows, its index or its tombstones; nothing when it is sound."""
        with self._writing:
            return builtins.list(upkeep.problems(self._writer))

    def rebuild(self) -> None:
        """Make passages and index anew from the messages, which mends all that `check` finds but a damaged file."""
        with self._change() as connection:
            upkeep.rebuild_index(connection)


def _remembered(connection: sqlite3.Connection, lines: Iterable[Line]) -> dict[str, Line]:
    """Return the lines that say something and were not forgotten, by key."""
    forgotten = set(connection.execute("SELECT kind, value FROM forgotten"))
    return {
        line.key: line
        for line in lines
        if line.text.strip() and forgotten.isdisjoint({("line", line.key), ("person", line.who), ("chat", line.chat)})
    }


def _unchanged(old: Line, new: Line | None) -> bool:
    return new is not None and replace(new, chat_name=old.chat_name) == old


def _rename_chats(connection: sqlite3.Connection, lines: Iterable[Line]) -> None:
    names = {line.chat: line.chat_name for line in lines}
    connection.executemany(
        "UPDATE chat SET name = ? WHERE id = ? AND name <> ?", ((name, chat, name) for chat, name in names.items())
    )


def _chats_called(connection: sqlite3.Connection, chat: str | None) -> builtins.list[str]:
    """Return the ids of the chats with this id or name; an unknown one is taken for the id of a chat to come."""
    rows = connection.execute("SELECT id FROM chat WHERE id = ? OR name = ?", (chat, chat)).fetchall()
    return [row[0] for row in rows] or ([] if chat is None else [chat])


def _bury(connection: sqlite3.Connection, tombstones: Iterable[tuple[str, str | None]]) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO forgotten VALUES (?, ?)",
        ((kind, value) for kind, value in tombstones if value is not None),
    )


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM passage").fetchone()[0])
