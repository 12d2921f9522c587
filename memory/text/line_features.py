"""What ranking asks of every message, found out once, when it is written: its words, how many, and of what kind.

A question looks at hundreds of messages; folding their texts anew for each took longer than all the rest of a search.
The traits are columns of `line`. Whoever changes what they are made from (`memory.words`, the stop words) adds a
migration that makes them anew, as `check` would tell.
"""

import sqlite3
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from memory.text.stop_words import FIRST_PERSON, STOP_WORDS
from memory.text.time_expressions import TIME_WORDS
from memory.text.tokenize import count_unspaced, words_of

FULL_OF_CONTENT = 20
"""A line with so many different content words says as much as any."""
SPEAKS_OF_SELF, NAMES_TIME, ASKS = 1, 2, 4
"""The marks, which are added up."""
COLUMNS = "words, cost, content, marks"
_BATCH = 2000


class Traits(NamedTuple):
    """What is kept of a message.

    `words` as they are indexed, `cost` in words of showing it (its date, who said it, and what), its different
    `content` words, and its `marks`.
    """

    words: str
    cost: int
    content: int
    marks: int


def traits_of(who: str, text: str) -> Traits:
    """Return the traits of a message."""
    parts = text.split()
    found = [words for words in map(_part_words, parts) if words]
    words = " ".join(found)
    # Nearly always a part is one word, whose hash is known.
    distinct = set(found) if words.count(" ") < len(found) else set(words.split())
    marks = 0
    if not distinct.isdisjoint(FIRST_PERSON):
        marks += SPEAKS_OF_SELF
    if not distinct.isdisjoint(TIME_WORDS):
        marks += NAMES_TIME
    if "?" in text or "？" in text:
        marks += ASKS
    name_parts, name_unspaced = _name_size(who)
    cost = 1 + name_parts + len(parts) + (name_unspaced + count_unspaced(text)) // 2
    return Traits(words, cost, min(len(distinct - STOP_WORDS), FULL_OF_CONTENT), marks)


@lru_cache(maxsize=8)  # of three overlapping windows, two know a line's words already
def text_words(text: str) -> str:
    """Return the words of a text as the index holds them."""
    return " ".join([words for words in map(_part_words, text.split()) if words])


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


@lru_cache(maxsize=1000)
def _name_size(who: str) -> tuple[int, int]:
    """Return the parts between spaces of a name as it is shown before what was said, and its unspaced characters."""
    return len(f"{who}:".split()), count_unspaced(who)


@lru_cache(maxsize=50_000)  # people use the same words over and over; what stands between spaces is folded by itself
def _part_words(part: str) -> str:
    return " ".join(words_of(part))
