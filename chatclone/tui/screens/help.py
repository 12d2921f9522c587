"""The help screen, made from the table of commands."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from chatclone.tui.commands import COMMANDS


class HelpScreen(ModalScreen[None]):
    """All keys and commands on one page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q,enter", "dismiss", "Close", id="help.close", show=False)
    ]

    def compose(self) -> ComposeResult:
        """Build the page."""
        with VerticalScroll(id="help") as page:
            page.border_title = "Help"
            page.border_subtitle = "Esc closes"
            yield Static(_page())


def _page() -> Content:
    """Return the table as text: writing first, then a line a command."""
    rows = [("Enter", "", "Send. Ctrl+J or Alt+Enter begin a new line.")]
    rows += [(c.key, c.usage, c.description) for c in COMMANDS if c.description]
    lines = [
        Content.assemble((f"{key:<9}", "bold $accent"), (f"{usage:<15}", "$foreground 60%"), description)
        for key, usage, description in rows
    ]
    closing = Content.styled(
        "A click on a reply shows its memory. // begins a message with a slash.", "$foreground 60%"
    )
    return Content("\n").join([*lines, closing])
