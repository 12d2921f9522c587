"""The conversation in the middle: a few pages of its messages, the ones around what the reader looks at.

Pages come as the reader scrolls towards them, whichever way, and go at the other end; what is read stays where it is
on the screen. At the end of the conversation the last message is kept in sight unless the reader scrolled up.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal, cast

from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Static

from chatclone.conversations import ChatStore, StoredMessage
from chatclone.i18n.dates import local_day
from chatclone.i18n.translate import tr
from chatclone.tui.widgets.greeting import Greeting
from chatclone.tui.widgets.message_bubbles import CloneMessage, DayLine, Pace, Row, is_row, row_for

PAGE = 20
"""Messages that are read and drawn at once."""
MOST = 3 * PAGE
"""Messages that are drawn at the same time."""
NEAR = 2
"""Lines from an end at which the next page is wanted."""
Way = Literal["earlier", "later"]


class PageLine(Static):
    """Stands where more messages follow; scrolling to it or a click brings them."""

    def __init__(self, way: Way) -> None:
        super().__init__(Content(tr("↑ earlier messages") if way == "earlier" else tr("↓ later messages")))
        self.way: Way = way

    def on_click(self) -> None:
        """Ask for more."""
        self.post_message(ConversationView.Wanted(self.way))


class ConversationView(VerticalScroll, can_focus=True):
    """Shows one conversation of `store`; `clock` tells what today is."""

    # The layout that makes it longer scrolls it too; a second one would draw all that is seen twice.
    virtual_size: Reactive[Size] = Reactive(Size(0, 0), layout=False)

    class Wanted(Message):
        """The reader wants to see further."""

        def __init__(self, way: Way) -> None:
            super().__init__()
            self.way: Way = way

    def __init__(self, clone_name: str, store: ChatStore, clock: Callable[[], float], id: str) -> None:
        super().__init__(id=id)
        self._clone_name = clone_name
        self._store = store
        self._clock = clock
        self._conversation: int | None = None
        self._query = ""
        self._changing = asyncio.Lock()
        self._later = False
        self._asked = False
        self._held: tuple[Row, int] | None = None
        self._chosen: int | None = None
        self.pace: Pace | None = None

    def on_mount(self) -> None:
        """Keep the end in sight."""
        self.anchor()

    @property
    def rows(self) -> list[Row]:
        """The messages that are drawn, oldest first."""
        return [cast("Row", child) for child in self.children if is_row(child)]

    @property
    def chosen(self) -> StoredMessage | None:
        """The message that the reader chose, while it is drawn."""
        return next((row.message for row in self.rows if row.message.id == self._chosen), None)

    async def open(self, conversation: int | None, around: int | None = None, query: str = "") -> None:
        """Show the end of a conversation, or a message of it in its middle with the words of `query` marked."""
        async with self._changing:
            self._conversation, self._query, self._chosen, self._held = conversation, query, around, None
            self._asked = False
            messages = [] if conversation is None else self._store.messages(conversation, PAGE, around=around)
            self._later = bool(messages) and messages[-1].depth + 1 < self._store.length(messages[-1].conversation)
            drawn = self._drawn(messages, None) or [Greeting(self._clone_name)]
            if messages and messages[0].depth:
                drawn.insert(0, PageLine("earlier"))
            if self._later:
                drawn.append(PageLine("later"))
            with self.app.batch_update():
                await self.remove_children()
                await self.mount_all(drawn)
            if around is None:
                self.anchor()
            else:
                self.anchor(False)
                self._mark_chosen(scroll=True)
        self.call_after_refresh(self._look_further)

    async def add(self, message: StoredMessage) -> None:
        """Put a message in its place: below the one it follows, instead of what stood there."""
        rows = self.rows
        if self._later and (not rows or message.depth > rows[-1].message.depth + 1):
            if message.role == "user":
                await self.open(message.conversation)
            return
        async with self._changing:
            await self.query(Greeting).remove()
            await self._take_out([row for row in self.rows if row.message.depth >= message.depth])
            kept = self.rows
            await self.mount_all(self._drawn([message], kept[-1].message if kept else None))
            if self._chosen is not None and self.chosen is None:
                self._chosen = None
            self._later = False
            await self._mend()
            if message.role == "user" or not self._looks_back:
                self.anchor()

    async def replace(self, messages: Sequence[StoredMessage]) -> None:
        """Show these messages instead of what stands from the place of the first of them on."""
        async with self._changing:
            await self._take_out([row for row in self.rows if row.message.depth >= messages[0].depth])
            kept = self.rows
            await self.mount_all(self._drawn(messages, kept[-1].message if kept else None))
            self._later = messages[-1].depth + 1 < self._store.length(messages[-1].conversation)
            await self._mend()
            self._chosen = messages[0].id if self._chosen is not None else None
            self._mark_chosen(scroll=False)
            self.anchor(not self._later)

    async def further(self, way: Way) -> None:
        """Draw the next page in one direction, and no more than MOST messages in all."""
        async with self._changing:
            rows = self.rows
            if not rows or not (rows[0].message.depth if way == "earlier" else self._later):
                self._asked = False
                return
            self._hold()
            if way == "earlier":
                page = self._store.messages(self._conversation or 0, PAGE, before=rows[0].message.id)
                spare = rows[max(1, MOST - len(page)) :]
                await self.mount_all(self._drawn(page, None), before=rows[0])
                self._later = self._later or bool(spare)
            else:
                page = self._store.messages(self._conversation or 0, PAGE, after=rows[-1].message.id)
                spare = rows[: max(0, len(rows) + len(page) - MOST)]
                await self.mount_all(self._drawn(page, rows[-1].message), after=rows[-1])
                last = page[-1] if page else rows[-1].message
                self._later = last.depth + 1 < self._store.length(last.conversation)
            await self._take_out(spare)
            if self._later:
                self.anchor(False)
            await self._mend()
            self._mark_chosen(scroll=False)
        self.call_after_refresh(self._settle)

    async def change(self, reply: StoredMessage) -> None:
        """Show a reply as it is now, if it is drawn."""
        for row in self.query(CloneMessage):
            if row.reply.id == reply.id:
                await row.show(reply)

    async def show_reading(self, reply: int, done: int, total: int) -> None:
        """Say in a reply's place how far its prompt has been read."""
        for row in self.query(CloneMessage):
            if row.reply.id == reply:
                await row.show_reading(done, total)

    async def hurry(self) -> bool:
        """Show all bubbles that wait for their time; returns whether there were any."""
        waiting = [row for row in self.query(CloneMessage) if row.waits]
        for row in waiting:
            await row.hurry()
        return bool(waiting)

    def choose(self, message: int | None) -> StoredMessage | None:
        """Mark a message as the chosen one, or none."""
        self._chosen = message
        self._mark_chosen(scroll=True)
        return self.chosen

    def choose_next(self, step: int) -> StoredMessage | None:
        """Choose the message above or below the chosen one; from none, the last, and from the last down, none."""
        numbers = [row.message.id for row in self.rows]
        if not numbers:
            return None
        place = numbers.index(self._chosen) if self._chosen in numbers else len(numbers)
        wanted = max(0, place + step)
        return self.choose(numbers[wanted] if wanted < len(numbers) else None)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for the next page near an end."""
        super().watch_scroll_y(old_value, new_value)
        self._look_further()

    def watch_virtual_size(self, size: Size) -> None:
        """Keep what is read where it is while pages come and go."""
        self._keep_place()

    def _look_further(self) -> None:
        if self._asked or self._held is not None or not self.is_attached or not self.rows:
            return
        if self.scroll_y <= NEAR and self.rows[0].message.depth:
            self._asked = True
            self.post_message(self.Wanted("earlier"))
        elif self._later and self.scroll_y >= self.max_scroll_y - NEAR:
            self._asked = True
            self.post_message(self.Wanted("later"))
        elif not self._later and not self.is_anchored and self.scroll_y >= self.max_scroll_y:
            self.anchor()

    def _hold(self) -> None:
        """Remember which message is at the top of what is seen, and how far from it."""
        if self.is_anchored and self.scroll_y >= self.max_scroll_y and self.max_scroll_y:
            return
        for row in self.rows:
            if row.virtual_region.bottom > self.scroll_y:
                self.release_anchor()
                self._held = row, round(row.virtual_region.y - self.scroll_y)
                return

    def _keep_place(self) -> None:
        if self._held is not None and self._held[0].is_attached:
            row, offset = self._held
            if row.virtual_region.height:
                self.scroll_to(y=row.virtual_region.y - offset, animate=False, immediate=True)

    def _settle(self) -> None:
        """Let go of the place once the pages are laid out."""
        self._keep_place()
        was_held, self._held, self._asked = self._held is not None, None, False
        if not was_held:
            self._look_further()

    @property
    def _looks_back(self) -> bool:
        """Whether the reader looks at something else than the end."""
        return self.scroll_y < self.max_scroll_y - NEAR

    def _mark_chosen(self, *, scroll: bool) -> None:
        for row in self.rows:
            is_chosen = row.message.id == self._chosen
            row.set_class(is_chosen, "-chosen")
            if is_chosen and scroll:
                self.call_after_refresh(self.scroll_to_widget, row, animate=False)

    def _drawn(self, messages: Sequence[StoredMessage], above: StoredMessage | None) -> list[Widget]:
        """Return rows for messages that follow `above`, each day's name before its first."""
        drawn: list[Widget] = []
        for message in messages:
            if above is None or local_day(above.created_at) != local_day(message.created_at):
                drawn.append(DayLine(message.created_at, self._clock()))
            drawn.append(row_for(message, self._clone_name, self._query, self.pace))
            above = message
        return drawn

    async def _take_out(self, rows: Sequence[Row]) -> None:
        children = list(self.children)
        gone: list[Widget] = []
        for row in rows:
            place = children.index(row)
            gone += [line for line in children[max(0, place - 1) : place] if isinstance(line, DayLine)]
            gone.append(row)
        await self.remove_children(gone)

    async def _mend(self) -> None:
        """Have a day's name before its first message only, and a line where more follow."""
        rows, children = self.rows, list(self.children)
        last = None
        for row in rows:
            day = local_day(row.message.created_at)
            place = children.index(row)
            above = children[place - 1] if place and isinstance(children[place - 1], DayLine) else None
            if day != last and above is None:
                await self.mount(DayLine(row.message.created_at, self._clock()), before=row)
            elif day == last and above is not None:
                await above.remove()
            last = day
        await self._line("earlier", bool(rows) and rows[0].message.depth > 0)
        await self._line("later", self._later)

    async def _line(self, way: Way, wanted: bool) -> None:
        lines = [line for line in self.query(PageLine) if line.way == way]
        if lines and (not wanted or way == "later"):
            await self.remove_children(lines)
        if wanted and (way == "later" or not lines):
            await self.mount(PageLine(way), before=0 if way == "earlier" else None)
