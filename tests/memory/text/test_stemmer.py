"""The forms of a word share a stem, in every language whose endings we know."""

import sqlite3
from contextlib import closing

import pytest

from memory.text.stemmer import ENGLISH, RUSSIAN, SPANISH, UZBEK, porter, stem


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        (ENGLISH, "cat cats"),
        (ENGLISH, "hope hoping hoped"),
        (RUSSIAN, "кошка кошку кошки кошкой кошками"),
        (SPANISH, "gato gatos gata"),
        (UZBEK, "mushuk mushugim mushuklar"),
    ],
)
def test_forms_share_a_stem(language: str, forms: str) -> None:
    """Cases, numbers and possessives do not hide a word."""
    assert len({stem(form, language) for form in forms.split()}) == 1


@pytest.mark.parametrize(
    ("language", "words"), [(ENGLISH, "cat car"), (RUSSIAN, "кошка кошелек"), (SPANISH, "gato gasto")]
)
def test_other_words_keep_their_own(language: str, words: str) -> None:
    """Words that only begin alike stay apart."""
    assert len({stem(word, language) for word in words.split()}) == 2


def test_english_stems_are_those_of_the_index() -> None:
    """A word is looked up by the stem that SQLite indexed it under."""
    words = "technology psychology trilogy possibly incredibly probably bubbly trekked cats hoping relational ski as"
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE entry USING fts5(word, tokenize = 'porter unicode61')")
        connection.executemany("INSERT INTO entry (word) VALUES (?)", ((word,) for word in words.split()))
        connection.execute("CREATE VIRTUAL TABLE term USING fts5vocab(entry, instance)")
        indexed = [term for (term,) in connection.execute("SELECT term FROM term ORDER BY doc")]
    assert [porter(word) for word in words.split()] == indexed
