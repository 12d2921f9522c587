"""The passages worth a closer look: those that hold the rarest words of a question, were said at its time, or mean it.

Only the postings of rare words are read, so that it takes a few milliseconds however large the memory is; common words
have their say when the candidates are ranked.
"""

import heapq
import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from memory.asking import Question, Word, idf
from memory.dense import Nearest
from memory.passages import Line
from memory.stems import unstemmed
from memory.timewords import Span

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
"""The id of the chat that the user's own notes stand in, as `memory.memory` gives it."""


@dataclass(slots=True)
class Window:
    """A candidate: its lines' ids in order, their words as they are indexed, and how near its meaning is.

    `height` is its cosine in deviations from the mean of all passages, None where dense search did not name it.
    """

    id: int
    kind: str
    lines: tuple[int, ...]
    words: tuple[str, ...]
    height: float | None


@dataclass(slots=True)
class Candidates:
    """Windows with all their lines by id."""

    windows: list[Window] = field(default_factory=list)
    lines: dict[int, Line] = field(default_factory=dict)


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
    chosen = {passage for _, passage in heapq.nlargest(LEXICAL, zip(found.values(), found, strict=True))}
    chosen = _best(chosen | heights.keys(), found, heights) | _notes(connection, found)
    return _load(connection, chosen, heights, before)


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


def in_spans(connection: sqlite3.Connection, spans: tuple[Span, ...]) -> set[int]:
    """Return the passages said in one of the spans, or soon after."""
    found: set[int] = set()
    for start, end in spans:
        rows = connection.execute(
            "SELECT id FROM passage WHERE started_at >= ? AND started_at < ?", (start, end + LATER)
        )
        found.update(row[0] for row in rows)
    return found


def _by_words(connection: sqlite3.Connection, question: Question, spans: tuple[Span, ...]) -> dict[int, float]:
    """Return passages with the sum of what their rare words, and their time, tell."""
    scores: dict[int, float] = defaultdict(float)
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
        for passage in set(rows):
            scores[passage] += word.worth
    if spans:
        meant = in_spans(connection, spans)
        worth = idf(question.total, len(meant))
        few = not telling or len(meant) <= LEXICAL
        for passage in meant if few else meant & scores.keys():
            scores[passage] += worth
    return scores


def _any_of(word: Word) -> str:
    return " OR ".join(quoted(unstemmed(form)) for form in sorted(word.forms))


def quoted(term: str) -> str:
    """Return a word as FTS5 takes it, whatever stands in it."""
    return '"' + term.replace('"', '""') + '"'


def _holding(connection: sqlite3.Connection, expression: str, limit: int) -> list[int]:
    """Return the latest passages whose texts match."""
    rows = connection.execute(
        "SELECT rowid FROM passage_fts WHERE passage_fts MATCH ? ORDER BY rowid DESC LIMIT ?",
        (f"{{terms}} : ({expression})", limit),
    )
    return [row[0] for row in rows]


def _load(
    connection: sqlite3.Connection, chosen: Iterable[int], heights: dict[int, float], before: int | None
) -> Candidates:
    """Return passages with those that overlap them, so that every line comes with all that was said around it."""
    ids = json.dumps(sorted(chosen))
    rows = connection.execute(
        "WITH chosen (line) AS ("
        " SELECT first FROM passage WHERE id IN (SELECT value FROM json_each(?1))"
        " UNION SELECT second FROM passage WHERE id IN (SELECT value FROM json_each(?1))"
        " UNION SELECT third FROM passage WHERE id IN (SELECT value FROM json_each(?1))),"
        " around (id) AS (SELECT id FROM passage WHERE first IN (SELECT line FROM chosen)"
        " UNION SELECT id FROM passage WHERE second IN (SELECT line FROM chosen)"
        " UNION SELECT id FROM passage WHERE third IN (SELECT line FROM chosen))"
        # The texts of the index lie in a table of their own, which answers faster than the index does.
        " SELECT passage.id, kind, first, second, third, c1 FROM passage JOIN passage_fts_content ON"
        " passage_fts_content.id = passage.id"
        " WHERE passage.id IN (SELECT id FROM around) AND (?2 IS NULL OR ended_at < ?2)",
        (ids, before),
    ).fetchall()
    found = Candidates()
    for passage, kind, first, second, third, terms in rows:
        lines = (first, second, third) if third is not None else (first, second) if second is not None else (first,)
        words = tuple(terms.split("\n", len(lines))[: len(lines)])
        found.windows.append(Window(passage, kind, lines, words, heights.get(passage)))
    found.lines = _lines(connection, {line for window in found.windows for line in window.lines})
    return found


def _lines(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, Line]:
    """Return lines by their ids."""
    rows = connection.execute(
        "SELECT id, key, chat, who, sent_at, text FROM line WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(ids)),),
    ).fetchall()
    chats = json.dumps(list({row[2] for row in rows}))
    named = "SELECT id, name FROM chat WHERE id IN (SELECT value FROM json_each(?))"
    names = dict(connection.execute(named, (chats,)).fetchall())
    return {number: Line(key, chat, names[chat], who, when, text) for number, key, chat, who, when, text in rows}
