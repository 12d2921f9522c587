"""Who am I to the clone: somebody it knows, a stranger, or whoever is written."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from chatclone.i18n.translate import tr
from chatclone.safe_text import visible
from chatclone.tui.commands.set_command import STRANGER


class PartnerScreen(ModalScreen[str | None]):
    """A list of those whom the person wrote with, and a line for anybody else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="partner.close", show=False, priority=True)
    ]

    def __init__(self, name: str, partners: Sequence[str], current: str) -> None:
        super().__init__()
        self._clone_name = name
        known = list(dict.fromkeys(partner for partner in (current, *partners) if partner and partner != STRANGER))
        self._names = [*known, STRANGER]
        self._current = current

    def compose(self) -> ComposeResult:
        """Build the question, the list and the line."""
        with Vertical(id="partner") as box:
            box.border_title = tr("Who am I")
            box.border_subtitle = tr("Enter chooses · Esc closes")
            question = tr("Whom does {name} talk to in this conversation?", name=visible(self._clone_name))
            yield Static(question, markup=False)
            yield OptionList(*[Option(self._row(name)) for name in self._names], id="partners")
            yield Input(placeholder=tr("or somebody else: a name, “my teacher”…"), compact=True)

    def on_mount(self) -> None:
        """Begin at the one it is now."""
        for line in self.query(Input):
            line.cursor_blink = self.app.animation_level != "none"
        options = self.query_one(OptionList)
        options.highlighted = self._names.index(self._current) if self._current in self._names else 0
        options.focus()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[event.option_index])

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())

    def _row(self, name: str) -> Content:
        return Content(("● " if name == self._current else "  ") + visible(name).replace("\n", " "))
