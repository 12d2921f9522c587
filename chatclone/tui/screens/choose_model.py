"""What answers in this conversation: the persona's runs, its GGUF files with sizes and dates, a server."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from chatclone.i18n.translate import tr
from chatclone.safe_text import visible
from chatclone.tui.services.model_choices import Key, Model


class ModelScreen(ModalScreen[Model | None]):
    """A list of models; the one that answers now has a dot before it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="model.close", show=False, priority=True)
    ]

    def __init__(self, models: Sequence[Model], current: Key) -> None:
        super().__init__()
        self._models = models
        self._current = current

    def compose(self) -> ComposeResult:
        """Build the list."""
        with Vertical(id="models") as box:
            box.border_title = tr("Model")
            box.border_subtitle = tr("Enter chooses · Esc closes")
            yield OptionList(*[Option(self._row(model)) for model in self._models])

    def on_mount(self) -> None:
        """Begin at the one it is now."""
        keys = [model.key for model in self._models]
        options = self.query_one(OptionList)
        options.highlighted = keys.index(self._current) if self._current in keys else 0
        options.focus()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._models[event.option_index])

    def _row(self, model: Model) -> Content:
        dot = "● " if model.key == self._current else "  "
        return Content.assemble(dot, (visible(model.title), "bold"), "\n  ", (visible(model.about), "$foreground 60%"))
