"""Candidates to lines in order: how likely each line is to be what was asked for.

A line's score is a weighted sum of a few properties, each between 0 and about 1, so that it can be read and explained:
what it and the talk around it share with the question, in words and in meaning, who said it, and how much it says.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from typing import NamedTuple

from memory.asking import Question
from memory.candidates import LATER, Candidates, Window
from memory.passages import SESSION_GAP_SECONDS, Line
from memory.stems import porter
from memory.stopwords import FIRST_PERSON, STOP_WORDS
from memory.timewords import TIME_WORDS, Span

SATURATION, LENGTH_PART = 1.2, 0.75
"""BM25's k1 and b."""
FULL_OF_CONTENT = 20
"""A line with so many different content words says as much as any."""
HIGH = 5.0
"""Deviations above the mean that nearly no passage is nearer than."""
_BEGINNING = 3
"""Letters by which words that cannot be forms of a question's are told before they are stemmed."""


class Properties(NamedTuple):
    """What speaks for a line; `WEIGHTS` has the same fields."""

    window: float
    """BM25 of the passages it stands in, on average, to that of the best passage."""
    line: float
    """Its own BM25 to that of the best line."""
    cover: float
    """The share of the question's words that a passage with it holds, rare words counting more."""
    asked: float
    """Whether the one whom the question is about said it."""
    content: float
    """How many different words it has that say something."""
    session: float
    """BM25 of the best passage of its session."""
    first: float
    """Whether who said it speaks of themselves."""
    answer: float
    """The BM25 of the line before it, where that is a question."""
    meaning: float
    """How near its passages are in meaning, on average, to the nearest one."""
    near: float
    """How near the nearest passage of its session is."""
    height: float
    """How near its nearest passage is, in this memory's deviations."""
    time: float
    """Whether it names a time and the question asks for one."""
    span: float
    """Whether it was said in the time that the question names, or soon after."""


WEIGHTS = Properties(
    window=0.8, line=1.45, cover=0.85, asked=1.55, content=1.0, session=1.05, first=0.35, answer=1.05,
    meaning=1.0, near=1.15, height=0.8, time=0.6, span=3.0,
)  # fmt: skip
"""What each property counts, as tools/ranking/fit.py finds it on chats that this project invented; `span`, which is
seldom asked for, is set by hand."""


@dataclass(slots=True)
class _Parsed:
    """A line as it is ranked: what it holds of the question, and what is known of the windows it stands in."""

    counts: dict[int, int]
    """How often it holds each word of the question."""
    length: int
    words: set[str]
    before: int | None = None
    windows: int = 0
    match: float = 0.0
    """The sum of its windows' BM25, as shares of the best."""
    cover: float = 0.0
    """The most that one of them holds of the question."""
    meaning: float = 0.0
    """The sum of their heights, as shares of the highest."""
    near: float = 0.0
    """The greatest of these."""


def score(properties: Properties, weights: Properties) -> float:
    """Return how likely a line is to be what was asked for; only the order means something."""
    return float(sum(map(mul, weights, properties)))


def rank(
    question: Question, candidates: Candidates, spans: Sequence[Span], asked: Collection[str]
) -> dict[int, Properties]:
    """Return the properties of every candidate line by its id.

    `asked` are the names of those whom the question is about, as far as it does not say so itself.
    """
    parsed, lines, windows = _parse(question, candidates), candidates.lines, candidates.windows
    worth = [word.worth for word in question.words]
    by_window, cover = _by_window(worth, windows, parsed)
    heights = _shares(_heights(windows))
    _gather(parsed, windows, by_window, cover, heights)
    own = _bm25([line.counts for line in parsed.values()], [line.length for line in parsed.values()], worth)
    by_line = dict(zip(parsed, _shares(own), strict=True))
    highest = max((window.height or 0.0 for window in windows), default=0.0) / HIGH
    about = _about(question, {line.who for line in lines.values()}, asked)
    sessions = _sessions(lines)
    session_words = _best_of_sessions(sessions, windows, by_window)
    session_heights = _best_of_sessions(sessions, windows, heights)
    ranked = {}
    for number, each in parsed.items():
        line, session, before = lines[number], sessions[number], each.before
        ranked[number] = Properties(  # by place: a line has many, and names would take as long as all the rest
            each.match / each.windows,  # window
            by_line[number],  # line
            each.cover,  # cover
            float(line.who in about),  # asked
            min(len(each.words - STOP_WORDS), FULL_OF_CONTENT) / FULL_OF_CONTENT,  # content
            session_words[session],  # session
            float(not each.words.isdisjoint(FIRST_PERSON)),  # first
            by_line[before] if before is not None and _is_question(lines[before]) else 0.0,  # answer
            each.meaning / each.windows,  # meaning
            session_heights[session],  # near
            each.near * highest,  # height
            float(question.for_time and not each.words.isdisjoint(TIME_WORDS)),  # time
            _within(line.when, spans) if spans else 0.0,  # span
        )
    return ranked


def _by_window(
    worth: Sequence[float], windows: Sequence[Window], parsed: Mapping[int, _Parsed]
) -> tuple[list[float], list[float]]:
    """Return the BM25 of each window, the best being 1, and the share of the question's words that it holds."""
    counts, lengths = [], []
    for window in windows:
        held: dict[int, int] = {}
        length = 0
        for number in window.lines:
            line = parsed[number]
            length += line.length
            for word, count in line.counts.items():
                held[word] = held.get(word, 0) + count
        counts.append(held)
        lengths.append(length)
    every = sum(worth) or 1.0
    cover = [sum([worth[word] for word in held]) / every if held else 0.0 for held in counts]
    return _shares(_bm25(counts, lengths, worth)), cover


def _gather(
    parsed: Mapping[int, _Parsed],
    windows: Sequence[Window],
    by_window: Sequence[float],
    cover: Sequence[float],
    heights: Sequence[float],
) -> None:
    """Give every line what is known of the windows it stands in."""
    for window, match, held, height in zip(windows, by_window, cover, heights, strict=True):
        for number in window.lines:
            line = parsed[number]
            line.windows += 1
            line.match += match
            line.meaning += height
            if held > line.cover:
                line.cover = held
            if height > line.near:
                line.near = height


class _Matches(dict[str, int | None]):
    """Words of texts to the place in the question of the word that they are a form of, found out once for each."""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._forms = {form: place for place, word in enumerate(question.words) for form in word.forms}
        self._beginnings = tuple({form[: min(_BEGINNING, len(form) - (form[-1] in "ie"))] for form in self._forms})

    def __missing__(self, word: str) -> int | None:
        found = self._forms.get(porter(word)) if word.startswith(self._beginnings) else None
        self[word] = found
        return found


def _parse(question: Question, candidates: Candidates) -> dict[int, _Parsed]:
    matches, parsed = _Matches(question), dict[int, _Parsed]()
    for window in candidates.windows:
        before = None
        for number, text in zip(window.lines, window.words, strict=True):
            line = parsed.get(number)
            if line is None:
                words = text.split()
                counts: dict[int, int] = {}
                for word in words:
                    if (found := matches[word]) is not None:
                        counts[found] = counts.get(found, 0) + 1
                line = parsed[number] = _Parsed(counts, len(words), set(words))
            if before is not None:
                line.before = before
            before = number
    return parsed


def _bm25(counts: Sequence[Mapping[int, int]], lengths: Sequence[int], worth: Sequence[float]) -> list[float]:
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


def _about(question: Question, speakers: Collection[str], asked: Collection[str]) -> Collection[str]:
    """Return the one speaker that the question is about; nobody where it is about several or none."""
    named = {name for name in speakers if question.names(name)} or set(asked)
    return named if len(named) == 1 else ()


def _sessions(lines: Mapping[int, Line]) -> dict[int, int]:
    """Return for every line the number of its session: candidates of a chat without a long silence between them."""
    sessions: dict[int, int] = {}
    current, last = 0, None
    for chat, when, number in sorted([(line.chat, line.when, number) for number, line in lines.items()]):
        if last is not None:
            current += last[0] != chat or when - last[1] > SESSION_GAP_SECONDS
        sessions[number], last = current, (chat, when)
    return sessions


def _best_of_sessions(
    sessions: Mapping[int, int], windows: Sequence[Window], values: Sequence[float]
) -> dict[int, float]:
    best: dict[int, float] = {}
    for window, value in zip(windows, values, strict=True):
        session = sessions[window.lines[0]]
        if value > best.get(session, -1.0):
            best[session] = value
    return best


def _is_question(line: Line) -> bool:
    return "?" in line.text or "？" in line.text


def _within(when: int, spans: Sequence[Span]) -> float:
    """Return 1 for what was said in one of the spans, a half for what was said soon after, else 0."""
    if any(start <= when < end for start, end in spans):
        return 1.0
    return 0.5 if any(start <= when < end + LATER for start, end in spans) else 0.0
