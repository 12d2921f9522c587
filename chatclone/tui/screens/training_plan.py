"""The page before a training: base, preset, every setting with its reason, and how long it takes."""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static

from chatclone.clone.saved_reply import log_failure
from chatclone.errors import ChatcloneError, UsageError
from chatclone.i18n.translate import mark, tr, tr_message, trn
from chatclone.personas.persona import Persona
from chatclone.safe_text import visible
from chatclone.tui.screens.page import Page
from chatclone.tui.services.base_choices import ANOTHER, base_choices, preset_choices
from chatclone.tui.services.journey import Journey
from chatclone.tui.services.training_runs import Training
from chatclone.tui.widgets.settings_table import Reasons, Row

if TYPE_CHECKING:
    from chatclone.training.plan import Plan
    from chatclone.training.run_result import PlanMeasurement

logger = logging.getLogger(__name__)
TYPING_PAUSE = 0.4
"""Seconds without a key press before the plan is made again."""


@dataclass
class _Measured(Message):
    """What a few steps measured, or the error."""

    plan: "Plan"
    measurement: "PlanMeasurement | None" = None
    error: Exception | None = None


class TrainScreen(Page):
    """Shows the plan after every change; nothing is written before the training starts."""

    heading = mark("Train")

    def __init__(self, journey: Journey, persona: Persona) -> None:
        super().__init__(journey)
        self._persona = persona
        self._plan: Plan | None = None
        self._resumable: Plan | None = None
        self._measuring = False
        self._cancelled = threading.Event()

    def body(self) -> Iterable[Widget]:
        """Return the choices, a summary, and the plan."""
        yield _Choices(self._persona, self.journey.preset)
        yield Static(id="summary", markup=False)
        yield Reasons(id="plan")

    def buttons(self) -> Iterable[Button]:
        """Return the buttons."""
        yield Button(tr("Train"), id="go", variant="primary", compact=True)
        yield Button(tr("Measure first"), id="measure", compact=True)
        yield Button(tr("Resume the last run"), id="resume", compact=True)

    def on_mount(self) -> None:
        """Make the first plan."""
        self.complain(None)
        try:
            self._resumable = self.journey.work.unfinished_training(self._persona)
        except ChatcloneError:  # there is none, or its base is gone
            self._resumable = None
        self.query_one("#resume").display = self._resumable is not None
        self._replan()
        self.query_one("#go").focus()

    def on_unmount(self) -> None:
        """Cancel a measurement."""
        self._cancelled.set()

    @on(Select.Changed)
    def _selected(self) -> None:
        another = self.query_one("#base", Select).value == ANOTHER
        self.query_one("#other-base").display = another
        self._replan()

    @on(Input.Changed)
    def _typed(self) -> None:
        self.set_timer(TYPING_PAUSE, self._replan)

    def _replan(self) -> None:
        self._plan = None
        try:
            self._plan = self.journey.work.plan_training(self._persona, self._base(), self._preset(), self._changes())
        except ChatcloneError as error:
            self.complain(error)
        else:
            self.complain(None)
            self._show(msgspec.structs.asdict(self._plan.settings), self._plan.reasons)
            licence = tr("licence of the base: {licence}", licence=self._plan.licence)
            self._summarise(f"{tr_message(self._plan.reasons.get('data', ''))}\n{licence}")
        self.query_one("#plan").display = self._plan is not None
        self.query_one("#summary").display = self._plan is not None
        for button in ("#go", "#measure"):
            self.query_one(button, Button).disabled = self._plan is None

    def _base(self) -> str:
        chosen = str(self.query_one("#base", Select).value)
        if chosen != ANOTHER:
            return chosen
        typed = self.query_one("#other-base", Input).value.strip().strip("\"'")
        if not typed:
            raise ChatcloneError("no base is named", "type the folder of a model with safetensors weights")
        return str(Path(typed).expanduser()) if typed.startswith("~") else typed

    def _preset(self) -> str:
        return str(self.query_one("#preset", Select).value)

    def _changes(self) -> dict[str, str]:
        changes = {}
        for part in self.query_one("#changes", Input).value.replace(",", " ").split():
            key, equals, value = part.partition("=")
            if not equals or not value:
                raise UsageError("{part} has no value", "write key=value, such as epochs=2", part=part)
            changes[key] = value
        return changes

    def _show(self, settings: dict[str, Any], reasons: dict[str, str]) -> None:
        rows: list[Row] = [
            (key.replace("_", " "), _value(settings[key]), tr_message(reasons[key]))
            for key in settings
            if key in reasons
        ]
        self.query_one("#plan", Reasons).show(rows)

    def _summarise(self, text: str) -> None:
        self.query_one("#summary", Static).update(visible(text))

    async def action_go(self) -> None:
        """Train as planned."""
        if self._plan is not None:
            await self._train(self._plan)

    async def action_resume(self) -> None:
        """Resume a run that was interrupted or stopped."""
        if self._resumable is not None:
            await self._train(self._resumable)

    async def _train(self, plan: "Plan") -> None:
        from chatclone.tui.screens.training_progress import TrainingScreen

        work = self.journey.work
        training = self.journey.training = Training(self._persona, Path(plan.folder), work.worker_lives)
        training.begin(plan, work.train_adapter)
        self.app.switch_screen(TrainingScreen(self.journey, training))

    def action_measure(self) -> None:
        """Decide the remaining settings and measure a few steps, or cancel that."""
        if self._measuring:
            self._cancelled.set()
            return
        if self._plan is None:
            return
        plan, self._measuring = self._plan, True
        self._cancelled.clear()
        self.query_one("#measure", Button).label = tr("Cancel measuring")
        self._summarise(tr("loading the base and measuring a few steps … (a minute, or more on a large base)"))
        self.run_worker(lambda: self._measure(plan), thread=True, group="measure")

    def _measure(self, plan: "Plan") -> None:
        """Measure, in a thread."""
        try:
            measurement = self.journey.work.measure_training(plan, self._cancelled.is_set)
        except Exception as error:
            if not isinstance(error, ChatcloneError):
                log_failure(logger, "measuring", error)
            self.post_message(_Measured(plan, error=error))
        else:
            self.post_message(_Measured(plan, measurement))

    @on(_Measured)
    def _measured(self, event: _Measured) -> None:
        self._measuring = False
        self.query_one("#measure", Button).label = tr("Measure first")
        if event.plan is not self._plan:
            return
        if self._cancelled.is_set() or event.measurement is None:
            self._replan()
            self.complain(None if self._cancelled.is_set() else event.error)
            return
        settings, measured = event.measurement.settings, event.measurement.measured
        self._show(settings, event.measurement.reasons)
        self._summarise(
            trn(
                "About {minutes:,} min: {count:,} step, {speed:,.0f} tokens/s, peak memory {memory:,.0f} MB.",
                "About {minutes:,} min: {count:,} steps, {speed:,.0f} tokens/s, peak memory {memory:,.0f} MB.",
                settings["planned_steps"],
                minutes=max(1, round(measured.seconds / 60)),
                speed=measured.tokens_per_second,
                memory=measured.peak_memory_mb,
            )
        )


class _Choices(Vertical):
    """Base, preset, and settings to change."""

    def __init__(self, persona: Persona, preset: str) -> None:
        super().__init__(id="choices")
        self._persona = persona
        self._preset = preset

    def compose(self) -> ComposeResult:
        """Return a line for each."""
        bases = base_choices(self._persona)
        with Horizontal():
            yield Static(tr("base"))
            yield Select(bases, value=bases[0][1], allow_blank=False, id="base", compact=True)
        hint = tr("a folder, or a hub id that was downloaded")
        other = Input(placeholder=hint, id="other-base", compact=True)
        other.display = False
        yield other
        with Horizontal():
            yield Static(tr("preset"))
            yield Select(preset_choices(), value=self._preset, allow_blank=False, id="preset", compact=True)
        with Horizontal():
            yield Static(tr("change"))
            yield Input(placeholder=tr("nothing, or such as epochs=2 rank=8"), id="changes", compact=True)


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
