"""One message on the screen: its bubbles, who sent it and when, its versions, and what became of it."""

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from chatclone.conversations import State, StoredMessage
from chatclone.conversations.message_search import places
from chatclone.i18n.dates import clock_time, day_title
from chatclone.i18n.error_text import hinted
from chatclone.i18n.translate import mark, tr
from chatclone.safe_text import visible

_OUTCOMES: dict[State, str] = {
    "cancelled": mark("stopped"),
    "length": mark("cut off at the length limit"),
    "interrupted": mark("interrupted: the program ended"),
}
"""States that need one word, or a few."""
HIT = "bold reverse"
"""How a word that was searched for is shown, in any number of colours."""
Pace = Callable[[str], float]
"""How many seconds a bubble comes after the one before it."""


class Bubble(Static):
    """A line of a person or of the clone, shown as text whatever it contains; words of `query` are marked."""

    # It never scrolls, so its own size asks for no second layout after the one that gave it that size.
    virtual_size: Reactive[Size] = Reactive(Size(0, 0), layout=False)

    def __init__(self, text: str, classes: str, query: str = "") -> None:
        self.text = text
        self._query = query
        super().__init__(self._content(), classes=classes)

    def set_text(self, text: str) -> None:
        """Show another text."""
        if text != self.text:
            self.text = text
            self.update(self._content())

    def _content(self) -> Content:
        shown = visible(self.text)
        content = Content(shown)
        for start, end in places(shown, self._query) if self._query else ():
            content = content.stylize(HIT, start, end)
        return content


class DayLine(Static):
    """The name of a day above its first message."""

    def __init__(self, moment: float, now: float) -> None:
        super().__init__(Content(f"── {day_title(moment, now)} ──"))


class Versions(Static):
    """‹2/3›: a click on its left half goes to the version before, on the right one to the version after."""

    class Wanted(Message):
        """Another version of a message should be shown."""

        def __init__(self, message: StoredMessage, step: int) -> None:
            super().__init__()
            self.message = message
            self.step = step

    def __init__(self, message: StoredMessage) -> None:
        super().__init__(Content(f"‹{message.version}/{message.versions}›"), classes="versions")
        self.message = message
        self.tooltip = tr("Alt+← and Alt+→ go to other versions")

    def on_click(self, event: events.Click) -> None:
        """Go to the side that was clicked."""
        event.stop()
        self.post_message(self.Wanted(self.message, -1 if event.x < self.size.width / 2 else 1))


class MessageChosen(Message):
    """A message was clicked."""

    def __init__(self, message: StoredMessage) -> None:
        super().__init__()
        self.message = message


class MyMessage(Horizontal):
    """What I wrote: one bubble at the right, the time beside it."""

    def __init__(self, message: StoredMessage, query: str = "") -> None:
        super().__init__()
        self.message = message
        self._query = query

    def compose(self) -> ComposeResult:
        """Build the versions, the time and the bubble."""
        if self.message.versions > 1:
            yield Versions(self.message)
        yield Static(clock_time(self.message.created_at), classes="time")
        yield Bubble(self.message.text, "mine", self._query)

    def on_click(self, event: events.Click) -> None:
        """Choose this message."""
        event.stop()
        self.post_message(MessageChosen(self.message))


class CloneMessage(Vertical):
    """What the clone wrote: its name with the word clone, a bubble a line, and the state in words below.

    With a pace, a reply that is being written shows whole bubbles, one after another; without, every piece at once.
    """

    virtual_size: Reactive[Size] = Reactive(Size(0, 0), layout=False)  # as that of a bubble

    def __init__(self, name: str, reply: StoredMessage, query: str = "", pace: Pace | None = None) -> None:
        super().__init__()
        self.sender = name
        self.reply = reply
        self._query = query
        self._pace = pace if reply.state == "writing" else None
        self._shown = len(reply.bubbles)
        self._coming: Timer | None = None
        self._bubbles: list[Bubble] = []
        self._state_line: Static | None = None
        """Says what became of the reply; most need none, and a widget less for each makes opening faster."""
        self._outcome_shown = ""
        self._reading = ""

    @property
    def message(self) -> StoredMessage:
        """The reply, by the name that all rows have."""
        return self.reply

    def compose(self) -> ComposeResult:
        """Build what the reply has so far."""
        heading = Static(self._heading(), classes="sender")
        if self.reply.versions > 1:
            with Horizontal(classes="heading"):
                yield heading
                yield Versions(self.reply)
        else:
            yield heading
        self._bubbles = [self._bubble(place, line) for place, line in enumerate(self.reply.bubbles)]
        yield from self._bubbles

    async def on_mount(self) -> None:
        """Show what has come since the row was made, and what became of it."""
        if self.reply.state == "writing" or self._outcome():
            await self._draw()

    async def show(self, reply: StoredMessage) -> None:
        """Show the reply as it is now: only what changed is drawn."""
        self.reply, self._reading = reply, ""
        if self.is_mounted:
            await self._draw()

    async def hurry(self) -> None:
        """Show what is there at once, and the rest as it comes."""
        self._pace = None
        if self._coming is not None:
            self._coming.stop()
            self._coming = None
        await self._draw()

    @property
    def waits(self) -> bool:
        """Whether bubbles are written that are not shown yet."""
        return self._pace is not None and self._shown < len(self._whole())

    async def _draw(self) -> None:
        with self.app.batch_update():  # one layout for all that has come
            await self._draw_lines()
            await self._mark()

    async def _draw_lines(self) -> None:
        if self._pace is not None:
            self._send_next(self._pace)
        lines = self._lines()
        new = [self._bubble(place, line) for place, line in enumerate(lines) if place >= len(self._bubbles)]
        spare, self._bubbles = self._bubbles[len(lines) :], [*self._bubbles[: len(lines)], *new]
        for bubble in spare:
            await bubble.remove()
        if new:
            self.mount_all(new, before=self._state_line)  # who waits for it is given a second layout
            self.call_next(self._set_texts)  # and so is who changes anything before it asks for its own
        else:
            self._set_texts()

    def _lines(self) -> list[str]:
        """Return the bubbles that are shown by now."""
        return self.reply.bubbles if self._pace is None else self._whole()[: self._shown]

    def _set_texts(self) -> None:
        for bubble, line in zip(self._bubbles, self._lines(), strict=False):
            bubble.set_text(line)

    def _bubble(self, place: int, line: str) -> Bubble:
        """Return a bubble; every other one is a shade lighter, as those of one reply touch."""
        bubble = Bubble(line, "theirs", self._query)
        return bubble.set_class(place % 2 == 0, "lighter")

    def _whole(self) -> list[str]:
        """Return the bubbles that nothing more comes to."""
        if self.reply.state != "writing":
            return self.reply.bubbles
        return [line for line in self.reply.text.split("\n")[:-1] if line.strip()]

    def _send_next(self, pace: Pace) -> None:
        """Let the next bubble come after its time; the first comes as soon as it is written."""
        whole = self._whole()
        if self._coming is not None or self._shown >= len(whole):
            return
        if self._shown == 0:
            self._shown = 1
            self._send_next(pace)
        else:
            self._coming = self.set_timer(pace(whole[self._shown]), self._arrive)

    async def _arrive(self) -> None:
        self._coming = None
        self._shown += 1
        await self._draw()

    async def show_reading(self, done: int, total: int) -> None:
        """Say how far the prompt has been read, before the first word."""
        if self.is_mounted and not self.reply.text and done < total:
            self._reading = tr("reading {done:,} of {total:,} tokens…", done=done, total=total)
            await self._mark()

    def on_click(self, event: events.Click) -> None:
        """Choose this reply, which shows its memory."""
        event.stop()
        self.post_message(MessageChosen(self.reply))

    async def _mark(self) -> None:
        text = self._outcome()
        if text == self._outcome_shown:
            return
        self._outcome_shown = text
        if self._state_line is None:
            self._state_line = Static(classes="outcome", markup=False)
            await self.mount(self._state_line)
        self._state_line.update(text)
        self._state_line.display = bool(text)
        self._state_line.set_class(self.reply.state == "failed", "failed")

    def _heading(self) -> Content:
        return Content.assemble(
            (visible(self.sender), "bold $accent"),
            (f"  {tr('clone')}  ", "$foreground 60%"),
            (clock_time(self.reply.created_at), "$foreground 40%"),
        )

    def _outcome(self) -> str:
        """Return the state in words; a reply that is done needs none."""
        state, stats = self.reply.state, self.reply.stats
        if self.waits or (self._pace is not None and state == "writing"):
            return self._reading or tr("typing…")
        if state == "writing":
            return "" if self.reply.text.strip() else self._reading or tr("typing…")
        if state in _OUTCOMES:
            return tr(_OUTCOMES[state])
        if state == "failed":
            error = visible(str(stats.get("error", tr("the engine failed"))))
            return tr("failed: {what}", what=hinted(*error.partition("\n")[::2]))
        return "" if self.reply.text.strip() else tr("said nothing")


Row = MyMessage | CloneMessage


def row_for(message: StoredMessage, clone_name: str, query: str, pace: Pace | None) -> Row:
    """Return the row that shows a message."""
    if message.role == "user":
        return MyMessage(message, query)
    return CloneMessage(clone_name, message, query, pace)


def is_row(widget: Widget) -> bool:
    """Return whether a widget shows a message."""
    return isinstance(widget, MyMessage | CloneMessage)
