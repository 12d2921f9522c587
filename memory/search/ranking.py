"""Candidates to lines in order: how likely each line is to be what was asked for.

A line's score is a weighted sum of a few properties, each between 0 and about 1, so that it can be read and explained:
what it and the talk around it share with the question, in words and in meaning, who said it, and how much it says.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from operator import mul
from typing import Generic, NamedTuple, TypeVar

from memory.passages import SESSION_GAP_SECONDS
from memory.search.candidates import LATER, Candidates, Lines, Window
from memory.search.query import Question
from memory.text.line_features import ASKS, FULL_OF_CONTENT, NAMES_TIME, SPEAKS_OF_SELF
from memory.text.stemmer import porter
from memory.text.time_expressions import Span

SATURATION, LENGTH_PART = 1.2, 0.75
"""BM25's k1 and b."""
HIGH = 5.0
"""Deviations above the mean that nearly no passage is nearer than."""
IMPLIED = 0.2
"""How much "your" and "my" say of who is meant, beside a name: of your cat others speak as well."""
_BEGINNING = 3
"""Letters by which words that cannot be forms of a question's are told before they are stemmed."""


T = TypeVar("T")
Column = Sequence[float]
"""A number for each candidate line."""


class Properties(NamedTuple, Generic[T]):
    """What speaks for lines, a column of each; `WEIGHTS` has the same fields, a number each."""

    window: T
    """BM25 of the passages it stands in, on average, to that of the best passage."""
    line: T
    """Its own BM25 to that of the best line."""
    cover: T
    """The share of the question's words that a passage with it holds, rare words counting more."""
    asked: T
    """Whether the one whom the question is about said it."""
    content: T
    """How many different words it has that say something."""
    session: T
    """BM25 of the best passage of its session."""
    first: T
    """Whether who said it speaks of themselves."""
    answer: T
    """The BM25 of the line before it, where that is a question."""
    meaning: T
    """How near its passages are in meaning, on average, to the nearest one."""
    near: T
    """How near the nearest passage of its session is."""
    height: T
    """How near its nearest passage is, in this memory's deviations."""
    time: T
    """Whether it names a time and the question asks for one."""
    span: T
    """Whether it was said in the time that the question names, or soon after."""


WEIGHTS: Properties[float] = Properties(
    window=0.8, line=1.45, cover=0.85, asked=1.55, content=1.0, session=1.05, first=0.35, answer=1.05,
    meaning=1.0, near=1.15, height=0.8, time=0.6, span=3.0,
)  # fmt: skip
"""What each property counts, as tools/ranking/fit.py finds it on chats that this project invented; `span`, which is
seldom asked for, is set by hand."""


_Held = Mapping[int, int]
"""How often a text holds each word of the question, by the word's place in it."""
_NOTHING: _Held = {}


def score(properties: Properties[Column], weights: Properties[float]) -> list[float]:
    """Return how likely each line is to be what was asked for; only the order means something."""
    telling = [(weight, column) for weight, column in zip(weights, properties, strict=True) if weight and any(column)]
    if not telling:
        return [0.0] * len(properties.line)
    kept, columns = zip(*telling, strict=True)
    return [sum(map(mul, kept, row)) for row in zip(*columns, strict=True)]


def rank(
    question: Question, candidates: Candidates, spans: Sequence[Span], asked: Collection[str]
) -> Properties[Column]:
    """Return the properties of the candidate lines.

    `asked` are the names of those whom the question is about, as far as it does not say so itself.
    """
    lines, windows = candidates.lines, candidates.windows
    worth = [word.worth for word in question.words]
    held = _held(question, lines.words)
    lengths = [words.count(" ") + 1 if words else 0 for words in lines.words]
    by_line = _shares(_bm25(held, lengths, worth))
    by_window, cover = _by_window(worth, windows, held, lengths)
    heights = _shares(_heights(windows))
    around = _around(windows, len(lengths), by_window, cover, heights)
    highest = max((window.height or 0.0 for window in windows), default=0.0) / HIGH
    about, sure = _about(question, set(lines.who), asked)
    sessions = _sessions(lines)
    asks = [match if marks & ASKS else 0.0 for match, marks in zip(by_line, lines.marks, strict=True)]
    return Properties(
        window=around.match,
        line=by_line,
        cover=around.cover,
        asked=[sure if who in about else 0.0 for who in lines.who],
        content=[content / FULL_OF_CONTENT for content in lines.content],
        session=_best_of_sessions(sessions, windows, by_window),
        first=[1.0 if marks & SPEAKS_OF_SELF else 0.0 for marks in lines.marks],
        answer=[0.0 if before is None else asks[before] for before in around.before],
        meaning=around.meaning,
        near=_best_of_sessions(sessions, windows, heights),
        height=[near * highest for near in around.near],
        time=[1.0 if question.for_time and marks & NAMES_TIME else 0.0 for marks in lines.marks],
        span=[_within(when, spans) for when in lines.when] if spans else [0.0] * len(lengths),
    )


def _held(question: Question, texts: Sequence[str]) -> list[_Held]:
    """Return what each text holds of the question; only words that begin like one of its words are looked at."""
    if not question.words:
        return [_NOTHING] * len(texts)
    forms = {form: place for place, word in enumerate(question.words) for form in word.forms}
    beginnings = {form[: min(_BEGINNING, len(form) - (form[-1] in "ie"))] for form in forms}
    alike = re.compile(f" (?:{'|'.join(map(re.escape, beginnings))})[^ ]*").findall
    known: dict[str, int | None] = {}
    every: list[_Held] = []
    for text in texts:
        held: dict[int, int] = {}
        for word in alike(f" {text}"):
            if word not in known:
                known[word] = forms.get(porter(word[1:]))
            if (place := known[word]) is not None:
                held[place] = held.get(place, 0) + 1
        every.append(held or _NOTHING)
    return every


def _by_window(
    worth: Sequence[float], windows: Sequence[Window], held: Sequence[_Held], lengths: Sequence[int]
) -> tuple[Column, Column]:
    """Return the BM25 of each window, the best being 1, and the share of the question's words that it holds."""
    counts = []
    for window in windows:
        together: _Held = _NOTHING
        for line in window.lines:
            if more := held[line]:
                together = {w: together.get(w, 0) + more.get(w, 0) for w in (*together, *more)} if together else more
        counts.append(together)
    every = sum(worth) or 1.0
    cover = [sum([worth[word] for word in words]) / every if words else 0.0 for words in counts]
    return _shares(_bm25(counts, [sum([lengths[line] for line in w.lines]) for w in windows], worth)), cover


class _Around(NamedTuple):
    """What is known of each line by the windows it stands in, and the line before it."""

    match: list[float]
    """The mean of their BM25, as shares of the best."""
    cover: list[float]
    """The most that one of them holds of the question."""
    meaning: list[float]
    """The mean of their heights, as shares of the highest."""
    near: list[float]
    """The greatest of these."""
    before: list[int | None]


def _around(windows: Sequence[Window], lines: int, by_window: Column, cover: Column, heights: Column) -> _Around:
    match, most, meaning, near = ([0.0] * lines for _ in range(4))
    before: list[int | None] = [None] * lines
    standing = [0] * lines
    for window, fits, holds, height in zip(windows, by_window, cover, heights, strict=True):
        last = None
        for line in window.lines:
            standing[line] += 1
            match[line] += fits
            meaning[line] += height
            if holds > most[line]:
                most[line] = holds
            if height > near[line]:
                near[line] = height
            if last is not None:
                before[line] = last
            last = line
    match = [total / count for total, count in zip(match, standing, strict=True)]
    meaning = [total / count for total, count in zip(meaning, standing, strict=True)]
    return _Around(match, most, meaning, near, before)


def _bm25(counts: Sequence[_Held], lengths: Sequence[int], worth: Sequence[float]) -> list[float]:
    """Return the BM25 of each text, by how often it holds each word and by its length."""
    mean = (sum(lengths) / len(lengths) if lengths else 0.0) or 1.0
    scores = []
    for held, length in zip(counts, lengths, strict=True):
        score = 0.0
        if held:
            damping = SATURATION * (1 - LENGTH_PART + LENGTH_PART * length / mean)
            for word, n in held.items():
                score += worth[word] * n * (SATURATION + 1) / (n + damping)
        scores.append(score)
    return scores


def _shares(values: Sequence[float]) -> list[float]:
    """Return values as shares of the largest."""
    largest = max(values, default=0.0) or 1.0
    return [value / largest for value in values]


def _heights(windows: Sequence[Window]) -> list[float]:
    """Return how near each window is; those that dense search did not name are at most as near as the last it did."""
    known = [window.height for window in windows if window.height is not None]
    floor = max(0.0, min(known, default=0.0))
    return [max(0.0, floor if window.height is None else window.height) for window in windows]


def _about(question: Question, speakers: Collection[str], asked: Collection[str]) -> tuple[Collection[str], float]:
    """Return the one speaker that the question is about, nobody where it is about several or none, and how surely."""
    if named := {name for name in speakers if question.names(name)}:
        return named if len(named) == 1 else (), 1.0
    return asked if len(asked) == 1 else (), IMPLIED


def _sessions(lines: Lines) -> list[int]:
    """Return for every line the number of its session: candidates of a chat without a long silence between them."""
    sessions = [0] * len(lines.id)
    current, last_chat, last = -1, None, 0
    for chat, when, place in sorted(zip(lines.chat, lines.when, range(len(sessions)), strict=True)):
        if chat != last_chat or when - last > SESSION_GAP_SECONDS:
            current += 1
        sessions[place], last_chat, last = current, chat, when
    return sessions


def _best_of_sessions(sessions: Sequence[int], windows: Sequence[Window], values: Column) -> Column:
    """Return for every line the largest value of a window of its session."""
    best = [0.0] * len(sessions)
    for window, value in zip(windows, values, strict=True):
        session = sessions[window.lines[0]]
        if value > best[session]:
            best[session] = value
    return [best[session] for session in sessions]


def _within(when: int, spans: Sequence[Span]) -> float:
    """Return 1 for what was said in one of the spans, a half for what was said soon after, else 0."""
    if any(start <= when < end for start, end in spans):
        return 1.0
    return 0.5 if any(start <= when < end + LATER for start, end in spans) else 0.0
