"""Memory brought in step with an archive, a batch of messages at a time, however many there are.

Nothing is held for every message but one bit, and passages are repaired only around what changed.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from memory.passages import Line
from memory.store import bulk_load, passage_writer, vocabulary
from memory.store.bulk_load import Filling
from memory.store.passage_writer import Place, place_of
from memory.store.tombstones import Tombstones

BATCH = 2000
"""Lines compared with the file at a time."""
FEW = 100
"""Up to so many changes a chat is repaired around each of them, beyond that it is read through once."""

Progress = Callable[[int], None]
"""Told how many lines are through."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync changed, in lines (an edited line is one removed and one added), and how many passages there are."""

    added: int
    removed: int
    passages: int


class Changes:
    """Where lines came and went: few places a chat are kept, of more only that the chat changed throughout."""

    def __init__(self) -> None:
        self._places: dict[str, list[Place]] = defaultdict(list)

    def note(self, chat: str, place: Place) -> None:
        """Remember a place where a line came or went."""
        if len(self._places[chat]) <= FEW:
            self._places[chat].append(place)

    def mend(self, connection: sqlite3.Connection) -> None:
        """Make the passages of all these chats right again, and the counts of their words."""
        if sum(map(len, self._places.values())) > FEW:
            vocabulary.distrust(connection)
        for chat, places in self._places.items():
            if len(places) > FEW:
                passage_writer.refresh_passages(connection, chat)
            else:
                for place in places:
                    passage_writer.refresh_around(connection, chat, place)
        vocabulary.settle(connection)


def remove(connection: sqlite3.Connection, lines: Mapping[int, Line]) -> None:
    """Remove lines, given by their ids, and make the passages around them right again."""
    changes = Changes()
    passage_writer.delete_lines(connection, lines)
    for line in lines.values():
        changes.note(line.chat, place_of(line))
    changes.mend(connection)
    passage_writer.drop_empty_chats(connection)


class Sync:
    """One pass over all lines of a kind, inside the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, kind: str, progress: Progress) -> None:
        self._connection, self._kind, self._progress = connection, kind, progress
        tombstones = Tombstones(connection)
        self._is_forgotten = tombstones.cover if tombstones else _never
        self._changes = Changes()
        self._names: dict[str, str] = {}
        # A bit for every line that is stored: whether it is still wanted.
        newest = connection.execute("SELECT coalesce(max(id), 0) FROM line").fetchone()[0]
        self._newest, self._wanted = newest, bytearray(newest // 8 + 1)
        self.added = self.removed = 0
        self._filling: Filling | None = None

    def run(self, lines: Iterable[Line], *, whole: bool) -> None:
        """Take all lines in; with `whole`, stored ones of this kind that are not among them go."""
        if whole and bulk_load.is_empty(self._connection):
            self._filling = Filling(self._connection)
        stream, through = iter(lines), 0
        while batch := list(islice(stream, BATCH)):
            self._take(batch)
            through += len(batch)
            self._progress(through)
        self._rename_chats()
        if self._filling is not None:
            self._filling.finish(self._names)
            return
        if whole:
            self._drop_unwanted()
        self._changes.mend(self._connection)
        if self.removed:
            passage_writer.drop_empty_chats(self._connection)

    def _take(self, batch: Sequence[Line]) -> None:
        kept = {line.key: line for line in batch if line.text.strip() and not self._is_forgotten(line)}
        self._names |= {line.chat: line.chat_name for line in kept.values()}
        if self._filling is not None:
            added = passage_writer.insert_lines(self._connection, list(kept.values()), self._kind)
            self.added += added
            if added == len(kept):  # all of them are new, as nearly always
                self._drop([line.key for line in batch if line.key not in kept])
                return
        columns = "line.id, line.key, chat, who, sent_at, text, utc_offset"
        rows = self._connection.execute(
            f"SELECT {columns} FROM json_each(?) CROSS JOIN line ON line.key = json_each.value",
            (json.dumps(list(kept)),),
        )
        edited, unchanged = [], set()
        for number, key, *stored in rows:
            line = kept[key]
            if stored == [line.chat, line.who, line.when, line.text, line.offset]:
                self._keep(number)
                unchanged.add(key)
                del kept[key]
            else:
                edited.append((number, stored[0], (stored[2], len(key), key)))
        self._delete(edited)
        self._drop([line.key for line in batch if line.key not in kept and line.key not in unchanged])
        passage_writer.insert_lines(self._connection, list(kept.values()), self._kind)
        self.added += len(kept)
        for line in kept.values() if self._filling is None else ():
            self._changes.note(line.chat, place_of(line))

    def _drop(self, keys: Sequence[str]) -> None:
        """Remove messages that an edit made blank, or moved to a time that was forgotten."""
        if keys:
            rows = self._connection.execute(
                "SELECT line.id, chat, sent_at, line.key FROM json_each(?) CROSS JOIN line"
                " ON line.key = json_each.value",
                (json.dumps(keys),),
            )
            self._delete([(number, chat, (when, len(key), key)) for number, chat, when, key in rows])

    def _keep(self, number: int) -> None:
        if number <= self._newest:
            self._wanted[number // 8] |= 1 << number % 8

    def _delete(self, rows: Sequence[tuple[int, str, Place]]) -> None:
        passage_writer.delete_lines(self._connection, (number for number, _, _ in rows))
        for _, chat, place in rows:
            self._changes.note(chat, place)
        self.removed += len(rows)

    def _drop_unwanted(self) -> None:
        rows = self._connection.execute(
            "SELECT id, chat, sent_at, key FROM line WHERE kind = ? AND id <= ?", (self._kind, self._newest)
        )
        gone = [
            (number, chat, (when, len(key), key))
            for number, chat, when, key in rows
            if not self._wanted[number // 8] & 1 << number % 8
        ]
        self._delete(gone)

    def _rename_chats(self) -> None:
        self._connection.executemany(
            "UPDATE chat SET name = ? WHERE id = ? AND name <> ?",
            ((name, chat, name) for chat, name in self._names.items()),
        )


def _never(line: Line) -> bool:
    return False
