"""The file: private, guarded against strangers, whole after a failure."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from memory.memory import Memory
from memory.passages import Line
from memory.store import database
from memory.store.database import StoreError, connect, generation, transaction
from memory.store.migrations import MIGRATIONS

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
        with pytest.raises(StoreError, match="another version"):
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

    @pytest.mark.parametrize("version", [1, 6])
    def test_another_version(self, version: int, tmp_path: Path) -> None:
        """A file that other steps made is refused and left as it is."""
        path = tmp_path / "m.sqlite"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE line (id)")
            connection.execute(f"PRAGMA user_version = {version}")
        with pytest.raises(StoreError, match="another version"):
            connect(path)

    def test_a_step_that_fails_changes_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A later try begins from the same file."""

        def fail(connection: sqlite3.Connection) -> None:
            connection.execute("DROP TABLE passage")
            raise RuntimeError

        path = tmp_path / "m.sqlite"
        with monkeypatch.context() as patch:
            patch.setattr(database, "MIGRATIONS", [*MIGRATIONS, fail])
            with pytest.raises(RuntimeError):
                connect(path)
        with Memory.open(path) as memory:
            assert memory.count() == 0
