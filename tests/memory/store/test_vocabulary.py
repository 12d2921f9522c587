"""The counts of words are what the index holds, whatever came and went."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from memory.memory import Memory
from memory.passages import Line
from memory.store import database, vocabulary

Said = Callable[..., Line]
WEEK = 7 * 86_400


def counts(path: Path) -> dict[str, int]:
    """Return how many passages hold each word that was said."""
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT term, passages FROM word WHERE speaker = 0").fetchall())


def alone(said: Said, *texts: str) -> list[Line]:
    """Return messages that are a passage each."""
    return [said(n, text, when=WEEK * n) for n, text in enumerate(texts, start=1)]


class TestCounting:
    def test_words_come_and_go_with_their_passages(self, tmp_path: Path, said: Said) -> None:
        """What is imported, told, edited and forgotten is counted, stemmed as the index stems it."""
        path = tmp_path / "m.sqlite"
        with Memory.open(path) as memory:
            memory.sync(alone(said, "two cats", "a cat, Müller's", "rain"))
            assert counts(path)["cat"] == 2 and counts(path)["muller"] == 1
            memory.tell([said(9, "cats again 1️⃣", when=9 * WEEK)], kind="said")
            assert counts(path)["cat"] == 3
            memory.tell([said(9, "no dogs", when=9 * WEEK)], kind="said")
            assert (counts(path)["cat"], counts(path)["dog"]) == (2, 1)
            memory.add("buy rain boots", WEEK)
            assert counts(path)["rain"] == 2
            memory.forget(key=said(3, "").key)
            assert counts(path)["rain"] == 1
            assert memory.check() == []

    @pytest.mark.parametrize("few", [0, 5])
    def test_many_changes_are_counted_at_once(
        self, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch, few: int
    ) -> None:
        """However few changes are too many to be counted one by one, the counts are the same."""
        monkeypatch.setattr(vocabulary, "FEW", few)
        with Memory.open(tmp_path / "m.sqlite") as memory:
            lines = [said(n, f"number {n % 7} soup") for n in range(40)]
            memory.sync(lines[:30])
            memory.sync([*lines[5:], said(50, "number 50 tea", when=WEEK)])
            memory.forget(person="nobody")
            memory.forget(key=lines[8].key)
            assert memory.check() == []

    def test_forgotten_words_are_no_longer_there(self, tmp_path: Path, said: Said) -> None:
        """A word that only a forgotten message held is gone."""
        path = tmp_path / "m.sqlite"
        with Memory.open(path) as memory:
            memory.sync(alone(said, "the xylograph", "soup"))
            memory.forget(key=said(1, "").key)
        assert "xylograph" not in counts(path) and b"xylograph" not in path.read_bytes()

    def test_wrong_counts_are_seen_and_mended(self, tmp_path: Path, said: Said) -> None:
        """`check` compares the counts with the index, and `rebuild` counts anew."""
        with Memory.open(tmp_path / "m.sqlite") as memory:
            memory.sync(alone(said, "cat", "soup", "rain"))
            memory._writer.execute("UPDATE word SET passages = 9 WHERE term = 'cat'")
            memory._writer.execute("DELETE FROM word WHERE term = 'soup'")
            assert memory.check() == ["2 words are counted wrongly"]
            memory.rebuild()
            assert memory.check() == []


class TestLookingUp:
    def test_a_common_beginning_is_read_once(self, tmp_path: Path, said: Said) -> None:
        """Languages that share a stem's beginning share the look at the words that have it."""
        asked: list[str] = []
        with Memory.open(tmp_path / "m.sqlite") as memory:
            memory.sync(alone(said, "mushugim sut ichdi", "soup"))
        with closing(database.connect(tmp_path / "m.sqlite")) as connection:
            words = vocabulary.Vocabulary(connection)
            connection.set_trace_callback(asked.append)
            assert words.forms("mushuk", ("uz", "uz")) == {"mushugim": 1}
        assert sum("LIMIT" in statement for statement in asked) == 1
