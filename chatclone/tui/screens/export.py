"""The export page: choices with their sizes, then the progress, then the files and the parity report."""

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, ProgressBar, Select, Static

from chatclone.clone.saved_reply import log_failure
from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import mark, tr, tr_message
from chatclone.personas.persona import Persona
from chatclone.safe_text import visible
from chatclone.tui.screens.page import Page
from chatclone.tui.services.export_sizes import KINDS, Sizes, report_lines
from chatclone.tui.services.journey import Journey
from chatclone.tui.services.questions import Abandoned
from chatclone.tui.widgets.settings_table import Reasons

if TYPE_CHECKING:
    from chatclone.export.export_run import ExportResult

logger = logging.getLogger(__name__)


@dataclass
class _Sized(Message):
    """The choices, or the error that prevents an export."""

    sizes: Sizes | None = None
    error: Exception | None = None


@dataclass
class _Progress(Message):
    """A line of progress, or an announcement, which stays on the page."""

    text: str
    stays: bool


@dataclass
class _Ended(Message):
    """The result of the export, or its error."""

    result: "ExportResult | None" = None
    error: Exception | None = None


class ExportScreen(Page):
    """Exports in a thread; when cancelled, the files written so far are removed."""

    heading = mark("Export")

    def __init__(self, journey: Journey, persona: Persona) -> None:
        super().__init__(journey)
        self._persona = persona
        self._sizes: Sizes | None = None
        self._stopped = threading.Event()
        self._working = False
        self._began = 0.0

    def body(self) -> Iterable[Widget]:
        """Return the choices, the files they lead to, and the report."""
        yield Static(tr("looking at the base…"), id="doing", markup=False)
        yield _Choices()
        yield Reasons(id="files")
        yield ProgressBar(id="bar", show_percentage=False, show_eta=False)
        yield Static(id="report", markup=False)

    def buttons(self) -> Iterable[Button]:
        """Return the buttons for before, during and after the export."""
        yield Button(tr("Export"), id="go", variant="primary", compact=True, disabled=True)
        yield Button(tr("Stop"), id="back", compact=True)
        yield Button(tr("Chat with it now"), id="chat", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Look at the base, in a thread."""
        self.complain(None)
        for hidden in ("#choices", "#bar", "#back", "#chat"):
            self.query_one(hidden).display = False
        self.run_worker(self._look, thread=True, group="look")

    def on_unmount(self) -> None:
        """Cancel the export when the page is closed."""
        self._stopped.set()

    def _look(self) -> None:
        try:
            self.post_message(_Sized(self.journey.work.size_export(self._persona)))
        except Exception as error:
            self._log(error)
            self.post_message(_Sized(error=error))

    @on(_Sized)
    def _sized(self, event: _Sized) -> None:
        self.query_one("#doing").display = False
        if event.sizes is None:
            self.complain(event.error)
            return
        self._sizes = event.sizes
        quant = self.query_one("#quant", Select)
        quant.set_options(event.sizes.quants())
        quant.value = event.sizes.quant
        self.query_one("#choices").display = True
        self.query_one("#go", Button).disabled = False
        self.query_one("#go").focus()
        self._show_files()

    @on(Select.Changed)
    def _show_files(self) -> None:
        if self._sizes is not None and not self.query_one("#quant", Select).is_blank():
            self.query_one("#files", Reasons).show(self._sizes.rows(*self._chosen()))

    def _chosen(self) -> tuple[str, str]:
        return str(self.query_one("#kind", Select).value), str(self.query_one("#quant", Select).value)

    def action_go(self) -> None:
        """Export as chosen."""
        if self._working or self._sizes is None:
            return
        kind, quant = self._chosen()
        self._working, self._began = True, time.monotonic()
        self._stopped.clear()
        self.complain(None)
        self._show_working(True)
        self.query_one("#report", Static).update("")
        self.run_worker(lambda: self._export(kind, quant), thread=True, group="export")

    def _show_working(self, working: bool) -> None:
        for widget, shown in (("#choices", not working), ("#go", not working), ("#bar", working), ("#back", working)):
            self.query_one(widget).display = shown
        self.query_one("#doing").display = working
        self.set_esc(mark("stop") if working else mark("back"))

    def action_back(self) -> None:
        """Cancel the export; when none is running, go back."""
        if self._working:
            self._stopped.set()
            self.query_one("#doing", Static).update(tr("stopping after this step…"))
        else:
            super().action_back()

    def _export(self, kind: str, quant: str) -> None:
        """Run the export; called in a thread."""
        export = self.journey.work.export_adapter
        try:
            result = export(self._persona, kind, quant, self.journey.home, self._say, self._announce)
        except Exception as error:
            self._log(error)
            self.post_message(_Ended(error=error))
        else:
            self.post_message(_Ended(result))

    def _log(self, error: Exception) -> None:
        if not isinstance(error, ChatcloneError | Abandoned):
            log_failure(logger, "the export", error)

    def _say(self, text: str) -> None:
        """Show what is being done, or abandon the export when it was cancelled."""
        if self._stopped.is_set():
            raise Abandoned
        self.post_message(_Progress(text, stays=False))

    def _announce(self, text: str) -> None:
        self.post_message(_Progress(text, stays=True))

    @on(_Progress)
    def _show_progress(self, event: _Progress) -> None:
        if event.stays:
            report = self.query_one("#report", Static)
            report.update(visible(f"{report.content}\n{tr_message(event.text)}".strip()))
        elif not self._stopped.is_set():
            seconds = time.monotonic() - self._began
            doing = tr("{doing} … ({seconds:,.0f} s)", doing=tr_message(event.text), seconds=seconds)
            self.query_one("#doing", Static).update(visible(doing))

    @on(_Ended)
    def _ended(self, event: _Ended) -> None:
        self._working = False
        self._show_working(False)
        if event.result is None:
            self.complain(None if isinstance(event.error, Abandoned) else event.error)
            if isinstance(event.error, Abandoned):
                self.query_one("#report", Static).update(tr("Stopped; what was written is removed."))
            self.query_one("#go").focus()
            return
        self.query_one("#heading .title", Static).update(Content.styled(tr("Exported"), "bold"))
        for hidden in ("#choices", "#go", "#files"):
            self.query_one(hidden).display = False
        report = "\n".join(report_lines(event.result))
        self.query_one("#report", Static).update(visible(report))
        self.query_one("#chat").display = True
        self.query_one("#chat").focus()

    async def action_chat(self) -> None:
        """Chat with what was exported."""
        await self.run_action("app.chat")


class _Choices(Vertical):
    """The selects for kind and quantization."""

    def __init__(self) -> None:
        super().__init__(id="choices")

    def compose(self) -> ComposeResult:
        """Build a line for each."""
        with Horizontal():
            yield Static(tr("kind"))
            yield Select(
                [(tr(text), kind) for text, kind in KINDS], value="adapter", allow_blank=False, id="kind", compact=True
            )
        with Horizontal():
            yield Static(tr("weights"))
            yield Select((), id="quant", compact=True)
