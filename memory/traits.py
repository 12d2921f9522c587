"""What ranking asks of every message, found out once, when it is written: its words, how many, and of what kind.

A question looks at hundreds of messages; folding their texts anew for each took longer than all the rest of a search.
The traits are columns of `line`. Whoever changes what they are made from (`memory.words`, the stop words) adds a
migration that makes them anew, as `check` would tell.
"""

import sqlite3
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from memory.stopwords import FIRST_PERSON, STOP_WORDS
from memory.timewords import TIME_WORDS
from memory.words import count_words, words_of

FULL_OF_CONTENT = 20
"""A line with so many different content words says as much as any."""
SPEAKS_OF_SELF, NAMES_TIME, ASKS = 1, 2, 4
"""The marks, which are added up."""
COLUMNS = "words, cost, content, marks"
_BATCH = 2000


class Traits(NamedTuple):
    """`words` as they are indexed, `cost` in words of showing it, its different `content` words, and its `marks`."""

    words: str
    cost: int
    content: int
    marks: int


def traits_of(who: str, text: str) -> Traits:
    """Return the traits of a message."""
    words = text_words(text)
    distinct = set(words.split())
    marks = 0
    if not distinct.isdisjoint(FIRST_PERSON):
        marks += SPEAKS_OF_SELF
    if not distinct.isdisjoint(TIME_WORDS):
        marks += NAMES_TIME
    if "?" in text or "？" in text:
        marks += ASKS
    return Traits(words, cost_of(who, text), min(len(distinct - STOP_WORDS), FULL_OF_CONTENT), marks)


def cost_of(who: str, text: str) -> int:
    """Return how many words showing a message takes: its date, who said it, and what."""
    return 1 + count_words(f"{who}: {text}")


@lru_cache(maxsize=8)  # of three overlapping windows, two know a line's words already
def text_words(text: str) -> str:
    """Return the words of a text as the index holds them."""
    return " ".join([words for part in text.split() if (words := _part_words(part))])


def store_traits(connection: sqlite3.Connection) -> None:
    """Find out the traits of all lines anew, whatever is stored of them."""
    for batch in _batches(connection):
        connection.executemany(
            f"UPDATE line SET ({COLUMNS}) = (?, ?, ?, ?) WHERE id = ?",
            [(*traits_of(who, text), number) for number, who, text, *_ in batch],
        )


def count_wrong(connection: sqlite3.Connection) -> int:
    """Return how many lines have other traits than their texts."""
    return sum(
        traits_of(who, text) != tuple(stored) for batch in _batches(connection) for _, who, text, *stored in batch
    )


def _batches(connection: sqlite3.Connection) -> Iterable[list[tuple[int, str, str, str, int, int, int]]]:
    after = 0
    while batch := connection.execute(
        f"SELECT id, who, text, {COLUMNS} FROM line WHERE id > ? ORDER BY id LIMIT {_BATCH}", (after,)
    ).fetchall():
        yield batch
        after = batch[-1][0]


@lru_cache(maxsize=50_000)  # people use the same words over and over; what stands between spaces is folded by itself
def _part_words(part: str) -> str:
    return " ".join(words_of(part))
