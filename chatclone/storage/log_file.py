"""The log file of a home: appended to by every command, so that a running app keeps its own lines."""

import logging
from contextlib import suppress
from pathlib import Path

from chatclone.paths import log_file

LARGEST = 1_000_000
"""Bytes at which the file is set aside as `chatclone.log.1` and a new one begun."""


def log_to_file(home: Path, level: int = logging.INFO) -> None:
    """Append what the program and its libraries log to the home's log file; done once a process."""
    path = log_file(home)
    with suppress(OSError):  # there is none yet, or another command is doing the same
        if path.stat().st_size > LARGEST:
            path.replace(path.with_name(f"{path.name}.1"))
    form = "%(asctime)s %(process)d %(name)s %(levelname)s %(message)s"
    logging.basicConfig(filename=path, level=level, format=form, encoding="utf-8")
