"""One message on the screen: its bubbles, who sent it and when, and what became of it."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from chatclone.chats import StoredMessage
from chatclone.tui.days import clock_time, day_title
from chatclone.tui.visible import visible


class Bubble(Static):
    """A line of a person or of the clone, shown as text whatever it contains."""

    def __init__(self, text: str, classes: str) -> None:
        super().__init__(Content(visible(text)), classes=classes)
        self.text = text

    def set_text(self, text: str) -> None:
        """Show another text."""
        if text != self.text:
            self.text = text
            self.update(Content(visible(text)))


class DayLine(Static):
    """The name of a day above its first message."""

    def __init__(self, moment: float, now: float) -> None:
        super().__init__(Content(f"── {day_title(moment, now)} ──"))


class MyMessage(Horizontal):
    """What I wrote: one bubble at the right, the time beside it."""

    def __init__(self, message: StoredMessage) -> None:
        super().__init__()
        self.message = message

    def compose(self) -> ComposeResult:
        """Build the time and the bubble."""
        yield Static(clock_time(self.message.created_at), classes="time")
        yield Bubble(self.message.text, "mine")


class CloneMessage(Vertical):
    """What the clone wrote: its name with the word clone, a bubble a line, and the state in words below."""

    class Selected(Message):
        """This reply was clicked: its memory should be shown."""

        def __init__(self, reply: StoredMessage) -> None:
            super().__init__()
            self.reply = reply

    def __init__(self, name: str, reply: StoredMessage, place: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.sender = name
        self.reply = reply
        self.place = place
        self._bubbles: list[Bubble] = []
        self._reading = ""

    def compose(self) -> ComposeResult:
        """Build what the reply has so far."""
        yield Static(self._heading(), classes="sender")
        self._bubbles = [Bubble(line, "theirs") for line in self.reply.bubbles]
        yield from self._bubbles
        yield Static(self._outcome(), classes="outcome", markup=False)

    def on_mount(self) -> None:
        """Mark a state that needs a look."""
        self._mark()

    async def show(self, reply: StoredMessage) -> None:
        """Show the reply as it is now: only what changed is drawn."""
        self.reply, self._reading = reply, ""
        lines = reply.bubbles
        for bubble, line in zip(self._bubbles, lines, strict=False):
            bubble.set_text(line)
        new = [Bubble(line, "theirs") for line in lines[len(self._bubbles) :]]
        spare, self._bubbles = self._bubbles[len(lines) :], [*self._bubbles[: len(lines)], *new]
        for bubble in spare:
            await bubble.remove()
        await self.mount_all(new, before=self.query_one(".outcome"))
        self._mark()

    def show_reading(self, done: int, total: int) -> None:
        """Say how far the prompt has been read, before the first word."""
        if not self.reply.text and done < total:
            self._reading = f"reading {done:,} of {total:,} tokens…"
            self._mark()

    def on_click(self, event: events.Click) -> None:
        """Ask for the memory of this reply."""
        event.stop()
        self.post_message(self.Selected(self.reply))

    def _mark(self) -> None:
        outcome = self.query_one(".outcome", Static)
        outcome.update(self._outcome())
        outcome.display = bool(self._outcome())
        outcome.set_class(self.reply.state == "failed", "failed")

    def _heading(self) -> Content:
        parts = [(visible(self.sender), "bold $accent"), ("  clone  ", "$foreground 60%")]
        heading = Content.assemble(*parts, (clock_time(self.reply.created_at), "$foreground 40%"))
        number, count = self.place
        return heading.append_text(f"  ‹{number}/{count}›", "$foreground 60%") if count > 1 else heading

    def _outcome(self) -> str:
        """Return the state in words; a finished reply needs none."""
        state, stats = self.reply.state, self.reply.stats
        if state == "running":
            return "" if self.reply.text.strip() else self._reading or "typing…"
        if state == "stopped":
            return "stopped"
        if state == "failed":
            what, _, hint = visible(str(stats.get("error", "the engine failed"))).partition("\n")
            return f"failed: {what}" + (f"\ntry: {hint}" if hint else "")
        if stats.get("stopped_by") == "length":
            return "cut off at the length limit"
        return "" if self.reply.text.strip() else "said nothing"
