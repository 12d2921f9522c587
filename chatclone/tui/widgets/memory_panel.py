"""Memories used for a reply: when each was said, by whom, in which chat, and its score.

A card opens where its words were said, and can be forgotten; notes for today stand above the cards.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from chatclone.conversations import StoredMessage
from chatclone.i18n.dates import date_title
from chatclone.i18n.translate import number, tr
from chatclone.safe_text import visible
from memory.search.recall import NOTE_FIRST, Hit

_DATE = re.compile(r"^\d{4}-\d\d-\d\d ")
"""Stands before every line of a passage, for the model; the card has it in its heading."""
QUOTE_LENGTH = 36
"""Characters of the reply that stand above its memory."""


class HitCard(Static, can_focus=True):
    """One remembered passage."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "open", "Open", id="memory.open", show=False),
        Binding("delete,f", "forget", "Forget", id="memory.forget", show=False),
    ]

    class Opened(Message):
        """What stands around a passage should be shown."""

        def __init__(self, hit: Hit) -> None:
            super().__init__()
            self.hit = hit

    class Forgotten(Message):
        """A passage should be forgotten."""

        def __init__(self, hit: Hit) -> None:
            super().__init__()
            self.hit = hit

    def __init__(self, hit: Hit) -> None:
        super().__init__(card(hit), classes="hit")
        self.hit = hit
        self.tooltip = tr("Enter opens where it was said, f forgets it")

    def on_click(self, event: events.Click) -> None:
        """Open where it was said."""
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Ask for what stands around it."""
        self.post_message(self.Opened(self.hit))

    def action_forget(self) -> None:
        """Ask for it to be forgotten."""
        self.post_message(self.Forgotten(self.hit))


class MemoryPanel(Vertical):
    """Shows the memory of one reply."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._memory: tuple[Hit, ...] = ()
        self._about = ""

    def compose(self) -> ComposeResult:
        """Build the heading and an empty list."""
        yield Static(Content.styled(tr("Memory"), "bold $accent"), classes="title")
        yield Static(classes="about", markup=False)
        yield Static(classes="today", markup=False)
        yield VerticalScroll(classes="hits", can_focus=False)
        yield Static(tr("Tab to a card: Enter opens, f forgets"), classes="keys", markup=False)

    def on_mount(self) -> None:
        """Show no notes before there are any."""
        self.note([])

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
            await hits.mount_all([HitCard(hit) for hit in memory])
        self.query_one(".keys").display = bool(memory)

    def note(self, notes: Sequence[Hit]) -> None:
        """Show the notes for today."""
        lines = [f"· {visible(_words(hit)).partition(': ')[2]}" for hit in notes]
        today = self.query_one(".today", Static)
        today.update("\n".join([tr("today"), *lines]))
        today.display = bool(lines)


def _about(reply: StoredMessage | None) -> str:
    """Return the line below the heading."""
    if reply is None:
        return tr("Memories used for a reply are shown here.")
    if not reply.memory:
        return tr("Nothing was found for this reply.") if reply.state != "writing" else tr("Looking…")
    first = visible(reply.bubbles[0]) if reply.bubbles else "…"
    quote = first if len(first) <= QUOTE_LENGTH else first[: QUOTE_LENGTH - 1] + "…"
    return tr("given to “{quote}”", quote=quote)


def card(hit: Hit) -> Content:
    """Return one remembered passage with where it comes from; a note of the reader's own needs no score."""
    score = number(hit.score, ".2f") if hit.score < NOTE_FIRST / 2 else tr("your note")
    return Content.assemble(
        (date_title(hit.day), "bold"),
        (f"  {score}\n", "$accent"),
        (f"{visible(hit.who)} · {visible(hit.chat)}\n", "$foreground 60%"),
        visible(_words(hit)),
    )


def _words(hit: Hit) -> str:
    """Return what was said, without the days before each line."""
    return "\n".join(_DATE.sub("", line) for line in hit.text.strip().split("\n"))
