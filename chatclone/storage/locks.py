"""One process at a time: a lock beside a file, and a mark that shows whether the process that made it still runs.

Both are operating system locks (the `filelock` package), so a killed process leaves none behind. Where the file system
has no locks, as on some network drives, a ChatcloneError says so.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone.errors import ChatcloneError

if TYPE_CHECKING:
    from filelock import BaseFileLock

WAIT_SECONDS = 10.0


@contextmanager
def locked(path: Path, seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock of `path` while the block runs; the lock file `.NAME.lock` stays beside it.

    Raises ChatcloneError when another process holds it for longer than `seconds`, or the file system has no locks.
    """
    lock = _acquire(path.with_name(f".{path.name}.lock"), seconds)
    if lock is None:
        raise ChatcloneError(
            "{path} is in use by another chatclone", "wait until that one is done, and try again", path=path
        )
    try:
        yield
    finally:
        lock.release()


class ProcessMark:
    """A locked file beside `path`, held until `remove` or the end of the process; `name` is what others know it by.

    A reply that is being written and a persona that is being built name the mark of the process that works on them. A
    process id would not do: ids are given out again.
    """

    def __init__(self, path: Path) -> None:
        lock = None
        while lock is None:  # another process may look at the new file just now, and hold it for a moment
            self.name = secrets.token_hex(8)
            self._path = _mark(path, self.name)
            lock = _acquire(self._path, 0)
        self._lock: BaseFileLock | None = lock

    def remove(self) -> None:
        """Release and remove the mark; a second call does nothing."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
            self._path.unlink(missing_ok=True)


def is_running(path: Path, name: str) -> bool:
    """Return whether the process with the mark `name` beside `path` still runs; the mark of a dead one is removed."""
    mark = _mark(path, name)
    if not mark.exists():
        return False
    lock = _acquire(mark, 0)
    if lock is None:
        return True
    lock.release()
    with suppress(PermissionError):  # Windows, where another process looks at it at the same time
        mark.unlink(missing_ok=True)
    return False


def remove_dead_marks(path: Path) -> None:
    """Remove the marks beside `path` that dead processes have left."""
    prefix, suffix = f"{path.name}-", ".running"
    for mark in path.parent.glob(f"*{suffix}"):
        if mark.name.startswith(prefix):
            is_running(path, mark.name.removeprefix(prefix).removesuffix(suffix))


def _mark(path: Path, name: str) -> Path:
    return path.with_name(f"{path.name}-{name}.running")


def _acquire(path: Path, seconds: float) -> "BaseFileLock | None":
    """Return the lock, held, or None where another holds it for longer than `seconds`."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=seconds, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        return None
    except (NotImplementedError, OSError) as error:
        raise ChatcloneError(
            "{path} cannot be locked: {reason}",
            "keep chatclone's files on a local disk: --home DIR",
            path=path,
            reason=str(error).partition(";")[0],
        ) from error
    return lock
