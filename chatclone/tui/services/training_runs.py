"""Training runs as the app follows them: by the files in their folder, so that a run outlives the app that began it.

A run that the app begins leaves a note in its folder until its adapter is the persona's; found again, the note says
that this is still to be done.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import tr
from chatclone.paths import ensure
from chatclone.personas import persona as personas
from chatclone.personas.persona import Persona
from chatclone.training.events import PLAN_FILE, RESULT_FILE, STOP_FILE, history

if TYPE_CHECKING:
    from chatclone.training.plan import Plan

UNCLAIMED_FILE = "unclaimed"
"""Its presence means that the app began this run and has not taken its adapter over yet."""


@dataclass
class RunState:
    """How far a run is, by what its worker told."""

    doing: str = field(default_factory=lambda: tr("starting the training process"))
    """What comes before and after the steps; empty while it trains."""
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    losses: list[tuple[int, float]] = field(default_factory=list)
    """Step and loss."""
    evals: list[tuple[int, float]] = field(default_factory=list)
    """Step and eval loss, the base's at step 0."""
    token_accuracy: float | None = None
    eval_token_accuracy: float | None = None
    tokens_per_second: float | None = None
    memory_mb: float | None = None
    notices: list[str] = field(default_factory=list)
    error: tuple[str, str] | None = None
    _first: int = 0

    def take(self, event: dict[str, Any]) -> None:
        """Take one event of the worker in."""
        match event:
            case {"kind": "start"}:
                self.doing, self.error = tr("loading the base"), None
            case {"kind": "loaded"}:
                self.doing = tr("preparing the data")
            case {"kind": "data"}:
                self.doing = tr("evaluating the base")
            case {"kind": "begin", "steps": steps, "first_step": first}:
                self.doing, self.steps, self._first, self.step = "", steps, first, first
            case {"kind": "step", "step": step}:
                self._step(step, event)
            case {"kind": "eval", "step": step, "eval_loss": loss}:
                self.evals.append((step, loss))
                self.eval_token_accuracy = event.get("eval_mean_token_accuracy")
            case {"kind": "notice", "text": text}:
                self.notices.append(text)
            case {"kind": "error", "message": message, "hint": hint}:
                self.error = (message, hint)

    def _step(self, step: int, event: dict[str, Any]) -> None:
        self.step = step
        if "loss" in event:
            self.losses.append((step, event["loss"]))
        self.token_accuracy = event.get("mean_token_accuracy", self.token_accuracy)
        self.tokens_per_second = event.get("tokens_per_second", self.tokens_per_second)
        self.memory_mb = event.get("memory_mb", self.memory_mb)
        # The steps before a resume took no time here.
        self.seconds_left = event["seconds"] / max(step - self._first, 1) * (self.steps - step)


class Training:
    """One run: begun here, or found at work."""

    def __init__(self, persona: Persona, folder: Path, lives: Callable[[Path], bool]) -> None:
        self.persona = persona
        self.folder = folder
        self.told = False
        """Whether a notice said that it is over."""
        self.seen = False
        """Whether the person has seen how it ended."""
        self.failure: ChatcloneError | None = None
        self._lives = lives
        self._thread: threading.Thread | None = None

    def begin(self, plan: "Plan", train: "Callable[[Persona, Plan], dict[str, Any]]") -> None:
        """Train in a thread that does not keep a closed app alive; the worker is a process of its own and goes on."""
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
        """Return whether it still works; the adapter of a run that was found and is over is taken over."""
        if self._thread is not None:
            return self._thread.is_alive()
        if self._lives(self.folder):
            return True
        if self.failure is None and not take_over(self.persona.folder, self.folder):
            message, hint = self.state().error or _no_result()
            self.failure = ChatcloneError(message, hint)
        return False

    def state(self) -> RunState:
        """Return how far it is."""
        state = RunState()
        for event in history(self.folder):
            state.take(event)
        if (self.folder / STOP_FILE).exists():
            state.doing = tr("stopping after this step, keeping what was learnt")
        return state

    def stop(self) -> None:
        """Ask the worker to end after its step and keep what it has."""
        (ensure(self.folder) / STOP_FILE).touch()

    def result(self) -> dict[str, Any] | None:
        """Return what the run came to, once it is over."""
        return _result(self.folder)


def _no_result() -> tuple[str, str]:
    return tr("the training process ended without a result"), tr("go on with it")


def find_training(persona: Persona, lives: Callable[[Path], bool]) -> Training | None:
    """Return the run of a persona that is at work, or that ended while no app was there to take its adapter over."""
    folders = sorted(persona.runs_folder.glob(f"*/{PLAN_FILE}"), key=lambda p: p.stat().st_mtime, reverse=True)
    for folder in (plan.parent for plan in folders):
        unclaimed = (folder / UNCLAIMED_FILE).exists()
        if (unclaimed or _result(folder) is None) and lives(folder):
            return Training(persona, folder, lives)
        if unclaimed:
            (folder / UNCLAIMED_FILE).unlink()
            if _result(folder) is not None:
                return Training(persona, folder, lives)
    return None


def take_over(persona: Path, run: Path) -> bool:
    """Make a run's adapter the persona's current one; returns whether the run has one."""
    result = _result(run)
    (run / UNCLAIMED_FILE).unlink(missing_ok=True)
    if result is None:
        return False
    current = personas.load(persona)
    adapter = str(Path(result["adapter"]).relative_to(persona))
    if (current.base, current.adapter) != (result["base"], adapter):
        current.update(base=result["base"], adapter=adapter)
    return True


def _result(run: Path) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads((run / RESULT_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return document
