"""What a training worker reports: one JSON object a line in `events.jsonl`, appended by it and followed by anyone.

Order: start, loaded, data, eval (the base, step 0), begin, then step and eval in turn, and last done or error;
notice at any time. A resumed run appends to the same file: its begin names the step it continues from, and events
written earlier for later steps no longer count (`history` leaves them out).
"""

import time
from pathlib import Path

import msgspec

from chatclone.training import distributed

EVENTS_FILE = "events.jsonl"
PLAN_FILE = "plan.json"
STOP_FILE = "stop"
"""Its presence in a run's folder asks the worker to stop after the current step and keep what it has."""
CHECKPOINTS = "checkpoints"
"""Folder of the best and the last checkpoint, with the optimizer's state."""


class Event(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="kind"):
    """One line of the file."""

    time: float = 0.0
    """Seconds since 1970, set when it is written."""


class Started(Event, tag="start"):
    """The process has started."""

    pid: int
    processes: int = 1
    versions: dict[str, str] = {}


class BaseLoaded(Event, tag="loaded"):
    """The base is loaded."""

    text: str
    """Layers and size."""


class DataReady(Event, tag="data"):
    """The data is tokenised, and plan.json has all settings."""


class Begun(Event, tag="begin"):
    """Training begins; a resumed run does so after `first_step`."""

    steps: int
    first_step: int


class Step(Event, tag="step"):
    """One step of the optimizer; figures that are not finite numbers are left out."""

    step: int
    seconds: float = 0.0
    """Since training began in this process."""
    loss: float | None = None
    mean_token_accuracy: float | None = None
    learning_rate: float = 0.0
    grad_norm: float | None = None
    epoch: float = 0.0
    num_tokens: float = 0.0
    tokens_per_second: float | None = None
    memory_mb: float | None = None


class Evaluated(Event, tag="eval"):
    """An evaluation on the held-out replies; step 0 is the base without an adapter."""

    step: int
    seconds: float = 0.0
    eval_loss: float | None = None
    eval_mean_token_accuracy: float | None = None
    memory_mb: float | None = None


class Notice(Event, tag="notice"):
    """Something the user should know."""

    text: str


class Stopping(Event, tag="stopping"):
    """The user asked to stop; never written, only passed to whoever follows the run."""


class Done(Event, tag="done"):
    """The result is written."""


class Failed(Event, tag="error"):
    """A problem that the user can act on ended the run."""

    message: str
    hint: str


AnyEvent = Started | BaseLoaded | DataReady | Begun | Step | Evaluated | Notice | Stopping | Done | Failed
_DECODER = msgspec.json.Decoder(AnyEvent)


class EventLog:
    """The worker's side: appends events, each flushed at once; only the first process of a run writes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EVENTS_FILE

    def write(self, event: AnyEvent) -> None:
        """Append one event with the current time."""
        if distributed.is_first():
            event.time = time.time()
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(event, enc_hook=str) + b"\n")

    def notice(self, text: str) -> None:
        """Append a notice."""
        self.write(Notice(text=text))


class EventTail:
    """The watcher's side: reads what was appended since it last looked."""

    def __init__(self, folder: Path) -> None:
        """Start at the present end of the file."""
        self._path = folder / EVENTS_FILE
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    def new(self) -> list[AnyEvent]:
        """Return the events written since the last call; a half-written line waits for the next."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            fresh = file.read()  # in one go: the worker may be in the middle of a line
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._offset += len(whole)
        return _decoded(whole)


def history(folder: Path) -> list[AnyEvent]:
    """Return the events of a run from its beginning, without steps that a resumed run took again."""
    path = folder / EVENTS_FILE
    kept: list[AnyEvent] = []
    for event in _decoded(path.read_bytes()) if path.exists() else []:
        if isinstance(event, Begun):
            first = event.first_step
            kept = [e for e in kept if not isinstance(e, Step | Evaluated) or e.step <= first]
        kept.append(event)
    return kept


def _decoded(lines: bytes) -> list[AnyEvent]:
    """Return the events of whole lines; lines cut short by a kill, or of another version, are skipped."""
    events = []
    for line in lines.splitlines():
        try:
            events.append(_DECODER.decode(line))
        except msgspec.DecodeError:
            continue
    return events
