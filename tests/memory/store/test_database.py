"""The file: private, guarded against strangers, whole after a failure."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from memory.memory import Memory, Synced
from memory.passages import Line
from memory.store import database
from memory.store.database import StoreError, connect, generation, transaction
from memory.store.migrations import FTS_TABLE, MIGRATIONS

Said = Callable[..., Line]


def look_in_another_process(path: Path, table: str) -> int:
    """Return how many rows a process finds that comes and goes; as the last one it would remove the log."""
    look = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "print(c.execute('SELECT count(*) FROM ' + sys.argv[2]).fetchone()[0]); c.close()"
    )
    done = subprocess.run([sys.executable, "-c", look, str(path), table], capture_output=True, text=True, check=True)
    return int(done.stdout)


class TestConnect:
    def test_makes_a_database_at_the_newest_schema(self, tmp_path: Path) -> None:
        """A new file gets every migration, and opening it again changes nothing."""
        for _ in range(2):
            with closing(connect(tmp_path / "m.sqlite")) as connection:
                assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
                assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    @pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX")
    def test_only_the_user_can_read_it(self, tmp_path: Path) -> None:
        """The database and what SQLite writes beside it have mode 0600, under any umask."""
        mask = os.umask(0)
        try:
            with closing(connect(tmp_path / "m.sqlite")) as connection:
                connection.execute("INSERT INTO chat VALUES ('c', 'name')")
                assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
        finally:
            os.umask(mask)

    def test_opened_twice_it_is_kept_from_a_process_that_leaves(self, tmp_path: Path) -> None:
        """The locks of a first connection outlive a second one's opening: another process leaves the log in place."""
        path = tmp_path / "m.sqlite"
        with closing(connect(path)) as first, closing(connect(path)):
            look_in_another_process(path, "chat")
            first.execute("INSERT INTO chat VALUES ('c', 'name')")
            assert look_in_another_process(path, "chat") == 1

    def test_another_kind_of_file_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        """Text, and the database of another program, are errors that name the file."""
        text = tmp_path / "notes.txt"
        text.write_text("these are my notes, " * 100)
        with pytest.raises(StoreError, match=r"notes\.txt is not a memory"):
            connect(text)
        assert text.read_text() == "these are my notes, " * 100
        foreign = tmp_path / "other.sqlite"
        with closing(sqlite3.connect(foreign)) as other:
            other.execute("CREATE TABLE songs (title)")
        with pytest.raises(StoreError, match="not a memory"):
            connect(foreign)

    def test_a_newer_schema_is_refused(self, tmp_path: Path) -> None:
        """A file of a later version is not touched by an earlier one."""
        path = tmp_path / "m.sqlite"
        with closing(connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        with pytest.raises(StoreError, match="newer version"):
            connect(path)


def test_a_failed_change_leaves_nothing(tmp_path: Path) -> None:
    """What a transaction wrote before it failed is gone, and the next one works."""
    with closing(connect(tmp_path / "m.sqlite")) as connection:
        with pytest.raises(KeyError), transaction(connection):
            connection.execute("INSERT INTO chat VALUES ('c', 'name')")
            raise KeyError
        with transaction(connection):
            connection.execute("INSERT INTO chat VALUES ('d', 'name')")
        assert connection.execute("SELECT id FROM chat").fetchall() == [("d",)]


def test_a_line_takes_its_passage_index_entry_and_vector_along(tmp_path: Path) -> None:
    """The schema itself keeps lines, passages, index and vectors in step, and counts that vectors went."""
    with closing(connect(tmp_path / "m.sqlite")) as connection:
        connection.execute("INSERT INTO chat VALUES ('c', 'name')")
        for line in (1, 2, 3):
            connection.execute(
                "INSERT INTO line (id, key, kind, chat, who, sent_at, text) VALUES (?, ?, 'said', 'c', 'A', 0, 'cat')",
                (line, line),
            )
        connection.execute("INSERT INTO passage VALUES (7, 'said', 'c', 0, 0, 1, 2, 3)")
        connection.execute("INSERT INTO passage_fts (rowid, terms) VALUES (7, 'cat')")
        connection.execute("INSERT INTO embedder VALUES (1, 'm', 2, 0)")
        connection.execute("INSERT INTO vector VALUES (7, 1, x'00000000')")
        assert connection.execute("SELECT line FROM passage_line WHERE passage = 7").fetchall() == [(1,), (2,), (3,)]
        before = generation(connection)
        connection.execute("DELETE FROM line WHERE id = 2")
        for table in ("passage", "passage_line", "passage_fts", "vector"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert generation(connection) == before + 1


class TestMigration:
    """Files of earlier versions."""

    @pytest.fixture
    def first(self, tmp_path: Path) -> Path:
        """A memory as version 1 wrote it: a chat of four messages, a note, and three readable tombstones."""
        path = tmp_path / "m.sqlite"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            MIGRATIONS[0](connection)
            connection.execute("PRAGMA user_version = 1")
            connection.execute("INSERT INTO chat VALUES ('telegram:c1', 'Crew'), ('note:', 'notes')")
            said = [(n, f"telegram:c1/{n}", "said", "telegram:c1", "Anna", 60 * n, f"cat{n} lay") for n in range(1, 5)]
            connection.executemany("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?)", said)
            connection.execute("INSERT INTO line VALUES (9, 'note:a', 'note', 'note:', 'notes', 0, 'buy milk')")
            connection.execute("INSERT INTO passage VALUES (3, 'said', 'telegram:c1', 60, 180)")
            connection.execute("INSERT INTO passage VALUES (4, 'said', 'telegram:c1', 120, 240)")
            connection.execute("INSERT INTO passage VALUES (8, 'note', 'note:', 0, 0)")
            connection.execute("INSERT INTO passage VALUES (30, 'note', 'note:', 0, 0)")
            places = [(3, 0, 1), (3, 1, 2), (3, 2, 3), (4, 0, 2), (4, 1, 3), (4, 2, 4), (8, 0, 9)]
            connection.executemany("INSERT INTO passage_line VALUES (?, ?, ?)", places)
            for passage, speakers, terms in (
                (3, "anna\nanna\nanna", "cat1 lay\ncat2 lay\ncat3 lay\n1970 month01"),
                (4, "anna\nanna\nanna", "cat2 lay\ncat3 lay\ncat4 lay\n1970 month01"),
                (8, "notes", "buy milk\n1970 month01"),
            ):
                connection.execute(
                    "INSERT INTO passage_fts (rowid, speakers, terms) VALUES (?, ?, ?)", (passage, speakers, terms)
                )
            connection.execute("DELETE FROM passage WHERE id = 30")
            connection.execute(
                "INSERT INTO forgotten VALUES ('line', 'telegram:c1/7'), ('person', 'Boris'), ('chat', 'telegram:c2')"
            )
        return path

    def test_a_file_of_version_1_is_taken_over(self, first: Path) -> None:
        """Every passage keeps its id and is found, and the file is sound."""
        with Memory.open(first) as memory:
            assert memory.check() == []
            assert {hit.id for hit in memory.list()} == {3, 4, 8}
            assert memory.recall("milk").hits[0].id == 8
            assert memory.recall("cat4").hits[0].text.splitlines()[-1] == "1970-01-01 Anna: cat4 lay"
            assert memory.add("new", 0) == 31, "an id is never used twice, not even one of the old file"

    def test_what_was_forgotten_stays_so(self, first: Path) -> None:
        """The old tombstones hold, and can no longer be read."""
        with Memory.open(first) as memory:
            kept = [Line(f"telegram:c1/{n}", "telegram:c1", "Crew", "Anna", 60 * n, f"cat{n} lay") for n in range(1, 5)]
            back = [
                Line("telegram:c1/7", "telegram:c1", "Crew", "Anna", 999, "forgotten by its key"),
                Line("telegram:c1/8", "telegram:c1", "Crew", "Boris", 999, "forgotten by its speaker"),
                Line("telegram:c2/1", "telegram:c2", "Two", "Anna", 999, "forgotten by its chat"),
            ]
            assert memory.sync([*kept, *back]) == Synced(added=0, removed=0, passages=3)
            memory.rebuild()
        data = b"".join(path.read_bytes() for path in first.parent.iterdir())
        assert b"Boris" not in data

    def test_the_index_of_version_4_is_made_smaller(self, tmp_path: Path, said: Said) -> None:
        """It held the places of words; what is found and what goes when a message goes are the same without them."""
        path = tmp_path / "m.sqlite"
        with Memory.open(path) as memory:
            memory.sync([said(n, f"the cat{n} lay") for n in range(4)])
        with closing(sqlite3.connect(path)) as connection, connection:
            rows = connection.execute("SELECT rowid, speakers, terms FROM passage_fts").fetchall()
            connection.execute("DROP TABLE passage_fts")
            larger = FTS_TABLE.replace("detail = column, columnsize = 0, ", "")
            assert larger != FTS_TABLE
            connection.execute(larger)
            connection.executemany("INSERT INTO passage_fts (rowid, speakers, terms) VALUES (?, ?, ?)", rows)
            connection.execute("PRAGMA user_version = 4")
        with Memory.open(path) as memory:
            assert memory.check() == []
            assert "cat2" in memory.recall("cat2").hits[0].text
            memory.forget(key=said(2, "").key)
            assert memory.check() == []
            assert not memory.recall("cat2").hits
        with closing(sqlite3.connect(path)) as connection:
            statement = "SELECT sql FROM sqlite_schema WHERE name = 'passage_fts'"
            assert "detail = column" in connection.execute(statement).fetchone()[0]

    def test_a_step_that_fails_changes_nothing(self, first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The file is still of version 1, and a later try succeeds."""

        def fail(connection: sqlite3.Connection) -> None:
            connection.execute("DROP TABLE passage")
            raise RuntimeError

        monkeypatch.setattr(database, "MIGRATIONS", [MIGRATIONS[0], fail])
        with pytest.raises(RuntimeError):
            connect(first)
        monkeypatch.undo()
        with Memory.open(first) as memory:
            assert memory.count() == 3
