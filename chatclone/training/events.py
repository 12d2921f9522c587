"""What a training worker tells: one JSON object a line in `events.jsonl`, appended by it and tailed by anyone."""

import json
import time
from pathlib import Path
from typing import Any

EVENTS_FILE = "events.jsonl"
STOP_FILE = "stop"
"""Its presence in a run's folder asks the worker to stop after the current step and keep what it has."""
RESULT_FILE = "result.json"
"""A run's last file: its presence means the run is complete."""


class EventLog:
    """The worker's side: appends events, each flushed at once."""

    def __init__(self, folder: Path) -> None:
        """Open the log of the run in `folder`."""
        self._path = folder / EVENTS_FILE

    def write(self, kind: str, **values: Any) -> None:
        """Append one event with the time of now."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "time": time.time(), **values}) + "\n")


class EventTail:
    """The watcher's side: reads what came since it last looked."""

    def __init__(self, folder: Path) -> None:
        """Begin at the present end of the log of the run in `folder`."""
        self._path = folder / EVENTS_FILE
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    def new(self) -> list[dict[str, Any]]:
        """Return the events written since the last call; a half-written line waits for the next."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            lines = [line for line in file if line.endswith(b"\n")]
        self._offset += sum(map(len, lines))
        return [json.loads(line) for line in lines]
