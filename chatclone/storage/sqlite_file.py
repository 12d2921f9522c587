"""What both SQLite files of a persona share: transactions, and numbered migrations to the newest schema."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chatclone.errors import ChatcloneError

Migration = Callable[[sqlite3.Connection], None]
APPLICATION_ID = 0x63636C31
"""Marks files of a released schema ("ccl1"): before the first release the same version numbers meant other tables."""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit what the block writes, or roll all of it back when it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration], hint: str) -> None:
    """Apply the migrations that the file has not had, all or none; `PRAGMA user_version` counts those it has had.

    Raises ChatcloneError for a file of a newer version, and, with `hint`, for one from before the first release.
    """
    version, application = _versions(connection)
    if (version, application) == (len(migrations), APPLICATION_ID):
        return  # without waiting for a process that writes
    with transaction(connection):
        version, application = _versions(connection)
        if version > len(migrations):
            raise ChatcloneError(
                "{path} was written by a newer version of chatclone", "pip install --upgrade chatclone", path=path
            )
        if version and application != APPLICATION_ID:
            raise ChatcloneError(
                "{path} was written by a version of chatclone from before the first release", hint, path=path
            )
        for migration in migrations[version:]:
            migration(connection)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _versions(connection: sqlite3.Connection) -> tuple[int, int]:
    (version,), (application,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("user_version", "application_id")
    )
    return version, application
