"""The conversation in the middle: days, messages, and the last one always in sight unless the reader scrolled up."""

from collections.abc import Callable, Sequence

from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from chatclone.chats import StoredMessage
from chatclone.tui.days import local_day
from chatclone.tui.widgets.bubbles import CloneMessage, DayLine, MyMessage

WINDOW = 30
"""Messages drawn at first; a click on the line above them draws as many again."""


class EarlierLine(Static):
    """Stands above the messages that are drawn when there are more."""

    class Wanted(Message):
        """The reader wants to see further back."""

    def __init__(self) -> None:
        super().__init__(Content("↑ earlier messages"))

    def on_click(self) -> None:
        """Ask for more."""
        self.post_message(self.Wanted())


class ConversationView(VerticalScroll, can_focus=True):
    """Shows one conversation; `clock` tells what today is."""

    def __init__(self, clone_name: str, clock: Callable[[], float], id: str) -> None:
        super().__init__(id=id)
        self._clone_name = clone_name
        self._clock = clock
        self._last: StoredMessage | None = None

    def on_mount(self) -> None:
        """Keep the end in sight."""
        self.anchor()

    async def show(self, messages: Sequence[StoredMessage], places: dict[int, tuple[int, int]], *, more: bool) -> None:
        """Show these messages and nothing else; `places` says which of how many versions a reply is."""
        await self.remove_children()
        self._last = None
        rows: list[Widget] = [EarlierLine()] if more else []
        for message in messages:
            rows += self._rows(message, places.get(message.id, (1, 1)))
        await self.mount_all(rows or [self._greeting()])
        self.anchor()

    async def add(self, message: StoredMessage, place: tuple[int, int] = (1, 1)) -> None:
        """Put a message below the others."""
        await self.query(Greeting).remove()
        await self.mount_all(self._rows(message, place))
        self.anchor()

    @property
    def first_message(self) -> int | None:
        """The id of the first message that is drawn."""
        return next((_id_of(row) for row in self.children if isinstance(row, MyMessage | CloneMessage)), None)

    def bring_to_top(self, message: int | None) -> None:
        """Scroll a message to the top and stay there, as somebody who reads back wants."""
        for row in self.children:
            if isinstance(row, MyMessage | CloneMessage) and _id_of(row) == message:
                self.release_anchor()
                self.call_after_refresh(self.scroll_to_widget, row, top=True, animate=False)

    async def change(self, reply: StoredMessage) -> None:
        """Show a reply as it is now, if it is in sight."""
        for row in self.query(CloneMessage):
            if row.reply.id == reply.id:
                await row.show(reply)

    def show_reading(self, reply: int, done: int, total: int) -> None:
        """Say in a reply's place how far its prompt has been read."""
        for row in self.query(CloneMessage):
            if row.reply.id == reply:
                row.show_reading(done, total)

    def _rows(self, message: StoredMessage, place: tuple[int, int]) -> list[Widget]:
        rows: list[Widget] = []
        if self._last is None or local_day(self._last.created_at) != local_day(message.created_at):
            rows.append(DayLine(message.created_at, self._clock()))
        self._last = message
        rows.append(MyMessage(message) if message.role == "user" else CloneMessage(self._clone_name, message, place))
        return rows

    def _greeting(self) -> Widget:
        return Greeting(self._clone_name)


def _id_of(row: MyMessage | CloneMessage) -> int:
    """Return the id of the message that a row shows."""
    return row.message.id if isinstance(row, MyMessage) else row.reply.id


class Greeting(Static):
    """Fills a conversation that has not begun."""

    def __init__(self, clone_name: str) -> None:
        text = Content.assemble(
            (f"Say hello to {clone_name}.\n\n", "bold $accent"),
            (
                f"This is a clone: it writes the way {clone_name} writes,\nand it runs on this computer only.",
                "$foreground 60%",
            ),
        )
        super().__init__(text)
