"""The plan of a training: on which base, with which preset, every setting with its reason, how long it takes."""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static

from chatclone.clone.saved_reply import log_failure
from chatclone.errors import ChatcloneError, UsageError
from chatclone.i18n.translate import mark, tr, tr_elsewhere, trn
from chatclone.personas.persona import Persona
from chatclone.safe_text import visible
from chatclone.storage.processes import kill_module
from chatclone.training.launch import WORKER
from chatclone.tui.screens.page import Page
from chatclone.tui.services.base_choices import ANOTHER, base_choices, preset_choices
from chatclone.tui.services.journey import Journey
from chatclone.tui.services.training_runs import Training
from chatclone.tui.widgets.settings_table import Reasons, Row

if TYPE_CHECKING:
    from chatclone.training.plan import Plan

logger = logging.getLogger(__name__)
TYPING_PAUSE = 0.4
"""Seconds without a key before what is typed is planned with."""


@dataclass
class _Measured(Message):
    """What a few steps told, or why they did not."""

    plan: "Plan"
    document: dict[str, Any] | None = None
    error: Exception | None = None


class TrainScreen(Page):
    """Shows the plan again after every change; nothing is written before Go."""

    heading = mark("Train")

    def __init__(self, journey: Journey, persona: Persona) -> None:
        super().__init__(journey)
        self._persona = persona
        self._plan: Plan | None = None
        self._resumable: Plan | None = None
        self._measuring = False
        self._measurer: int | None = None
        self._abandoned = threading.Event()

    def body(self) -> Iterable[Widget]:
        """Return the choices, what they come to, and the plan."""
        yield _Choices(self._persona, self.journey.preset)
        yield Static(id="summary", markup=False)
        yield Reasons(id="plan")

    def buttons(self) -> Iterable[Button]:
        """Return what can be done with the plan."""
        yield Button(tr("Go"), id="go", variant="primary", compact=True)
        yield Button(tr("Measure first"), id="measure", compact=True)
        yield Button(tr("Go on with the last run"), id="resume", compact=True)

    def on_mount(self) -> None:
        """Plan with what is chosen."""
        self.complain(None)
        try:
            self._resumable = self.journey.work.unfinished_training(self._persona)
        except ChatcloneError:  # there is none, or its base is gone
            self._resumable = None
        self.query_one("#resume").display = self._resumable is not None
        self._replan()
        self.query_one("#go").focus()

    def on_unmount(self) -> None:
        """Let nothing measure for a screen that is gone."""
        self._end_measuring()

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
            self._show(self._plan.settings, self._plan.reasons)
            licence = tr("licence of the base: {licence}", licence=self._plan.licence)
            self._summarise(f"{tr_elsewhere(self._plan.reasons.get('data', ''))}\n{licence}")
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
            raise ChatcloneError(tr("no base is named"), tr("type the folder of a model with safetensors weights"))
        return str(Path(typed).expanduser()) if typed.startswith("~") else typed

    def _preset(self) -> str:
        return str(self.query_one("#preset", Select).value)

    def _changes(self) -> dict[str, str]:
        changes = {}
        for part in self.query_one("#changes", Input).value.replace(",", " ").split():
            key, equals, value = part.partition("=")
            if not equals or not value:
                raise UsageError(tr("{part} has no value", part=part), tr("write key=value, such as epochs=2"))
            changes[key] = value
        return changes

    def _show(self, settings: dict[str, Any], reasons: dict[str, str]) -> None:
        rows: list[Row] = [
            (key.replace("_", " "), _value(settings[key]), tr_elsewhere(reasons[key]))
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
        """Go on with a run that was interrupted or stopped."""
        if self._resumable is not None:
            await self._train(self._resumable)

    async def _train(self, plan: "Plan") -> None:
        from chatclone.tui.screens.training_progress import TrainingScreen

        work = self.journey.work
        training = self.journey.training = Training(self._persona, Path(plan.folder), work.worker_lives)
        training.begin(plan, work.train_adapter)
        self.app.switch_screen(TrainingScreen(self.journey, training))

    def action_measure(self) -> None:
        """Have the worker decide the rest and take a few steps, or stop it."""
        if self._measuring:
            self._end_measuring()
            return
        if self._plan is None:
            return
        plan, self._measuring = self._plan, True
        self._abandoned.clear()
        self.query_one("#measure", Button).label = tr("Stop measuring")
        self._summarise(tr("loading the base and measuring a few steps … (a minute, or more on a large base)"))
        self.run_worker(lambda: self._measure(plan), thread=True, group="measure")

    def _measure(self, plan: "Plan") -> None:
        """Measure, in a thread."""
        try:
            document = self.journey.work.measure_training(plan, self._measuring_event)
        except Exception as error:
            if not isinstance(error, ChatcloneError):
                log_failure(logger, "measuring", error)
            self.post_message(_Measured(plan, error=error))
        else:
            self.post_message(_Measured(plan, document))

    def _measuring_event(self, event: dict[str, Any]) -> None:
        self._measurer = event.get("pid", self._measurer)
        if self._abandoned.is_set():
            self._end_measuring()

    def _end_measuring(self) -> None:
        """End the process that measures; it keeps nothing."""
        self._abandoned.set()
        if self._measuring and self._measurer is not None:
            pid, self._measurer = self._measurer, None
            kill_module(pid, WORKER)

    @on(_Measured)
    def _measured(self, event: _Measured) -> None:
        self._measuring, self._measurer = False, None
        self.query_one("#measure", Button).label = tr("Measure first")
        if event.plan is not self._plan:
            return
        if self._abandoned.is_set() or event.document is None:
            self._replan()
            self.complain(None if self._abandoned.is_set() else event.error)
            return
        document, measured = event.document, event.document["measured"]
        self._show(document["settings"], document["reasons"])
        self._summarise(
            trn(
                "It will take about {minutes:,} min: {count:,} step, {speed:,.0f} tokens/s, {memory:,.0f} MB at most.",
                "It will take about {minutes:,} min: {count:,} steps, {speed:,.0f} tokens/s, {memory:,.0f} MB at most.",
                document["settings"]["planned_steps"],
                minutes=max(1, round(measured["seconds"] / 60)),
                speed=measured["tokens_per_second"],
                memory=measured["peak_memory_mb"],
            )
        )


class _Choices(Vertical):
    """Base, preset, and settings to change."""

    def __init__(self, persona: Persona, preset: str) -> None:
        super().__init__(id="choices")
        self._persona = persona
        self._preset = preset

    def compose(self) -> ComposeResult:
        """Build a line for each."""
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
