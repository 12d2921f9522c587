"""Where a message is written: Enter sends, Ctrl+J or Alt+Enter begins a new line."""

import contextlib
from typing import cast

from textual import events
from textual.keys import Keys
from textual.message import Message
from textual.widgets import TextArea

NEWLINE_KEYS = ("ctrl+j", "alt+enter", "shift+enter")
"""Shift+Enter reaches a program only in some terminals; the help names the other two."""


class Composer(TextArea):
    """A text field that grows with what is written in it."""

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
        """Send or begin a line at once: a binding would run after keys that were typed later."""
        if event.key == "enter":
            event.prevent_default().stop()
            self._send()
        elif event.key in NEWLINE_KEYS:
            event.prevent_default().stop()
            self.insert("\n")
        else:
            await super()._on_key(event)

    def _send(self) -> None:
        """Send what is written, unless it is blank."""
        text = self.text.strip("\n")
        if text.strip():
            self.clear()
            self.post_message(self.Sent(text))


def teach_alt_enter() -> None:
    """Have Textual read Alt+Enter as a new line in terminals without the Kitty keyboard protocol.

    They send ESC CR, which Textual 8.2 takes for Enter alone: half a message would be sent. Its table of sequences is
    not public, so where a later version has none, this does nothing and Ctrl+J is left.
    """
    with contextlib.suppress(ImportError):
        from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

        cast("dict[str, object]", ANSI_SEQUENCES_KEYS)["\x1b\r"] = (Keys.ControlJ,)
