"""Lines and passages kept in step, inside the caller's transaction; and the proof that they are."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from memory.passages import Line, Passage, passages
from memory.store import FTS_TABLE
from memory.words import words_of

IN_ORDER = "ORDER BY sent_at, length(key), key"
INDEX = "INSERT INTO passage_fts (rowid, speakers, terms) VALUES (?, ?, ?)"
_LINES = "SELECT line.id, key, chat, chat.name, who, sent_at, text FROM line JOIN chat ON chat.id = line.chat"


def lines_where(connection: sqlite3.Connection, condition: str, values: Sequence[object] = ()) -> dict[int, Line]:
    """Return the lines that fulfil an SQL condition, by id, in the order of a chat."""
    rows = connection.execute(f"{_LINES} WHERE {condition} {IN_ORDER}", values)
    return {row[0]: Line(*row[1:]) for row in rows}


def lines_of(connection: sqlite3.Connection, passage: int) -> dict[int, Line]:
    """Return the lines of a passage by id, in order; none where there is no such passage."""
    return lines_where(connection, "line.id IN (SELECT line FROM passage_line WHERE passage = ?)", (passage,))


def insert_line(connection: sqlite3.Connection, line: Line, kind: str = "said") -> int:
    """Add a line, without a passage yet, and return its id."""
    connection.execute(
        "INSERT INTO chat VALUES (?, ?) ON CONFLICT DO UPDATE SET name = excluded.name", (line.chat, line.chat_name)
    )
    row = connection.execute(
        "INSERT INTO line (key, kind, chat, who, sent_at, text) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (line.key, kind, line.chat, line.who, line.when, line.text),
    )
    return int(row.fetchone()[0])


def delete_lines(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Remove lines; the passages they stood in go with them."""
    connection.executemany("DELETE FROM line WHERE id = ?", ((i,) for i in ids))


def insert_passage(connection: sqlite3.Connection, lines: dict[int, Line], kind: str = "said") -> int:
    """Add a passage of stored lines, in order, with its index entry, and return its id."""
    first, *_, last = [*lines.values()] * 2
    row = connection.execute(
        "INSERT INTO passage (kind, chat, started_at, ended_at) VALUES (?, ?, ?, ?) RETURNING id",
        (kind, first.chat, first.when, last.when),
    )
    passage = int(row.fetchone()[0])
    connection.executemany("INSERT INTO passage_line VALUES (?, ?, ?)", ((passage, n, i) for n, i in enumerate(lines)))
    connection.execute(INDEX, index_entry(passage, lines.values()))
    return passage


def index_entry(passage: int, lines: Iterable[Line]) -> tuple[int, str, str]:
    """Return what the index holds of a passage: its id, and the words of its speakers and its texts, a line a message.

    The last line of the texts are the year and the month.
    """
    lines = list(lines)
    year, month, _ = lines[0].day.split("-")
    texts = [" ".join(words_of(line.text)) for line in lines]
    speakers = [" ".join(words_of(line.who)) for line in lines]
    return passage, "\n".join(speakers), "\n".join([*texts, f"{year} {month_term(month)}"])


def month_term(month: str | int) -> str:
    """Return the word that stands for a month in the index: `month05`."""
    return f"month{int(month):02d}"


def refresh_passages(connection: sqlite3.Connection, chat: str) -> None:
    """Make the passages of a chat exactly the windows of its lines; those that stay keep their ids."""
    lines = lines_where(connection, "chat = ? AND kind = 'said'", (chat,))
    ids = {line.key: i for i, line in lines.items()}
    wanted = {tuple(ids[line.key] for line in window.lines): window for window in passages(list(lines.values()))}
    stored = _stored_windows(connection, chat)
    connection.executemany(
        "DELETE FROM passage WHERE id = ?", ((stored[window],) for window in stored.keys() - wanted.keys())
    )
    for window, passage in wanted.items():
        if window not in stored:
            insert_passage(connection, dict(zip(window, passage.lines, strict=True)))


def drop_empty_chats(connection: sqlite3.Connection) -> None:
    """Forget the names of chats that have no line left."""
    connection.execute("DELETE FROM chat WHERE id NOT IN (SELECT chat FROM line)")


def rebuild_index(connection: sqlite3.Connection) -> None:
    """Make passages and index anew from the lines, whatever state they are in."""
    connection.execute("DROP TABLE passage_fts")
    connection.execute(FTS_TABLE)
    connection.execute("DELETE FROM passage WHERE id NOT IN (SELECT passage FROM passage_line)")
    for (chat,) in connection.execute("SELECT id FROM chat").fetchall():
        refresh_passages(connection, chat)
    unplaced = "kind = 'note' AND line.id NOT IN (SELECT line FROM passage_line)"
    for note, line in lines_where(connection, unplaced).items():
        insert_passage(connection, {note: line}, "note")
    connection.execute("DELETE FROM passage_fts")
    for passage, stored in stored_passages(connection):
        connection.execute(INDEX, index_entry(passage, stored.lines))


def stored_passages(connection: sqlite3.Connection) -> Iterator[tuple[int, Passage]]:
    """Yield every passage with its id, oldest id first."""
    rows = connection.execute(
        "SELECT passage, key, line.chat, chat.name, who, sent_at, text FROM passage_line"
        " JOIN line ON line.id = line JOIN chat ON chat.id = line.chat ORDER BY passage, position"
    )
    current, lines = None, list[Line]()
    for passage, *line in rows:
        if current is not None and passage != current:
            yield current, Passage(tuple(lines))
            lines = []
        current = passage
        lines.append(Line(*line))
    if current is not None:
        yield current, Passage(tuple(lines))


def problems(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield what is wrong: file, references, windows, index and tombstones, in this order."""
    for (finding,) in connection.execute("PRAGMA integrity_check"):
        if finding != "ok":
            yield f"the file is damaged: {finding}"
    if broken := connection.execute("PRAGMA foreign_key_check").fetchall():
        yield f"{len(broken)} rows refer to rows that are gone"
    try:
        connection.execute("INSERT INTO passage_fts (passage_fts) VALUES ('integrity-check')")
    except sqlite3.DatabaseError as error:
        yield f"the full-text index is damaged: {error}"
    yield from _misplaced(connection)
    yield from _unindexed(connection)
    back = connection.execute(
        "SELECT count(*) FROM line JOIN forgotten ON forgotten.kind = 'line' AND value = key"
        " OR forgotten.kind = 'person' AND value = who OR forgotten.kind = 'chat' AND value = chat"
    ).fetchone()[0]
    if back:
        yield f"{back} forgotten messages are back"


def _misplaced(connection: sqlite3.Connection) -> Iterator[str]:
    for (chat,) in connection.execute("SELECT id FROM chat").fetchall():
        lines = lines_where(connection, "chat = ? AND kind = 'said'", (chat,))
        ids = {line.key: i for i, line in lines.items()}
        wanted = {tuple(ids[line.key] for line in window.lines) for window in passages(list(lines.values()))}
        if wanted != _stored_windows(connection, chat).keys():
            yield f"the passages of chat {chat} are not the windows of its messages"


def _unindexed(connection: sqlite3.Connection) -> Iterator[str]:
    indexed = {row[0]: row for row in connection.execute("SELECT rowid, speakers, terms FROM passage_fts")}
    stored = {passage: index_entry(passage, content.lines) for passage, content in stored_passages(connection)}
    if ghosts := indexed.keys() - stored.keys():
        yield f"{len(ghosts)} index entries belong to no passage"
    if missing := stored.keys() - indexed.keys():
        yield f"{len(missing)} passages are not in the index"
    if stale := [p for p in stored.keys() & indexed.keys() if stored[p] != indexed[p]]:
        yield f"{len(stale)} index entries are out of date"


def _stored_windows(connection: sqlite3.Connection, chat: str) -> dict[tuple[int, ...], int]:
    rows = connection.execute(
        "SELECT id, line FROM passage LEFT JOIN passage_line ON passage = id"
        " WHERE chat = ? AND kind = 'said' ORDER BY id, position",
        (chat,),
    )
    windows: dict[int, list[int]] = {}
    for passage, line in rows:
        windows.setdefault(passage, []).append(line)
    return {tuple(window): passage for passage, window in windows.items()}
