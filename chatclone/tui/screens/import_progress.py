"""An import on its way: what is being read, how far, a way to stop, and its questions."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from textual import on
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, ProgressBar, Static

from chatclone.clone.saved_reply import log_failure
from chatclone.i18n.translate import mark, tr, tr_message, trn
from chatclone.ingest.import_run import Ingested, Request
from chatclone.safe_text import visible
from chatclone.tui.screens.choose_person import AgreedScreen, WhoScreen
from chatclone.tui.screens.page import Page
from chatclone.tui.services.journey import Journey
from chatclone.tui.services.questions import Abandoned, Agreed, ScreenAsking, WhoAreYou
from importers.message import Person

logger = logging.getLogger(__name__)


Back = Callable[[Exception | None], Screen[None]]
"""Makes the screen where the export was chosen, with what went wrong."""


@dataclass
class _Told(Message):
    """What is being done and how much of it; `total` is 0 where nobody can know it."""

    doing: str
    done: int
    total: int = 0

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, _Told)


@dataclass
class _Ended(Message):
    """How the import ended."""

    done: Ingested | None
    note: str = ""
    error: Exception | None = None


class ImportingScreen(Page):
    """Import in a thread. Stopped or failed, nothing is changed, and `back` makes the screen to return to.

    Without `back` it is the demo that is imported.
    """

    heading = mark("Importing")
    esc = mark("stop")

    def __init__(self, journey: Journey, request: Request, home: Path, back: Back | None = None) -> None:
        super().__init__(journey)
        self._request = request
        self._home = home
        self._back = back
        self._stopped = threading.Event()
        self._asking = ScreenAsking(self)
        self._began = time.monotonic()

    def body(self) -> Iterable[Widget]:
        """Return the lines that tell how far it is."""
        yield Static(tr("reading…"), id="doing", markup=False)
        yield ProgressBar(id="bar", show_eta=True)
        yield Static(id="rate", markup=False)

    def buttons(self) -> Iterable[Button]:
        """Return what stops it."""
        yield Button(tr("Stop"), id="back", compact=True)

    def on_mount(self) -> None:
        """Begin."""
        self.complain(None)
        self.run_worker(self._work, thread=True, group="import")

    def on_unmount(self) -> None:
        """Stop a thread whose screen is gone."""
        self._stop()

    def _stop(self) -> None:
        self._stopped.set()
        self._asking.abandon()

    def action_back(self) -> None:
        """Stop; what memory has embedded by then stays."""
        self._stop()
        self.query_one("#doing", Static).update(tr("stopping…"))

    def _work(self) -> None:
        """Import and embed, in a thread."""
        try:
            done = self.journey.work.import_exports(self._request, self._home, self._asking, self._tell)
            note = ""
            if done.persona is not None:
                if self._back is None:
                    done = _as_demo(done)
                note = self._embed(done)
            self.post_message(_Ended(done, note))
        except Exception as error:
            if not isinstance(error, Abandoned):
                log_failure(logger, "the import", error)
            self.post_message(_Ended(None, error=error))

    def _embed(self, done: Ingested) -> str:
        """Prepare searching by meaning; stopped, the rest is done while one chats."""
        assert done.persona is not None
        try:
            return self.journey.work.embed_memory(done.persona, partial(self._tell, tr("preparing its memory")))
        except Abandoned:
            return tr("the rest of the memory is prepared while you chat")

    def _tell(self, doing: str, done: int, total: int = 0) -> None:
        """Pass on how far it is, or end the work where it was stopped."""
        if self._stopped.is_set():
            raise Abandoned
        self.post_message(_Told(doing, done, total))

    @on(_Told)
    def _told(self, event: _Told) -> None:
        self.query_one("#doing", Static).update(visible(f"{tr_message(event.doing)} … {_amount(event)}"))
        self.query_one(ProgressBar).update(total=event.total or None, progress=event.done)
        seconds = time.monotonic() - self._began
        self.query_one("#rate", Static).update(tr("{seconds:,.0f} s so far", seconds=seconds) if seconds > 2 else "")

    @on(_Ended)
    async def _ended(self, event: _Ended) -> None:
        if event.done is not None and event.done.persona is not None:
            from chatclone.tui.screens.import_result import ImportedScreen

            self.journey.home, self.journey.persona = self._home, event.done.persona
            self.journey.preset = "persona" if self._back else "demo"
            self.app.switch_screen(ImportedScreen(self.journey, event.done, event.note))
        elif self._back is None:
            self.app.pop_screen()
        else:
            error = None if isinstance(event.error, Abandoned) else event.error
            self.app.switch_screen(self._back(error))
            if error is None:
                self.app.notify(tr("Stopped. Nothing was imported."), timeout=4)

    @on(WhoAreYou)
    def _who_are_you(self, event: WhoAreYou) -> None:
        def answer(person: Person | None) -> None:
            if not event.answer.done():
                event.answer.set_result(person)

        self.app.push_screen(WhoScreen(event.candidates), answer)

    @on(Agreed)
    def _agreed(self, event: Agreed) -> None:
        def answer(agreed: bool | None) -> None:
            if not event.answer.done():
                event.answer.set_result(bool(agreed))

        self.app.push_screen(AgreedScreen(event.person, event.owner_known), answer)


def _amount(told: _Told) -> str:
    """Return how much of it is done."""
    if told.total:
        return trn("{done:,} of {count:,} passage", "{done:,} of {count:,} passages", told.total, done=told.done)
    return trn("{count:,} message", "{count:,} messages", told.done)


def _as_demo(done: Ingested) -> Ingested:
    """Keep so small a model to its likelier words, or it makes words up."""
    from dataclasses import replace

    from chatclone.engines.protocol import Sampling

    assert done.persona is not None
    return replace(done, persona=done.persona.update(sampling=Sampling(temperature=0.5)))
