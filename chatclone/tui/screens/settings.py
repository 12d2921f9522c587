"""All settings of one conversation on a page; Enter saves them, a mistake is said below its line."""

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Static

from chatclone.chats import Settings
from chatclone.engines.base import Sampling
from chatclone.errors import ChatcloneError
from chatclone.tui.setting import described, with_setting

LABELS = {
    "partner": "I am",
    "adapter": "adapter: off is the base alone",
    "strength": "strength, 0 to 2",
    "memory": "memory of what was said",
    "rhythm": "rhythm: bubbles one after another",
    "temperature": "temperature",
    "min_p": "min_p",
    "length": "longest reply, tokens",
    "notes": "what is new; a ; between facts",
}
_SWITCHES = ("adapter", "memory", "rhythm")
_SLIDES = {"strength": (0.1, 1.0), "temperature": (0.1, 0.7), "min_p": (0.01, 0.1), "length": (20.0, 160.0)}
"""The step of a number that the arrows change, and where they begin when nothing is set."""


class NumberInput(Input):
    """A number that ↑ and ↓ make larger and smaller."""

    def __init__(self, value: str, name: str) -> None:
        super().__init__(value, id=f"set-{name}", placeholder="as loaded", compact=True, select_on_focus=False)
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


class SettingsScreen(ModalScreen[Settings | None]):
    """A form; the answer is the changed settings, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="settings.close", show=False, priority=True),
        Binding("f3", "save", "Save", id="settings.save", show=False, priority=True),
    ]

    def __init__(self, settings: Settings, usual: Sampling) -> None:
        super().__init__()
        self._settings = settings
        self._usual = usual

    def compose(self) -> ComposeResult:
        """Build a line for every setting."""
        with Vertical(id="settings") as box:
            box.border_title = "This conversation"
            box.border_subtitle = "↑ ↓ numbers · Enter or F3 saves · Esc closes"
            with VerticalScroll(can_focus=False):
                for name, value in described(self._settings, self._usual):
                    with Horizontal(classes="setting"):
                        yield Static(LABELS[name], classes="label", markup=False)
                        if name in _SWITCHES:
                            yield Checkbox("", value == "on", id=f"set-{name}", compact=True)
                        elif name in _SLIDES:
                            yield NumberInput(value, name)
                        else:
                            shown = value.replace("\n", "; ")
                            yield Input(shown, id=f"set-{name}", compact=True, select_on_focus=False)
            yield Static(classes="problem", markup=False)
            with Horizontal(classes="answers"):
                yield Button("Save", id="save", variant="primary", compact=True)

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
            self.query_one(".problem", Static).update(f"{error.message}; try {error.hint}")
        else:
            self.dismiss(settings)

    def _value(self, name: str) -> str:
        if name in _SWITCHES:
            return "on" if self.query_one(f"#set-{name}", Checkbox).value else "off"
        value = self.query_one(f"#set-{name}", Input).value
        return "\n".join(part.strip() for part in value.split(";")) if name == "notes" else value
