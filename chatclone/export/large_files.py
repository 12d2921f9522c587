"""Large files made by other programs: disk space checked before, written beside their place, renamed when complete."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from chatclone.errors import ChatcloneError
from chatclone.paths import ensure

MARGIN_BYTES = 64_000_000
"""Vocabulary, metadata, reports, and rounding."""

_PARTIAL = re.compile(r"\..*\.(\d+)\.partial")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it becomes `path` when the block ends, and is removed when it fails."""
    partial = ensure(path.parent) / f"{partial_name(path.stem)}{path.suffix}"
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        # A model reveals what it was trained on.
        partial.chmod(0o600)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def partial_name(stem: str) -> str:
    """Return the start of the name of a file that this process is still writing."""
    return f".{stem}.{os.getpid()}.partial"


def remove_partial_files(*folders: Path) -> list[Path]:
    """Remove unfinished files of processes that were killed, and return them."""
    import psutil  # type: ignore[import-untyped]  # it brings no types

    removed = []
    for path in (path for folder in folders if folder.is_dir() for path in folder.iterdir()):
        found = _PARTIAL.match(path.name)
        if found and not psutil.pid_exists(int(found[1])):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            removed.append(path)
    return removed


def check_disk_space(needs: Mapping[Path, int]) -> None:
    """Refuse when a disk has less free space than its folders need together; `needs` are bytes by folder."""
    by_disk: dict[int, tuple[Path, int]] = {}
    for folder, needed in needs.items():
        existing = next(place for place in (folder, *folder.parents) if place.is_dir())
        disk = existing.stat().st_dev
        first, sum_before = by_disk.get(disk, (existing, 0))
        by_disk[disk] = (first, sum_before + needed)
    for folder, needed in by_disk.values():
        free = shutil.disk_usage(folder).free
        if needed and free < needed + MARGIN_BYTES:
            raise ChatcloneError(
                "the export needs {needed:.1f} GB in {folder} and {free:.1f} GB is free",
                "free some space, name another disk with --out DIR, or choose fewer bits with --quant",
                needed=(needed + MARGIN_BYTES) / 1e9,
                folder=folder,
                free=free / 1e9,
            )
