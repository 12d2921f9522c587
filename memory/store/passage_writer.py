"""Lines and passages kept in step, inside the caller's transaction.

Passages are exactly the windows of a chat's lines. Whether a window begins at a line depends on the line before and the
two after it, so a change is repaired around its place, however long the chat is.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice, starmap

import msgspec

from memory.passages import SESSION_GAP_SECONDS, Line, Passage
from memory.store import database, vocabulary
from memory.store.migrations import FTS_TABLE, gather_more_words
from memory.text import line_features
from memory.text.line_features import text_words
from memory.text.tokenize import words_of

IN_ORDER = "ORDER BY sent_at, length(key), key"
INDEX = "INSERT INTO passage_fts (rowid, speakers, terms) VALUES (?, ?, ?)"
BATCH = 2000
"""Rows handed to SQLite at a time."""
REACH = 4
"""Lines on either side of a change that decide which windows there are around it."""
_LINES = (
    "SELECT line.id, key, chat, chat.name, who, sent_at, text, utc_offset FROM line JOIN chat ON chat.id = line.chat"
)
# Every line of a chat in order, with the passage that begins there.
_BEGINNINGS = (
    "SELECT line.id, line.kind, line.chat, who, sent_at, utc_offset, words, passage.id, first, second, third"
    " FROM line LEFT JOIN passage ON passage.first = line.id WHERE line.chat = ? AND line.kind <> 'note'"
)
_PLACE = "(sent_at, length(key), key)"

Place = tuple[int, int, str]
"""Where a line stands in its chat: Unix seconds, then the length of its key, then the key."""


def place_of(line: Line) -> Place:
    """Return where a line stands in its chat."""
    return line.when, len(line.key), line.key


def lines_where(connection: sqlite3.Connection, condition: str, values: Sequence[object] = ()) -> dict[int, Line]:
    """Return the lines that fulfil an SQL condition, by id, in the order of a chat."""
    rows = connection.execute(f"{_LINES} WHERE {condition} {IN_ORDER}", values)
    return {row[0]: Line(*row[1:]) for row in rows}


def lines_of(connection: sqlite3.Connection, passage: int) -> dict[int, Line]:
    """Return the lines of a passage by id, in order; none where there is no such passage."""
    return lines_where(connection, "line.id IN (SELECT line FROM passage_line WHERE passage = ?)", (passage,))


def lines_around(
    connection: sqlite3.Connection, first: Line, last: Line, count: int
) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Return up to `count` lines of a chat before the first and after the last of a passage, in order."""
    before = connection.execute(
        f"{_LINES} WHERE chat = ? AND {_PLACE} < (?, ?, ?) ORDER BY sent_at DESC, length(key) DESC, key DESC LIMIT ?",
        (first.chat, *place_of(first), count),
    ).fetchall()
    after = connection.execute(
        f"{_LINES} WHERE chat = ? AND {_PLACE} > (?, ?, ?) {IN_ORDER} LIMIT ?", (last.chat, *place_of(last), count)
    ).fetchall()
    return tuple(Line(*row[1:]) for row in reversed(before)), tuple(Line(*row[1:]) for row in after)


def insert_lines(connection: sqlite3.Connection, lines: Sequence[Line], kind: str) -> int:
    """Add lines, without passages yet, and return how many; one whose key is there is left out."""
    connection.executemany(
        "INSERT INTO chat VALUES (?, ?) ON CONFLICT DO UPDATE SET name = excluded.name WHERE name <> excluded.name",
        {line.chat: line.chat_name for line in lines}.items(),
    )
    return database.insert_many(
        connection,
        f"INSERT INTO line (key, kind, chat, who, sent_at, text, utc_offset, {line_features.COLUMNS})",
        [
            (x.key, kind, x.chat, x.who, x.when, x.text, x.offset, *line_features.traits_of(x.who, x.text))
            for x in lines
        ],
        "ON CONFLICT (key) DO NOTHING",
    )


def insert_note(connection: sqlite3.Connection, note: Line, day: str | None) -> int:
    """Add a note, which is a passage of its own, and return the passage's id."""
    insert_lines(connection, [note], "note")
    row = connection.execute("UPDATE line SET day = ? WHERE key = ? RETURNING id", (day, note.key)).fetchone()
    index_notes(connection, [int(row[0])])
    return int(connection.execute("SELECT id FROM passage WHERE first = ?", row).fetchone()[0])


def index_notes(connection: sqlite3.Connection, notes: Iterable[int]) -> None:
    """Make the passages of notes, by their lines' ids."""
    for note in notes:
        columns = "id, kind, chat, who, sent_at, utc_offset, words"
        row = connection.execute(f"SELECT {columns} FROM line WHERE id = ?", (note,)).fetchone()
        _insert_passages(connection, [(_Beginning(*row),)])


def delete_lines(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Remove lines; the passages they stood in go with them."""
    gone = list(ids)
    if len(gone) > vocabulary.FEW:
        vocabulary.distrust(connection)
    elif gone:
        marks = ", ".join("?" * len(gone))
        places = (f"SELECT id FROM passage WHERE {place} IN ({marks})" for place in ("first", "second", "third"))
        vocabulary.goes(connection, (row[0] for row in connection.execute(" UNION ".join(places), 3 * gone).fetchall()))
    connection.executemany("DELETE FROM line WHERE id = ?", ((number,) for number in gone))


def index_entry(passage: int, lines: Sequence[tuple[str, int, str]]) -> tuple[int, str, str]:
    """Return what the index holds of a passage: its id, and the words of its speakers and its texts, a line a message.

    `lines` are who, when by the clock there, and the words of what was said. The last line of the texts are the year
    and the month.
    """
    speakers = "\n".join([_name_words(who) for who, _, _ in lines])
    texts = "\n".join([words for _, _, words in lines])
    return passage, speakers, f"{texts}\n{_month(lines[0][1] // 86400)}"


def month_term(month: str | int) -> str:
    """Return the word that stands for a month in the index: `month05`."""
    return f"month{int(month):02d}"


def refresh_passages(connection: sqlite3.Connection, chat: str) -> None:
    """Make the passages of a chat exactly the windows of its lines; those that stay keep their ids."""
    _mend(connection, _beginnings(connection.execute(f"{_BEGINNINGS} {IN_ORDER}", (chat,))))


def make_passages(connection: sqlite3.Connection, chat: str) -> None:
    """Make the passages of a chat that has none, all of its lines being new."""
    columns = "id, kind, chat, who, sent_at, utc_offset, words"
    rows = connection.execute(f"SELECT {columns} FROM line WHERE chat = ? {IN_ORDER}", (chat,))
    windows = (window for _, window in _beginnings(rows) if window)
    while batch := list(islice(windows, BATCH)):
        _insert_passages(connection, batch)


def refresh_around(connection: sqlite3.Connection, chat: str, place: Place) -> None:
    """Make the passages around a place of a chat, where a line came or went, exactly the windows of its lines."""
    before = connection.execute(
        f"{_BEGINNINGS} AND {_PLACE} < (?, ?, ?) ORDER BY sent_at DESC, length(key) DESC, key DESC LIMIT {REACH}",
        (chat, *place),
    ).fetchall()
    after = connection.execute(
        f"{_BEGINNINGS} AND {_PLACE} >= (?, ?, ?) {IN_ORDER} LIMIT {REACH}", (chat, *place)
    ).fetchall()
    # What comes before the first and after the last of these is not known, unless the chat ends there.
    skip = 1 if len(before) == REACH else 0
    known = len(before) + len(after) - skip - (2 if len(after) == REACH else 0)
    _mend(connection, islice(_beginnings([*reversed(before), *after]), skip, skip + known))


def drop_empty_chats(connection: sqlite3.Connection) -> None:
    """Forget the names of chats that have no line left."""
    connection.execute("DELETE FROM chat WHERE NOT EXISTS (SELECT 1 FROM line WHERE line.chat = chat.id)")


def rebuild_index(connection: sqlite3.Connection) -> None:
    """Make passages and lexical index anew from the lines, whatever state they are in; vectors of what stays stay."""
    vocabulary.distrust(connection)
    line_features.store_traits(connection)
    connection.execute("DROP TABLE passage_fts")
    connection.execute(FTS_TABLE)
    gather_more_words(connection)
    connection.execute("DELETE FROM passage WHERE first NOT IN (SELECT id FROM line)")
    for (chat,) in connection.execute("SELECT id FROM chat").fetchall():
        refresh_passages(connection, chat)
    unplaced = "SELECT id FROM line WHERE kind = 'note' AND id NOT IN (SELECT first FROM passage)"
    index_notes(connection, [row[0] for row in connection.execute(unplaced).fetchall()])
    connection.execute("DELETE FROM passage_fts")
    entries = (
        index_entry(passage, [(line.who, line.local, text_words(line.text)) for line in found.lines])
        for passage, found in passages_of(connection)
    )
    while batch := list(islice(entries, BATCH)):
        connection.executemany(INDEX, batch)
    vocabulary.count(connection)
    connection.execute("DELETE FROM vector WHERE passage NOT IN (SELECT id FROM passage)")
    connection.execute(
        "DELETE FROM vector WHERE length(value) <> 2 * (SELECT dimension FROM embedder WHERE embedder.id = embedder)"
    )


def passages_of(connection: sqlite3.Connection, ids: Sequence[int] | None = None) -> Iterator[tuple[int, Passage]]:
    """Yield passages with their ids, all of them in the order of their ids, or those among `ids`."""
    places = ("first", "second", "third")
    columns = ", ".join(f"{p}.key, {p}.who, {p}.sent_at, {p}.text, {p}.utc_offset" for p in places)
    joins = " ".join(f"LEFT JOIN line AS {p} ON {p}.id = passage.{p}" for p in places)
    chosen = "" if ids is None else f" WHERE passage.id IN ({', '.join('?' * len(ids))})"
    rows = connection.execute(
        f"SELECT passage.id, passage.chat, chat.name, {columns} FROM passage LEFT JOIN chat ON chat.id = passage.chat"
        f" {joins}{chosen} ORDER BY passage.id",
        ids or (),
    )
    for passage, chat, name, *said in rows:
        lines = (Line(said[n], chat, name, *said[n + 1 : n + 5]) for n in (0, 5, 10) if said[n] is not None)
        yield passage, Passage(tuple(lines))


class _Beginning(msgspec.Struct, frozen=True, gc=False):
    """A line of a chat, and the passage that is stored as beginning there, if any: its id and its lines' ids."""

    line: int
    kind: str
    chat: str
    who: str
    when: int
    offset: int
    words: str
    passage: int | None = None
    first: int | None = None
    second: int | None = None
    third: int | None = None


_Window = tuple[_Beginning, ...]


def _beginnings(rows: Iterable[Sequence[object]]) -> Iterator[tuple[_Beginning, _Window]]:
    """Yield every line with the window that should begin there, empty where none should."""
    lines = starmap(_Beginning, rows)
    first, second, third = next(lines, None), next(lines, None), next(lines, None)
    session_begins = True
    while first is not None:
        run: _Window
        if second is None or second.when - first.when > SESSION_GAP_SECONDS:
            run = (first,)
        elif third is None or third.when - second.when > SESSION_GAP_SECONDS:
            run = (first, second)
        else:
            run = (first, second, third)
        yield first, run if session_begins or len(run) == 3 else ()
        session_begins = len(run) == 1
        first, second, third = second, third, next(lines, None)


def _mend(connection: sqlite3.Connection, beginnings: Iterable[tuple[_Beginning, _Window]]) -> None:
    """Replace the stored windows that differ from what should be."""
    # Read ahead in pieces: a window that is written begins at a line that was read before.
    pairs = iter(beginnings)
    while batch := list(islice(pairs, BATCH)):
        wrong = [(at, window) for at, window in batch if (at.first, at.second, at.third) != _three(window)]
        stale = [(at.passage,) for at, _ in wrong if at.passage is not None]
        vocabulary.goes(connection, (number for (number,) in stale))
        connection.executemany("DELETE FROM passage WHERE id = ?", stale)
        _insert_passages(connection, [window for _, window in wrong if window])


def _insert_passages(connection: sqlite3.Connection, windows: Sequence[_Window]) -> None:
    """Add passages of stored lines with their index entries; ids are never used twice."""
    if not windows:
        return
    used = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'passage'").fetchone()
    rows, entries = [], []
    for passage, window in enumerate(windows, start=1 + (used[0] if used else 0)):
        first, last = window[0], window[-1]
        rows.append((passage, first.kind, first.chat, first.when, last.when, *_three(window)))
        entries.append(index_entry(passage, [(line.who, line.when + line.offset, line.words) for line in window]))
    # A statement that could undo itself would begin by having FTS5 write what it has gathered of the batches before.
    database.insert_many(connection, "INSERT OR FAIL INTO passage", rows)
    connection.executemany(INDEX, entries)
    vocabulary.came(connection, entries)


def _three(window: _Window) -> tuple[int | None, ...]:
    """Return the ids of a window's lines as a passage keeps them."""
    if len(window) == 3:
        return window[0].line, window[1].line, window[2].line
    return (*[line.line for line in window], None, None, None)[:3]


@lru_cache(maxsize=1000)
def _name_words(name: str) -> str:
    return " ".join(words_of(name))


@lru_cache(maxsize=1000)
def _month(days: int) -> str:
    year, month, _ = Line("", "", "", "", 86400 * days, "").day.split("-")
    return f"{year} {month_term(month)}"
