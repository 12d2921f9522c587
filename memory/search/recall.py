"""A question to what was said about it, within a budget of words: candidates are found, their lines ranked and shown.

Words and meaning find passages, windows of three messages; what is shown is the lines of them that are worth their
words. Finding nothing is an answer: only words that say what a question is about and that are not on everybody's lips
in this memory (asking.COMMON_SHARE), a time that was named, or a meaning far nearer than this memory's usual can find
anything.
"""

import json
import math
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from memory.passages import Line
from memory.search.candidates import DENSE, Candidates, find, in_spans
from memory.search.dense_hits import Dense, Nearest
from memory.search.query import ask
from memory.search.ranking import WEIGHTS, Column, Properties, rank, score
from memory.store.passage_writer import lines_where
from memory.text.line_features import text_words
from memory.text.time_expressions import spans_of
from memory.text.tokenize import split_words

LEAST_WORDS = 5
"""A budget with less left is spent."""
MEANT_ALONE = 4.0
"""Where no word is found, the nearest passage must stand so many deviations above the mean."""
NOTE_FIRST = 1000.0
"""What a note's score is raised by: notes rank first where they match."""
THRIFT = 0.3
"""How much a long line must be better than a short one: its score is lowered by so much times the log of its words."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found in one place; `when` is Unix seconds, `text` has one line a message: `2023-05-08 Anna: …`.

    Lines of overlapping passages are one hit with the id and the score of the best of them; a higher score is better.
    `who` are the names of those who speak in it, `chat` is the name of the chat.
    """

    id: int
    when: int
    who: str
    text: str
    score: float
    chat: str
    offset: int = 0
    """How far the clock where it was written was ahead of UTC, in seconds."""

    @property
    def day(self) -> date:
        """The date where it was written."""
        return datetime.fromtimestamp(self.when + self.offset, UTC).date()


@dataclass(frozen=True, slots=True)
class Recall:
    """What was found, best first, its length in words, and how long it took."""

    hits: tuple[Hit, ...]
    words: int
    ms: float


@dataclass(frozen=True, slots=True)
class Examined:
    """The candidates for a question, and what speaks for each of their lines, None where there are none."""

    candidates: Candidates
    properties: Properties[Column] | None


@dataclass(slots=True, eq=False)
class _Found:
    """A hit in the making: lines by their places, the windows they stand in, and the best line's passage and score."""

    passage: int
    score: float
    lines: set[int]
    windows: set[int]


NOTHING = Examined(Candidates(), None)


def search(
    connection: sqlite3.Connection,
    query: str,
    *,
    words: int,
    exclude: Collection[str] = (),
    before: int | None = None,
    dense: Dense | None = None,
    now: int | None = None,
    asked: str | None = None,
    asker: str | None = None,
) -> tuple[Hit, ...]:
    """Return what was said about `query` within a budget of `words`, best first.

    Messages whose text is in `exclude` are left out, and passages that do not end before `before`. `dense` finds what
    is meant in other words. `now`, in Unix seconds, is the moment that "last summer" is counted from. `asked` is the
    name of who is spoken to ("your cat"), `asker` of who speaks ("my cat").
    """
    examined = examine(connection, query, before=before, dense=dense, now=now, asked=asked, asker=asker)
    return fill(connection, examined, words, exclude)


def examine(
    connection: sqlite3.Connection,
    query: str,
    *,
    before: int | None = None,
    dense: Dense | None = None,
    now: int | None = None,
    asked: str | None = None,
    asker: str | None = None,
) -> Examined:
    """Return what may answer a question, with what speaks for it; nothing where nothing is near enough."""
    latest = connection.execute(
        "SELECT ended_at + utc_offset FROM passage JOIN line ON line.id = first ORDER BY started_at DESC LIMIT 1"
    ).fetchone()
    if latest is None:
        return NOTHING
    question = ask(connection, query, latest[0] if now is None else now)
    if not question.has_content:
        return NOTHING
    spans = question.spans
    if spans and not in_spans(connection, spans):  # then the times are counted from what was said last
        spans = spans_of(split_words(query), latest[0])
    nearest = dense(query, DENSE) if dense is not None else None
    if not question.telling and not spans:
        nearest = _far_above(nearest)
        if nearest is None:
            return NOTHING
    candidates = find(connection, question, nearest, before, spans)
    about = [name for name, said in ((asked, question.says_you), (asker, question.says_me)) if name and said]
    return Examined(candidates, rank(question, candidates, spans, about[:1]))


def fill(
    connection: sqlite3.Connection,
    examined: Examined,
    words: int,
    exclude: Collection[str] = (),
    weights: Properties[float] = WEIGHTS,
) -> tuple[Hit, ...]:
    """Return the best lines that a budget of words holds, those of overlapping passages as one hit."""
    if examined.properties is None:
        return ()
    windows, lines = examined.candidates.windows, examined.candidates.lines
    scores = score(examined.properties, weights)
    for line in {line for window in windows if window.kind == "note" for line in window.lines}:
        scores[line] += NOTE_FIRST
    windows_of: list[list[int]] = [[] for _ in scores]
    for place, window in enumerate(windows):
        for line in window.lines:
            windows_of[line].append(place)
    left_out = _left_out(connection, examined, windows_of, exclude)
    worth = [line_score - THRIFT * math.log(cost) for line_score, cost in zip(scores, lines.cost, strict=True)]
    found: list[_Found] = []
    for *_, line in sorted(zip(worth, lines.when, lines.id, range(len(worth)), strict=True), reverse=True):
        if words < LEAST_WORDS:
            break
        if lines.cost[line] <= words and line not in left_out:
            words -= lines.cost[line]
            best = max(windows_of[line], key=lambda place: sum(scores[other] for other in windows[place].lines))
            _merge(found, _Found(windows[best].id, worth[line], {line}, set(windows_of[line])))
    texts = lines_with(connection, [lines.id[line] for hit in found for line in hit.lines])
    said = [{i: texts[i] for line in hit.lines if (i := lines.id[line]) in texts} for hit in found]
    return tuple(hit_of(hit.passage, hit.score, shown) for hit, shown in zip(found, said, strict=True) if shown)


def lines_with(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, Line]:
    """Return lines by their ids; those that were forgotten meanwhile are not among them."""
    return lines_where(connection, "line.id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),))


def hit_of(passage: int, score: float, lines: dict[int, Line]) -> Hit:
    """Return lines of one chat as they are shown, under the id and the score of a passage."""
    ordered = sorted(lines.values(), key=lambda line: (line.when, len(line.key), line.key))
    who = ", ".join(dict.fromkeys(line.who for line in ordered))
    text = "\n".join(line.shown for line in ordered)
    first = ordered[0]
    return Hit(passage, first.when, who, text, score, first.chat_name, first.offset)


def _far_above(nearest: Nearest | None) -> Nearest | None:
    """Return the passages whose meaning alone is reason enough to recall them, or None where there is none."""
    if nearest is None:
        return None
    least = nearest.mean + MEANT_ALONE * nearest.deviation
    kept = tuple((passage, cosine) for passage, cosine in nearest.passages if cosine >= least)
    return Nearest(kept, nearest.mean, nearest.deviation) if kept else None


def _left_out(
    connection: sqlite3.Connection, examined: Examined, windows_of: Sequence[Sequence[int]], exclude: Collection[str]
) -> set[int]:
    """Return the lines that stand in the prompt already, and the company of those unless it answers itself."""
    shown = {" ".join(part.split()) for text in exclude for part in (text, *text.split("\n"))}
    if not shown or examined.properties is None:
        return set()
    alike, lines = set(map(text_words, shown)), examined.candidates.lines
    texts = lines_with(connection, [i for i, words in zip(lines.id, lines.words, strict=True) if words in alike])
    known = {place for place, i in enumerate(lines.id) if i in texts and " ".join(texts[i].text.split()) in shown}
    half_known = {window for line in known for window in windows_of[line]}
    return known | {
        line
        for line, matches in enumerate(examined.properties.line)
        if not matches and not half_known.isdisjoint(windows_of[line])
    }


def _merge(found: list[_Found], new: _Found) -> None:
    """Add a line, joined with those before it that share a passage; the best keeps its place."""
    joined = [hit for hit in found if not hit.windows.isdisjoint(new.windows)]
    if not joined:
        found.append(new)
        return
    best, *rest = joined
    for hit in (*rest, new):
        best.lines |= hit.lines
        best.windows |= hit.windows
    found[:] = [hit for hit in found if hit not in rest]
