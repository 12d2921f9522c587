"""A sign that a process is alive: a file that is locked as long as the process holds it, however that ends.

A reply that is being written, and a persona that is being built, name the sign of whoever does it. When the program is
killed, the system drops the lock, and whoever comes next sees that nobody works on it any more. A process number would
not do: it is given out again.
"""

import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Sign:
    """A sign of life beside a file or a folder; its `name` is what is kept of whoever gave it."""

    def __init__(self, beside: Path) -> None:
        while True:
            self.name = secrets.token_hex(8)
            self._path = _path(beside, self.name)
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            with suppress(OSError):  # another process is just looking whether this is a dead one's
                _lock(self._handle)
                if self._path.exists():
                    return
            os.close(self._handle)

    def drop(self) -> None:
        """End the sign; a second time does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
            self._path.unlink(missing_ok=True)


def is_alive(beside: Path, name: str) -> bool:
    """Return whether the process with this sign still lives; the file of a dead one is removed."""
    path = _path(beside, name)
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        _lock(handle)
        with suppress(PermissionError):  # Windows removes no open file; there it goes below
            path.unlink(missing_ok=True)
    except OSError:
        return True
    finally:
        os.close(handle)
    path.unlink(missing_ok=True)
    return False


def sweep(beside: Path) -> None:
    """Remove the signs that dead processes have left."""
    prefix, suffix = f"{beside.name}-", ".alive"
    for path in beside.parent.glob(f"*{suffix}"):
        if path.name.startswith(prefix):
            is_alive(beside, path.name.removeprefix(prefix).removesuffix(suffix))


def _path(beside: Path, name: str) -> Path:
    return beside.with_name(f"{beside.name}-{name}.alive")
