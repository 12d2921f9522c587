"""Which lines and notes are meant: by passage, person, chat, key, span of time or day."""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from memory.passages import Line, Passage
from memory.search.recall import Hit, hit_of
from memory.store import passage_writer
from memory.text.tokenize import count_words

AROUND = 5
"""Lines shown before and after a passage."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A passage with some lines of its chat before and after it."""

    before: tuple[Line, ...]
    passage: Passage
    after: tuple[Line, ...]


def surroundings(connection: sqlite3.Connection, passage: int) -> Surroundings | None:
    """Return a passage and the lines around it in its chat, or None where there is none with this id."""
    lines = tuple(passage_writer.lines_of(connection, passage).values())
    if not lines:
        return None
    before, after = passage_writer.lines_around(connection, lines[0], lines[-1], AROUND)
    return Surroundings(before, Passage(lines), after)


def count_passages(connection: sqlite3.Connection) -> int:
    """Return how many passages there are."""
    return int(connection.execute("SELECT count(*) FROM passage").fetchone()[0])


def chats_called(connection: sqlite3.Connection, chat: str | None) -> list[str]:
    """Return the ids of the chats with this id or name; an unknown one is taken for the id of a chat to come."""
    rows = connection.execute("SELECT id FROM chat WHERE id = ? OR name = ?", (chat, chat)).fetchall()
    return [row[0] for row in rows] or ([] if chat is None else [chat])


def lines_meant(
    connection: sqlite3.Connection,
    *,
    passage: int | None,
    person: str | None,
    chats: Sequence[str],
    key: str | None,
    span: tuple[int, int] | None,
) -> dict[int, Line]:
    """Return the lines that fulfil any of these, by id."""
    conditions: list[tuple[str, tuple[object, ...]]] = [("chat = ?", (chat,)) for chat in chats]
    if passage is not None:
        conditions.append(("line.id IN (SELECT line FROM passage_line WHERE passage = ?)", (passage,)))
    if person is not None:
        conditions.append(("kind <> 'note' AND who = ?", (person,)))
    if key is not None:
        conditions.append(("key = ?", (key,)))
    if span is not None:
        conditions.append(("kind <> 'note' AND sent_at + utc_offset >= ? AND sent_at + utc_offset < ?", span))
    lines: dict[int, Line] = {}
    for condition, values in conditions:
        lines |= passage_writer.lines_where(connection, condition, values)
    return lines


def list_passages(connection: sqlite3.Connection, limit: int, offset: int) -> tuple[Hit, ...]:
    """Return passages, latest first; nothing was asked, so their score is 0."""
    rows = connection.execute(
        "SELECT id FROM passage ORDER BY started_at DESC, id DESC LIMIT ? OFFSET ?", (limit, offset)
    ).fetchall()
    return tuple(hit_of(passage, 0.0, passage_writer.lines_of(connection, passage)) for (passage,) in rows)


def notes_of(connection: sqlite3.Connection, day: date) -> list[Hit]:
    """Return the notes for a day, in the order they were written."""
    rows = connection.execute(
        "SELECT passage.id FROM line JOIN passage ON passage.first = line.id WHERE day = ? ORDER BY line.id",
        (day.isoformat(),),
    ).fetchall()
    return [hit_of(passage, 0.0, passage_writer.lines_of(connection, passage)) for (passage,) in rows]


def fitting(notes: Sequence[Hit], words: int, exclude: Collection[str]) -> tuple[Hit, ...]:
    """Return those notes that a budget of words holds and that do not stand in the prompt already."""
    shown, kept = {" ".join(text.split()) for text in exclude}, []
    for note in notes:
        cost = count_words(note.text)
        if cost <= words and note.text.partition(": ")[2] not in shown:
            kept.append(note)
            words -= cost
    return tuple(kept)
