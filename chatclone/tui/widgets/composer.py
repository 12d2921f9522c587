"""Where a message is written: Enter sends, Ctrl+J or Alt+Enter begins a new line."""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea


class Composer(TextArea):
    """A text field that grows with what is written in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", id="send", show=False),
        Binding("ctrl+j,alt+enter,shift+enter", "newline", "New line", id="newline", show=False),
    ]

    class Sent(Message):
        """A message, or a command, was sent."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, placeholder: str, id: str) -> None:
        super().__init__(id=id, placeholder=placeholder, soft_wrap=True, tab_behavior="focus", compact=True)

    def on_mount(self) -> None:
        """Keep the cursor still for those who want nothing to move."""
        self.cursor_blink = self.app.animation_level != "none"

    async def _on_key(self, event: events.Key) -> None:
        """Leave Enter to the binding; TextArea would write a newline."""
        if event.key == "enter":
            event.prevent_default()
        else:
            await super()._on_key(event)

    def action_send(self) -> None:
        """Send what is written, unless it is blank."""
        text = self.text.strip("\n")
        if text.strip():
            self.clear()
            self.post_message(self.Sent(text))

    def action_newline(self) -> None:
        """Begin a new line at the cursor."""
        self.insert("\n")
