"""Where a message is written: Enter sends, Ctrl+J or Alt+Enter begins a new line, ↑ brings back what was sent."""

from typing import Literal

from textual import events
from textual.message import Message
from textual.widgets import TextArea

from chatclone.i18n.translate import mark, tr

NEWLINE_KEYS = ("ctrl+j", "alt+enter", "shift+enter")
"""Shift+Enter reaches a program only in some terminals; the help names the other two."""
Purpose = Literal["send", "edit", "better"]
_TITLES: dict[Purpose, str] = {
    "send": "",
    "edit": mark("editing · Enter sends · Esc leaves it"),
    "better": mark("I would say… · Enter keeps it · Esc leaves it"),
}
MOST_REMEMBERED = 200
"""Messages that ↑ goes back through."""


class Composer(TextArea):
    """A text field that grows with what is written in it, and may be used to write something anew."""

    class Sent(Message):
        """A message, or a command, was sent; `purpose` says what it is and `about` which message it is for."""

        def __init__(self, text: str, purpose: Purpose = "send", about: int | None = None) -> None:
            super().__init__()
            self.text = text
            self.purpose: Purpose = purpose
            self.about = about

    def __init__(self, placeholder: str, id: str) -> None:
        super().__init__(id=id, placeholder=placeholder, soft_wrap=True, tab_behavior="focus", compact=True)
        self._purpose: Purpose = "send"
        self._about: int | None = None
        self._draft = ""
        self._history: list[str] = []
        self._place = 0

    def on_mount(self) -> None:
        """Keep the cursor still for those who want nothing to move."""
        self.cursor_blink = self.app.animation_level != "none"

    def remember(self, texts: list[str]) -> None:
        """Let ↑ go back through these texts, the latest last."""
        self._history = texts[-MOST_REMEMBERED:]
        self._place = len(self._history)

    def begin(self, text: str, purpose: Purpose = "send", about: int | None = None) -> None:
        """Put a text here to be changed and sent; what was being written comes back afterwards."""
        if self._purpose == "send" and purpose != "send":
            self._draft = self.text
        self._purpose, self._about = purpose, about
        self.border_title = tr(_TITLES[purpose])
        self.set_class(purpose != "send", "-anew")
        self.write(text)

    def write(self, text: str) -> None:
        """Replace what is written, the cursor at its end."""
        self.text = text
        self.move_cursor(self.document.end)
        self.focus()

    def leave(self) -> bool:
        """Leave off writing something anew; returns whether there was anything to leave."""
        if self._purpose == "send":
            return False
        draft, self._draft = self._draft, ""
        self.begin(draft)
        return True

    async def _on_key(self, event: events.Key) -> None:
        """Send or begin a line at once: a binding would run after keys that were typed later."""
        if event.key == "enter":
            event.prevent_default().stop()
            self._send()
        elif event.key in NEWLINE_KEYS:
            event.prevent_default().stop()
            self.insert("\n")
        elif event.key in ("up", "down") and self._browses():
            event.prevent_default().stop()
            self._go_back(-1 if event.key == "up" else 1)
        else:
            await super()._on_key(event)

    def _browses(self) -> bool:
        """Return whether the arrows go through what was sent: nothing is written, or what they brought is unchanged."""
        if self._purpose != "send" or not self._history:
            return False
        brought = self._history[self._place] if self._place < len(self._history) else ""
        return self.text == brought

    def _go_back(self, step: int) -> None:
        self._place = min(len(self._history), max(0, self._place + step))
        self.write(self._history[self._place] if self._place < len(self._history) else "")

    def _send(self) -> None:
        """Send what is written, unless it is blank."""
        text = self.text.strip("\n")
        if not text.strip():
            return
        purpose, about = self._purpose, self._about
        if purpose == "send":
            self.clear()
            if self._history[-1:] != [text]:
                self.remember([*self._history, text])
            self._place = len(self._history)
        else:
            self.leave()
        self.post_message(self.Sent(text, purpose, about))
