"""All settings of one conversation on a page; Enter saves them, a mistake is said below its line."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Select, Static

from chatclone.conversations import Settings
from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from chatclone.i18n.error_text import hinted
from chatclone.i18n.translate import mark, tr
from chatclone.safe_text import visible
from chatclone.tui.commands.set_command import described, with_setting
from chatclone.tui.services.model_choices import Model

LABELS = {
    "partner": mark("I am"),
    "model": mark("model"),
    "adapter": mark("adapter: off is the base alone"),
    "strength": mark("strength, 0 to 2"),
    "memory": mark("memory of what was said"),
    "rhythm": mark("rhythm: bubbles one after another"),
    "temperature": mark("temperature"),
    "min_p": mark("min_p"),
    "length": mark("longest reply, tokens"),
    "notes": mark("what is new; a ; between facts"),
}
_SWITCHES = ("adapter", "memory", "rhythm")
_SLIDES = {"strength": (0.1, 1.0), "temperature": (0.1, 0.7), "min_p": (0.01, 0.1), "length": (20.0, 160.0)}
"""The step of a number that the arrows change, and where they begin when nothing is set."""


class Tick(Checkbox):
    """A box with a sign in it when it is on, and none when it is off: its colour alone would not tell."""

    def __init__(self, value: bool, name: str) -> None:
        self.BUTTON_INNER = _sign(value)
        super().__init__("", value, id=f"set-{name}", compact=True)

    def watch_value(self) -> None:
        """Draw or erase the sign."""
        self.BUTTON_INNER = _sign(self.value)
        super().watch_value()


class NumberInput(Input):
    """A number that ↑ and ↓ make larger and smaller."""

    def __init__(self, value: str, name: str) -> None:
        super().__init__(value, id=f"set-{name}", placeholder=tr("as loaded"), compact=True, select_on_focus=False)
        self._step, self._first = _SLIDES[name]

    def on_key(self, event: events.Key) -> None:
        """Change the number by its step."""
        if event.key in ("up", "down"):
            event.prevent_default().stop()
            try:
                number = float(self.value.replace(",", "."))
            except ValueError:
                number = self._first
            changed = max(0.0, number + (self._step if event.key == "up" else -self._step))
            self.value = f"{round(changed, 2):g}"
            self.cursor_position = len(self.value)


def _sign(on: bool) -> str:
    return "X" if on else " "


class SettingsScreen(ModalScreen[Settings | None]):
    """A form; the answer is the changed settings, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="settings.close", show=False, priority=True),
        Binding("f3", "save", "Save", id="settings.save", show=False, priority=True),
    ]

    def __init__(self, settings: Settings, usual: Sampling, models: Sequence[Model]) -> None:
        super().__init__()
        self._models = models
        self._settings = settings
        self._usual = usual

    def compose(self) -> ComposeResult:
        """Build a line for every setting."""
        with Vertical(id="settings") as box:
            box.border_title = tr("This conversation")
            box.border_subtitle = tr("↑ ↓ numbers · Enter or F3 saves · Esc closes")
            with VerticalScroll(can_focus=False):
                for name, value in described(self._settings, self._usual):
                    with Horizontal(classes="setting"):
                        yield Static(tr(LABELS[name]), classes="label", markup=False)
                        if name in _SWITCHES:
                            yield Tick(value == "on", name)
                        elif name == "model":
                            yield self._model_select(value)
                        elif name in _SLIDES:
                            yield NumberInput(value, name)
                        else:
                            shown = value.replace("\n", "; ")
                            yield Input(shown, id=f"set-{name}", compact=True, select_on_focus=False)
            yield Static(classes="problem", markup=False)
            with Horizontal(classes="answers"):
                yield Button(tr("Save"), id="save", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Keep the cursor still for those who want nothing to move."""
        for line in self.query(Input):
            line.cursor_blink = self.app.animation_level != "none"

    @on(Input.Submitted)
    @on(Button.Pressed)
    def action_save(self) -> None:
        """Save, unless a value is none."""
        settings = self._settings
        try:
            for name, before in described(self._settings, self._usual):
                value = self._value(name)
                if value != before:
                    settings = with_setting(settings, self._usual, name, value)
        except ChatcloneError as error:
            self.query_one(".problem", Static).update(hinted(error.message, error.hint))
        else:
            self.dismiss(settings)

    def _model_select(self, value: str) -> Select[str]:
        """Return a list of the models, the conversation's own among them even where it is gone."""
        names = {f"{model.engine} {model.model}".rstrip(): visible(model.title) for model in self._models}
        names.setdefault(value, visible(value))
        options = [(title, name) for name, title in names.items()]
        return Select(options, value=value, allow_blank=False, id="set-model", compact=True)

    def _value(self, name: str) -> str:
        if name == "model":
            return str(self.query_one("#set-model", Select).value)
        if name in _SWITCHES:
            return "on" if self.query_one(f"#set-{name}", Checkbox).value else "off"
        value = self.query_one(f"#set-{name}", Input).value
        return "\n".join(part.strip() for part in value.split(";")) if name == "notes" else value
