"""The file: private, guarded against strangers, whole after a failure."""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from memory.store import MIGRATIONS, StoreError, connect, transaction


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


def test_a_line_takes_its_passage_and_index_entry_along(tmp_path: Path) -> None:
    """The schema itself keeps lines, passages and index in step."""
    with closing(connect(tmp_path / "m.sqlite")) as connection:
        connection.execute("INSERT INTO chat VALUES ('c', 'name')")
        connection.execute("INSERT INTO line VALUES (1, 'k', 'said', 'c', 'Anna', 0, 'cat')")
        connection.execute("INSERT INTO passage VALUES (7, 'said', 'c', 0, 0)")
        connection.execute("INSERT INTO passage_line VALUES (7, 0, 1)")
        connection.execute("INSERT INTO passage_fts (rowid, terms) VALUES (7, 'cat')")
        connection.execute("DELETE FROM line")
        for table in ("passage", "passage_line", "passage_fts"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
