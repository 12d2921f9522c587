"""Checks that lines, passages, indexes, vectors and tombstones agree; `Memory.rebuild` repairs what does not."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from memory.embedding.embedder import Identity
from memory.index import index_file
from memory.passages import passages
from memory.store import database, vectors, vocabulary
from memory.store.passage_writer import index_entry, lines_where, passages_of
from memory.store.tombstones import Tombstones
from memory.text import line_features
from memory.text.line_features import text_words

BYTES_A_NUMBER = 2
"""Vectors are kept in half precision."""


def problems(connection: sqlite3.Connection, path: Path) -> Iterator[str]:
    """Yield what is wrong: file, references, windows, indexes, vectors and tombstones, in this order."""
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
    if wrong := line_features.count_wrong(connection):
        yield f"{wrong} messages have stored features that differ from their text"
    yield from (unindexed := list(_unindexed(connection)))
    if not unindexed and (wrong := vocabulary.miscounted(connection)):  # they are counted by the index
        yield f"{wrong} words are counted wrongly"
    yield from _vectors(connection)
    yield from _cached(connection, path)
    yield from _returned(connection)


def _misplaced(connection: sqlite3.Connection) -> Iterator[str]:
    for (chat,) in connection.execute("SELECT id FROM chat").fetchall():
        lines = lines_where(connection, "chat = ? AND kind <> 'note'", (chat,))
        ids = {line.key: i for i, line in lines.items()}
        wanted = {tuple(ids[line.key] for line in window.lines) for window in passages(list(lines.values()))}
        stored = connection.execute(
            "SELECT first, second, third FROM passage WHERE chat = ? AND kind <> 'note'", (chat,)
        )
        if wanted != {tuple(i for i in row if i is not None) for row in stored}:
            yield f"the passages of chat {chat} are not the windows of its messages"
    notes = connection.execute(
        "SELECT count(*) FROM line WHERE kind = 'note' AND id NOT IN (SELECT first FROM passage WHERE kind = 'note')"
    ).fetchone()[0]
    if notes:
        yield f"{notes} notes have no passage"


def _unindexed(connection: sqlite3.Connection) -> Iterator[str]:
    ids = "SELECT rowid FROM passage_fts"
    ghosts, missing = (
        connection.execute(f"SELECT count(*) FROM ({one} EXCEPT {other})").fetchone()[0]
        for one, other in ((ids, "SELECT id FROM passage"), ("SELECT id FROM passage", ids))
    )
    if ghosts:
        yield f"{ghosts} index entries belong to no passage"
    if missing:
        yield f"{missing} passages are not in the index"
    stale = 0
    look_up = "SELECT rowid, speakers, terms FROM passage_fts WHERE rowid = ?"
    for passage, content in passages_of(connection):
        if not content.lines:
            continue  # its lines are gone, which the references tell
        entry = index_entry(passage, [(line.who, line.local, text_words(line.text)) for line in content.lines])
        stored = connection.execute(look_up, (passage,)).fetchone()
        stale += stored is not None and stored != entry
    if stale:
        yield f"{stale} index entries are out of date"


def _vectors(connection: sqlite3.Connection) -> Iterator[str]:
    wrong = connection.execute(
        "SELECT count(*) FROM vector LEFT JOIN embedder ON embedder.id = embedder"
        " WHERE length(value) IS NOT dimension * ?",
        (BYTES_A_NUMBER,),
    ).fetchone()[0]
    if wrong:
        yield f"{wrong} vectors have another length than their embedder gives"
    ghosts = connection.execute("SELECT count(*) FROM vector WHERE passage NOT IN (SELECT id FROM passage)").fetchone()[
        0
    ]
    if ghosts:
        yield f"{ghosts} vectors belong to no passage"


def _cached(connection: sqlite3.Connection, path: Path) -> Iterator[str]:
    """Compare the index file with the vectors; one that is only older than they are is brought up to date when used."""
    embedders = connection.execute("SELECT id, model, dimension, prefix FROM embedder").fetchall()
    if not embedders or not index_file.file_of(path).exists():
        return
    import numpy as np

    now, name = database.generation(connection), str(database.get_state(connection, "store"))
    for number, *identity in embedders:
        made_by = Identity(*identity)
        found = index_file.read(
            index_file.file_of(path), index_file.Stamp(name, now, made_by.model, made_by.dimension, made_by.prefix)
        )
        if found is None or found[1].generation != now:
            continue
        index, seen = found[0], 0
        ids = index.ids()
        for piece, stored in vectors.read_vectors(connection, number, made_by.dimension):
            known = np.isin(piece, ids)
            seen += int(known.sum())
            if not known.all():
                yield f"{int((~known).sum())} vectors are not in memory.faiss"
            cached = index.vectors_of(piece[known])
            if cached is not None and not np.array_equal(cached, stored[known]):
                yield "memory.faiss holds other vectors than the store"
        if seen < len(ids):
            yield f"memory.faiss has {len(ids) - seen} vectors of passages that are gone"


def _returned(connection: sqlite3.Connection) -> Iterator[str]:
    tombstones = Tombstones(connection)
    if not tombstones:
        return
    rows = connection.execute("SELECT id FROM chat").fetchall()
    back = sum(
        tombstones.cover(line)
        for (chat,) in rows
        for line in lines_where(connection, "chat = ? AND kind <> 'note'", (chat,)).values()
    )
    if back:
        yield f"{back} forgotten messages are back"
