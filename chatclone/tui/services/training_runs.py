"""Training runs as the app follows them: by the files in their folder, so that a run outlives the app that started it.

A run that the app starts has a marker file in its folder until its adapter is the persona's; if the app finds the
marker later, it takes the adapter over then.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone.errors import ChatcloneError
from chatclone.i18n.message import Message
from chatclone.paths import ensure
from chatclone.personas.persona import Persona
from chatclone.training.events import PLAN_FILE, STOP_FILE, history
from chatclone.training.run_result import RunResult
from chatclone.training.run_state import STOPPING, RunState

if TYPE_CHECKING:
    from chatclone.training.plan import Plan

UNCLAIMED_FILE = "unclaimed"
"""Its presence means that the app started this run and has not taken its adapter over yet."""


class Training:
    """One run: started by this app, or found."""

    def __init__(self, persona: Persona, folder: Path, is_alive: Callable[[Path], bool]) -> None:
        self.persona = persona
        self.folder = folder
        self.notified = False
        """Whether a notification said that it has ended."""
        self.seen = False
        """Whether the user has seen how it ended."""
        self.failure: ChatcloneError | None = None
        self._is_alive = is_alive
        self._thread: threading.Thread | None = None

    def begin(self, plan: "Plan", train: "Callable[[Persona, Plan], RunResult]") -> None:
        """Train in a thread; the worker is a process of its own, which goes on if the app is closed."""
        ensure(self.folder)
        (self.folder / UNCLAIMED_FILE).touch()

        def follow() -> None:
            try:
                train(self.persona, plan)
            except ChatcloneError as error:
                self.failure = error
            (self.folder / UNCLAIMED_FILE).unlink(missing_ok=True)

        self._thread = threading.Thread(target=follow, name="training", daemon=True)
        self._thread.start()

    def running(self) -> bool:
        """Return whether it still runs; the adapter of a run that was found and has ended is taken over."""
        if self._thread is not None:
            return self._thread.is_alive()
        if self._is_alive(self.folder):
            return True
        if self.failure is None and not take_over(self.persona, self.folder):
            ended = Message("the training process ended without a result"), Message("resume the run")
            self.failure = ChatcloneError(*(self.state().error or ended))
        return False

    def state(self) -> RunState:
        """Return how far it is."""
        state = RunState()
        for event in history(self.folder):
            state.take(event)
        if (self.folder / STOP_FILE).exists():
            state.stage = STOPPING
        return state

    def stop(self) -> None:
        """Ask the worker to end after its step and keep what it has."""
        (ensure(self.folder) / STOP_FILE).touch()

    def result(self) -> RunResult | None:
        """Return what the run came to, once it has ended."""
        return _result(self.folder)


def find_training(persona: Persona, is_alive: Callable[[Path], bool]) -> Training | None:
    """Return the run of a persona that is running, or that ended before an app could take its adapter over."""
    plans = sorted(persona.runs_folder.glob(f"*/{PLAN_FILE}"), key=lambda p: p.stat().st_mtime, reverse=True)
    for folder in (plan.parent for plan in plans):
        unclaimed = (folder / UNCLAIMED_FILE).exists()
        if (unclaimed or _result(folder) is None) and is_alive(folder):
            return Training(persona, folder, is_alive)
        if unclaimed:
            (folder / UNCLAIMED_FILE).unlink()
            if _result(folder) is not None:
                return Training(persona, folder, is_alive)
    return None


def take_over(persona: Persona, run: Path) -> bool:
    """Make a run's adapter the persona's current one; return whether the run has a result."""
    from chatclone.training import train_run

    result = _result(run)
    (run / UNCLAIMED_FILE).unlink(missing_ok=True)
    if result is None:
        return False
    train_run.take_over(persona, result)
    return True


def _result(run: Path) -> RunResult | None:
    try:
        return RunResult.read(run)
    except (OSError, ChatcloneError):
        return None
