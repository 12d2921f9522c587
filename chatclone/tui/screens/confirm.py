"""A question before something is lost."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from chatclone.i18n.translate import tr
from chatclone.safe_text import visible


class ConfirmScreen(ModalScreen[bool]):
    """Asks; anything but a clear yes is a no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "No", id="confirm.no", show=False),
        Binding("y", "answer(True)", "Yes", id="confirm.yes", show=False),
    ]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question = question
        self._yes = yes

    def compose(self) -> ComposeResult:
        """Build the question and the two answers."""
        with Vertical(id="confirm"):
            yield Static(visible(self._question), markup=False)
            with Horizontal():
                yield Button(f"{tr('Keep')} (n)", id="no", compact=True)
                yield Button(f"{self._yes} (y)", id="yes", variant="error", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by the button."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer by a key."""
        self.dismiss(yes)
