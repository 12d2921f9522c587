"""What a training worker tells: one JSON object a line in `events.jsonl`, appended by it and tailed by anyone.

Kinds, in the order they come: `start` (process, versions), `loaded`, `plan` (settings, decided), `data`, `eval` (the
base, step 0), `begin`, then `step` and `eval` in turn, and last `done` or `error`; `notice` at any time. A resumed run
appends to the same file: its `begin` names the step it goes on from, and what was written before for later steps is
void (`history` omits it).
"""

import json
import time
from pathlib import Path
from typing import Any

from chatclone.training import distributed

EVENTS_FILE = "events.jsonl"
STOP_FILE = "stop"
"""Its presence in a run's folder asks the worker to stop after the current step and keep what it has."""
RESULT_FILE = "result.json"
"""A run's last file: its presence means the run is complete."""
PLAN_FILE = "plan.json"
CHECKPOINTS = "checkpoints"
"""What an interrupted run goes on from: the best and the last, with the optimizer's state."""


class EventLog:
    """The worker's side: appends events, each flushed at once; of several processes the first one's alone."""

    def __init__(self, folder: Path) -> None:
        """Open the log of the run in `folder`."""
        self._path = folder / EVENTS_FILE

    def write(self, kind: str, **values: Any) -> None:
        """Append one event with the time of now."""
        if not distributed.is_first():
            return
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
            fresh = file.read()  # in one go: the worker may be in the middle of a line
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


def history(folder: Path) -> list[dict[str, Any]]:
    """Return the events of a run from its beginning, without those that a resumed run did again."""
    path = folder / EVENTS_FILE
    kept: list[dict[str, Any]] = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            event = json.loads(line)
        except ValueError:  # the line a killed worker was writing
            continue
        if event["kind"] == "begin":
            first = event["first_step"]
            kept = [e for e in kept if e["kind"] not in ("step", "eval") or e["step"] <= first]
        kept.append(event)
    return kept
