"""Where a remembered passage was said: the lines of its chat before and after it."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from chatclone.i18n.translate import tr
from chatclone.safe_text import visible
from memory.memory import Surroundings
from memory.passages import Line


class SurroundingsScreen(ModalScreen[None]):
    """Shows what was said, what was remembered of it with a bar at its side."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close", id="surroundings.close", show=False)
    ]

    def __init__(self, found: Surroundings, chat: str) -> None:
        super().__init__()
        self._found = found
        self._chat = chat

    def compose(self) -> ComposeResult:
        """Build the page."""
        with VerticalScroll(id="surroundings") as page:
            page.border_title = visible(self._chat).replace("\n", " ").replace("[", r"\[")
            page.border_subtitle = tr("Esc closes")
            yield Static(_lines(self._found.before), classes="around")
            yield Static(_lines(self._found.passage.lines), classes="remembered")
            yield Static(_lines(self._found.after), classes="around")

    def on_mount(self) -> None:
        """Leave no gap where nothing stands."""
        for part in self.query(Static):
            part.display = bool(str(part.content))


def _lines(lines: Iterable[Line]) -> Content:
    """Return messages as lines, each with its time and who said it."""
    return Content("\n").join(
        [
            Content.assemble(
                (f"{line.day_and_time} ", "$foreground 60%"),
                (f"{visible(line.who)}: ", "bold"),
                visible(line.text),
            )
            for line in lines
        ]
    )
