"""The passages worth a closer look: those that hold the rarest words of a question, were said at its time, or mean it.

Only the postings of rare words are read, so that it takes a few milliseconds however large the memory is; common words
have their say when the candidates are ranked.
"""

import heapq
import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from memory.search.dense_hits import Nearest
from memory.search.query import Question, Word, idf
from memory.text.line_features import COLUMNS
from memory.text.stemmer import unstemmed
from memory.text.time_expressions import Span

LEXICAL = 60
"""Passages taken for their words."""
DENSE = 200
"""Passages taken for their meaning."""
MOST = 120
"""Passages that get a closer look, with those around them."""
POSTINGS = 4000
"""Passages of rare words that are looked at before common words are left to the ranking."""
LATER = 14 * 86_400
"""What happened in a span of time is still talked about for so many seconds."""
NOTES_CHAT = "note:"
"""The id of the chat that the user's own notes stand in, which no platform gives out."""


class Lines(NamedTuple):
    """Lines as they are ranked, a column of each: ids, where and by whom and when they were said, and their traits.

    Columns take a third of the time of an object for every line; texts are read when it is known which are shown.
    """

    id: Sequence[int] = ()
    chat: Sequence[str] = ()
    who: Sequence[str] = ()
    when: Sequence[int] = ()
    words: Sequence[str] = ()
    cost: Sequence[int] = ()
    content: Sequence[int] = ()
    marks: Sequence[int] = ()


class Window(NamedTuple):
    """A candidate: its lines in order, by their places among all, and how near its meaning is.

    `height` is its cosine in deviations from the mean of all passages, None where dense search did not name it.
    """

    id: int
    kind: str
    lines: tuple[int, ...]
    height: float | None


@dataclass(slots=True)
class Candidates:
    """Windows, and all the lines that stand in them."""

    windows: list[Window] = field(default_factory=list)
    lines: Lines = field(default_factory=Lines)


def find(
    connection: sqlite3.Connection,
    question: Question,
    nearest: Nearest | None,
    before: int | None,
    spans: tuple[Span, ...],
) -> Candidates:
    """Return the candidates for a question; those that do not end before `before` are none."""
    heights = {}
    if nearest is not None:
        deviation = nearest.deviation or 1.0
        heights = {passage: (cosine - nearest.mean) / deviation for passage, cosine in nearest.passages}
    found = _by_words(connection, question, spans)
    chosen = _best(_most_telling(found) | heights.keys(), found, heights) | _notes(connection, found)
    return _load(connection, chosen, heights, before)


def _most_telling(found: Mapping[int, float]) -> set[int]:
    """Return the passages of the highest scores, of equal ones the latest; thousands share a few scores."""
    by_score: dict[float, list[int]] = {}
    for passage, told in found.items():
        by_score.setdefault(told, []).append(passage)
    chosen: set[int] = set()
    for told in sorted(by_score, reverse=True):
        chosen.update(sorted(by_score[told], reverse=True)[: LEXICAL - len(chosen)])
    return chosen


def _best(chosen: set[int], found: Mapping[int, float], heights: Mapping[int, float]) -> set[int]:
    """Return those passages that words and meaning together speak for most: a closer look is what takes the time."""
    if len(chosen) <= MOST:
        return chosen
    telling, highest = max(found.values(), default=0.0) or 1.0, max(heights.values(), default=0.0) or 1.0
    together = (
        (found.get(passage, 0.0) / telling + heights.get(passage, 0.0) / highest, passage) for passage in chosen
    )
    return {passage for _, passage in heapq.nlargest(MOST, together)}


def _notes(connection: sqlite3.Connection, found: Collection[int]) -> set[int]:
    """Return the notes among passages: they are shown first, so none of them may be missed."""
    rows = connection.execute(
        "SELECT passage.id FROM line JOIN passage ON passage.first = line.id WHERE line.chat = ?", (NOTES_CHAT,)
    )
    return {row[0] for row in rows if row[0] in found}


FARTHEST_OFFSET = 15 * 3600
"""No clock is farther from UTC, in seconds."""


def in_spans(connection: sqlite3.Connection, spans: tuple[Span, ...]) -> set[int]:
    """Return the passages said in one of the spans, or soon after."""
    found: set[int] = set()
    for start, end in spans:
        rows = connection.execute(
            "SELECT passage.id, started_at + utc_offset FROM passage JOIN line ON line.id = first"
            " WHERE started_at >= ? AND started_at < ?",
            (start - FARTHEST_OFFSET, end + LATER + FARTHEST_OFFSET),
        )
        found.update(passage for passage, local in rows if start <= local < end + LATER)
    return found


def _by_words(connection: sqlite3.Connection, question: Question, spans: tuple[Span, ...]) -> dict[int, float]:
    """Return passages with the sum of what their rare words, and their time, tell."""
    scores: dict[int, float] = {}
    telling, looked = question.telling, 0
    for place, word in enumerate(telling):
        if looked and looked + word.passages > POSTINGS:
            break
        if word.passages <= POSTINGS:
            rows = _holding(connection, _any_of(word), POSTINGS)
        else:  # all words are common: where two of them meet, and where the rarest stands lately
            others = [_any_of(other) for other in telling[place + 1 :][:3]]
            both = " OR ".join(f"(({_any_of(word)}) AND ({other}))" for other in others)
            rows = _holding(connection, both, POSTINGS) if both else []
            rows += _holding(connection, _any_of(word), POSTINGS // 4)
        looked += max(word.passages, 1)
        _raise(scores, rows, word.worth)
    if spans:
        meant = in_spans(connection, spans)
        worth = idf(question.total, len(meant))
        few = not telling or len(meant) <= LEXICAL
        _raise(scores, meant if few else meant & scores.keys(), worth)
    return scores


def _raise(scores: dict[int, float], passages: Iterable[int], worth: float) -> None:
    """Add to the scores of passages; of thousands, few were there before."""
    new = dict.fromkeys(passages, worth)
    for passage in scores.keys() & new.keys():
        new[passage] += scores[passage]
    scores |= new


def _any_of(word: Word) -> str:
    return " OR ".join(quoted(unstemmed(form)) for form in sorted(word.forms))


def quoted(term: str) -> str:
    """Return a word as FTS5 takes it, whatever stands in it."""
    return '"' + term.replace('"', '""') + '"'


def _holding(connection: sqlite3.Connection, expression: str, limit: int) -> list[int]:
    """Return the latest passages whose texts match."""
    # In one row: thousands take sqlite3 twice as long.
    found = connection.execute(
        "SELECT json_group_array(rowid) FROM"
        " (SELECT rowid FROM passage_fts WHERE passage_fts MATCH ? ORDER BY rowid DESC LIMIT ?)",
        (f"{{terms}} : ({expression})", limit),
    ).fetchone()
    rows: list[int] = json.loads(found[0])
    return rows


_Row = tuple[int, str, int, int | None, int | None, int]
"""A passage: id, kind, the ids of its lines, and when it ended."""
_ROWS = "SELECT id, kind, first, second, third, ended_at FROM passage WHERE"


def _load(
    connection: sqlite3.Connection, chosen: Iterable[int], heights: Mapping[int, float], before: int | None
) -> Candidates:
    """Return passages with those that overlap them, so that every line comes with all that was said around it."""
    rows = _with_overlapping(connection, chosen)
    if before is not None:
        rows = [row for row in rows if row[-1] < before]
    lines = _lines(connection, rows)
    places = {line: place for place, line in enumerate(lines.id)}
    windows = [
        Window(passage, kind, tuple([places[line] for line in three if line is not None]), heights.get(passage))
        for passage, kind, *three, _ in rows
    ]
    return Candidates(windows, lines)


def _with_overlapping(connection: sqlite3.Connection, chosen: Iterable[int]) -> list[_Row]:
    """Return passages, and those that share a line with one, in the order of their ids.

    A window begins at every line but the last two of a session: so what overlaps one either begins at its second or
    third line, or has its first as second or third.
    """
    rows: list[_Row] = connection.execute(f"{_ROWS} {_among('id')}", (json.dumps(sorted(chosen)),)).fetchall()
    first = json.dumps([row[2] for row in rows])
    later = json.dumps([line for row in rows for line in row[3:5] if line is not None])
    overlapping = f"{_ROWS} {_among('first')} UNION ALL {_ROWS} {_among('second')} UNION ALL {_ROWS} {_among('third')}"
    rows += connection.execute(overlapping, (later, first, first)).fetchall()
    return sorted({row[0]: row for row in rows}.values())


def _lines(connection: sqlite3.Connection, passages: list[_Row]) -> Lines:
    """Return what ranking asks of the lines of passages; passages that were forgotten meanwhile leave the list."""
    ids = {line for row in passages for line in row[2:5] if line is not None}
    columns = f"SELECT id, chat, who, sent_at + utc_offset, {COLUMNS} FROM line WHERE {_among('id')}"
    rows = connection.execute(columns, (json.dumps(sorted(ids)),)).fetchall()
    if len(rows) < len(ids):
        there = {row[0] for row in rows} | {None}
        passages[:] = [row for row in passages if there.issuperset(row[2:5])]
        return _lines(connection, passages)
    return Lines(*zip(*rows, strict=True))


def _among(column: str) -> str:
    return f"{column} IN (SELECT value FROM json_each(?))"
