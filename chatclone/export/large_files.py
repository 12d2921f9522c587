"""Large files made by other programs: written beside their place, synced, and renamed when they are whole."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatclone.paths import ensure

_PARTIAL = re.compile(r"\..*\.(\d+)\.partial")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it becomes `path` when the block ends, and vanishes when it fails."""
    partial = ensure(path.parent) / f"{partial_name(path.stem)}{path.suffix}"
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        # What a model was trained on can be told from it.
        partial.chmod(0o600)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def partial_name(stem: str) -> str:
    """Return the beginning of the name of what this process is still writing."""
    return f".{stem}.{os.getpid()}.partial"


def remove_left_over(*folders: Path) -> list[Path]:
    """Remove what processes that were killed had not finished, and return what it was."""
    import psutil  # type: ignore[import-untyped]  # it brings no types

    removed = []
    for path in (path for folder in folders if folder.is_dir() for path in folder.iterdir()):
        named = _PARTIAL.match(path.name)
        if named and not psutil.pid_exists(int(named[1])):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            removed.append(path)
    return removed
