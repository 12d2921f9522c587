"""Search over all conversations: results while one types, and the place of the one that is chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from chatclone.conversations import ChatStore, Found
from chatclone.i18n.dates import short_day
from chatclone.i18n.translate import tr
from chatclone.safe_text import visible
from chatclone.tui.widgets.message_bubbles import HIT

PAGE = 50
"""Results that are read at once."""
TITLES = 5
"""Conversations that are found by their titles."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to go: a message, or the end of a conversation found by its title."""

    conversation: int
    message: int | None
    query: str


class SearchScreen(ModalScreen[Place | None]):
    """A line to write in, and what was found below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="search.close", show=False, priority=True),
        Binding("down", "move(1)", "Next", id="search.next", show=False, priority=True),
        Binding("up", "move(-1)", "Previous", id="search.previous", show=False, priority=True),
        Binding("pagedown", "move(8)", "Further", id="search.further", show=False, priority=True),
        Binding("pageup", "move(-8)", "Back", id="search.back", show=False, priority=True),
    ]

    def __init__(self, store: ChatStore, words: str, clock: Callable[[], float]) -> None:
        super().__init__()
        self._store = store
        self._words = words
        self._clock = clock
        self._places: list[Place] = []
        self._last: int | None = None

    def compose(self) -> ComposeResult:
        """Build the line and the list."""
        with Vertical(id="search") as box:
            box.border_title = tr("Search")
            box.border_subtitle = tr("↑ ↓ choose · Enter goes there · Esc closes")
            yield Input(self._words, placeholder=tr("words in any conversation"), select_on_focus=False, compact=True)
            yield OptionList(id="found")
            yield Static(id="found-none", markup=False)

    def on_mount(self) -> None:
        """Look for what was given already."""
        for line in self.query(Input):
            line.cursor_blink = self.app.animation_level != "none"
        self.query_one(OptionList).can_focus = False
        self._look(self._words)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._look(event.value)

    def _look(self, words: str) -> None:
        self._words, self._last, self._places = words, None, []
        options = self.query_one(OptionList)
        options.clear_options()
        if words.strip():
            for chat in self._store.conversations(TITLES, titled=words):
                self._places.append(Place(chat.id, None, words))
                options.add_option(Option(_titled(chat.title, chat.updated_at, self._clock())))
            self._read_on()
        found = bool(self._places)
        options.display = found
        options.highlighted = 0 if found else None
        how = tr('A word finds what begins with it; "several words" stand exactly so.')
        hint = how if not words.strip() else tr("Nothing.")
        self.query_one("#found-none", Static).update("" if found else hint)

    def _read_on(self) -> None:
        """Add the next page of messages."""
        found = self._store.search(self._words, before=self._last, limit=PAGE)
        self._places += [Place(one.conversation, one.message, self._words) for one in found]
        self._last = found[-1].message if len(found) == PAGE else None
        self.query_one(OptionList).add_options([Option(_row(one, self._clock())) for one in found])

    def action_move(self, step: int) -> None:
        """Choose another result; near the last one more are read."""
        options = self.query_one(OptionList)
        if options.highlighted is None:
            return
        wanted = options.highlighted + step
        if wanted >= options.option_count - 1 and self._last is not None:
            self._read_on()
        options.highlighted = min(max(0, wanted), options.option_count - 1)

    @on(Input.Submitted)
    def _entered(self) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None:
            self.dismiss(self._places[highlighted])

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._places[event.option_index])


def _titled(title: str, moment: float, now: float) -> Content:
    day = (f"  {short_day(moment, now)}", "$foreground 60%")
    return Content.assemble((f"{tr('conversation')}  ", "$foreground 60%"), (visible(title), "bold"), day)


def _row(found: Found, now: float) -> Content:
    """Return a result's two lines: what was said, its hits marked, and below it who, where and when."""
    snippet = Content(found.snippet)
    for start, end in found.matches:
        snippet = snippet.stylize(HIT, start, end)
    if visible(found.snippet) != found.snippet:  # signs were put in, so the places are not the same
        snippet = Content(visible(found.snippet))
    who = tr("you") if found.role == "user" else tr("clone")
    below = f"{who} · {visible(found.title)} · {short_day(found.created_at, now)}"
    return Content("\n").join([snippet, Content.styled(below, "$foreground 60%")])
