"""Large files made by other programs: written beside their place, synced, and renamed when they are whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatclone.locations import ensure


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it becomes `path` when the block ends, and vanishes when it fails."""
    partial = ensure(path.parent) / f".{path.stem}.{os.getpid()}.partial{path.suffix}"
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        # What a model was trained on can be told from it.
        partial.chmod(0o600)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
