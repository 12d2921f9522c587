"""An empty memory that is filled at once is the same as one that grew message by message."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from memory.memory import Memory
from memory.passages import Line
from memory.store import passage_writer, sync

Said = Callable[..., Line]
HOUR = 3600


def windows(path: Path) -> list[tuple[str, ...]]:
    """Return the keys of every passage's messages."""
    with closing(sqlite3.connect(path)) as connection:
        keys = dict(connection.execute("SELECT id, key FROM line").fetchall())
        rows = connection.execute("SELECT first, second, third FROM passage").fetchall()
        return sorted(tuple(keys[line] for line in row if line is not None) for row in rows)


def schema(path: Path) -> list[tuple[str, ...]]:
    """Return the statements a file was made with."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()


@pytest.fixture
def lines(said: Said) -> list[Line]:
    """Return two chats with long sessions, short ones and single messages."""
    times = [0, 1, 2, 3, 10 * HOUR, 10 * HOUR + 1, 20 * HOUR, 40 * HOUR, 40 * HOUR + 9, 40 * HOUR + 10]
    return [said(n, f"text {n}", chat=chat, when=when) for chat in ("c1", "c2") for n, when in enumerate(times)]


class TestFilling:
    def test_it_is_the_same_as_growing(self, tmp_path: Path, lines: list[Line]) -> None:
        """Passages, indexes and their counts are those of a memory that was told one message after the other."""
        full, grown = tmp_path / "full.sqlite", tmp_path / "grown.sqlite"
        with Memory.open(full) as memory:
            assert memory.sync(lines).added == len(lines)
            assert memory.check() == []
        with Memory.open(grown) as memory:
            for line in lines:
                memory.tell([line], kind="said")
        assert windows(full) == windows(grown)
        assert schema(full) == schema(grown)

    def test_a_message_that_comes_twice(
        self, tmp_path: Path, said: Said, lines: list[Line], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The later of two messages with one key counts, in one batch or in two; where it is blank, neither."""
        monkeypatch.setattr(sync, "BATCH", 4)
        with Memory.open(tmp_path / "m.sqlite") as memory:
            lines = lines[:10]  # of one chat, each says something else
            edited = lines[1]._replace(text="edited")
            memory.sync([*lines, edited, lines[2]._replace(text=" "), said(90, ""), lines[3], lines[3]])
            shown = {line for hit in memory.list(100) for line in hit.text.split("\n")}
            assert edited.shown in shown
            assert not {lines[1].shown, lines[2].shown} & shown
            assert memory.check() == []
            assert memory.sync([edited if n == 1 else x for n, x in enumerate(lines) if n != 2]).added == 0

    def test_who_is_forgotten_stays_out(self, tmp_path: Path, lines: list[Line]) -> None:
        """A tombstone that was there before anything else is respected."""
        with Memory.open(tmp_path / "m.sqlite") as memory:
            memory.forget(chat="c1")
            memory.sync(lines)
            assert {hit.chat for hit in memory.list(100)} == {"chat c2"}
            assert memory.check() == []

    def test_a_failure_leaves_an_empty_memory(self, tmp_path: Path, lines: list[Line]) -> None:
        """Where reading fails in the middle nothing stays, the indexes are back, and references are looked after."""

        def broken() -> Iterator[Line]:
            yield from lines[:5]
            raise OSError

        path = tmp_path / "m.sqlite"
        with Memory.open(path) as memory:
            before = schema(path)
            with pytest.raises(OSError):
                memory.sync(broken())
            assert (memory.count(), schema(path)) == (0, before)
            for _ in range(2):
                assert memory._writer.execute("PRAGMA foreign_keys").fetchone() == (1,)
                assert memory._writer.execute("PRAGMA ignore_check_constraints").fetchone() == (0,)
                memory.sync(lines)
                assert memory.check() == []

    def test_the_lexical_index_is_written_in_one_go(
        self, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However many batches of passages there are; merging a segment for each takes longer than all the rest."""
        monkeypatch.setattr(passage_writer, "BATCH", 10)
        path = tmp_path / "m.sqlite"
        with Memory.open(path) as memory:
            memory.sync([said(n, f"text number {n}", when=n) for n in range(100)])
            assert memory.count() == 98
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT DISTINCT segid FROM passage_fts_idx").fetchall() == [(1,)]
