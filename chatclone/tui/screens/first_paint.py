"""What is painted before anything heavy is imported: the places of the chat, empty, and who is in it.

It has the ids of the chat, so that one style draws both, and nothing on the screen moves when the chat takes its place.
"""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from chatclone.i18n.translate import tr
from chatclone.personas.persona import Persona
from chatclone.safe_text import visible


class FirstScreen(Screen[None]):
    """Says with whom one is about to write."""

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (72, "-narrow"), (90, "-wide"), (160, "-huge")]  # noqa: RUF012 - declared so by Textual

    def __init__(self, persona: Persona) -> None:
        super().__init__()
        self.persona = persona

    def compose(self) -> ComposeResult:
        """Build the columns and the line below them."""
        name = self.persona.name
        who = Content.assemble((visible(name), "bold"), (f"  {tr('clone')}", "$foreground 60%"))
        with Horizontal(id="columns"):
            yield Static(id="chats")
            with Vertical(id="middle"):
                with Horizontal(id="title"):
                    yield Static(who, classes="name")
                    yield Static(tr("waking up {name}…", name=name), classes="state", markup=False)
                yield Static(id="conversation")
                with Vertical(id="writing"):
                    yield Static(tr("Message {name}…", name=name), id="composer", markup=False)
        yield Static(id="status")
