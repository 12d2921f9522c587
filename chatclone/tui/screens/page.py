"""What all pages beside the chat share: a title, a body that scrolls, a place for problems, a row of buttons, Esc."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, Static

from chatclone.errors import ChatcloneError
from chatclone.i18n.error_text import explained_bug, explained_error
from chatclone.i18n.translate import mark, tr
from chatclone.safe_text import visible
from chatclone.tui.services.journey import Journey


class Page(Screen[None]):
    """One step of the way; `body` and `buttons` are what a page adds, `on_<id>` methods answer the buttons."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "Back", id="page.back")]
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (72, "-narrow"), (90, "-wide")]  # noqa: RUF012 - declared so by Textual
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-high")]  # noqa: RUF012 - declared so by Textual
    heading = ""
    esc = mark("back")
    """What Esc does, for the line at the top."""

    def __init__(self, journey: Journey) -> None:
        super().__init__()
        self.journey = journey

    def compose(self) -> ComposeResult:
        """Build the page."""
        with Horizontal(id="heading"):
            yield Static(Content.styled(visible(tr(self.heading)), "bold"), classes="title")
            yield Static(self._esc_hint(), classes="esc")
        with VerticalScroll(id="body", can_focus=False):
            yield from self.body()
        with Vertical(id="foot"):
            yield Static(id="problem", markup=False)
            with Horizontal(id="buttons"):
                yield from self.buttons()

    def body(self) -> Iterable[Widget]:
        """Return what the page shows."""
        return ()

    def buttons(self) -> Iterable[Button]:
        """Return what can be done; each has an id."""
        return ()

    def complain(self, error: Exception | None) -> None:
        """Show what went wrong and what to try, or nothing any more."""
        problem = self.query_one("#problem", Static)
        problem.display = error is not None
        if isinstance(error, ChatcloneError):
            problem.update(visible(explained_error(error)))
        elif error is not None:
            problem.update(visible(explained_bug(error)))

    def set_esc(self, does: str) -> None:
        """Say what Esc does now."""
        self.esc = does
        self.query_one("#heading .esc", Static).update(self._esc_hint())

    def action_back(self) -> None:
        """Go to where one came from."""
        self.app.pop_screen()

    @on(Button.Pressed)
    async def _pressed(self, event: Button.Pressed) -> None:
        await self.run_action(f"screen.{event.button.id}")

    def _esc_hint(self) -> Content:
        return Content.assemble(("Esc", "bold $accent"), f" {tr(self.esc)}")
