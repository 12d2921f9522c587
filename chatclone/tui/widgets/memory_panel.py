"""What a reply was given to remember: when it was said, by whom, in which chat, and how well it fitted."""

import re

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from chatclone.chats import StoredMessage
from chatclone.tui.days import local_day
from chatclone.tui.visible import visible
from memory.search import Hit

_DATE = re.compile(r"^\d{4}-\d\d-\d\d ")
"""Stands before every line of a passage, for the model; the card has it in its heading."""
QUOTE_LENGTH = 36
"""Characters of the reply that stand above its memory."""


class MemoryPanel(Vertical):
    """Shows the memory of one reply."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._memory: tuple[Hit, ...] = ()
        self._about = ""

    def compose(self) -> ComposeResult:
        """Build the heading and an empty list."""
        yield Static(Content.styled("Memory", "bold $accent"), classes="title")
        yield Static(classes="about", markup=False)
        yield VerticalScroll(classes="hits", can_focus=False)

    async def show(self, reply: StoredMessage | None) -> None:
        """Show what this reply was given, or that there is none; only what changed is drawn."""
        about = _about(reply)
        if about != self._about:
            self._about = about
            self.query_one(".about", Static).update(about)
        memory = reply.memory if reply is not None else ()
        if memory != self._memory:
            self._memory = memory
            hits = self.query_one(".hits")
            await hits.remove_children()
            await hits.mount_all([Static(_card(hit), classes="hit") for hit in memory])


def _about(reply: StoredMessage | None) -> str:
    """Return the line below the heading."""
    if reply is None:
        return "What a reply was given to remember is shown here."
    if not reply.memory:
        return "Nothing was found for this reply." if reply.state != "running" else "Looking…"
    first = visible(reply.bubbles[0]) if reply.bubbles else "…"
    quote = first if len(first) <= QUOTE_LENGTH else first[: QUOTE_LENGTH - 1] + "…"
    return f"given to “{quote}”"


def _card(hit: Hit) -> Content:
    """Return one remembered passage with where it comes from."""
    day = local_day(hit.when)
    lines = [_DATE.sub("", line) for line in hit.text.strip().split("\n")]
    return Content.assemble(
        (f"{day.day} {day:%b} {day.year}", "bold"),
        (f"  {hit.score:.2f}\n", "$accent"),
        (f"{visible(hit.who)} · {visible(hit.chat)}\n", "$foreground 60%"),
        visible("\n".join(lines)),
    )
