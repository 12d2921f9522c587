"""The conversations at the left, page by page: titles, what is pinned, what is unread, and the day."""

from collections.abc import Callable

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from chatclone.conversations import ChatStore, Conversation
from chatclone.i18n.dates import short_day
from chatclone.i18n.translate import tr, trn
from chatclone.safe_text import visible

PAGE = 100
"""Conversations that are read at once."""
NEAR = 20
"""Lines from the end at which the next page is read."""


class ChatList(OptionList):
    """Reads a page more whenever its reader comes near the end of what it has."""

    def __init__(self, store: ChatStore, clock: Callable[[], float], id: str) -> None:
        super().__init__(id=id)
        self._store = store
        self._clock = clock
        self._count = PAGE
        self._drawn: list[Conversation] = []
        self._day = ""

    def show(self, current: int | None) -> None:
        """Show the conversations as they are now, the current one highlighted."""
        found = self._store.conversations(self._count)
        today = short_day(0, self._clock())
        if found != self._drawn or today != self._day:
            place = self.scroll_y
            self._drawn, self._day = found, today
            self.clear_options()
            self.add_options(self._rows(found))
            self.call_after_refresh(self.scroll_to, y=place, animate=False)
        numbers = [c.id for c in found]
        self.highlighted = numbers.index(current) if current in numbers else None

    @property
    def pointed(self) -> int | None:
        """The conversation under the cursor while the list is used."""
        return self._drawn[self.highlighted].id if self.has_focus and self.highlighted is not None else None

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Read on near the end."""
        super().watch_scroll_y(old_value, new_value)
        if new_value > old_value and new_value >= self.max_scroll_y - NEAR:
            self._read_on()

    def _read_on(self) -> None:
        if len(self._drawn) < self._count:
            return
        page = self._store.conversations(PAGE, len(self._drawn))
        known = {c.id for c in self._drawn}
        new = [c for c in page if c.id not in known]
        self._drawn += new
        self._count += PAGE
        self.add_options(self._rows(new))

    def _rows(self, conversations: list[Conversation]) -> list[Option]:
        now = self._clock()
        return [Option(_row(c, now), id=str(c.id)) for c in conversations]


def _row(conversation: Conversation, now: float) -> Content:
    """Return a conversation's two lines: the title, and below it the day and what is unread, in words."""
    title = visible(conversation.title).replace("\n", " ") or tr("(no title)")
    below = short_day(conversation.updated_at, now)
    parts: list[str | tuple[str, str]] = [("★ ", "$accent")] if conversation.pinned else []
    parts += [(title, "bold $foreground" if conversation.unread else "$foreground"), "\n", (below, "$foreground 60%")]
    if conversation.unread:
        parts.append((f" · {trn('{count} new', '{count} new', conversation.unread)}", "bold $accent"))
    return Content.assemble(*parts)
