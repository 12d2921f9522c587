"""A question to what was said about it: lexical search, and as many of its best passages as a word budget holds.

Finding nothing is an answer: only words that say what a question is about and that are not on everybody's lips in
this memory (COMMON_SHARE) can find anything.
"""

import math
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from memory.passages import Line
from memory.upkeep import lines_of, month_term
from memory.words import content_words, count_words, month_of, stem

CANDIDATES = 60
"""Passages taken from the index before the budget is filled."""
COMMON_SHARE = 0.2
"""A word in more than this share of all passages says little; the question is about its other words."""
COMMON_AT_LEAST = 30
"""In a small memory a word is common only from this many passages on."""
MOST_WORDS = 24
"""Words of a long message that are searched for, the rarest of them."""
LEAST_WORDS = 5
"""A budget with less left is spent."""
SHORTEST_BEGINNING = 4
LEAST_OF_WORD = 0.6
"""A word nobody wrote is shortened down to this share of it to find its other forms."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found; `when` is Unix seconds, `text` has one line a message: `2023-05-08 Anna: …`.

    Overlapping passages are one hit with the id and the score of the best of them; a higher score is better. `who`
    are the names of those who speak in it, `chat` is the name of the chat.
    """

    id: int
    when: int
    who: str
    text: str
    score: float
    chat: str


@dataclass(frozen=True, slots=True)
class Recall:
    """What was found, best first, its length in words, and how long it took."""

    hits: tuple[Hit, ...]
    words: int
    ms: float


@dataclass(frozen=True, slots=True)
class Question:
    """A question in FTS5: its `words`, which rank passages, and the `telling` ones, of which a text must hold one."""

    words: str
    telling: str


@dataclass(slots=True, eq=False)
class _Found:
    """A hit in the making: the lines of overlapping passages by id, and the best of these passages."""

    passage: int
    score: float
    lines: dict[int, Line] = field(default_factory=dict)


def search(
    connection: sqlite3.Connection, query: str, *, words: int, exclude: Collection[str] = (), before: int | None = None
) -> tuple[Hit, ...]:
    """Return what was said about `query` within a budget of `words`, best first.

    Messages whose text is in `exclude` are left out, and passages that do not end before `before`.
    """
    question = ask(connection, query)
    if not question.telling:
        return ()
    shown = {" ".join(part.split()) for text in exclude for part in (text, *text.split("\n"))}
    found: list[_Found] = []
    for passage, score in _candidates(connection, question, before):
        if words < LEAST_WORDS:
            break
        lines = lines_of(connection, passage)
        fresh = {i: line for i, line in lines.items() if " ".join(line.text.split()) not in shown}
        if _cost(fresh, found) > words or len(fresh) < len(lines):
            # The last words of the budget go to the lines that match; so does a window half of which is known.
            matching = _matching(connection, question, passage, lines)
            fresh = {i: line for i, line in fresh.items() if i in matching}
        cost = _cost(fresh, found)
        if fresh and cost <= words:
            words -= cost
            _merge(found, _Found(passage, score, fresh))
    return tuple(hit_of(each.passage, each.score, each.lines) for each in found)


def _cost(lines: dict[int, Line], found: Sequence[_Found]) -> int:
    """Return how many words showing these lines adds to what was found."""
    taken = {i for hit in found for i in hit.lines}
    return sum(count_words(line.shown) for i, line in lines.items() if i not in taken)


def hit_of(passage: int, score: float, lines: dict[int, Line]) -> Hit:
    """Return lines of one chat as they are shown, under the id and the score of a passage."""
    ordered = sorted(lines.values(), key=lambda line: (line.when, len(line.key), line.key))
    who = ", ".join(dict.fromkeys(line.who for line in ordered))
    text = "\n".join(line.shown for line in ordered)
    return Hit(passage, ordered[0].when, who, text, score, ordered[0].chat_name)


def ask(connection: sqlite3.Connection, query: str) -> Question:
    """Return what to search for: the words of a question that this memory holds, the rarest of them telling."""
    total = connection.execute("SELECT count(*) FROM passage").fetchone()[0]
    limit = max(COMMON_AT_LEAST, math.ceil(total * COMMON_SHARE))
    counted: dict[str, int] = {}
    for word in content_words(query)[: 4 * MOST_WORDS]:
        phrase, passages = _phrase(connection, word, limit)
        if passages:
            counted[phrase] = passages
        if (month := month_of(word)) is not None:
            counted[_quoted(month_term(month))] = limit
    words = sorted(counted, key=lambda phrase: counted[phrase])[:MOST_WORDS]
    telling = [phrase for phrase in words if counted[phrase] <= limit]
    return Question(" OR ".join(words), _in_texts(" OR ".join(telling)) if telling else "")


def _phrase(connection: sqlite3.Connection, word: str, limit: int) -> tuple[str, int]:
    """Return how a word is searched for, and in how many passages it is, counted up to just above `limit`."""
    beginning = stem(word)
    phrase = _quoted(word) if beginning is None else f"{_quoted(beginning)}*"
    passages = _passages_with(connection, phrase, limit)
    length = len(word) - 1
    while passages == 0 and length >= max(SHORTEST_BEGINNING, LEAST_OF_WORD * len(word)):
        phrase = f"{_quoted(word[:length])}*"
        passages = _passages_with(connection, phrase, limit)
        length -= 1
    return phrase, passages


def _passages_with(connection: sqlite3.Connection, phrase: str, limit: int) -> int:
    row = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM passage_fts WHERE passage_fts MATCH ? LIMIT ?)",
        (_in_texts(phrase), limit + 1),
    )
    return int(row.fetchone()[0])


def _in_texts(expression: str) -> str:
    return f"{{terms}} : ({expression})"


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


def _candidates(connection: sqlite3.Connection, question: Question, before: int | None) -> Sequence[tuple[int, float]]:
    """Return passages and their scores: notes first, then by BM25, of equals the latest first."""
    # CROSS and + keep SQLite from asking the index once for every telling passage, which takes seconds.
    rows = connection.execute(
        "SELECT passage.id, -bm25(passage_fts) AS score"
        " FROM passage_fts CROSS JOIN passage ON passage.id = passage_fts.rowid"
        " WHERE passage_fts MATCH ? AND (? IS NULL OR ended_at < ?)"
        " AND +passage.id IN (SELECT rowid FROM passage_fts WHERE passage_fts MATCH ?)"
        " ORDER BY passage.kind = 'note' DESC, score DESC, ended_at DESC LIMIT ?",
        (question.words, before, before, question.telling, CANDIDATES),
    )
    return rows.fetchall()


def _matching(connection: sqlite3.Connection, question: Question, passage: int, lines: dict[int, Line]) -> set[int]:
    """Return the ids of the lines of a passage that hold words of the question."""
    row = connection.execute(
        "SELECT highlight(passage_fts, 1, char(2), char(3)) FROM passage_fts WHERE passage_fts MATCH ? AND rowid = ?",
        (question.telling, passage),
    )
    *marked, dated = row.fetchone()[0].split("\n")
    if "\2" in dated:  # all of it was said in the month or the year that was asked for
        return set(lines)
    return {i for i, words in zip(lines, marked, strict=True) if "\2" in words}


def _merge(found: list[_Found], new: _Found) -> None:
    """Add a passage, joined with those before it that share a line; the best keeps its place."""
    joined = [hit for hit in found if not hit.lines.keys().isdisjoint(new.lines)]
    if not joined:
        found.append(new)
        return
    best, *rest = joined
    for hit in (*rest, new):
        best.lines |= hit.lines
    found[:] = [hit for hit in found if hit not in rest]
