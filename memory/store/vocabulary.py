"""The words of the lexical index, each with the number of passages that hold it, kept in step as passages come and go.

FTS5 tells the same (`fts5vocab`), but reads every place of a word to do so: of a common one that takes longer than the
search itself. Many changes at once are therefore only noted (`distrust`), and counted from the index once, before the
transaction ends (`settle`). What speakers are called is counted apart from what they say.
"""

import math
import sqlite3
from collections.abc import Iterable, Sequence

from memory.text.stemmer import ENGLISH, porter, same_stem, stem
from memory.text.stop_words import STOP_WORDS
from memory.text.tokenize import is_single_character

TOKENIZER = "porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
"""FTS5's, of what `memory.words` makes of a text; Mn and Mc keep Indic words whole."""
FEW = 200
"""Up to so many passages are counted one by one, beyond that all words are counted anew."""
SHORTEST_BEGINNING = 4
LEAST_OF_WORD = 0.6
"""A word nobody wrote is shortened down to this share of it to find its other forms."""
MOST_FORMS = 200
SHORTEST_ROOT = 3
LONGEST_ENDING = 3
"""Letters that a name may have more in a question than the stem it is known by."""
_END = "\U0010ffff"
_STALE = "words"


class Vocabulary:
    """Looks words up for one question."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._scanned: dict[str, dict[str, int]] = {}

    def forms(self, word: str, languages: Sequence[str]) -> dict[str, int]:
        """Return the index terms that are forms of a word, each with its number of passages."""
        if is_single_character(word):
            return self._beginning_with(word)
        term = porter(word)
        found = self._with(term)
        for language in languages:
            if language != ENGLISH and (root := stem(word, language)) and len(root) >= SHORTEST_ROOT:
                scanned = self._beginning_with(root[:-1] if len(root) > SHORTEST_ROOT else root)
                found |= {
                    found_term: passages
                    for found_term, passages in scanned.items()
                    if found_term not in STOP_WORDS and same_stem(stem(found_term, language), root, language)
                }
        return found or self._misspelt(term)

    def is_name(self, word: str, languages: Sequence[str]) -> bool:
        """Tell whether somebody who writes is called so."""
        if is_single_character(word):
            return False
        rows = self._connection.execute(
            "SELECT term FROM word WHERE speaker = 1 AND term >= ? AND term < ? LIMIT ?",
            (word[:SHORTEST_ROOT], word[:SHORTEST_ROOT] + _END, MOST_FORMS),
        )
        roots = {root for (name,) in rows for root in (name, *(stem(name, language) for language in languages))}
        return any(is_form(word, root) or porter(word) == root for root in roots)

    def _misspelt(self, word: str) -> dict[str, int]:
        """Return the terms that share the longest beginning with a word nobody wrote."""
        shortest = max(SHORTEST_BEGINNING, math.ceil(LEAST_OF_WORD * len(word)))
        if len(word) < shortest or word.isdecimal():
            return {}
        terms = self._beginning_with(word[:shortest])
        for length in range(len(word) - 1, shortest - 1, -1):
            if found := {term: n for term, n in terms.items() if term.startswith(word[:length])}:
                return found
        return {}

    def _with(self, term: str) -> dict[str, int]:
        rows = self._connection.execute("SELECT term, passages FROM word WHERE speaker = 0 AND term = ?", (term,))
        return dict(rows.fetchall())

    def _beginning_with(self, beginning: str) -> dict[str, int]:
        """Return the terms with a beginning; languages that share it share the look."""
        if beginning not in self._scanned:
            rows = self._connection.execute(
                "SELECT term, passages FROM word WHERE speaker = 0 AND term >= ? AND term < ? LIMIT ?",
                (beginning, beginning + _END, MOST_FORMS),
            )
            self._scanned[beginning] = dict(rows.fetchall())
        return self._scanned[beginning]


def is_form(word: str, root: str) -> bool:
    """Tell whether a name with a few letters of ending is meant."""
    if word == root:
        return True
    return len(root) >= SHORTEST_ROOT and word.startswith(root) and len(word) - len(root) <= LONGEST_ENDING


def came(connection: sqlite3.Connection, entries: Sequence[tuple[int, str, str]]) -> None:
    """Count the words of passages that are new, given as the index holds them."""
    _add(connection, entries, 1)


def goes(connection: sqlite3.Connection, passages: Iterable[int]) -> None:
    """Count the words of passages no longer, before they are deleted."""
    ids = list(passages)
    if len(ids) > FEW:
        distrust(connection)
    elif ids:
        marks = ", ".join("?" * len(ids))
        rows = connection.execute(f"SELECT rowid, speakers, terms FROM passage_fts WHERE rowid IN ({marks})", ids)
        _add(connection, rows.fetchall(), -1)


def distrust(connection: sqlite3.Connection) -> None:
    """Note that the words must be counted anew before this transaction ends."""
    connection.execute("INSERT OR REPLACE INTO state VALUES (?, 'stale')", (_STALE,))


def settle(connection: sqlite3.Connection) -> None:
    """Count the words anew if they are not to be trusted."""
    if _is_stale(connection):
        count(connection)


def count(connection: sqlite3.Connection) -> None:
    """Count all words anew."""
    _tell(connection, "passage_word", "main, passage_fts")
    connection.execute("DELETE FROM word")
    connection.execute("INSERT INTO word SELECT col = 'speakers', term, doc FROM temp.passage_word ORDER BY 1, 2")
    connection.execute("DELETE FROM state WHERE name = ?", (_STALE,))


def miscounted(connection: sqlite3.Connection) -> int:
    """Return how many words have another number than the index tells."""
    _tell(connection, "passage_word", "main, passage_fts")
    kept = "SELECT speaker, term, passages FROM word"
    told = "SELECT col = 'speakers', term, doc FROM temp.passage_word"
    wrong = connection.execute(f"SELECT * FROM ({kept} EXCEPT {told})").fetchall()
    wrong += connection.execute(f"SELECT * FROM ({told} EXCEPT {kept})").fetchall()
    return len({(speaker, term) for speaker, term, _ in wrong})


def _add(connection: sqlite3.Connection, entries: Sequence[tuple[int, str, str]], sign: int) -> None:
    """Add or take away the words of index entries, as FTS5 itself divides and stems them."""
    if not entries or _is_stale(connection):
        return
    if len(entries) > FEW:
        distrust(connection)
        return
    connection.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.changed USING fts5("
        f"""speakers, terms, content = "", tokenize = "{TOKENIZER}")"""
    )
    _tell(connection, "changed_word", "temp, changed")
    connection.executemany("INSERT INTO temp.changed (rowid, speakers, terms) VALUES (?, ?, ?)", entries)
    connection.execute(
        "INSERT INTO word SELECT col = 'speakers', term, doc * ? FROM temp.changed_word WHERE true"
        " ON CONFLICT DO UPDATE SET passages = passages + excluded.passages",
        (sign,),
    )
    if sign < 0:
        connection.execute(
            "DELETE FROM word WHERE passages <= 0"
            " AND (speaker, term) IN (SELECT col = 'speakers', term FROM temp.changed_word)"
        )
    connection.execute("INSERT INTO temp.changed (changed) VALUES ('delete-all')")


def _tell(connection: sqlite3.Connection, name: str, of: str) -> None:
    """Have FTS5 tell the words of an index, by column."""
    connection.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.{name} USING fts5vocab({of}, col)")


def _is_stale(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM state WHERE name = ?", (_STALE,)).fetchone() is not None
