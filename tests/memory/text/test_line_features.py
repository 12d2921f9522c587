"""What ranking asks of a message is right when it was written, after a migration and after a rebuild."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.memory import Memory
from memory.passages import Line
from memory.text.line_features import ASKS, NAMES_TIME, SPEAKS_OF_SELF, text_words, traits_of
from memory.text.tokenize import count_words, words_of


def test_a_message_is_told_by_its_words_its_cost_and_its_marks() -> None:
    """Words as the index has them, the date and the name in the cost, stop words and repetition no content."""
    assert traits_of("Bo B", "My CAT, the cat! Yesterday?") == (
        "my cat the cat yesterday", 8, 2, SPEAKS_OF_SELF + NAMES_TIME + ASKS,
    )  # fmt: skip
    assert traits_of("Bo", "🐌") == ("", 3, 0, 0)
    assert traits_of("Bo", " ".join(f"word{n}" for n in range(50))).content == 20, "so many say as much as any"


@given(st.text(max_size=60) | st.text("ab’'!ёЁカひ漢한ﬁ \u0308\u3000\n\u200dé", max_size=30))
def test_what_stands_between_spaces_is_folded_by_itself(text: str) -> None:
    """The index keeps words of whole messages; making them of the parts between spaces gives the same."""
    assert text_words(text).split() == words_of(text)


@given(st.text(" aé漢カ\n:", max_size=8), st.text("ab !漢カひ\n\u3000?", max_size=30))
def test_cost_is_that_of_the_line_as_it_is_shown(who: str, text: str) -> None:
    """A date, who said it, and what, with two characters of a script without spaces to a word."""
    assert traits_of(who, text).cost == 1 + count_words(f"{who}: {text}")


@pytest.mark.parametrize("damage", ["words = 'dog'", "cost = 99", "content = 7", "marks = 0"])
def test_traits_that_are_not_those_of_the_text_are_found_and_mended(tmp_path: Path, damage: str) -> None:
    """`check` names them, `rebuild` makes them anew."""
    path = tmp_path / "memory.sqlite"
    with Memory.open(path) as memory:
        memory.sync([Line("c/1", "c", "Crew", "Anna", 60, "where is my cat?"), Line("c/2", "c", "Crew", "Bo", 70, "")])
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"UPDATE line SET {damage}")
        assert memory.check() == ["1 messages have stored features that differ from their text"]
        memory.rebuild()
        assert memory.check() == []
