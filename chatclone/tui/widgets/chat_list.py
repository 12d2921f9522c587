"""The conversations at the left: their titles, the latest first, and when they last had a message."""

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from chatclone.chats import Conversation
from chatclone.tui.days import short_day
from chatclone.tui.visible import visible


class ChatList(OptionList):
    """A list that draws only the rows in sight, so thousands of conversations cost nothing."""

    def show(self, conversations: Sequence[Conversation], current: int | None, now: float) -> None:
        """Show these conversations, the current one highlighted."""
        self.clear_options()
        self.add_options([Option(_row(c, now), id=str(c.id)) for c in conversations])
        numbers = [c.id for c in conversations]
        self.highlighted = numbers.index(current) if current in numbers else None


def _row(conversation: Conversation, now: float) -> Content:
    """Return a conversation's two lines: the title, and the day below."""
    title = visible(conversation.title).replace("\n", " ") or "(no title)"
    return Content.assemble((title, "$foreground"), "\n", (short_day(conversation.updated_at, now), "$foreground 60%"))
